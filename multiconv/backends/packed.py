"""NumPy's patch matrix without its repeated rows: one product per row of the kernel.

A patch matrix repeats every pixel for each tap. Along all axes but the first it is formed here as
well, by one copy; along the first it need not be, for what a kernel's next row sees is the same
matrix some columns on. So a block is copied once and multiplied once per row of the kernel.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.geometry import Geometry

_Grid: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]

# Numbers of a block, which is in cache for all its products.
BLOCK = 2**19
# With fewer rows in a matrix, products are slower than what they save.
_DEPTH, _PLACES = 64, 256


def takes(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> bool:
    """Tell whether products by row are faster here, and need no more memory than a few blocks."""
    batch, _, channels = x.shape[:3]
    is_short = geometry.outputs < geometry.taps
    if geometry.axes < 2 or x.dtype.char not in "fd":
        return False
    if is_short:
        counts, step = geometry.output_size, geometry.dilation[0]
        depth, across = batch * math.prod(counts[1:]), math.prod(geometry.kernel_size[1:])
        places, reach = geometry.taps, (counts[0] - 1) * geometry.stride[0]
    else:
        counts, step = geometry.kernel_size, geometry.stride[0]
        depth, across = channels * math.prod(counts[1:]), math.prod(geometry.output_size[1:])
        places, reach = geometry.outputs, (counts[0] - 1) * geometry.dilation[0]
    is_wide = depth >= _DEPTH and places >= _PLACES and weight.shape[1] > 1
    return step == 1 and counts[0] > 1 and is_wide and 2 * depth * across * (reach + 1) <= BLOCK


def correlate(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel), zeros around, to (N, G, O, *output)."""
    if geometry.outputs < geometry.taps:
        return _few_outputs(x, weight, geometry)
    batch, groups, channels = x.shape[:3]
    filters, high, step = weight.shape[1], geometry.kernel_size[0], geometry.dilation[0]
    height, across = geometry.output_size[0], math.prod(geometry.output_size[1:])
    depth, reach = channels * math.prod(geometry.kernel_size[1:]), (high - 1) * step
    parts = _parts(height, depth * across, reach)
    buffer = _buffer(parts, depth * across, reach, x)
    room = np.empty(filters * parts[0][1] * across, x.dtype)
    kernels = np.moveaxis(weight, 3, 1).reshape(groups, high, filters, depth)
    y = np.empty((batch, groups, filters, height * across), x.dtype)
    taps, places = _grids(geometry)
    with_border = border(x, (channels,), geometry)
    for n, g in np.ndindex(batch, groups):
        seen = _seen(with_border(x[n, g]), taps, places)
        for start, stop in parts:
            columns = _packed(seen, start, stop + reach, depth, buffer)
            count = (stop - start) * across
            total = y[n, g, :, start * across : stop * across]
            product = room[: filters * count].reshape(filters, count)
            for row in range(high):
                at = row * step * across
                out = product if row else total
                np.matmul(kernels[g, row], columns[:, at : at + count], out=out)
                if row:
                    total += product
    return y.reshape(batch, groups, filters, *geometry.output_size)


def _few_outputs(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Do the same with the roles of taps and outputs exchanged, as for a kernel's gradient."""
    batch, groups, channels = x.shape[:3]
    filters, high, step = weight.shape[1], geometry.output_size[0], geometry.stride[0]
    height, across = geometry.kernel_size[0], math.prod(geometry.kernel_size[1:])
    depth, reach = batch * math.prod(geometry.output_size[1:]), (high - 1) * step
    parts = _parts(height, depth * across, reach)
    buffer = _buffer(parts, depth * across, reach, x)
    product = np.empty((filters, depth), x.dtype)
    y = np.zeros((groups, high, filters, depth), x.dtype)
    taps, places = _grids(geometry)
    with_border = border(x, (batch,), geometry)
    for g, c in np.ndindex(groups, channels):
        seen = _seen(with_border(x[:, g, c]), places, taps)
        kernel = weight[g, :, c].reshape(filters, height * across)
        for start, stop in parts:
            columns = _packed(seen, start, stop + reach, depth, buffer)
            met, count = kernel[:, start * across : stop * across], (stop - start) * across
            for row in range(high):
                at = row * step * across
                np.matmul(met, columns[:, at : at + count].T, out=product)
                y[g, row] += product
    y = y.reshape(groups, high, filters, batch, *geometry.output_size[1:])
    return np.moveaxis(y, (3, 0, 2, 1), (0, 1, 2, 3))


def border(
    x: NumPyArray, lead: tuple[int, ...], geometry: Geometry
) -> Callable[[NumPyArray], NumPyArray]:
    """Return what puts a border around images, one after another into the same memory."""
    if not any(map(any, geometry.pads)):
        return lambda image: image
    room = np.zeros((*lead, *geometry.padded_size), x.dtype)
    ends = zip(geometry.pads, geometry.input_size, strict=True)
    window: tuple[Any, ...] = (..., *[slice(low, low + size) for (low, _), size in ends])
    middle = room[window]

    def put(image: NumPyArray) -> NumPyArray:
        np.copyto(middle, image)
        return room

    return put


def _parts(height: int, per_row: int, reach: int) -> list[tuple[int, int]]:
    """Cut rows into parts of a block each, all about alike, the largest first."""
    rows = min(height, max(1, BLOCK // per_row - reach))
    count = -(-height // rows)
    step = -(-height // count)
    return list(itertools.pairwise([*range(0, height, step), height]))


def _buffer(parts: list[tuple[int, int]], per_row: int, reach: int, x: NumPyArray) -> NumPyArray:
    return np.empty((parts[0][1] + reach) * per_row, x.dtype)


def _grids(geometry: Geometry) -> tuple[_Grid, _Grid]:
    """Return how many taps and outputs there are behind the first axis, and their distances."""
    taps = geometry.kernel_size[1:], geometry.dilation[1:]
    return taps, (geometry.output_size[1:], geometry.stride[1:])


def _seen(x: NumPyArray, rows: _Grid, columns: _Grid) -> NumPyArray:
    """View (C, *padded) as (C, *rows, first axis, *columns): what the one sees of the other."""
    along_rows, along_columns = (
        [step * apart for step, apart in zip(x.strides[2:], grid[1], strict=True)]
        for grid in (rows, columns)
    )
    return np.lib.stride_tricks.as_strided(
        x,
        (x.shape[0], *rows[0], x.shape[1], *columns[0]),
        (x.strides[0], *along_rows, x.strides[1], *along_columns),
        writeable=False,
    )


def _packed(seen: NumPyArray, start: int, stop: int, depth: int, buffer: NumPyArray) -> NumPyArray:
    """Copy some rows of what is seen into a matrix with ``depth`` rows."""
    axis = (seen.ndim - 2) // 2 + 1
    window: tuple[Any, ...] = (*(slice(None),) * axis, slice(start, stop))
    part = seen[window]
    matrix = buffer[: part.size].reshape(part.shape)
    np.copyto(matrix, part)
    return matrix.reshape(depth, -1)
