"""Tiles: how large they may be, and what each of them reads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from multiconv.backends.base import NumPyArray
from multiconv.chunked import blocks
from multiconv.chunked.joining import Joins
from multiconv.chunked.parts import Compute, Part
from multiconv.chunked.pieces import Axis, Join, Piece
from multiconv.core.geometry import Geometry
from multiconv.planning.operands import Layout
from multiconv.planning.options import Options
from multiconv.tiles.array_files import ArrayFile, Window

_SMALLEST, _LARGEST = 64, 8192  # sides of tiles


@dataclass(frozen=True)
class Grid:
    """The tiles of the correlation of a stack of images, (..., H, W), in C order."""

    lead: tuple[int, ...]
    geometry: Geometry
    side: int

    @property
    def counts(self) -> tuple[int, ...]:
        """How many tiles there are along each axis; along those of the stack, one per image."""
        return (*self.lead, *(-(-n // self.side) for n in self.geometry.output_size))

    def __len__(self) -> int:
        return math.prod(self.counts)

    @property
    def tile(self) -> tuple[int, ...]:
        """The shape of a tile inside."""
        sides = (min(n, self.side) for n in self.geometry.output_size)
        return (*(1 for _ in self.lead), *sides)

    def windows(self) -> Iterator[Window]:
        """Yield the part of the result that each tile is."""
        sizes = (*self.lead, *self.geometry.output_size)
        for place in itertools.product(*map(range, self.counts)):
            yield tuple(
                (n * step, min((n + 1) * step, size))
                for n, step, size in zip(place, self.tile, sizes, strict=True)
            )


@dataclass(frozen=True)
class Tile:
    """A tile: what it reads of the file, and what is computed of that."""

    number: int
    window: Window
    reads: tuple[Window, ...]
    compute: Compute

    def run(self, source: ArrayFile, kernel: NumPyArray, target: ArrayFile) -> int:
        """Compute and write it; return its number."""
        try:
            pieces = [source.read(window) for window in self.reads]
        except OSError as error:  # which the result's own errors are not to be taken for
            raise ValueError(f"{source.path!r} cannot be read: {error}") from error
        target.write(self.window, self.compute(pieces, [kernel], None))
        return self.number


def tiles(grid: Grid, options: Options, *, flips: bool, done: set[int]) -> Iterator[Tile]:
    """Yield the tiles that are not done yet."""
    geometry = grid.geometry
    repeats = blocks.repeats_pixels(geometry)
    axes = [
        Axis([n], *pads, geometry.padding_mode if repeats else "zeros")
        for n, pads in zip(geometry.input_size, geometry.pads, strict=True)
    ]
    if not any(map(any, geometry.pads)):
        geometry = geometry.padded()
    kernel = tuple((Join(n, mirrored=False),) for n in geometry.kernel_size)
    layout = Layout((1,) * len(grid.lead), 1, 1, 1, is_image=True)
    for number, window in enumerate(grid.windows()):
        if number in done:
            continue
        lead, wanted = window[: len(grid.lead)], window[len(grid.lead) :]
        computed = blocks.enlarged(geometry, wanted)
        pieces, local = blocks.seen(geometry, axes, computed)
        before = [[Piece(0, *ends, False, 1)] for ends in lead]
        placed = [*before, *pieces]
        reads = tuple(
            tuple((piece.start, piece.stop) for piece in place)
            for place in itertools.product(*placed)
        )
        joins: Joins = tuple(tuple(piece.join for piece in axis) for axis in placed)
        part = Part(("x", "weight"), "y", layout, local, options, flips)
        keep = tuple(blocks.kept(wanted, computed))
        yield Tile(number, window, reads, Compute(part, joins, kernel, keep))


def side(budget: int, pixel_bytes: float, geometry: Geometry) -> int:
    """Return the side of the largest square tile that is computed in so many bytes, 0 if none is.

    A power of two: the blocks that arrays are stored in have such sides.
    """
    powers = range(_SMALLEST.bit_length() - 1, _LARGEST.bit_length())
    fitting = (2**p for p in powers if _needs(2**p, pixel_bytes, geometry) <= budget)
    return max(fitting, default=0)


def least(pixel_bytes: float, geometry: Geometry) -> float:
    """Return how many bytes the smallest tile needs."""
    return _needs(_SMALLEST, pixel_bytes, geometry)


def _needs(side: int, pixel_bytes: float, geometry: Geometry) -> float:
    """Return what a tile needs: so much for each pixel that it sees."""
    sizes = zip(geometry.output_size, geometry.stride, geometry.span, strict=True)
    return pixel_bytes * math.prod((min(side, n) - 1) * s + span for n, s, span in sizes)
