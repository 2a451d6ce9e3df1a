"""The patch matrix of float32 images in blocks, each cast to float64 while it is copied."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.geometry import Geometry

# Numbers of a block, which stays in a core's cache, and columns it has where they are long.
BLOCK, COLUMNS = 2**16, 256


class Patches(NamedTuple):
    """The patches of all images and groups, by rows of the output.

    ``seen`` is a view (N, G, C, *kernel, *output) of the images with their border, and ``edges``
    has the first row of every block, and their number.
    """

    seen: NumPyArray
    length: int
    columns: int
    edges: list[int]

    @property
    def blocks(self) -> int:
        """Return how many blocks there are, of all images and groups."""
        images, groups = self.seen.shape[:2]
        return int(images * groups) * (len(self.edges) - 1)

    @property
    def widest(self) -> int:
        """Return how many columns a block has at most."""
        rows = max(b - a for a, b in itertools.pairwise(self.edges))
        return rows * self.columns

    def place(self, number: int) -> tuple[int, int, slice]:
        """Return image, group and the columns of the patch matrix that a block has."""
        lead, block = divmod(number, len(self.edges) - 1)
        image, group = divmod(lead, self.seen.shape[1])
        start, stop = self.edges[block : block + 2]
        return image, group, slice(start * self.columns, stop * self.columns)

    def copy(self, number: int, room: NumPyArray) -> NumPyArray:
        """Write a block into a flat room, and return it there, (length, columns)."""
        image, group, columns = self.place(number)
        axes = (self.seen.ndim - 3) // 2
        rows = slice(columns.start // self.columns, columns.stop // self.columns)
        source = self.seen[image, group][(*(slice(None),) * (1 + axes), rows)]
        count = columns.stop - columns.start
        block = room[: self.length * count]
        np.copyto(block.reshape(source.shape), source)
        return block.reshape(self.length, count)


def patches(x: NumPyArray, geometry: Geometry) -> Patches:
    """Look at (N, G, C, *size) with its zeros around, which is the only copy made here."""
    x = bordered(x, geometry)
    lead, steps = x.strides[:3], x.strides[3:]
    taps = (step * d for step, d in zip(steps, geometry.dilation, strict=True))
    outputs = (step * s for step, s in zip(steps, geometry.stride, strict=True))
    shape = (*x.shape[:3], *geometry.kernel_size, *geometry.output_size)
    seen = np.lib.stride_tricks.as_strided(x, shape, (*lead, *taps, *outputs), writeable=False)
    length = x.shape[2] * geometry.taps
    rows, columns = geometry.output_size[0], math.prod(geometry.output_size[1:])
    step = min(max(max(BLOCK // max(length, 1), COLUMNS) // columns, 1), rows)
    count = -(-rows // step)
    edges = [rows * i // count for i in range(count + 1)]
    return Patches(seen, length, columns, edges)


def bordered(x: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Put the zeros of a border around the last axes, or cut off where there are less than none."""
    if not any(map(any, geometry.pads)):
        return x
    shape = (*x.shape[:3], *geometry.padded_size)
    result = np.zeros(shape, x.dtype)
    target: list[Any] = [...]
    source: list[Any] = [...]
    for n, (low, high) in zip(x.shape[3:], geometry.pads, strict=True):
        target.append(slice(max(low, 0), max(low, 0) + n + min(low, 0) + min(high, 0)))
        source.append(slice(max(-low, 0), n - max(-high, 0)))
    result[tuple(target)] = x[tuple(source)]
    return result
