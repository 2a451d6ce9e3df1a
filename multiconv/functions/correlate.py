"""Cross-correlation and convolution of images: `corr2d` and `convolve2d`."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.chunked.plans import planned
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.frame import Plan
from multiconv.planning.operands import image_and_kernel, swapped
from multiconv.planning.options import Options, read


@takes("x", "k")
def corr2d(
    x: Array,
    k: Array,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
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
    padding_mode : {"zeros", "reflect", "symmetric", "replicate", "circular"}, optional
        What the border shows: for ``1234``, reflect ``32 1234 32``, symmetric ``21 1234 43``,
        replicate ``11 1234 44``, circular ``34 1234 12``.
    method : {"auto", "direct", "im2col", "toeplitz", "folded", "fft", "native", "loop"}, optional
        How to compute it. ``"auto"`` takes what is estimated to be fastest (`plan` shows the
        estimates). All but ``"fft"`` obey the same error bound element by element and are bit-equal
        on small integers; ``"fft"`` refuses integers, ``"native"`` is the framework's own
        convolution. ``"loop"`` and ``"toeplitz"`` refuse huge inputs unless written ``"loop!"``,
        ``"toeplitz!"``.

    Returns
    -------
    array of shape (..., H', W')
        With ``H' = (H + low + high - dilation * (kh - 1) - 1) // stride + 1``; the same kind of
        array as x, on its device, of the dtype that x and k promote to.

    Raises
    ------
    ValueError
        For shapes that do not go together (a kernel larger than the padded image), a border wider
        than its mode allows, arrays on different devices, or a method that cannot do this input.
    TypeError
        For arrays of different libraries, or arguments of the wrong type.

    See Also
    --------
    convolve2d : the same with the kernel flipped.
    conv2d : with batches, channels, groups and bias.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.corr2d(np.arange(9).reshape(3, 3), np.array([[0, 1], [2, 3]]))
    array([[19, 25],
           [37, 43]])

    The top left number is 0 * 0 + 1 * 1 + 3 * 2 + 4 * 3 = 19.
    """
    return dispatch(CORR2D, (x, k), (stride, padding, dilation, padding_mode, method))


@takes("x", "k")
def convolve2d(
    x: Array,
    k: Array,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
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
    stride, padding, dilation, padding_mode, method : optional
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
    return dispatch(_CONVOLVE2D, (x, k), (stride, padding, dilation, padding_mode, method))


def _read(
    arrays: Any, stride: Any, padding: Any, dilation: Any, padding_mode: Any, method: Any
) -> Options:
    return read(2, stride, padding, dilation, padding_mode=padding_mode, method=method)


def _plan_corr2d(
    backend: Backend, operands: list[Any], options: Options, *, flips: bool = False
) -> Plan:
    x, k = operands
    layout = image_and_kernel(x, k)
    geometry = options.resolve(x.shape[-2:], k.shape, advice=swapped(x, k, 2))
    return planned(
        backend, {"x": x, "weight": k}, "y", layout, geometry, options.method, flips=flips
    )


def _plan_convolve2d(backend: Backend, operands: list[Any], options: Options) -> Plan:
    return _plan_corr2d(backend, operands, options, flips=True)


CORR2D = Operation(_plan_corr2d, ("x", "k"), _read)
_CONVOLVE2D = Operation(_plan_convolve2d, ("x", "k"), _read)
