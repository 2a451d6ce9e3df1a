"""NumPy's correlations that are products of matrices as they lie, and need no patch matrix at all.

A kernel of one tap multiplies the channels of every pixel, ``y[n] = w x[n]``. Its gradient is a
kernel as large as the image, which gives one output: ``dw = sum over n of g[n] x[n]'``, where the
images are the channels of that correlation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.geometry import Geometry

# Of kernels as large as the image: a product for each channel is worth its call.
_TAPS = 64


def takes(channels: int, filters: int, geometry: Geometry) -> bool:
    """Tell whether a correlation is such a product, of matrices that BLAS is good at."""
    sizes: tuple[Any, ...] = (channels, filters, geometry.outputs, geometry.taps)
    if not all(isinstance(size, int) for size in sizes) or 0 in sizes:
        return False
    if any(map(any, geometry.pads)) or filters == 1:
        return False
    if geometry.taps == 1:
        return channels > 1
    is_whole = geometry.kernel_size == geometry.input_size and max(geometry.dilation) == 1
    return is_whole and geometry.taps >= _TAPS


def correlate(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel) to (N, G, O, *output)."""
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    if geometry.taps == 1:
        (_, window), *_ = geometry.tap_windows()
        pixels = x[window].reshape(batch, groups, channels, geometry.outputs)
        y: NumPyArray = np.matmul(weight.reshape(groups, filters, channels), pixels)
    else:
        y = _of_whole_images(x, weight, geometry.taps)
    return y.reshape(batch, groups, filters, *geometry.output_size)


def _of_whole_images(x: NumPyArray, weight: NumPyArray, taps: int) -> NumPyArray:
    """Multiply the channels one by one, whose numbers may lie far apart, and add them up."""
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    y = np.empty((batch, groups, filters), x.dtype)
    product = np.empty((batch, filters), x.dtype)
    for g in range(groups):
        for c in range(channels):
            first, second = x[:, g, c].reshape(batch, taps), weight[g, :, c].reshape(filters, taps)
            np.matmul(first, second.T, out=product if c else y[:, g])
            if c:
                y[:, g] += product
    return y
