"""Sums over all blocks, in a tree: the adjoint with respect to the weight, and what is like it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of
from multiconv.chunked import blocks, dask
from multiconv.chunked.graph import Graph, Key, Pieces, axes_of, numbered
from multiconv.chunked.joining import Joins, Sum, joined
from multiconv.chunked.parts import Part
from multiconv.chunked.pieces import Axis, Piece
from multiconv.core.geometry import Geometry

_TOGETHER = 8  # terms of a sum that one task adds up


class Reduction(Graph):
    """Something added up over all blocks of outputs, of what they see and of a second image."""

    def terms(self, task: Callable[[Sequence[int], Geometry, Pieces, Pieces], Any]) -> list[Key]:
        """Return the keys of the terms, each a task of the images, the geometry and the pieces."""
        geometry, lead = self.geometry, self.lead(self.x)
        chunks = self.x.chunks[self.x.ndim - geometry.axes :]
        behind = self.second.chunks[self.second.ndim - geometry.axes :]
        axes, beside = axes_of(geometry, chunks), [Axis(sizes) for sizes in behind]
        ranges = [blocks.output_blocks(geometry, i, c) for i, c in enumerate(chunks)]
        count = math.prod(map(len, [*lead, *ranges]))
        if count > 1:
            self.refuse_exact(f"each of {count} blocks")
        keys: list[Key] = []
        for images in numbered(lead):
            numbers = [number for number, _ in images]
            before, beside_before = self.before_space(self.x, numbers), self._beside(numbers)
            for block in numbered(ranges):
                wanted = [ends for _, ends in block]
                pieces, local = blocks.seen(geometry, axes, wanted)
                first = self.pieces(self.x, [*before, *pieces])
                cut = [axis.between(*ends) for axis, ends in zip(beside, wanted, strict=True)]
                second = self.pieces(self.second, [*beside_before, *cut])
                keys.append((f"{self.name}-term", len(keys)))
                self.tasks[keys[-1]] = task([size for _, size in images], local, first, second)
        return keys

    def _beside(self, images: Sequence[int]) -> list[list[Piece]]:
        """Return the second array's pieces for a chunk of images, and all of its channels."""
        pieces = []
        for number, chunks, own in zip(images, self.x.chunks, self.second.chunks, strict=False):
            start = sum(chunks[:number])
            pieces.append(Axis(own).between(start, start + chunks[number]))
        channels = self.second.chunks[len(images) : self.second.ndim - self.geometry.axes]
        return pieces + [Axis(chunks).whole() for chunks in channels]

    def add_up(self, terms: list[Key], key: Key, add: Any, last: Any) -> None:
        """Add the terms in a tree, the last of them by ``last``."""
        level = 0
        while len(terms) > _TOGETHER:
            level += 1
            sums = []
            for first in range(0, len(terms), _TOGETHER):
                sums.append((f"{self.name}-sum", level, first))
                self.tasks[sums[-1]] = (add, terms[first : first + _TOGETHER])
            terms = sums
        self.tasks[key] = (last, terms)


class WeightGrad(Reduction):
    """The adjoint with respect to the weight."""

    def array(self) -> Array:
        """Return the lazy result."""

        def term(images: Sequence[int], local: Geometry, first: Pieces, second: Pieces) -> Any:
            return self.compute(self.part_of(images, local, is_wide=True), first, second)

        shape = self.part.layout.whole("weight", self.geometry.kernel_size)
        terms = self.terms(term)
        self.dtype = self.result_dtype()
        self.add_up(terms, (self.name, *(0 for _ in shape)), Sum(), Sum(self.dtype))
        return self.finished([[n] for n in shape])


@dataclass(frozen=True)
class _Term:
    """A term of a reduction, of the arrays that its pieces make."""

    of: Callable[[Array, Array], Any]
    first: Joins
    second: Joins

    def __call__(self, first: list[Array], second: list[Array]) -> Any:
        backend, _ = backend_of({"x": first[0], "y": second[0]})
        return self.of(joined(first, self.first, backend), joined(second, self.second, backend))


def reduced(
    part: Part,
    x: Array,
    y: Array,
    term: Callable[[Geometry], Callable[[Array, Array], Any]],
    add: Callable[[list[Any]], Any],
) -> Any:
    """Compute a reduction over blocks of outputs.

    ``term(geometry)`` returns a function of what a block of outputs sees, by that correlation, and
    of the same block of y; ``add`` makes one of several terms.
    """
    graph = Reduction(part, x, y)
    keys = graph.terms(
        lambda images, local, first, second: (
            _Term(term(local), first[1], second[1]),
            first[0],
            second[0],
        )
    )
    graph.add_up(keys, graph.name, add, add)
    return dask.computed(graph.name, graph.tasks, graph.sources)
