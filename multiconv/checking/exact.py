"""Correlations and their gradients from the definition: each product exact, each sum rounded once.

The products of numbers of 26 bits are exact in float64, and `math.fsum` rounds their sum once. All
that is drawn has fewer bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Sums(NamedTuple):
    """Sums of products: their values, those of the magnitudes, and the products in each."""

    values: Floats
    magnitudes: Floats
    products: int

    def reshape(self, *shape: int) -> Sums:
        """Return the same sums in another shape."""
        return Sums(self.values.reshape(shape), self.magnitudes.reshape(shape), self.products)


def correlate(x: Floats, weight: Floats) -> Sums:
    """Correlate images (N, C, H, W) with a weight (O, C, kh, kw)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    windows = np.moveaxis(windows, 1, 3)[:, None]  # (N, 1, H', W', C, kh, kw)
    return _summed(windows * weight[None, :, None, None], 3)


def input_grad(dy: Floats, weight: Floats) -> Sums:
    """Return the gradient of ``sum(y * dy)`` by the images: dy, with a border, times the kernel."""
    kh, kw = weight.shape[2:]
    bordered = np.pad(dy, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    return correlate(bordered, weight.swapaxes(0, 1)[:, :, ::-1, ::-1])


def weight_grad(dy: Floats, x: Floats) -> Sums:
    """Return the gradient of ``sum(y * dy)`` by the weight: the images correlated with dy."""
    found = correlate(x.swapaxes(0, 1), dy.swapaxes(0, 1))  # (C, O, kh, kw)
    return Sums(found.values.swapaxes(0, 1), found.magnitudes.swapaxes(0, 1), found.products)


def bias_grad(dy: Floats) -> Sums:
    """Return the gradient of ``sum(y * dy)`` by a bias per channel: the sums of dy."""
    return _summed(np.moveaxis(dy, 1, 0), 3)


def correlate2d(x: Floats, k: Floats) -> Sums:
    """Correlate an image (H, W) with a kernel (kh, kw)."""
    found = correlate(x[None, None], k[None, None])
    return found.reshape(*found.values.shape[2:])


def _summed(products: Floats, axes: int) -> Sums:
    """Add up over the last axes."""
    shape = products.shape[: products.ndim - axes]
    rows = products.reshape(*shape, -1)
    values = np.empty(shape)
    for place in np.ndindex(*shape):
        values[place] = math.fsum(rows[place])
    return Sums(values, np.abs(rows).sum(axis=-1), rows.shape[-1])
