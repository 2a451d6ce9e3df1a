"""Cross-correlation and convolution of images, of two axes and of any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.chunked.plans import planned
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.functions.colours import may_have_colours, warn_of_colours
from multiconv.planning import axis_order
from multiconv.planning.computation import Computation
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.operands import Operand, image_and_kernel, swapped
from multiconv.planning.options import Options, read
from multiconv.planning.plan import Plan

# Axes that were left out: a string, as strings and ints are the quickest to look up, but no word.
_LAST = "\0"


@takes("x", "k")
def corr2d(
    x: Array,
    k: Array,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
    axes: Sequence[int] | None = None,
    method: str = "auto",
) -> Array:
    r"""Cross-correlate images with a kernel.

    .. math:: y[p, q] = \sum_{i, j} x[s p + d i - P,\; s q + d j - P] \; k[i, j]

    with stride s, dilation d and padding P: the "convolution" of deep learning, which does not flip
    the kernel (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 9.1).

    Parameters
    ----------
    x : array of shape (..., H, W)
        One image, or a batch of them on the leading axes. Any dtype: bool counts as the library's
        default integer, integers are exact modulo wrap-around, complex is not conjugated.
    k : array of shape (kh, kw)
        The kernel, of the same library and on the same device. A nested list follows x.
    stride : int or (int, int), optional
        Step between neighbouring outputs, in pixels.
    padding : int, (int, int), ((low, high), (low, high)) or name, optional
        Border added around the image, in pixels. ``"valid"`` adds none; ``"full"`` adds
        ``dilation * (k - 1)`` on both sides; ``"same"`` gives an output of ``ceil(n / stride)``,
        the odd pixel of border at the end; ``"same_lower"`` likewise, the odd pixel at the start.
    dilation : int or (int, int), optional
        Distance between neighbouring kernel taps, in pixels.
    padding_mode : {"zeros", "constant", "reflect", "symmetric", "replicate", "circular"}, optional
        What the border shows: zeros, the ``padding_value`` (constant), or pixels of the image; for
        ``1234``, reflect ``32 1234 32``, symmetric ``21 1234 43``, replicate ``11 1234 44``,
        circular ``34 1234 12``. A border wider than the image goes on in the same way, as that of
        ``numpy.pad``, whose names "edge" and "wrap" are taken too.
    padding_value : number or array of shape (), optional
        What a constant border shows, a number that the dtype of x holds. If it is an array,
        gradients flow to it.
    axes : (int, int), optional
        The axes of x along which the axes of k lie; the last two if left out. Those of pictures
        with the colours behind are ``(-3, -2)``.
    method : {"auto", "direct", "im2col", "toeplitz", "folded", "fft", "native", "exact", "loop"}
        How to compute it. ``"auto"`` takes what is estimated to be fastest (`plan` shows the
        estimates). All but ``"fft"`` obey the same error bound element by element and are bit-equal
        on small integers; ``"fft"`` refuses integers, ``"native"`` is the framework's own
        convolution; ``"exact"`` gives the exact sums of floats, each rounded once, and so the same
        bits on every backend and device. ``"loop"`` and ``"toeplitz"`` refuse huge inputs unless
        written ``"loop!"``, ``"toeplitz!"``.

    Returns
    -------
    array of shape (..., H', W')
        With ``H' = (H + low + high - dilation * (kh - 1) - 1) // stride + 1``; the same kind of
        array as x, on its device, of the dtype that x and k promote to.

    Raises
    ------
    ValueError
        For shapes that do not go together (a kernel larger than the padded image), a border of
        pixels around an image that has none, arrays on different devices, or a method that cannot
        do this input.
    TypeError
        For arrays of different libraries, or arguments of the wrong type.

    Warns
    -----
    UserWarning
        If x is large and ends in an axis of 3 or 4, colours it seems, and axes are not given.

    See Also
    --------
    convolve2d : the same with the kernel flipped.
    correlate : for signals, volumes and any number of axes.
    conv2d : with batches, channels, groups and bias.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.corr2d(np.arange(9).reshape(3, 3), np.array([[0, 1], [2, 3]]))
    array([[19, 25],
           [37, 43]])

    The top left number is 0 * 0 + 1 * 1 + 3 * 2 + 4 * 3 = 19. Each colour of a picture by itself:

    >>> mc.corr2d(np.ones((4, 5, 3)), np.ones((2, 2)), axes=(-3, -2)).shape
    (3, 4, 3)
    """
    given = (stride, padding, dilation, padding_mode, method, _LAST if axes is None else axes)
    return dispatch(CORR2D, (x, k), given, padding_value)


@takes("x", "k")
def convolve2d(
    x: Array,
    k: Array,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
    axes: Sequence[int] | None = None,
    method: str = "auto",
) -> Array:
    r"""Convolve images with a kernel: `corr2d` with the kernel flipped on both axes.

    .. math:: y[p, q] = \sum_{i, j} x[s p + d i - P,\; s q + d j - P] \; k[kh - 1 - i,\; kw - 1 - j]

    the convolution of mathematics and signal processing (Oppenheim and Schafer, "Discrete-Time
    Signal Processing"), at the outputs where `corr2d` has its own.

    Parameters
    ----------
    x : array of shape (..., H, W)
        One image, or a batch of them.
    k : array of shape (kh, kw)
        The kernel.
    stride, padding, dilation, padding_mode, padding_value, axes, method : optional
        As in `corr2d`; padding is that of the correlation with the flipped kernel.

    Returns
    -------
    array of shape (..., H', W')
        As in `corr2d`.

    Raises
    ------
    ValueError, TypeError
        As in `corr2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.convolve2d(np.arange(9).reshape(3, 3), np.array([[0, 1], [2, 3]]))
    array([[ 5, 11],
           [23, 29]])
    >>> mc.convolve2d(np.array([[1, 2]]), np.array([[1, 10]]), padding=((0, 0), (1, 1)))
    array([[ 1, 12, 20]])
    """
    given = (stride, padding, dilation, padding_mode, method, _LAST if axes is None else axes)
    return dispatch(CONVOLVE2D, (x, k), given, padding_value)


@takes("x", "k")
def correlate(
    x: Array,
    k: Array,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
    axes: Sequence[int] | None = None,
    method: str = "auto",
) -> Array:
    r"""Cross-correlate along as many axes as the kernel has: `corr2d` of any dimension.

    .. math:: y[p] = \sum_i x[s p + d i - P] \; k[i]

    with one index, stride s, dilation d and padding P for each axis of the kernel. The kernel is
    not conjugated, and padding is none unless it is given.

    Parameters
    ----------
    x : array of shape (..., *spatial)
        One image of k.ndim axes, or a batch of them on the leading axes.
    k : array of any shape
        The kernel.
    stride, padding, dilation, padding_mode, padding_value, method : optional
        As in `corr2d`, with one entry per axis of the kernel.
    axes : sequence of int, optional
        The axes of x along which the axes of k lie; the last ones if left out.

    Returns
    -------
    array of shape (..., *output)
        The axes stay where they are; of the dtype that x and k promote to.

    Raises
    ------
    ValueError, TypeError
        As in `corr2d`.

    See Also
    --------
    correlate1d, separable : along one axis, and along one after another.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.correlate(np.array([0, 0, 1, 0, 0]), np.array([1, 2, 3]), padding="same")
    array([0, 3, 2, 1, 0])
    >>> mc.correlate(np.ones((4, 5, 6)), np.ones((2, 2, 2)))[0, 0]
    array([8., 8., 8., 8., 8.])
    """
    given = (stride, padding, dilation, padding_mode, method, _LAST if axes is None else axes)
    return dispatch(CORRELATE, (x, k), given, padding_value)


@takes("x", "k")
def convolve(
    x: Array,
    k: Array,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
    axes: Sequence[int] | None = None,
    method: str = "auto",
) -> Array:
    r"""Convolve along as many axes as the kernel has: `correlate` with the kernel flipped.

    .. math:: y[p] = \sum_i x[s p + d i - P] \; k[n - 1 - i]

    on every axis of the kernel, of size n there.

    Parameters
    ----------
    x : array of shape (..., *spatial)
        One image of k.ndim axes, or a batch of them.
    k : array of any shape
        The kernel.
    stride, padding, dilation, padding_mode, padding_value, axes, method : optional
        As in `correlate`; padding is that of the correlation with the flipped kernel.

    Returns
    -------
    array of shape (..., *output)
        As in `correlate`.

    Raises
    ------
    ValueError, TypeError
        As in `corr2d`.

    Examples
    --------
    Products of polynomials:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.convolve(np.array([1, 2]), np.array([1, 10]), padding="full")
    array([ 1, 12, 20])
    """
    given = (stride, padding, dilation, padding_mode, method, _LAST if axes is None else axes)
    return dispatch(CONVOLVE, (x, k), given, padding_value)


def _read(
    name: str,
    arrays: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    padding_mode: Any,
    method: Any,
    axes: Any = _LAST,
    padding_value: Any = 0,
) -> Options:
    if _is_left_out(axes):
        remedy = (
            f"{name}(x, k, axes=(-3, -2)) filters each of them; axes=(-2, -1) says that the last "
            "two are meant, without this warning"
        )
        warn_of_colours(arrays[0], remedy)
    return _options(2, stride, padding, dilation, padding_mode, method, axes, padding_value)


def _read_any(
    arrays: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    padding_mode: Any,
    method: Any,
    axes: Any = _LAST,
    padding_value: Any = 0,
) -> Options:
    count = arguments.rank("k", arrays[1])
    if count == 0:
        msg = "k must have an axis to correlate along, and it is a single number: x * k is that"
        raise ValueError(msg)
    return _options(count, stride, padding, dilation, padding_mode, method, axes, padding_value)


def _options(
    count: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    padding_mode: Any,
    method: Any,
    axes: Any,
    padding_value: Any,
) -> Options:
    return read(
        count,
        stride,
        padding,
        dilation,
        padding_mode=padding_mode,
        padding_value=padding_value,
        method=method,
        image_axes=() if _is_left_out(axes) else arguments.axes("axes", axes, count),
    )


def _is_left_out(axes: Any) -> bool:
    return isinstance(axes, str) and axes == _LAST


def _advice(x: Operand, k: Operand, axes: int) -> str:
    """Return what else may have been meant by an image that a kernel does not fit."""
    if axes == 2 and may_have_colours(x.shape):
        return f"; if the {x.shape[-1]} are colours, axes=(-3, -2) filters each of them"
    return swapped(x, k, axes)


def _plan(backend: Backend, operands: list[Any], options: Options, *, flips: bool = False) -> Plan:
    if options.image_axes:
        plain = options._replace(image_axes=())
        return axis_order.spatial_last(
            backend,
            operands,
            options.image_axes,
            lambda moved: _plan(backend, moved, plain, flips=flips),
        )
    x, k, *border = operands
    axes = options.axes
    layout = image_and_kernel(x, k, axes)
    geometry = options.resolve(x.shape[-axes:], k.shape, advice=_advice(x, k, axes))
    method = options.method
    asked = Computation({"x": x, "weight": k}, "y", layout, geometry, method, flips=flips)
    return planned(backend, asked, options, border=border)


def _plan_flipped(backend: Backend, operands: list[Any], options: Options) -> Plan:
    return _plan(backend, operands, options, flips=True)


CORR2D = Operation(_plan, ("x", "k"), partial(_read, "corr2d"))
CORRELATE = Operation(_plan, ("x", "k"), _read_any)
CONVOLVE2D = Operation(_plan_flipped, ("x", "k"), partial(_read, "convolve2d"))
CONVOLVE = Operation(_plan_flipped, ("x", "k"), _read_any)
