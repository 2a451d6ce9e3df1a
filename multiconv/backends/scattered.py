"""NumPy's correlation to few channels from many: the products first, then their sums.

A patch matrix repeats every pixel of every channel for each tap. Where there are fewer results than
channels (the gradient with respect to an image of three colours is one), it is less to multiply the
pixels by all taps at once, each pixel read once, and to add what belongs to a tap where it falls::

    z[o, k, q] = sum over c of w[o, c, k] x[c, q]        y[o, p] = sum over k of z[o, k, p + d k]

(Vasudevan, Anderson and Gregg, 2017, "kn2row").
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.packed import BLOCK, border
from multiconv.core.geometry import Geometry

# So many times more channels than results.
_FEWER = 4
# With fewer channels or pixels there is no matrix product to speak of.
_CHANNELS, _PIXELS = 16, 256


def takes(channels: int, filters: int, geometry: Geometry) -> bool:
    """Tell whether products come first here."""
    sizes: tuple[Any, ...] = (channels, filters, geometry.outputs)
    if not all(isinstance(size, int) for size in sizes) or max(geometry.stride) > 1:
        return False
    per_row = filters * geometry.taps * math.prod(geometry.padded_size[1:])
    is_worth = channels >= max(_CHANNELS, _FEWER * filters) and geometry.outputs >= _PIXELS
    return is_worth and 1 < geometry.taps <= geometry.outputs and per_row <= BLOCK


def correlate(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel), zeros around, to (N, G, O, *output)."""
    batch, groups, channels = x.shape[:3]
    filters, kernel_size = weight.shape[1], geometry.kernel_size
    height, *rest = geometry.padded_size
    across = math.prod(rest)
    step = max(1, BLOCK // (filters * geometry.taps * across))
    kernels = np.moveaxis(weight, 2, -1).reshape(groups, filters * geometry.taps, channels)
    room = np.empty((filters * geometry.taps, min(step, height) * across), x.dtype)
    y = np.zeros((batch, groups, filters, *geometry.output_size), x.dtype)
    with_border = border(x, (channels,), geometry)
    for n, g in np.ndindex(batch, groups):
        pixels = with_border(x[n, g]).reshape(channels, height * across)
        for start in range(0, height, step):
            stop = min(start + step, height)
            products = room[:, : (stop - start) * across]
            np.matmul(kernels[g], pixels[:, start * across : stop * across], out=products)
            shape = (filters, *kernel_size, stop - start, *rest)
            _add(y[n, g], products.reshape(shape), start, geometry)
    return y


def _add(y: NumPyArray, products: NumPyArray, start: int, geometry: Geometry) -> None:
    """Add the products of the rows of the image from ``start`` on, each tap's where it falls."""
    rows = products.shape[1 + geometry.axes]
    for tap in itertools.product(*map(range, geometry.kernel_size)):
        before = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        first = max(start, before[0])
        last = min(start + rows, before[0] + geometry.output_size[0])
        if first >= last:
            continue
        behind = tuple(
            slice(b, b + n) for b, n in zip(before[1:], geometry.output_size[1:], strict=True)
        )
        window: tuple[Any, ...] = (slice(None), *tap, slice(first - start, last - start), *behind)
        y[:, first - before[0] : last - before[0]] += products[window]
