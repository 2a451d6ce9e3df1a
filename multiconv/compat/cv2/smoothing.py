"""OpenCV's means: `GaussianBlur`, `blur` and `boxFilter`.

Sums of bytes go through integers, as in OpenCV: a Gaussian in 256ths, and a mean by a product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import Array
from multiconv.compat.cv2.constants import BORDER_DEFAULT, BORDER_ISOLATED, error, integer
from multiconv.compat.cv2.images import (
    CONVERTED,
    Image,
    anchored,
    border_name,
    correlated_with,
    explained,
    kernel_like,
    read,
    saturated,
)
from multiconv.compat.cv2.kernels import gaussian, in_fixed_point
from multiconv.compat.cv2.linear import separable

_CENTRE = (-1, -1)

# Bits of the fractions of a Gaussian's coefficients, and the integers that hold the sums.
_FIXED_POINT = {"uint8": (8, "int32"), "uint16": (16, "int64")}


@explained("src")
def GaussianBlur(
    src: Array,
    ksize: tuple[int, int] | None,
    sigmaX: float,
    dst: Array | None = None,
    sigmaY: float = 0,
    borderType: int = BORDER_DEFAULT,
    hint: int = 0,
) -> Array:
    """Smooth an image with a Gaussian, as ``cv2.GaussianBlur``.

    Parameters
    ----------
    src : array of shape (H, W) or (H, W, C)
        Of uint8, uint16, int16, float32 or float64.
    ksize : (int, int) or None
        Columns and rows of the kernel, odd; 0 or None for what `sigmaX` and `sigmaY` need.
    sigmaX, sigmaY : float
        In pixels; 0 for what `ksize` says, and `sigmaY` for `sigmaX`.
    dst : array, optional
        As in `filter2D`.
    borderType : int, optional
        As in `filter2D`.
    hint : int, optional
        OpenCV's hint of an algorithm; there is one, its accurate one.

    Returns
    -------
    array of the shape and dtype of src
        Without the last axis where there is one channel. uint8 and uint16 are computed in fixed
        point, bit for bit as in OpenCV (uint16 where the library has int64).

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> cv2.GaussianBlur(np.array([[0, 0, 255, 0, 0]], dtype=np.uint8), (3, 3), 0)
    array([[  0,  64, 128,  64,   0]], dtype=uint8)
    """
    image = read(src, -1, CONVERTED, dst)
    border = border_name(borderType)
    rows, columns = image.pixels.shape[:2]
    width, height = (0, 0) if ksize is None else _size(ksize, minimum=0)
    sigmas = (sigmaX, sigmaY if sigmaY > 0 else sigmaX)
    if border != "zeros":  # every row is the same, and so are their means
        width, height = 1 if columns == 1 else width, 1 if rows == 1 else height
    sizes = [
        _size_for(sigma, image.dtype) if n == 0 and sigma > 0 else n
        for n, sigma in zip((width, height), sigmas, strict=True)
    ]
    if any(n % 2 == 0 for n in sizes):
        raise error(f"ksize must be two odd numbers, or 0 with a sigma, got {ksize!r}")
    taps = [gaussian(n, sigma) for n, sigma in zip(sizes, sigmas, strict=True)]
    bits, sums = _FIXED_POINT.get(image.dtype, (0, ""))
    if bits and image.backend.canonical(sums) == sums:
        return _in_fixed_point(image, taps, bits, sums, borderType)
    row, column = (kernel_like(k, image.sums, image) for k in taps)
    return separable(image, row, column, _CENTRE, 0, borderType)


@explained("src")
def blur(
    src: Array,
    ksize: tuple[int, int],
    dst: Array | None = None,
    anchor: tuple[int, int] = (-1, -1),
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Take the mean of every window, as ``cv2.blur``.

    Parameters
    ----------
    src : array of shape (H, W) or (H, W, C)
        Of uint8, uint16, int16, float32 or float64.
    ksize : (int, int)
        Columns and rows of the window.
    dst, anchor, borderType : optional
        As in `filter2D`.

    Returns
    -------
    array of the shape and dtype of src
        As in `boxFilter`.

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> cv2.blur(np.array([[0, 0, 9, 0, 1]], dtype=np.uint8), (3, 1))
    array([[0, 3, 3, 3, 0]], dtype=uint8)
    """
    return boxFilter(src, -1, ksize, dst, anchor, True, borderType)


@explained("src")
def boxFilter(
    src: Array,
    ddepth: int,
    ksize: tuple[int, int],
    dst: Array | None = None,
    anchor: tuple[int, int] = (-1, -1),
    normalize: bool = True,
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Add up every window, or take its mean, as ``cv2.boxFilter``.

    Parameters
    ----------
    src : array of shape (H, W) or (H, W, C)
        Of uint8, uint16, int16, float32 or float64.
    ddepth : int
        Depth of the result; -1 for that of src.
    ksize : (int, int)
        Columns and rows of the window.
    dst, anchor, borderType : optional
        As in `filter2D`.
    normalize : bool, optional
        Divide by the number of pixels.

    Returns
    -------
    array of the shape of src
        Integers are added up exactly and saturate. A mean of uint8 in uint8, of at most 256 pixels,
        is rounded as OpenCV does, half up and of some sizes from a little below a half on; that of
        two pixels is one too high where it is whole, and of two that are 255 it is 255 here, for
        which OpenCV has 0 in what is left of a row after its vectors of 16. Others are rounded to
        the nearest, to even at ties, by a product in float32; OpenCV does that for what is left
        after its vectors of 8 in float64, and may differ where the mean is that close to a tie.

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> cv2.boxFilter(np.array([[1, 2, 4]], dtype=np.uint8), cv2.CV_32F, (2, 1), normalize=False)
    array([[3., 3., 6.]], dtype=float32)
    """
    image = read(src, ddepth, CONVERTED, dst)
    backend = image.backend
    border = border_name(borderType)
    width, height = _size(ksize, minimum=1)
    if normalize and border != "zeros" and borderType & BORDER_ISOLATED:
        rows, columns = image.pixels.shape[:2]  # OpenCV's means of one row are of one row's pixels
        width, height = 1 if columns == 1 else width, 1 if rows == 1 else height
    x, y = anchored(anchor, (width, height))
    count = width * height
    is_whole = image.dtype.startswith(("int", "uint")) and count * 2**16 <= 2**31
    sums = "int32" if is_whole else image.sums
    ones = (kernel_like(np.ones(n), sums, image) for n in (width, height))
    pixels = backend.astype(image.pixels, sums)
    total = correlated_with(pixels, next(ones)[None, :], (x, 0), borderType)
    total = correlated_with(total, next(ones)[:, None], (0, y), borderType)
    if not normalize or count == 1:
        return saturated(total, image)
    if image.dtype == image.result == "uint8" and count <= 256:
        return saturated(_divided(total, count, backend.xp), image)
    factor = kernel_like(1 / count, image.sums, image)
    return saturated(backend.astype(total, image.sums) * factor, image)


def _divided(total: Array, count: int, xp: Any) -> Array:
    """Divide sums of bytes by their number as OpenCV does, by one product and a shift.

    That rounds to the nearest, but for numbers from a little below a half on, such as 3/8 of eight
    pixels, where the quotient of 2**23 by the number rounds down.
    """
    factor, rest = divmod(2**23, count)
    half = count // 2
    if 2 * rest < count:
        half += 1
    else:
        factor += 1
    largest = (2**31 - 1) // factor  # which two white pixels exceed, and stay white so
    return xp.clip(total + half, 0, largest) * factor // 2**23


def _in_fixed_point(image: Image, taps: list[Any], bits: int, sums: str, border: Any) -> Array:
    """Smooth in integers: coefficients of so many bits along each axis, rounded half up."""
    backend = image.backend
    row, column = (kernel_like(in_fixed_point(k, bits), sums, image) for k in taps)
    pixels = backend.astype(image.pixels, sums)
    along_x = correlated_with(pixels, row[None, :], _CENTRE, border)
    y = correlated_with(along_x, column[:, None], _CENTRE, border)
    return saturated((y + 2 ** (2 * bits - 1)) // 2 ** (2 * bits), image)


def _size(ksize: Any, *, minimum: int) -> tuple[int, int]:
    """Read the columns and rows of a kernel."""
    try:
        width, height = ksize
    except (TypeError, ValueError):
        raise error(f"ksize must be a pair of ints, (width, height), got {ksize!r}") from None
    return integer("ksize[0]", width, minimum), integer("ksize[1]", height, minimum)


def _size_for(sigma: float, dtype: str) -> int:
    """Return how many pixels OpenCV gives a Gaussian: 3 sigma on each side for bytes, else 4."""
    return round(sigma * (3 if dtype == "uint8" else 4) * 2 + 1) | 1
