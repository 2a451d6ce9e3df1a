"""Correlation and convolution with weights: `correlate`, `convolve`, and along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of, dtype_of, flipped, is_numbers, known
from multiconv.compat.scipy.ndimage import arguments
from multiconv.compat.scipy.ndimage.arguments import Ints, Window
from multiconv.compat.scipy.ndimage.output import output_of
from multiconv.compat.scipy.ndimage.sums import weighted_sum
from multiconv.core import dtypes


def correlate(
    input: Array,
    weights: Array,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Ints | None = None,
) -> Array:
    r"""Correlate an image of any number of axes, as `scipy.ndimage.correlate` does.

    .. math:: y[p] = \sum_t x[p + t - \lfloor k / 2 \rfloor - o] \; \bar w[t]

    with k the number of weights along an axis and o the origin. The result has the image's size.

    Parameters
    ----------
    input : array
        The image, of any library: real or complex, integers or floats.
    weights : array
        With one axis for each of ``axes``; of the same library, or a nested list of numbers.
    output : dtype or array, optional
        The dtype of the result, that of the image if nothing is said; or where it is written to.
        Only arrays of NumPy are written to.
    mode : {"reflect", "mirror", "nearest", "wrap", "constant"}, optional
        What the border shows: for ``1234``, reflect ``21 1234 43``, mirror ``32 1234 32``, nearest
        ``11 1234 44``, wrap ``34 1234 12``, constant ``cval``. Also "grid-mirror" (reflect),
        "grid-wrap" (wrap) and "grid-constant" (constant).
    cval : number, optional
        What a constant border shows.
    origin : int or ints, optional
        Shifts the window, one number for all axes or one for each: positive to the left.
    axes : int or ints, optional
        The axes to correlate along; each other axis is a batch.

    Returns
    -------
    array of the image's shape
        Of the image's library and dtype, or that of ``output``; complex where image or weights are.

    Raises
    ------
    RuntimeError
        For weights of another number of axes, a mode that is none, an output of another shape.
    ValueError
        For an origin beyond the window, axes that are none, or a complex cval for real images.
    TypeError
        For arrays of different libraries, or an ``output`` array that cannot be written to.

    Notes
    -----
    As in SciPy, sums are of float64 (where the library has it) and then cast, for integers by
    cutting off the fraction. What differs: sums of whole numbers are exact even beyond 2**53, a sum
    too large for an integer dtype wraps, and no weight is skipped for being as small as 1e-16, nor
    for being 0 where the image is nan.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> x = np.arange(12).reshape(3, 4)
    >>> ndimage.correlate(x, np.ones((3, 3), int), mode="constant")
    array([[10, 18, 24, 18],
           [27, 45, 54, 39],
           [26, 42, 48, 34]])
    """
    return _image(input, weights, output, mode, cval, origin, axes, flips=False)


def convolve(
    input: Array,
    weights: Array,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Ints | None = None,
) -> Array:
    r"""Convolve an image of any number of axes, as `scipy.ndimage.convolve` does.

    .. math:: y[p] = \sum_t x[p - t + \lfloor k / 2 \rfloor + o] \; w[t]

    Parameters
    ----------
    input, weights, output, mode, cval, axes : optional
        As in `correlate`; weights are not conjugated.
    origin : int or ints, optional
        Shifts the window, the other way than that of `correlate`.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.convolve([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], [[1, 2, 3]])
    array([[0, 0, 0, 0],
           [1, 2, 3, 0],
           [0, 0, 0, 0]])
    """
    return _image(input, weights, output, mode, cval, origin, axes, flips=True)


def correlate1d(
    input: Array,
    weights: Array,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Correlate along one axis, as `scipy.ndimage.correlate1d` does.

    Parameters
    ----------
    input : array
        The image.
    weights : array of shape (k,) or list of numbers
        The weights along the axis.
    axis : int, optional
        Which axis; the others are a batch.
    output, mode, cval, origin : optional
        As in `correlate`.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate`; `numpy.exceptions.AxisError` for an axis that is none.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.correlate1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3])
    array([ 8, 26,  8, 12,  7, 28, 36,  9])
    """
    return _line(input, weights, axis, output, mode, cval, origin, flips=False)


def convolve1d(
    input: Array,
    weights: Array,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Convolve along one axis, as `scipy.ndimage.convolve1d` does.

    Parameters
    ----------
    input, weights, axis, output, mode, cval : optional
        As in `correlate1d`.
    origin : int, optional
        Shifts the window, the other way than that of `correlate1d`.

    Returns
    -------
    array of the image's shape
        As in `correlate1d`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate1d`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.convolve1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3])
    array([14, 24,  4, 13, 12, 36, 27,  0])
    """
    return _line(input, weights, axis, output, mode, cval, origin, flips=True)


def _image(
    input: Array,
    weights: Array,
    output: Any,
    mode: Any,
    cval: complex,
    origin: Any,
    axes: Any,
    *,
    flips: bool,
) -> Array:
    backend, x, weights = _operands(input, weights)
    given = arguments.axes_of(axes, x.ndim)
    if weights.ndim != len(given) or 0 in weights.shape:
        msg = (
            f"weights.ndim ({weights.ndim}) must match len(axes) ({len(given)}), with a weight "
            f"along each: weights have the shape {tuple(weights.shape)}"
        )
        raise RuntimeError(msg)
    origins = dict(zip(given, arguments.per_axis("origin", origin, len(given)), strict=True))
    along = tuple(sorted(given))  # weights have their axes in the order of the image's
    if len(along) == x.ndim:
        origins = dict(zip(along, origins.values(), strict=True))
    pads = arguments.pads(tuple(weights.shape), [origins[a] for a in along], flips=flips)
    window = Window(along, pads, arguments.border(mode), cval)
    return _filtered(x, weights, output, window, backend, flips=flips)


def _line(
    input: Array,
    weights: Array,
    axis: Any,
    output: Any,
    mode: Any,
    cval: complex,
    origin: Any,
    *,
    flips: bool,
) -> Array:
    backend, x, weights = _operands(input, weights)
    if weights.ndim != 1 or weights.shape[0] < 1:
        msg = f"no filter weights given: weights have the shape {tuple(weights.shape)}, not (k,)"
        raise RuntimeError(msg)
    axes = (arguments.axis_of(axis, x.ndim),)
    pads = arguments.pads(tuple(weights.shape), [origin], flips=flips)
    window = Window(axes, pads, arguments.border(mode), cval, is_line=True)
    return _filtered(x, weights, output, window, backend, flips=flips)


def _operands(input: Array, weights: Array) -> tuple[Backend, Array, Array]:
    """Return image and weights; a list of weights as NumPy's array, whose numbers are known."""
    if is_numbers(weights):
        backend, [x] = arrays_of(input=input)
        return backend, x, known(weights, x, backend)
    backend, [x, weights] = arrays_of(input=input, weights=weights)
    return backend, x, weights


def _filtered(
    x: Array, weights: Array, output: Any, window: Window, backend: Backend, *, flips: bool
) -> Array:
    is_known = isinstance(weights, np.ndarray)
    dtype = dtype_of(x, backend, "input")
    of_weights = str(weights.dtype.name) if is_known else dtype_of(weights, backend, "weights")
    complex_weights = dtypes.kind(of_weights) == "complex"
    is_complex = complex_weights or dtypes.kind(dtype) == "complex"
    is_real = dtypes.kind(dtype) != "complex"
    if is_real and isinstance(window.cval, complex):  # which a float is to mypy alone
        msg = f"Cannot provide a complex-valued cval when the input is real: cval={window.cval}"
        raise ValueError(msg) if is_complex else TypeError(msg)
    into = output_of(output, x, dtype, backend, is_complex=is_complex)
    if flips:
        weights = np.flip(weights) if is_known else flipped(weights, backend)
    elif complex_weights:
        weights = np.conj(weights) if is_known else backend.xp.conj(weights)
    return into.given(weighted_sum(x, weights, window, into.dtype, backend))
