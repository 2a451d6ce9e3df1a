"""Images with a border of choice: `convolve2d`, `correlate2d` and `sepfir2d`."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of, dtype_of, flipped, is_numbers
from multiconv.compat.correlating import correlated
from multiconv.compat.promotion import double, is_integer, numpy_promotion
from multiconv.compat.scipy.signal.direct import cast_back
from multiconv.compat.scipy.signal.sizes import are_swapped, check_mode, pads_of
from multiconv.core import dtypes

# What a boundary is called here and there.
BOUNDARIES = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "circular",
    "circular": "circular",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


def convolve2d(
    in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: complex = 0
) -> Array:
    r"""Convolve two images, as `scipy.signal.convolve2d` does.

    .. math:: y[p, q] = \sum_{i, j} x[p - i, q - j] \; w[i, j]

    Parameters
    ----------
    in1, in2 : array of shape (H, W)
        Of the same library; nested lists of numbers follow the other.
    mode : {"full", "valid", "same"}, optional
        As in `convolve`.
    boundary : {"fill", "wrap", "symm"}, optional
        What the image shows beyond its border: for ``1234``, a number, wrap ``34 1234 12``, symm
        ``21 1234 43``; as often as the kernel needs it.
    fillvalue : number, optional
        The number of "fill", cut off to an integer for integers.

    Returns
    -------
    array of shape (H', W')
        Of the dtype that NumPy's rules give the two, on every backend. Of bools, whether there is
        an overlap.

    Raises
    ------
    ValueError
        For other numbers of axes, a mode or boundary that is none, a complex fillvalue for real
        images, or "valid" where neither is the larger along both axes.
    TypeError
        For arrays of different libraries, or of a dtype that has no products.

    Examples
    --------
    >>> from multiconv.compat.scipy import signal
    >>> signal.convolve2d([[1, 2, 3], [4, 5, 6]], [[1, 10]], mode="same", boundary="wrap")
    array([[31, 12, 23],
           [64, 45, 56]])
    """
    backend, [x, w] = arrays_of(in1=in1, in2=in2)
    _check_planes("convolve2d", x, w)
    if are_swapped(mode, x.shape, w.shape):
        x, w = w, x
    pads = pads_of(_checked(mode), tuple(w.shape))
    return _filtered(x, flipped(w, backend), pads, boundary, fillvalue, backend)


def correlate2d(
    in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: complex = 0
) -> Array:
    r"""Correlate two images, as `scipy.signal.correlate2d` does.

    .. math:: y[p, q] = \sum_{i, j} x[p + i, q + j] \; \bar w[i, j]

    Parameters
    ----------
    in1, in2, boundary, fillvalue : optional
        As in `convolve2d`.
    mode : {"full", "valid", "same"}, optional
        As in `convolve2d`. Of an even kernel, "same" begins one pixel before that of `correlate`.

    Returns
    -------
    array of shape (H', W')
        As in `convolve2d`.

    Raises
    ------
    ValueError, TypeError
        As in `convolve2d`.

    Examples
    --------
    >>> from multiconv.compat.scipy import signal
    >>> signal.correlate2d([[1, 2, 3], [4, 5, 6]], [[1, 10]], mode="same", boundary="symm")
    array([[21, 32, 33],
           [54, 65, 66]])
    """
    backend, [x, w] = arrays_of(in1=in1, in2=in2)
    _check_planes("correlate2d", x, w)
    swapped = are_swapped(mode, x.shape, w.shape)
    if swapped:
        x, w = w, x
    pads = pads_of(_checked(mode), tuple(w.shape))
    pads = tuple((high, low) for low, high in pads)
    if dtypes.kind(dtype_of(w, backend, "in2")) == "complex":
        w = backend.xp.conj(w)
    y = _filtered(x, w, pads, boundary, fillvalue, backend)
    return flipped(y, backend) if swapped else y


def sepfir2d(input: Array, hrow: Array, hcol: Array) -> Array:
    r"""Convolve the rows and the columns of an image, as `scipy.signal.sepfir2d` does.

    .. math:: y[p, q] = \sum_{i, j} x[p - i + r, q - j + s] \; c[i] \; h[j]

    with c the filter of the columns, of 2r + 1 numbers, and h that of the rows, of 2s + 1. The
    border mirrors the image and repeats its edge, as often as a filter needs it; SciPy 1.17 reads
    beyond an image that is shorter than its filter.

    Parameters
    ----------
    input : array of shape (H, W)
        The image.
    hrow, hcol : array of shape (k,) or list of numbers
        The filters of the rows and of the columns, each of an odd length.

    Returns
    -------
    array of shape (H, W)
        Floats: float32 for images of float16, float32 and of integers of at most 16 bits, float64
        for others (where the library has it), complex likewise.

    Raises
    ------
    ValueError
        For filters of an even length, or arrays of other numbers of axes.
    TypeError
        For filters that are wider than the result, such as float64 for a float32 image.

    Examples
    --------
    >>> from multiconv.compat.scipy import signal
    >>> signal.sepfir2d([[0.0, 0.0, 1.0, 0.0, 0.0]], [1.0, 2.0, 3.0], [1.0])
    array([[0., 1., 2., 3., 0.]])
    """
    backend, [x] = arrays_of(input=input)
    dtype = _float_of(dtype_of(x, backend, "input"), backend)
    filters = {}
    for name, given in (("hrow", hrow), ("hcol", hcol)):
        _, [_, taps] = arrays_of(**{"input": x, name: given})
        filters[name] = _taps(taps, name, dtype, backend, is_list=is_numbers(given))
    if x.ndim != 2:
        msg = f"input must be an image (H, W), got the shape {tuple(x.shape)}"
        raise ValueError(msg)
    y = backend.astype(x, dtype)
    for axis, taps in ((1, filters["hrow"]), (0, filters["hcol"])):
        reach = taps.shape[0] // 2
        y = correlated(y, taps, axes=(axis,), pads=((reach, reach),), border="symmetric")
    return y


def _filtered(
    x: Array, w: Array, pads: Any, boundary: Any, fillvalue: Any, backend: Backend
) -> Array:
    if boundary not in BOUNDARIES:
        msg = (
            f"Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or "
            f"'symm'), not boundary={boundary!r}"
        )
        raise ValueError(msg)
    names = dtype_of(x, backend, "in1"), dtype_of(w, backend, "in2")
    dtype = numpy_promotion(*names, backend)
    sums = backend.canonical("int64") if dtype == "bool" else dtype
    y = correlated(
        backend.astype(x, sums),
        backend.astype(w, sums),
        axes=(0, 1),
        pads=pads,
        border=BOUNDARIES[boundary],
        value=_fill(fillvalue, sums),
    )
    return cast_back(y, dtype, backend)


def _fill(value: Any, dtype: str) -> complex:
    """Read a number that the dtype can hold; a fraction is cut off for integers."""
    if getattr(value, "shape", ()) not in ((), (1,)) or isinstance(value, (str, list, tuple)):
        msg = f"`fillvalue` must be scalar or an array with one element, got {value!r}"
        raise ValueError(msg)
    number = complex(value.item() if hasattr(value, "item") else value)
    if dtypes.kind(dtype) == "complex":
        return number
    if number.imag:
        msg = f"could not cast `fillvalue` directly to the output type: {value!r} to {dtype}"
        raise ValueError(msg)
    return int(number.real) if is_integer(dtype) else number.real


def _check_planes(name: str, x: Array, w: Array) -> None:
    if not x.ndim == w.ndim == 2:
        msg = (
            f"{name} inputs must both be 2-D arrays, got shapes {tuple(x.shape)}, {tuple(w.shape)}"
        )
        raise ValueError(msg)


def _checked(mode: str) -> str:
    check_mode(mode)
    return mode


def _float_of(dtype: str, backend: Backend) -> str:
    """Return the float or complex dtype that SciPy calculates with."""
    if dtype in ("bool", "int8", "uint8", "int16", "uint16", "float16", "bfloat16", "float32"):
        return "float32"
    return dtype if dtypes.kind(dtype) == "complex" else double(dtype, backend)


def _taps(taps: Array, name: str, dtype: str, backend: Backend, *, is_list: bool) -> Array:
    if taps.ndim != 1 or taps.shape[0] % 2 == 0:
        msg = f"hrow and hcol must be odd length, got {name} of shape {tuple(taps.shape)}"
        raise ValueError(msg)
    given = dtype_of(taps, backend, name)
    if not is_list and numpy_promotion(given, dtype, backend) != dtype:
        msg = f"{name} has the dtype {given}, which {dtype}, that of the result, does not hold"
        raise TypeError(msg)
    return backend.xp.flip(backend.astype(taps, dtype))
