"""The adjoint with respect to the input, of arrays in chunks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from multiconv.backends.base import Array
from multiconv.chunked import blocks
from multiconv.chunked.blocks import Range
from multiconv.chunked.graph import Graph, Key, Pieces, axes_of, numbered, sizes
from multiconv.chunked.joining import Fold
from multiconv.chunked.pieces import Axis
from multiconv.core.geometry import Geometry


class Adjoint(Graph):
    """The adjoint with respect to the input: blocks of pixels, and the outputs they reach.

    A border that repeats pixels is computed as pixels of its own, and added back.
    """

    def array(self) -> Array:
        """Return the lazy result."""
        geometry, lead = self.geometry, self.lead(self.x)
        chunks = self.x.chunks[self.x.ndim - geometry.axes :]
        ranges = [
            blocks.input_blocks(s, c, n)
            for s, c, n in zip(geometry.stride, chunks, geometry.input_size, strict=True)
        ]
        weight = self.one_chunk(self.second)
        channels = () if self.part.layout.is_image else (0,)
        repeats = blocks.repeats_pixels(geometry)
        axes = axes_of(geometry, [[n] for n in geometry.input_size])
        for images in numbered(lead):
            for block in numbered(ranges):
                place = (*(n for n, _ in images), *channels, *(n for n, _ in block))
                key = (self.name, *place)
                wanted = [ends for _, ends in block]
                if repeats:
                    self._fold(key, images, axes, wanted, weight)
                else:
                    self.tasks[key] = self._block(images, wanted, geometry, weight)
        filters = self.part.layout.whole("x", ())[len(lead) :]
        return self.finished([*lead, *([n] for n in filters), *map(sizes, ranges)])

    def _block(
        self,
        images: Sequence[tuple[int, int]],
        block: Sequence[Range],
        geometry: Geometry,
        weight: Pieces,
        *,
        is_wide: bool = False,
    ) -> tuple[Any, ...]:
        chunks = self.x.chunks[self.x.ndim - geometry.axes :]
        pieces = self.before_space(self.x, [number for number, _ in images])
        for number, ends in enumerate(block):
            reached, geometry = geometry.reaching(number, *ends, sum(chunks[number]))
            pieces.append(Axis(chunks[number]).between(reached.start, reached.stop))
        part = self.part_of([size for _, size in images], geometry, is_wide=is_wide)
        return self.compute(part, self.pieces(self.x, pieces), weight)

    def _fold(
        self,
        key: Key,
        images: Sequence[tuple[int, int]],
        axes: Sequence[Axis],
        block: Sequence[Range],
        weight: Pieces,
    ) -> None:
        """Add up the parts of the padded image that show pixels of a block."""
        self.refuse_exact("the image and its border, which is added back to it,")
        padded = self.geometry.padded()
        shares = [blocks.shares(axis, ends) for axis, ends in zip(axes, block, strict=True)]
        if all(len(share.ranges) == 1 for share in shares):
            self.tasks[key] = self._block(images, [s.ranges[0] for s in shares], padded, weight)
            return
        keys = []
        for ranges in itertools.product(*(share.ranges for share in shares)):
            numbers = (n for n, _ in images)
            shown = (f"{self.name}-border", *numbers, *itertools.chain(*ranges))
            if shown not in self.tasks:
                self.tasks[shown] = self._block(images, ranges, padded, weight, is_wide=True)
            keys.append(shown)
        places = tuple(tuple(share.places) for share in shares)
        self.tasks[key] = (Fold(tuple(sizes(block)), places, self.result_dtype()), keys)
