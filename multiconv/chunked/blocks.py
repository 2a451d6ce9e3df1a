"""Into which blocks a result is cut, so that each lies where the input it needs lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from multiconv.chunked.joining import Place
from multiconv.chunked.pieces import Axis, Join, Piece
from multiconv.core.geometry import CONSTANT_MODES, Geometry

#: A block of an axis: from, and up to.
Range = tuple[int, int]


def output_blocks(geometry: Geometry, axis: int, chunks: Sequence[int]) -> list[Range]:
    """Cut the outputs of an axis where its input is cut: a block in the middle of what it sees.

    Without a border, and with one as wide as the kernel reaches, a block starts where the chunk
    does, and has its size over the stride.
    """
    (low, _), s = geometry.pads[axis], geometry.stride[axis]
    reach = geometry.span[axis] - 1
    ahead = max(low - (reach + 1) // 2, 0)
    starts = [-(-(start + ahead) // s) for start in accumulate(chunks, initial=0)]
    return _ranges(starts, geometry.output_size[axis])


def input_blocks(stride: int, chunks: Sequence[int], size: int) -> list[Range]:
    """Cut the pixels of an axis where the outputs that they take part in are cut."""
    return _ranges([stride * start for start in accumulate(chunks, initial=0)], size)


def _ranges(starts: list[int], size: int) -> list[Range]:
    cuts = [0, *(min(start, size) for start in starts[1:-1]), size]
    return [ends for ends in pairwise(cuts) if ends[0] < ends[1]] or [(0, size)]


class Seen(NamedTuple):
    """What a block of outputs sees: pieces of the input, and the correlation over them."""

    pieces: list[list[Piece]]
    geometry: Geometry


def seen(geometry: Geometry, axes: Sequence[Axis], block: Sequence[Range]) -> Seen:
    """Return what a block of outputs sees, borders that repeat pixels included."""
    repeats = repeats_pixels(geometry)
    if repeats:
        geometry = geometry.padded()
    pieces = []
    for number, (axis, ends) in enumerate(zip(axes, block, strict=True)):
        slab, geometry = geometry.part(number, *ends)
        pieces.append((axis.padded if repeats else axis.between)(slab.start, slab.stop))
    return Seen(pieces, geometry)


def repeats_pixels(geometry: Geometry) -> bool:
    """Tell whether the border shows pixels of the image, and no constant."""
    return geometry.padding_mode not in CONSTANT_MODES and any(map(any, geometry.pads))


def enlarged(geometry: Geometry, block: Sequence[Range]) -> list[Range]:
    """Return a block with at least as many outputs as there are taps, where the whole has those.

    Methods add up in another order where there are fewer, and a block's sums are to be the whole's.
    """
    block = list(block)
    if geometry.outputs < geometry.taps:
        return block
    for axis in reversed(range(geometry.axes)):
        others = math.prod(stop - start for start, stop in (*block[:axis], *block[axis + 1 :]))
        needed = min(-(-geometry.taps // max(others, 1)), geometry.output_size[axis])
        start, stop = block[axis]
        if stop - start < needed:
            start = max(min(start, geometry.output_size[axis] - needed), 0)
            block[axis] = (start, start + needed)
    return block


def kept(wanted: Sequence[Range], computed: Sequence[Range]) -> list[Range]:
    """Return which of the outputs that are computed are wanted, nothing where all are."""
    if list(wanted) == list(computed):
        return []
    return [
        (start - first, stop - first)
        for (start, stop), (first, _) in zip(wanted, computed, strict=True)
    ]


class Shares(NamedTuple):
    """Which ranges of a padded axis show pixels of a block, and how they do."""

    ranges: list[Range]
    places: list[Place]


def shares(axis: Axis, block: Range) -> Shares:
    """Return the ranges of positions that show pixels of a block of an axis, itself first."""
    start, stop = block
    low, end = axis.low, axis.low + axis.size
    size = stop - start
    found = Shares([(start + low, stop + low)], [Place(0, 0, size, Join(size, False))])
    for side in ((0, low), (end, end + axis.high)):
        position = 0
        for run in axis.runs(*side):
            place = _place(run.start, run.stop, run.mirrored, run.length, block)
            if place is not None:
                found.ranges.append(side)
                found.places.append(
                    Place(position + place.start, place.at, place.width, place.join)
                )
            position += run.length
    return found


def _place(start: int, stop: int, mirrored: bool, length: int, block: Range) -> Place | None:
    """Return how a run of a border, from its own first element on, meets a block."""
    first, last = max(start, block[0]), min(stop, block[1])
    width = last - first
    if width <= 0:
        return None
    if length != stop - start:  # one pixel, repeated
        return Place(0, first - block[0], 1, Join(length, False))
    skipped = stop - last if mirrored else first - start
    return Place(skipped, first - block[0], width, Join(width, mirrored))
