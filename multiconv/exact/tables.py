"""Which elements of the operands meet in an output, along each spatial axis.

The products of an output are all combinations of a pair of each axis and of a contracted channel
(or image): with the pairs of every axis in a table, any output can be summed up by itself.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.geometry import Geometry
from multiconv.exact.description import Sum
from multiconv.methods.borders import pixel_of_border


class Table(NamedTuple):
    """The pairs of an axis: row r has those of the output at r.

    ``first`` and ``second`` are positions in the operands, (rows, length). Where a row has fewer
    pairs, and where a pair is a zero of the border, ``first`` is -1.
    """

    first: NumPyArray
    second: NumPyArray

    @property
    def length(self) -> int:
        """Return the largest number of pairs in a row."""
        return int(self.first.shape[1])

    @property
    def repeats(self) -> int:
        """Return how often a row has one and the same element of the second operand, at most.

        A pixel that a border repeats meets a tap once for each of its copies.
        """
        most = 0
        for first, second in zip(self.first, self.second, strict=True):
            met = second[first >= 0]
            most = max(most, int(np.bincount(met).max()) if met.size else 0)
        return most


@functools.lru_cache(maxsize=256)
def tables(total: Sum) -> tuple[Table, ...]:
    """Return the table of every spatial axis."""
    return tuple(_table(total, axis) for axis in range(total.geometry.axes))


def _table(total: Sum, axis: int) -> Table:
    source = _sources(total.geometry, axis, total.y_size[axis])
    outputs, taps = source.shape
    if total.wanted == "y":
        return Table(source, np.broadcast_to(np.arange(taps), source.shape).copy())
    if total.wanted == "weight":
        return Table(source.T.copy(), np.broadcast_to(np.arange(outputs), (taps, outputs)).copy())
    output, tap = np.nonzero(source >= 0)
    pixel = source[output, tap]
    order = np.argsort(pixel, kind="stable")
    output, tap, pixel = output[order], tap[order], pixel[order]
    counts = np.bincount(pixel, minlength=total.size[axis])
    starts = np.cumsum(counts) - counts
    shape = (total.size[axis], max(int(counts.max(initial=0)), 1))
    table = Table(np.full(shape, -1), np.zeros(shape, np.int64))
    place = np.arange(pixel.size) - starts[pixel]
    table.first[pixel, place] = output
    table.second[pixel, place] = tap
    return table


def _sources(geometry: Geometry, axis: int, outputs: int) -> NumPyArray:
    """Return the pixel that each (output, tap) reads along an axis, -1 for a zero."""
    low, high = geometry.pads[axis]
    shown = pixel_of_border(geometry.input_size[axis], low, high, geometry.padding_mode)
    place = (
        np.arange(outputs)[:, None] * geometry.stride[axis]
        + np.arange(geometry.kernel_size[axis]) * geometry.dilation[axis]
    )
    pixels: NumPyArray = np.asarray(shown, np.int64)[place]
    return pixels
