"""Where OpenCV adds up the rows and columns of bytes in integers, and how it rounds there.

Bytes become bytes in whole 256ths along each axis if both kernels are symmetric means of such. Its
vectors then round ties to even, and what is left of a row is rounded half up. Bytes become int16 in
integers if both kernels are whole numbers and symmetric or antisymmetric. The delta is rounded to
an integer before it is added there, but by the vectors for most columns of three numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.compat.cv2.images import Image, anchored, kernel_like

_EPSILON = 2.0**-23  # OpenCV's FLT_EPSILON

# How many numbers of a row make the shortest vector on an x86 processor with AVX2.
_BYTES, _SHORTS = 16, 8


def is_centred(sizes: tuple[int, int], anchor: Any) -> bool:
    """Tell whether the anchor lies in the middle of kernels of odd sizes."""
    at = anchored(anchor, sizes)
    return all(2 * a + 1 == n for a, n in zip(at, sizes, strict=True))


def bytes_half_up(image: Image, row: Array, column: Array) -> tuple[Array, Array, Array]:
    """Return kernels for bytes as OpenCV has them, and where ties are rounded up."""
    backend, xp = image.backend, image.backend.xp
    fixed = xp.logical_and(_is_mean(row, backend), _is_mean(column, backend))
    row, column = (
        xp.where(fixed, xp.round(k * 256) / 256, k)
        for k in (backend.astype(kernel, image.sums) for kernel in (row, column))
    )
    return row, column, xp.logical_and(fixed, _rest_of_rows(image, _BYTES))


def shorts_delta(image: Image, row: Array, column: Array, delta: float) -> Array:
    """Return what OpenCV adds to the sums of bytes that become int16."""
    backend, xp = image.backend, image.backend.xp
    given, rounded = (kernel_like(d, image.sums, image) for d in (delta, np.rint(delta)))
    added = rounded
    if column.shape[0] == 3:
        added = xp.where(_has_its_own_sum(column, backend), rounded, given)
        added = xp.where(_rest_of_rows(image, _SHORTS), rounded, added)
    is_whole = xp.logical_and(_is_mirrored(row, backend), _is_mirrored(column, backend))
    return xp.where(is_whole, added, given)


def _rest_of_rows(image: Image, vector: int) -> Array:
    """Tell of each pixel of a row whether it comes after the last vector."""
    row = tuple(image.pixels.shape)[1:]
    count = math.prod(row)
    rest = np.arange(count) >= count // vector * vector
    return kernel_like(rest.reshape(row), "bool", image)


def _has_its_own_sum(column: Array, backend: Backend) -> Array:
    """Tell whether a column is one of those that OpenCV's vectors add up in integers."""
    xp = backend.xp
    centre, last = (backend.astype(column[i], backend.canonical("float64")) for i in (1, 2))
    differences = xp.logical_and(centre == 0, xp.abs(last) == 1)
    return xp.logical_or(differences, xp.logical_and(xp.abs(centre) == 2, last == 1))


def _is_mean(kernel: Array, backend: Backend) -> Array:
    xp = backend.xp
    kernel = backend.astype(kernel, backend.canonical("float64"))
    total, scaled = xp.sum(kernel), kernel * 256
    is_mean = xp.abs(total - 1) <= _EPSILON * (xp.abs(total) + 1)
    is_whole = xp.all(xp.abs(scaled - xp.round(scaled)) <= 10 * _EPSILON * 256)
    found = xp.logical_and(is_mean, is_whole)
    found = xp.logical_and(found, xp.all(kernel == xp.flip(kernel, axis=0)))
    found = xp.logical_and(found, xp.all(kernel >= 0))
    # One pixel and zeros around it are an integer kernel, for which the floats are kept.
    return xp.logical_and(found, xp.any(kernel != xp.round(kernel)))


def _is_mirrored(kernel: Array, backend: Backend) -> Array:
    xp = backend.xp
    kernel = backend.astype(kernel, backend.canonical("float64"))
    mirrored = xp.flip(kernel, axis=0)
    either = xp.logical_or(xp.all(kernel == mirrored), xp.all(kernel == -mirrored))
    return xp.logical_and(either, xp.all(kernel == xp.round(kernel)))
