"""Convolution by Fourier transforms, along some axes: `fftconvolve` and `oaconvolve`."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of, dtype_of
from multiconv.compat.correlating import correlated, correlated_each
from multiconv.compat.promotion import double, is_integer, numpy_promotion
from multiconv.compat.scipy.signal.sizes import are_swapped, check_mode, pads_of


def fftconvolve(
    in1: Array, in2: Array, mode: str = "full", axes: int | Iterable[int] | None = None
) -> Array:
    """Convolve by Fourier transforms, along some axes, as `scipy.signal.fftconvolve` does.

    Parameters
    ----------
    in1, in2 : array
        Of the same library and number of axes; nested lists of numbers follow the other. Along an
        axis that is none of ``axes`` they have the same size, or one of them has the size 1.
    mode : {"full", "valid", "same"}, optional
        As in `convolve`, along the axes.
    axes : int or ints, optional
        The axes to convolve along, all of them if nothing is said.

    Returns
    -------
    array of floats
        Of the dtype that NumPy's rules give the two, integers counting as float64 and float16 as
        float32. The error is bounded in norm only: see `multiconv.plan`.

    Raises
    ------
    ValueError
        For shapes that do not go together, axes or a mode that are none.
    TypeError
        For arrays of different libraries, or of a dtype that has no products.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import signal
    >>> signal.fftconvolve(np.eye(2), [[1.0, 10.0]], axes=1).round(3) + 0.0
    array([[ 1., 10.,  0.],
           [ 0.,  1., 10.]])
    """
    backend, [x, w] = arrays_of(in1=in1, in2=in2)
    return _transformed(x, w, mode, axes, backend)


def oaconvolve(
    in1: Array, in2: Array, mode: str = "full", axes: int | Iterable[int] | None = None
) -> Array:
    """Convolve in overlapping blocks, as `scipy.signal.oaconvolve` does.

    The package's transforms are of blocks wherever that is faster, so this is `fftconvolve`.

    Parameters
    ----------
    in1, in2, mode, axes : optional
        As in `fftconvolve`.

    Returns
    -------
    array of floats
        As in `fftconvolve`.

    Raises
    ------
    ValueError, TypeError
        As in `fftconvolve`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import signal
    >>> signal.oaconvolve(np.ones(1000), np.ones(3))[:4].round(3)
    array([1., 2., 3., 3.])
    """
    return fftconvolve(in1, in2, mode, axes)


def _transformed(x: Array, w: Array, mode: str, axes: Any, backend: Backend) -> Array:
    shapes = tuple(x.shape), tuple(w.shape)
    if x.ndim != w.ndim:
        msg = f"in1 and in2 should have the same dimensionality, got the shapes {shapes}"
        raise ValueError(msg)
    if x.ndim == 0:
        return _product(x, w, backend)
    check_mode(mode)
    if 0 in (*x.shape, *w.shape):
        return backend.zeros((0,), backend.astype(x, _dtype(x, w, backend)))
    along = _axes(axes, x.ndim)
    # Along an axis of size 1 a convolution is a product, which broadcasts.
    along = tuple(sorted(a for a in along if x.shape[a] != 1 and w.shape[a] != 1))
    for a in range(x.ndim):
        if a not in along and x.shape[a] != w.shape[a] and 1 not in (x.shape[a], w.shape[a]):
            msg = (
                f"incompatible shapes for in1 and in2: {shapes}; along axis {a}, which is none of "
                f"axes, they must be equal or one of them 1"
            )
            raise ValueError(msg)
    if are_swapped(mode, x.shape, w.shape, along):
        x, w = w, x
    y = _along(x, w, mode, along, backend)
    return _middle(y, x.shape) if mode == "same" else y


def _product(x: Array, w: Array, backend: Backend) -> Array:
    """Multiply where there is nothing to transform, in the dtype of the product."""
    names = dtype_of(x, backend, "in1"), dtype_of(w, backend, "in2")
    dtype = numpy_promotion(*names, backend)
    x, w = backend.astype(x, dtype), backend.astype(w, dtype)
    return x & w if dtype == "bool" else x * w


def _along(x: Array, w: Array, mode: str, axes: tuple[int, ...], backend: Backend) -> Array:
    """Convolve along some axes and broadcast along the others."""
    if not axes:
        return _product(x, w, backend)
    xp, rest = backend.xp, tuple(a for a in range(x.ndim) if a not in axes)
    dtype = _dtype(x, w, backend)
    x, w = backend.astype(x, dtype), xp.flip(backend.astype(w, dtype), axis=axes)
    pads = pads_of(mode, tuple(w.shape[a] for a in axes))
    if any(w.shape[a] > 1 for a in rest):
        shape = tuple(max(x.shape[a], w.shape[a]) for a in rest)
        return correlated_each(x, w, shape, backend, axes=axes, pads=pads, method="fft")
    kernel = w[tuple(slice(None) if a in axes else 0 for a in range(x.ndim))]
    return correlated(x, kernel, axes=axes, pads=pads, method="fft")


def _middle(y: Array, size: tuple[int, ...]) -> Array:
    """Cut out the middle of that size: an axis of in1 may have been broadcast."""
    starts = [(have - n) // 2 for have, n in zip(y.shape, size, strict=True)]
    return y[tuple(slice(start, start + n) for start, n in zip(starts, size, strict=True))]


def _dtype(x: Array, w: Array, backend: Backend) -> str:
    names = []
    for array, name in ((x, "in1"), (w, "in2")):
        dtype = dtype_of(array, backend, name)
        if is_integer(dtype):
            dtype = double(dtype, backend)
        names.append({"float16": "float32", "bfloat16": "float32"}.get(dtype, dtype))
    first, second = names
    return numpy_promotion(first, second, backend)


def _axes(axes: Any, rank: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(rank))
    try:
        given = axes if isinstance(axes, Iterable) else (axes,)
        numbers = [operator.index(axis) for axis in given]
    except TypeError:
        msg = f"axes must be a scalar or iterable of integers, got {axes!r}"
        raise ValueError(msg) from None
    if not numbers:
        msg = "when provided, axes cannot be empty: leave them out for all axes"
        raise ValueError(msg)
    if any(not -rank <= axis < rank for axis in numbers):
        msg = f"axes exceeds dimensionality of input: axes={axes!r} of {rank} axes"
        raise ValueError(msg)
    numbers = [axis % rank for axis in numbers]
    if len(set(numbers)) != len(numbers):
        msg = f"all axes must be unique, got axes={axes!r}"
        raise ValueError(msg)
    return tuple(numbers)
