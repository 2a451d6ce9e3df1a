"""OpenCV's filters with a kernel of one's own: `filter2D` and `sepFilter2D`."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array
from multiconv.compat.arrays import arrays_of
from multiconv.compat.cv2 import whole
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


@explained("src", "kernel")
def filter2D(
    src: Array,
    ddepth: int,
    kernel: Array,
    dst: Array | None = None,
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
    kernel : array of shape (kh, kw) or (kw,)
        Of src's library, or nested lists. OpenCV 5 takes one of one axis for a row, as here, and
        OpenCV 4 for a column.
    dst : array of the shape and dtype of the result, optional
        Written to and returned, where it is an array that can be. As in OpenCV, one of another
        shape or dtype is left alone, and a number means nothing, such as the 3 that is meant for a
        ksize in ``Sobel(x, CV_32F, 1, 0, 3)``.
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
        For dtypes, borders and sizes that OpenCV refuses, and a `dst` that cannot be written to.
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
    dst: Array | None = None,
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
        As in `filter2D`, with two rules of OpenCV's for uint8. In uint8, of smoothing kernels whose
        coefficients are whole 256ths, ties are rounded to even in every whole 16 numbers of a row
        (of all its channels), and up in the rest of it, as OpenCV's vectors have it on processors
        with AVX2; others leave fewer to round up. In int16, of whole numbers that are symmetric or
        antisymmetric around the anchor, `delta` is rounded to an integer, to even at ties, but in
        every whole 8 numbers of a row for columns of three such as (3, 10, 3).

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
    image: Image,
    row: Array,
    column: Array,
    anchor: Any,
    delta: float,
    border: Any,
    *,
    sums: str | None = None,
) -> Array:
    """Correlate rows and columns of an image with kernels (n,), in a dtype of the sums."""
    half_up: Array | bool = False
    added: Array | float = delta
    if image.dtype == "uint8" and whole.is_centred((row.shape[0], column.shape[0]), anchor):
        if image.result == "uint8":
            row, column, half_up = whole.bytes_half_up(image, row, column)
        elif image.result == "int16":
            added = whole.shorts_delta(image, row, column, delta)
    y = passed(image, row, column, anchor, border, sums or image.sums)
    y = image.backend.astype(y, image.sums)
    return saturated(y + added, image, half_up=half_up)


def passed(image: Image, row: Array, column: Array, anchor: Any, border: Any, sums: str) -> Array:
    """Return the sums of a row and a column in the dtype they are carried in."""
    backend = image.backend
    x, y = anchored(anchor, (row.shape[0], column.shape[0]))
    row, column = (backend.astype(kernel, sums) for kernel in (row, column))
    pixels = backend.astype(image.pixels, sums)
    along_x = correlated_with(pixels, row[None, :], (x, 0), border)
    return correlated_with(along_x, column[:, None], (0, y), border)


def _matrix(kernel: Array) -> Array:
    shape = tuple(kernel.shape)
    if len(shape) == 1:
        kernel = kernel[None, :]
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
