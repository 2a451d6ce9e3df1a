"""The squared error and the mean, as exact sums, and the gradient for libraries without autodiff.

A mean is a product with a named constant: compilers turn a division into one with a reciprocal of
their own.
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.core import arguments, dtypes
from multiconv.training import squares
from multiconv.training.sums import combined, dot, number, scaled
from multiconv.training.update import check_shapes

REDUCTIONS = ("sum", "mean")


def squared_error(y: Array, target: Array, *, reduction: str = "sum") -> Array:
    r"""Return the sum of squared errors, exact but for the roundings that are named here.

    .. math:: e = RN(y - t), \qquad L = RN(\sum e^2), \qquad \bar L = RN(c L)

    with :math:`c = RN(1 / n)` for the n elements of y: the error is rounded once, as by every
    subtraction; the sum of the squares is exact and rounded once; a mean is rounded once more.

    Parameters
    ----------
    y, target : array
        What came out and what should have, of one shape and dtype.
    reduction : {"sum", "mean"}, optional
        Whether the squares are added up or averaged.

    Returns
    -------
    array
        L or its mean, without axes; in float32 for numbers of 16 bits.

    Raises
    ------
    ValueError
        If the shapes differ, or there is nothing to average.
    TypeError
        If the arrays are of different libraries or dtypes, or hold no real floats.

    Notes
    -----
    Under autodiff the gradient is :math:`RN(2 e)`, for the mean :math:`RN(2 c e)`, each a single
    product; `squared_error_grad` gives the same numbers in libraries without. For 16 bits it is
    rounded to float32 and then to 16 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv import exact
    >>> y, target = np.float32([1, 2, 4]), np.float32([1, 1, 1])
    >>> exact.squared_error(y, target)
    array(10., dtype=float32)
    """
    backend, error = _error(y, target)
    loss = squares.sum_of_squares(error, backend)
    if arguments.choice("reduction", reduction, REDUCTIONS) == "mean":
        loss = scaled(loss, _share(error), backend)
    return loss


def squared_error_grad(y: Array, target: Array, *, reduction: str = "sum") -> Array:
    r"""Return the gradient of `squared_error` with respect to y.

    .. math:: RN(2 RN(y - t)) \quad \text{or} \quad RN(2 c RN(y - t)), \quad c = RN(1 / n)

    Parameters
    ----------
    y, target, reduction
        As in `squared_error`.

    Returns
    -------
    array
        Of the shape and dtype of y: what ``layer.backward`` of NumPy's layers takes.

    Raises
    ------
    ValueError, TypeError
        As in `squared_error`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv import exact
    >>> exact.squared_error_grad(np.float32([1, 2, 4]), np.float32([1, 1, 1]))
    array([0., 2., 6.], dtype=float32)
    """
    backend, error = _error(y, target)
    mean = arguments.choice("reduction", reduction, REDUCTIONS) == "mean"
    # The constant is rounded before it is doubled, as it is under autodiff.
    share = number(_share(error), backend.dtype_name(error.dtype), error, backend) if mean else 1.0
    slope = scaled(error, 2 * share, backend)
    return backend.astype(slope, backend.dtype_name(y.dtype))


def mean(x: Array) -> Array:
    r"""Return the mean of all elements: an exact sum, times a named constant, rounded once.

    .. math:: RN(\sum c x), \qquad c = RN(1 / n)

    Parameters
    ----------
    x : array
        Floats or complex numbers.

    Returns
    -------
    array
        Without axes; in float32 for numbers of 16 bits.

    Raises
    ------
    ValueError
        If there are no elements.
    TypeError
        If x holds whole numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv import exact
    >>> exact.mean(np.float32([1e8, 1, -1e8, 2]))
    array(0.75, dtype=float32)
    """
    backend, (x,) = backend_of({"x": x})
    name = backend.dtype_name(x.dtype)
    if dtypes.kind(name) not in ("float", "complex"):
        msg = f"x has the dtype {name}, and a mean is no whole number: cast it to float32"
        raise TypeError(msg)
    x = _in_sums(x, backend)
    share = number(_share(x), backend.dtype_name(x.dtype), x, backend)
    return dot(x, backend.xp.ones_like(x) * share, backend)


def _error(y: Array, target: Array) -> tuple[Backend, Array]:
    """Return RN(y - target), in the dtype that its squares are added up in."""
    backend, (y, target) = backend_of({"y": y, "target": target})
    names = [backend.dtype_name(array.dtype) for array in (y, target)]
    for argument, name in zip(("y", "target"), names, strict=True):
        if dtypes.kind(name) != "float":
            msg = f"{argument} has the dtype {name}, and errors are real floats: cast it to float32"
            raise TypeError(msg)
    if names[0] != names[1]:
        msg = f"y has the dtype {names[0]} and target {names[1]}: cast one of them"
        raise TypeError(msg)
    check_shapes("y", y, "target", target)
    return backend, _in_sums(combined(y, -1.0, target, backend), backend)


def _in_sums(array: Array, backend: Backend) -> Array:
    """Return the same numbers in the dtype that 16 bits are added up in."""
    return backend.astype(array, dtypes.accumulator(backend.dtype_name(array.dtype)))


def _share(array: Array) -> float:
    """Return what every element has of a mean."""
    count = 1
    for size in array.shape:
        count *= size
    if not count:
        msg = f"there is nothing to average: the shape is {tuple(array.shape)}"
        raise ValueError(msg)
    return 1 / count
