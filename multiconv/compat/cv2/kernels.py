"""OpenCV's Gaussian kernel, and kernels as anyone's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.backends import registry
from multiconv.backends.base import Array
from multiconv.compat.cv2.constants import CV_32F, CV_64F, DTYPES, error, integer
from multiconv.compat.cv2.images import explained
from multiconv.kernels.smoothing import bell

# For sigma = 0, in 256ths.
_SMALL = {
    1: (256,),
    3: (64, 128, 64),
    5: (16, 64, 96, 64, 16),
    7: (8, 28, 56, 72, 56, 28, 8),
    9: (4, 13, 30, 51, 60, 51, 30, 13, 4),
}


@explained()
def getGaussianKernel(
    ksize: int, sigma: float, ktype: int = CV_64F, *, like: Array | None = None
) -> Array:
    """Return the samples of a Gaussian, as ``cv2.getGaussianKernel``.

    Parameters
    ----------
    ksize : int
        How many.
    sigma : float
        In pixels; not above 0 for ``0.3 * ((ksize - 1) * 0.5 - 1) + 0.8``, or tabulated kernels up
        to 9 pixels.
    ktype : int, optional
        ``CV_32F`` or ``CV_64F``.
    like : array, optional
        Make an array of its library, on its device. OpenCV has no such argument.

    Returns
    -------
    array of shape (ksize, 1)
        Which sums to 1.

    Raises
    ------
    cv2.error
        For an empty kernel and other types.

    Examples
    --------
    >>> from multiconv.compat import cv2
    >>> cv2.getGaussianKernel(3, 0).ravel()
    array([0.25, 0.5 , 0.25])
    """
    if ktype not in (CV_32F, CV_64F):
        raise error(f"ktype must be CV_32F or CV_64F, got {ktype!r}")
    return given_like(gaussian(ksize, sigma)[:, None], ktype, like)


def gaussian(size: Any, sigma: float) -> NDArray[np.float64]:
    """Return the samples of a Gaussian, which sum to 1."""
    size = integer("ksize", size, 1)
    if sigma <= 0 and size in _SMALL:
        return np.array(_SMALL[size]) / 256
    distance = np.arange(float(size)) - (size - 1) / 2
    # Of an even number, the two in the middle are as high as the peak between them would be.
    distance = np.where(np.abs(distance) < 1, 0.0, distance)
    values = bell(distance, sigma if sigma > 0 else size * 0.15 + 0.35)
    return values / np.sum(values)


def in_fixed_point(taps: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
    """Round symmetric samples to integers that sum to 2**bits, each error carried to the next."""
    whole, left = [], np.zeros(1)
    for i in range(len(taps) // 2):  # in arrays, which torch's compiler follows
        exact = taps[i : i + 1] * 2**bits + left
        whole.append(np.rint(exact))
        left = exact - whole[-1]
    half = np.concatenate([*whole, np.zeros(0)])
    middle = 2**bits - 2 * np.sum(half, keepdims=True)
    return np.concatenate([half, middle, half[::-1]]).astype("int64")


def given_like(kernel: NDArray[np.float64], ktype: int, like: Array | None) -> Array:
    """Make a kernel of the type OpenCV numbers, of the library of an array."""
    values = kernel.astype(DTYPES[ktype])
    if like is None:
        return values
    backend, [array] = registry.backend_of({"like": like})
    return backend.from_numpy(values, backend.canonical(DTYPES[ktype]), array)
