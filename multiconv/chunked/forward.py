"""A correlation of arrays in chunks: blocks of outputs, and what they see."""

from __future__ import annotations

from multiconv.backends.base import Array
from multiconv.chunked import blocks
from multiconv.chunked.graph import Graph, axes_of, numbered, sizes


class Forward(Graph):
    """A correlation: blocks of outputs, and what they see."""

    def array(self) -> Array:
        """Return the lazy result."""
        geometry, lead = self.geometry, self.lead(self.x)
        chunks = self.x.chunks[self.x.ndim - geometry.axes :]
        axes = axes_of(geometry, chunks)
        ranges = [blocks.output_blocks(geometry, i, c) for i, c in enumerate(chunks)]
        weight = self.one_chunk(self.second)
        channels = () if self.part.layout.is_image else (0,)
        for images in numbered(lead):
            before = self.before_space(self.x, [number for number, _ in images])
            for block in numbered(ranges):
                wanted = [ends for _, ends in block]
                computed = blocks.enlarged(geometry, wanted)
                pieces, local = blocks.seen(geometry, axes, computed)
                first = self.pieces(self.x, [*before, *pieces])
                keep = blocks.kept(wanted, computed)
                part = self.part_of([size for _, size in images], local)
                place = (*(n for n, _ in images), *channels, *(n for n, _ in block))
                self.tasks[(self.name, *place)] = self.compute(part, first, weight, keep)
        filters = self.part.layout.whole("y", ())[len(lead) :]
        return self.finished([*lead, *([n] for n in filters), *map(sizes, ranges)])
