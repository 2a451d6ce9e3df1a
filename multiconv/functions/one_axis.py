"""Correlation along one axis, and along one axis after another: `correlate1d` and `separable`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Number
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.core import arguments, dtypes
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.functions.images import correlate
from multiconv.planning.constant_border import cast
from multiconv.planning.options import Options, read


@takes("x", "k")
def correlate1d(
    x: Array,
    k: Array,
    *,
    axis: int = -1,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
    method: str = "auto",
) -> Array:
    r"""Cross-correlate every line along one axis with a kernel.

    .. math:: y[..., p, ...] = \sum_i x[..., s p + d i - P, ...] \; k[i]

    Parameters
    ----------
    x : array of any shape
        The signals: every line along the axis is one.
    k : array of shape (kw,)
        The kernel.
    axis : int, optional
        The axis of x along which k lies.
    stride, padding, dilation, padding_mode, padding_value, method : optional
        As in `correlate`, for one axis.

    Returns
    -------
    array
        Of the shape of x except along the axis; of the dtype that x and k promote to.

    Raises
    ------
    ValueError, TypeError
        As in `corr2d`.

    Examples
    --------
    Differences between rows:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.correlate1d(np.array([[1, 2], [4, 8], [9, 9]]), np.array([-1, 1]), axis=0)
    array([[3, 6],
           [5, 1]])
    """
    rank = arguments.rank("k", k)
    if rank != 1:
        msg = f"k must be a kernel of shape (kw,), got {rank} axes; correlate takes kernels of more"
        raise ValueError(msg)
    return correlate(
        x,
        k,
        axes=arguments.axes("axis", axis, 1),
        stride=stride,
        padding=padding,
        dilation=dilation,
        padding_mode=padding_mode,
        padding_value=padding_value,
        method=method,
    )


@takes("x")
def separable(
    x: Array,
    kernels: Sequence[Array],
    *,
    axes: Sequence[int] | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
    method: str = "auto",
) -> Array:
    r"""Cross-correlate with the outer product of kernels, along one axis after another.

    .. math:: y[p, q] = \sum_{i, j} x[s p + d i - P,\; s q + d j - P] \; k_0[i] \, k_1[j]

    and so on for more axes: what ``correlate(x, outer product)`` gives, but each output takes as
    many products as the sizes of the kernels add up to, and not their product. Sums are rounded
    after every axis.

    Parameters
    ----------
    x : array of shape (..., *spatial)
        The image.
    kernels : sequence of arrays of shape (kw,)
        One for each of the axes, in their order.
    axes : sequence of int, optional
        The axes of x along which the kernels lie; the last ones if left out.
    stride, padding, dilation, padding_mode, padding_value, method : optional
        As in `correlate`, with one entry per kernel.

    Returns
    -------
    array of shape (..., *output)
        As in `correlate`; of the dtype that x and all kernels promote to.

    Raises
    ------
    ValueError, TypeError
        As in `corr2d`.

    Examples
    --------
    A smoothing, binomial in both directions:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> x = np.zeros((3, 5), dtype=int)
    >>> x[1, 2] = 1
    >>> mc.separable(x, [np.array([1, 2, 1])] * 2, padding="same")
    array([[0, 1, 2, 1, 0],
           [0, 2, 4, 2, 0],
           [0, 1, 2, 1, 0]])
    """
    x, kernels = _read(x, kernels)
    count = len(kernels)
    options = read(count, stride, padding, dilation)
    chosen = axes_of(axes, count, arguments.rank("x", x))
    for number, (kernel, axis) in enumerate(zip(kernels, chosen, strict=True)):
        each: dict[str, Any] = along(options, number)
        each |= {"padding_mode": padding_mode, "method": method}
        y = correlate1d(x, kernel, axis=axis, padding_value=padding_value, **each)
        if padding_mode == "constant" and number + 1 < count:
            padding_value = _border_after(x, kernel, padding_value)
        x = y
    return x


def _read(x: Any, kernels: Any) -> tuple[Array, list[Array]]:
    """Return image and kernels as arrays of one library, each kernel of one axis."""
    if not isinstance(kernels, Iterable) or isinstance(kernels, (str, Mapping, Set)):
        msg = (
            f"kernels must be a sequence of kernels, one for each axis, got an object of type "
            f"{type(kernels).__name__}; separable(x, [k0, k1]) has two"
        )
        raise TypeError(msg)
    given = list(kernels)
    if not given:
        msg = "kernels must be one kernel for each axis, got none; separable(x, [k0, k1]) has two"
        raise ValueError(msg)
    named = {f"kernels[{number}]": kernel for number, kernel in enumerate(given)}
    for name, kernel in named.items():
        rank = arguments.rank(name, kernel)
        if rank != 1:
            msg = (
                f"{name} must be a kernel of shape (kw,), got {rank} axes; correlate takes one of "
                "more, whole"
            )
            raise ValueError(msg)
    backend, (x, *arrays) = backend_of({"x": x, **named})
    return x, _beside(x, arrays, backend)


def _beside(x: Array, kernels: list[Array], backend: Backend) -> list[Array]:
    """Return the kernels, the first in such a dtype that its sums have that of the result."""
    names = [backend.dtype_name(array.dtype) for array in (x, *kernels)]
    first = first_dtype(names, backend)
    return kernels if first == names[1] else [backend.astype(kernels[0], first), *kernels[1:]]


def first_dtype(names: list[str], backend: Backend) -> str:
    """Return the dtype of the first kernel, of the names of all: the image's, then the kernels'.

    Sums of small integers would wrap before a kernel of a wider dtype met them.
    """
    if not set(names).issubset(dtypes.SUPPORTED):
        return names[1]
    first = dtypes.promote(*names[:2], default_integer=backend.default_integer)
    result = first
    for name in names[2:]:
        result = dtypes.promote(result, name, default_integer=backend.default_integer)
    return names[1] if first == result else backend.canonical(result)


def axes_of(axes: Any, count: int, rank: int) -> tuple[int, ...]:
    """Return which axes they are, counted from the first."""
    chosen = tuple(range(-count, 0)) if axes is None else arguments.axes("axes", axes, count)
    found = {axis % rank for axis in chosen if -rank <= axis < rank}
    if len(found) != count:
        msg = (
            f"axes must be {count} different axes of x, one for each kernel, got axes={chosen} for "
            f"an x of {rank} axes"
        )
        raise ValueError(msg)
    return chosen


def along(options: Options, number: int) -> dict[str, Any]:
    """Return the stride, the padding and the dilation of one axis."""
    pads = options.padding
    return {
        "stride": options.stride[number],
        "padding": pads if isinstance(pads, str) else (pads[number],),
        "dilation": options.dilation[number],
    }


def _border_after(x: Array, kernel: Array, padding_value: Any) -> Array:
    """Return what a constant border is after a kernel: the kernel's sum of it."""
    backend, (x, kernel) = backend_of({"x": x, "k": kernel})
    count = kernel.shape[0]
    dtype = backend.dtype_name(x.dtype)
    if isinstance(padding_value, Number):
        line = backend.full((count,), cast(padding_value, dtype), x)
    else:
        given = backend.astype(padding_value, dtype)
        line = backend.xp.broadcast_to(given, (count,))
    return backend.xp.reshape(correlate1d(line, kernel), ())
