"""OpenCV's filters with a kernel of one's own: `filter2D` and `sepFilter2D`."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of
from multiconv.compat.cv2.constants import BORDER_DEFAULT, error
from multiconv.compat.cv2.images import (
    FILTERED,
    SEPARABLE,
    Image,
    anchored,
    correlated_with,
    explained,
    read,
    saturated,
)

_ROUNDOFF = 2.0**-23  # OpenCV's FLT_EPSILON


@explained("src", "kernel")
def filter2D(
    src: Array,
    ddepth: int,
    kernel: Array,
    dst: None = None,
    anchor: tuple[int, int] = (-1, -1),
    delta: float = 0,
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Correlate an image with a kernel, as ``cv2.filter2D``.

    Parameters
    ----------
    src : array of shape (H, W) or (H, W, C)
        Of uint8, uint16, int16, float32 or float64.
    ddepth : int
        Depth of the result, such as ``CV_16S``; -1 for that of src.
    kernel : array of shape (kh, kw)
        Of src's library, or nested lists.
    dst : None
        Not supported: the result is returned.
    anchor : (int, int), optional
        The pixel (x, y) of the kernel that lies on the output, (-1, -1) for the centre.
    delta : float, optional
        Added to every sum.
    borderType : int, optional
        ``BORDER_CONSTANT`` (of zeros), ``BORDER_REPLICATE``, ``BORDER_REFLECT`` or
        ``BORDER_REFLECT_101``.

    Returns
    -------
    array of the shape of src
        Without the last axis where there is one channel. Integers are rounded to the nearest, to
        even at ties, and saturate.

    Raises
    ------
    cv2.error
        For dtypes, borders and sizes that OpenCV refuses, and a `dst`.
    TypeError
        For arrays of different libraries.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> x = np.array([[100, 200, 50]], dtype=np.uint8)
    >>> cv2.filter2D(x, -1, np.array([[-1.0, 0.0, 2.0]]))
    array([[200,   0, 200]], dtype=uint8)
    """
    image = read(src, ddepth, FILTERED, dst)
    backend, (_, kernel) = arrays_of(src=image.pixels, kernel=kernel)
    kernel = _matrix(kernel)
    y = correlated_with(
        backend.astype(image.pixels, image.sums),
        backend.astype(kernel, image.sums),
        anchor,
        borderType,
    )
    return saturated(y + delta, image)


@explained("src", "kernelX", "kernelY")
def sepFilter2D(
    src: Array,
    ddepth: int,
    kernelX: Array,
    kernelY: Array,
    dst: None = None,
    anchor: tuple[int, int] = (-1, -1),
    delta: float = 0,
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Correlate the rows of an image, then its columns, as ``cv2.sepFilter2D``.

    Parameters
    ----------
    src : array of shape (H, W) or (H, W, C)
        Of uint8, uint16, int16, float32 or float64.
    ddepth : int
        Depth of the result; -1 for that of src.
    kernelX, kernelY : array of shape (n,), (n, 1) or (1, n)
        The kernels along x and y, of src's library, or lists.
    dst, anchor, delta, borderType : optional
        As in `filter2D`.

    Returns
    -------
    array of the shape of src
        As in `filter2D`. For smoothing kernels of uint8, whose coefficients are whole 256ths, ties
        are rounded up, as OpenCV does where a row has less than 16 pixels left; before that its
        vectors round them to even.

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> x = np.array([[0, 0, 1], [0, 0, 4], [0, 0, 7]], dtype=np.float32)
    >>> cv2.sepFilter2D(x, -1, [-1, 0, 1], [1, 2, 1])
    array([[ 0., 10.,  0.],
           [ 0., 16.,  0.],
           [ 0., 22.,  0.]], dtype=float32)
    """
    image = read(src, ddepth, SEPARABLE, dst)
    _, (_, row, column) = arrays_of(src=image.pixels, kernelX=kernelX, kernelY=kernelY)
    return separable(
        image, _vector("kernelX", row), _vector("kernelY", column), anchor, delta, borderType
    )


def separable(
    image: Image, row: Array, column: Array, anchor: Any, delta: float, border: Any
) -> Array:
    """Correlate rows and columns of an image with kernels (n,)."""
    backend, xp = image.backend, image.backend.xp
    sizes = row.shape[0], column.shape[0]
    half_up: Array | bool = False
    if image.dtype == image.result == "uint8" and _is_centred(sizes, anchor):
        half_up = xp.logical_and(_is_fixed_point(row, backend), _is_fixed_point(column, backend))
    y = passed(image, row, column, anchor, border)
    return saturated(y + delta, image, half_up=half_up)


def passed(image: Image, row: Array, column: Array, anchor: Any, border: Any) -> Array:
    """Return the sums of a row and a column in the dtype they are carried in."""
    backend = image.backend
    x, y = anchored(anchor, (row.shape[0], column.shape[0]))
    row, column = (backend.astype(kernel, image.sums) for kernel in (row, column))
    pixels = backend.astype(image.pixels, image.sums)
    along_x = correlated_with(pixels, row[None, :], (x, 0), border)
    return correlated_with(along_x, column[:, None], (0, y), border)


def _is_centred(sizes: tuple[int, int], anchor: Any) -> bool:
    at = anchored(anchor, sizes)
    return all(2 * a + 1 == n for a, n in zip(at, sizes, strict=True))


def _is_fixed_point(kernel: Array, backend: Backend) -> Array:
    """Tell whether OpenCV's sums of bytes go through integers, an array of one bool.

    They do for symmetric means whose coefficients are whole 256ths.
    """
    xp = backend.xp
    kernel = backend.astype(kernel, backend.canonical("float64"))
    total, scaled = xp.sum(kernel), kernel * 256
    is_mean = xp.abs(total - 1) <= _ROUNDOFF * (xp.abs(total) + 1)
    is_whole = xp.all(xp.abs(scaled - xp.round(scaled)) <= 10 * _ROUNDOFF * 256)
    is_symmetric = xp.all(kernel == xp.flip(kernel, axis=0))
    found = xp.logical_and(xp.logical_and(is_mean, is_whole), is_symmetric)
    return xp.logical_and(found, xp.all(kernel >= 0))


def _matrix(kernel: Array) -> Array:
    shape = tuple(kernel.shape)
    if len(shape) == 1:
        kernel = kernel[:, None]
    elif len(shape) == 3 and shape[2] == 1:
        kernel = kernel[..., 0]
    if len(kernel.shape) != 2 or 0 in shape:
        raise error(f"kernel must have the shape (kh, kw), got {shape}")
    return kernel


def _vector(name: str, kernel: Array) -> Array:
    shape = tuple(kernel.shape)
    if not 1 <= len(shape) <= 2 or 0 in shape or (len(shape) == 2 and 1 not in shape):
        raise error(f"{name} must have the shape (n,), (n, 1) or (1, n), got {shape}")
    if len(shape) == 1:
        return kernel
    return kernel[:, 0] if shape[1] == 1 else kernel[0, :]


def kernel_like(values: Any, dtype: str, image: Image) -> Array:
    """Make a kernel of numbers, rounded to a dtype first, beside an image."""
    rounded = np.asarray(values, dtype)
    backend = image.backend
    return backend.from_numpy(rounded, backend.canonical(dtype), image.pixels)
