"""Convolution and correlation of any number of axes: `convolve` and `correlate`."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of, dtype_of, flipped
from multiconv.compat.correlating import correlated
from multiconv.compat.promotion import double, is_integer, numpy_promotion
from multiconv.compat.scipy.signal.sizes import are_swapped, check_mode, is_larger, pads_of
from multiconv.core import dtypes

_METHODS = ("auto", "direct", "fft")


def convolve(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    r"""Convolve two arrays of any number of axes, as `scipy.signal.convolve` does.

    .. math:: y[p] = \sum_t x[p - t] \; w[t]

    Parameters
    ----------
    in1, in2 : array
        Of the same library and number of axes; nested lists of numbers follow the other.
    mode : {"full", "valid", "same"}, optional
        All overlaps; whole overlaps, of the larger with the smaller; or the middle of the full
        convolution, of the size of ``in1``.
    method : {"auto", "direct", "fft"}, optional
        How to compute it: by sums, by Fourier transforms (integers are transformed in float64 and
        rounded), or by what is estimated to be faster. Integers are added up unless "fft" is asked
        for, and so are floats unless a transform is several times faster.

    Returns
    -------
    array
        Of the dtype that NumPy's rules give the two, on every backend: float64 for int64 with
        float32. Of bools, whether there is an overlap.

    Raises
    ------
    ValueError
        For different numbers of axes, a mode or method that is none, an empty array, or "valid"
        where neither is the larger along every axis.
    TypeError
        For arrays of different libraries, or of a dtype that has no products.

    Examples
    --------
    >>> from multiconv.compat.scipy import signal
    >>> signal.convolve([1, 2, 3], [0, 1, 10])
    array([ 0,  1, 12, 23, 30])
    >>> signal.convolve([1, 2, 3], [0, 1, 10], mode="same")
    array([ 1, 12, 23])
    """
    backend, [x, w] = arrays_of(in1=in1, in2=in2)
    return _convolved(x, w, mode, method, backend)


def correlate(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    r"""Correlate two arrays of any number of axes, as `scipy.signal.correlate` does.

    .. math:: y[p] = \sum_t x[p + t] \; \bar w[t]

    that is, `convolve` with ``in2`` flipped and conjugated.

    Parameters
    ----------
    in1, in2, mode, method : optional
        As in `convolve`.

    Returns
    -------
    array
        As in `convolve`.

    Raises
    ------
    ValueError, TypeError
        As in `convolve`.

    Examples
    --------
    >>> from multiconv.compat.scipy import signal
    >>> signal.correlate([1, 2, 3], [0, 1, 10])
    array([10, 21, 32,  3,  0])
    """
    backend, [x, w] = arrays_of(in1=in1, in2=in2)
    if dtypes.kind(dtype_of(w, backend, "in2")) == "complex":
        w = backend.xp.conj(w)
    return _convolved(x, flipped(w, backend) if w.ndim else w, mode, method, backend)


def _convolved(x: Array, w: Array, mode: str, method: str, backend: Backend) -> Array:
    if x.ndim != w.ndim:
        msg = (
            f"in1 and in2 (volume and kernel) should have the same dimensionality, got the shapes "
            f"{tuple(x.shape)} and {tuple(w.shape)}"
        )
        raise ValueError(msg)
    names = dtype_of(x, backend, "in1"), dtype_of(w, backend, "in2")
    dtype = numpy_promotion(*names, backend)
    sums = backend.canonical("int64") if dtype == "bool" else dtype
    x, w = backend.astype(x, sums), backend.astype(w, sums)
    if x.ndim == 0:
        return cast_back(x * w, dtype, backend)
    check_mode(mode)
    if method not in _METHODS:
        msg = f"Acceptable method flags are 'auto', 'direct', or 'fft', not method={method!r}"
        raise ValueError(msg)
    if 0 in (*x.shape, *w.shape):
        msg = f"in1 and in2 cannot be empty, got the shapes {tuple(x.shape)} and {tuple(w.shape)}"
        raise ValueError(msg)
    y = sum_or_transform(x, w, mode, method, backend)
    return cast_back(y, dtype, backend)


def sum_or_transform(x: Array, w: Array, mode: str, method: str, backend: Backend) -> Array:
    """Convolve two arrays of one dtype along all axes."""
    if are_swapped(mode, x.shape, w.shape) or (mode == "full" and is_larger(w.shape, x.shape)):
        x, w = w, x  # a convolution is the same both ways
    dtype = backend.dtype_name(x.dtype)
    is_rounded = method == "fft" and is_integer(dtype)
    if is_rounded:
        wide = double(dtype, backend)
        x, w = backend.astype(x, wide), backend.astype(w, wide)
    y = correlated(
        x,
        flipped(w, backend),
        axes=tuple(range(x.ndim)),
        pads=pads_of(mode, tuple(w.shape)),
        method=method,
    )
    return backend.astype(backend.xp.round(y), dtype) if is_rounded else y


def cast_back(y: Array, dtype: str, backend: Backend) -> Any:
    """Return sums in the dtype that they were asked in; counts as bools."""
    return y != 0 if dtype == "bool" else backend.astype(y, dtype)
