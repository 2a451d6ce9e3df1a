"""NumPy's sums over many channels: for every tap in C order, a product of matrices.

Each product is one of the same size, of so many outputs at a time, so that a sum does not depend on
how many others there are, and an image in chunks has the bits of the whole: a BLAS adds up in
another order at the edges of a matrix, and in small ones.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.geometry import Geometry

# Outputs of a product: what a BLAS takes at a time (8, 12, 16, 24, 32 or 48) divides it.
_WIDTH = 96
# Numbers that a tap meets at a time, and that stay in cache.
_BLOCK = 2**16


def mixed(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel) to (N, G, O, *output)."""
    batch, groups, channels = x.shape[:3]
    filters, size = weight.shape[1], geometry.output_size
    row = math.prod(size[1:])
    step = min(size[0], max(1, _BLOCK // (channels * row)))
    count = -(-step * row // _WIDTH)
    seen = np.zeros((groups, channels, count * _WIDTH), x.dtype)
    rows = seen[..., : step * row].reshape(groups, channels, step, *size[1:])
    panels = seen.reshape(groups, channels, count, _WIDTH).swapaxes(1, 2)
    product = np.empty((groups, count, filters, _WIDTH), x.dtype)
    of_taps = np.moveaxis(weight.reshape(*weight.shape[:3], geometry.taps), 3, 0)
    taps = [
        (np.ascontiguousarray(factors)[:, None], window[1:])
        for factors, (_, window) in zip(of_taps, geometry.tap_windows(), strict=True)
    ]
    y = np.empty((batch, groups, filters, *size), x.dtype)
    stride = geometry.stride[0]
    for n in range(batch):
        for first in range(0, size[0], step):
            number = min(step, size[0] - first)
            total = np.zeros_like(product)
            for factors, window in taps:
                start = window[0].start + first * stride
                behind: tuple[Any, ...] = (slice(start, start + (number - 1) * stride + 1, stride),)
                rows[:, :, :number] = x[n][(slice(None), slice(None), *behind, *window[1:])]
                np.matmul(factors, panels, out=product)
                total += product
            sums = total.swapaxes(1, 2).reshape(groups, filters, -1)[..., : number * row]
            y[n, :, :, first : first + number] = sums.reshape(groups, filters, number, *size[1:])
    return y
