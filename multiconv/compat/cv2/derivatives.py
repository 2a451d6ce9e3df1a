"""OpenCV's derivatives: `Sobel`, `Scharr`, `Laplacian`, and the kernels they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.backends.base import Array
from multiconv.compat.cv2.constants import (
    BORDER_DEFAULT,
    CV_32F,
    CV_64F,
    FILTER_SCHARR,
    error,
    integer,
)
from multiconv.compat.cv2.images import (
    CONVERTED,
    FILTERED,
    SEPARABLE,
    Image,
    correlated_with,
    explained,
    kernel_like,
    read,
    saturated,
)
from multiconv.compat.cv2.kernels import given_like
from multiconv.compat.cv2.linear import passed, separable

_CENTRE = (-1, -1)


@explained("src")
def Sobel(
    src: Array,
    ddepth: int,
    dx: int,
    dy: int,
    dst: Array | None = None,
    ksize: int = 3,
    scale: float = 1,
    delta: float = 0,
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Differentiate an image by a smoothed difference, as ``cv2.Sobel``.

    Parameters
    ----------
    src : array of shape (H, W) or (H, W, C)
        Of uint8, uint16, int16, float32 or float64.
    ddepth : int
        Depth of the result; -1 for that of src.
    dx, dy : int
        Orders of the derivative along x and y.
    dst : array, optional
        As in `filter2D`.
    ksize : int, optional
        Size of the kernel, odd and at most 31; ``FILTER_SCHARR`` for `Scharr`.
    scale, delta : float, optional
        A factor of the result, and what is added to it.
    borderType : int, optional
        As in `filter2D`.

    Returns
    -------
    array of the shape of src
        As in `sepFilter2D`. int16 from uint8 is summed in int32, which kernels of 17 and more
        overflow, as in OpenCV.

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> x = np.array([[0, 0, 1], [0, 0, 4], [0, 0, 7]], dtype=np.uint8)
    >>> cv2.Sobel(x, cv2.CV_16S, 0, 1, borderType=cv2.BORDER_REPLICATE)
    array([[ 0,  3,  9],
           [ 0,  6, 18],
           [ 0,  3,  9]], dtype=int16)
    """
    image = read(src, ddepth, SEPARABLE, dst)
    return _derivative(image, _pair(dx, dy, ksize), dx, scale, delta, borderType)


@explained("src")
def Scharr(
    src: Array,
    ddepth: int,
    dx: int,
    dy: int,
    dst: Array | None = None,
    scale: float = 1,
    delta: float = 0,
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Differentiate an image once, by Scharr's 3 x 3 kernel, as ``cv2.Scharr``.

    Parameters
    ----------
    src, ddepth, dst, scale, delta, borderType : optional
        As in `Sobel`.
    dx, dy : int
        One of them 1, the other 0.

    Returns
    -------
    array of the shape of src
        As in `filter2D`.

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> cv2.Scharr(np.array([[0, 0, 1]], dtype=np.float32), -1, 1, 0)
    array([[ 0., 16.,  0.]], dtype=float32)
    """
    image = read(src, ddepth, SEPARABLE, dst)
    return _derivative(image, _pair(dx, dy, FILTER_SCHARR), dx, scale, delta, borderType)


@explained("src")
def Laplacian(
    src: Array,
    ddepth: int,
    dst: Array | None = None,
    ksize: int = 1,
    scale: float = 1,
    delta: float = 0,
    borderType: int = BORDER_DEFAULT,
) -> Array:
    """Add up the second derivatives of an image, as ``cv2.Laplacian``.

    Parameters
    ----------
    src, ddepth, dst, scale, delta, borderType : optional
        As in `Sobel`.
    ksize : int, optional
        1 and 3 are kernels of 3 x 3; from 5 on two Sobel derivatives are added.

    Returns
    -------
    array of the shape of src
        As in `filter2D`.

    Raises
    ------
    cv2.error, TypeError
        As in `filter2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat import cv2
    >>> cv2.Laplacian(np.array([[0, 0, 1, 0, 0]], dtype=np.uint8), cv2.CV_16S)
    array([[ 0,  1, -2,  1,  0]], dtype=int16)
    """
    if ksize in (1, 3):
        image = read(src, ddepth, FILTERED, dst)
        taps = (
            [[0, 1, 0], [1, -4, 1], [0, 1, 0]] if ksize == 1 else [[2, 0, 2], [0, -8, 0], [2, 0, 2]]
        )
        kernel = kernel_like(np.asarray(taps, "float32") * scale, "float32", image)
        kernel = image.backend.astype(kernel, image.sums)
        pixels = image.backend.astype(image.pixels, image.sums)
        y = correlated_with(pixels, kernel, _CENTRE, borderType)
        return saturated(y + delta, image)
    image = read(src, ddepth, CONVERTED, dst)
    over, smooth = (kernel_like(taps, image.sums, image) for taps in _pair(2, 0, ksize))
    along_x = passed(image, over, smooth, _CENTRE, borderType, image.sums)
    along_y = passed(image, smooth, over, _CENTRE, borderType, image.sums)
    return saturated((along_x + along_y) * scale + delta, image)


@explained()
def getDerivKernels(
    dx: int,
    dy: int,
    ksize: int,
    kx: None = None,
    ky: None = None,
    normalize: bool = False,
    ktype: int = CV_32F,
    *,
    like: Array | None = None,
) -> tuple[Array, Array]:
    """Return the kernels along x and y of `Sobel`, as ``cv2.getDerivKernels``.

    Parameters
    ----------
    dx, dy : int
        Orders of the derivative.
    ksize : int
        1, 3, 5 or 7, and further to 31; ``FILTER_SCHARR`` for those of `Scharr`.
    kx, ky : None
        Not supported: the kernels are returned.
    normalize : bool, optional
        Divide by the sum of the smoothing part.
    ktype : int, optional
        ``CV_32F`` or ``CV_64F``.
    like : array, optional
        Make arrays of its library, on its device. OpenCV has no such argument.

    Returns
    -------
    kx, ky : array of shape (n, 1)

    Raises
    ------
    cv2.error
        For sizes and orders that OpenCV refuses.

    Examples
    --------
    >>> from multiconv.compat import cv2
    >>> kx, ky = cv2.getDerivKernels(1, 0, 3)
    >>> kx.ravel(), ky.ravel()
    (array([-1.,  0.,  1.], dtype=float32), array([1., 2., 1.], dtype=float32))
    """
    if any(given is not None for given in (kx, ky)):
        raise error("kx and ky must be None: arrays are not written to here")
    if ktype not in (CV_32F, CV_64F):
        raise error(f"ktype must be CV_32F or CV_64F, got {ktype!r}")
    first, second = (
        k * (_share(k, order, ksize) if normalize else 1.0)
        for k, order in zip(_pair(dx, dy, ksize), (dx, dy), strict=True)
    )
    return given_like(first[:, None], ktype, like), given_like(second[:, None], ktype, like)


def _derivative(image: Image, taps: Any, dx: int, scale: float, delta: float, border: Any) -> Array:
    row, column = (np.asarray(k, image.sums) for k in taps)
    if scale != 1:  # OpenCV scales the smoothing part, in the precision of the kernel
        row, column = (row * scale, column) if dx == 0 else (row, column * scale)
    is_whole = scale % 1 == 0  # the taps are
    sums = "int32" if is_whole and (image.dtype, image.result) == ("uint8", "int16") else None
    row, column = (kernel_like(k, image.sums, image) for k in (row, column))
    return separable(image, row, column, _CENTRE, delta, border, sums=sums)


def _pair(dx: Any, dy: Any, ksize: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the taps along x and y."""
    dx, dy, ksize = integer("dx", dx), integer("dy", dy), integer("ksize", ksize)
    if min(dx, dy) < 0 or dx + dy < 1:
        raise error(f"dx and dy must be orders of a derivative, not both 0, got {dx} and {dy}")
    if ksize <= 0:
        if dx + dy != 1:
            raise error(f"Scharr's derivatives are of order 1: got dx={dx} and dy={dy}")
        both = np.array([3.0, 10, 3]), np.array([-1.0, 0, 1])
        return both[dx], both[dy]
    if ksize % 2 == 0 or ksize > 31:
        raise error(f"ksize must be odd and at most 31, got {ksize}")
    return _taps(dx, ksize), _taps(dy, ksize)


def _taps(order: int, ksize: int) -> NDArray[np.float64]:
    """Return differences of the binomial coefficients: (1 + z)^(n - order - 1) (1 - z)^order."""
    size = 3 if ksize == 1 and order else ksize
    if size <= order:
        raise error(f"ksize={ksize} is too small for a derivative of order {order}")
    taps = np.ones(1)
    for pair in [[1.0, 1.0]] * (size - order - 1) + [[-1.0, 1.0]] * order:
        taps = np.convolve(taps, pair)
    return taps


def _share(taps: NDArray[np.float64], order: int, ksize: int) -> float:
    """Return what makes the smoothing part of a kernel sum to 1."""
    if ksize <= 0:
        return 1.0 if order else 1 / 32  # as OpenCV has it, although the sum is 16
    return 1 / 2.0 ** (len(taps) - order - 1)
