"""A step of gradient descent, rounded once."""

from __future__ import annotations

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of
from multiconv.core import dtypes
from multiconv.training.sums import Number, combined


def update(weight: Array, grad: Array, lr: Number) -> Array:
    r"""Take a step of gradient descent: the exact result, rounded once.

    .. math:: w' = RN(w - \eta g)

    element by element, where RN rounds to nearest even in the dtype of ``weight`` and
    :math:`\eta` is the rate, rounded to that dtype before. So the result has the same bits in every
    library, eager and compiled; ``weight - lr * grad`` has not: compilers contract it, in a way of
    their own.

    Parameters
    ----------
    weight : array
        The parameters: float16, bfloat16, float32 or float64, or complex.
    grad : array
        Their gradient, of the same shape and dtype.
    lr : float or array without axes
        The rate. For 16 bits it is rounded to float32 first.

    Returns
    -------
    array
        The parameters after the step, as a new array.

    Raises
    ------
    ValueError
        If the shapes differ.
    TypeError
        If the arrays are of different libraries or dtypes, or hold whole numbers.

    Notes
    -----
    A momentum :math:`\beta` is a step, too: :math:`v' = RN(g + \beta v)` is
    ``update(grad, velocity, -beta)``, and the weight's step follows with :math:`v'`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv import exact
    >>> exact.update(np.float32([1, 2]), np.float32([10, -10]), lr=0.25)
    array([-1.5,  4.5], dtype=float32)
    """
    backend, (weight, grad) = backend_of({"weight": weight, "grad": grad})
    name, other = backend.dtype_name(weight.dtype), backend.dtype_name(grad.dtype)
    if dtypes.kind(name) not in ("float", "complex"):
        msg = f"weight has the dtype {name}, and steps are taken in floats: cast it to float32"
        raise TypeError(msg)
    if name != other:
        msg = f"weight has the dtype {name} and grad {other}: cast one of them"
        raise TypeError(msg)
    check_shapes("weight", weight, "grad", grad)
    return combined(weight, -lr, grad, backend)


def check_shapes(first: str, one: Array, second: str, other: Array) -> None:
    """Raise a `ValueError` where two arrays that go together element by element do not."""
    if tuple(one.shape) != tuple(other.shape):
        msg = (
            f"{first} and {second} must have one shape, got {tuple(one.shape)} and "
            f"{tuple(other.shape)}"
        )
        raise ValueError(msg)
