"""The graph of a convolution of Dask arrays: a task for every block, and for every piece it needs.

A block takes the pieces of chunks that it sees, so no axis is ever gathered but that of the
channels, which every output sums over. The number of tasks is linear in that of the chunks: with a
border as wide as the kernel reaches, at most 3 pieces along each spatial axis.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.dask import chunk_of
from multiconv.backends.registry import backend_of
from multiconv.chunked import blocks
from multiconv.chunked.blocks import Range
from multiconv.chunked.joining import Fold, Joins, Sum, Take, joined
from multiconv.chunked.parts import Compute, Part, plan_of
from multiconv.chunked.pieces import Axis, Piece
from multiconv.core.geometry import Geometry

#: The name of a task.
Key: TypeAlias = Any
#: The keys of the pieces of an array, and how they lie.
Pieces: TypeAlias = tuple[list[Key], Joins]

_TOGETHER = 8  # terms of a sum that one task adds up


def build(part: Part, x: Array, weight: Array, bias: Array | None) -> Array:
    """Return the lazy result of a correlation or an adjoint: of the two arrays, in that order."""
    return {"y": _Forward, "x": _Adjoint, "weight": _WeightGrad}[part.wanted](
        part, x, weight, bias
    ).array()


class _Graph:
    """The tasks of one result."""

    def __init__(self, part: Part, x: Array, second: Array, bias: Array | None) -> None:
        from dask.base import tokenize

        self.part = part
        # A border of no width is no border, whatever it would show.
        bordered = any(map(any, part.geometry.pads))
        self.geometry = part.geometry if bordered else part.geometry.padded()
        given = [("x", x), ("weight", second), ("bias", bias)]
        self.inner: Backend = backend_of({n: chunk_of(a) for n, a in given if a is not None})[0]
        self.name = f"multiconv-{part.wanted}-{tokenize(part, x, second, bias)}"
        self.tasks: dict[Key, Any] = {}
        self.sources: list[Array] = []
        self.x, self.second, self.bias = (self._source(n, a) for n, a in given)
        self._plans: dict[Any, Any] = {}
        self.dtype = ""

    def _source(self, name: str, array: Array | None) -> Array | None:
        """Return an array as Dask's, in one chunk where it is small beside the image."""
        import dask.array

        if array is None:
            return None
        if not isinstance(array, dask.array.Array):
            key = f"{self.name}-{name}"
            array = dask.array.from_array(array, chunks=array.shape, name=key, asarray=False)
        if name == "bias" or (name == "weight" and self.part.wanted != "weight"):
            array = array.rechunk(-1)
        self.sources.append(array)
        return array

    # Pieces ------------------------------------------------------------------------------------

    def pieces(self, array: Array, axes: Sequence[Sequence[Piece]]) -> Pieces:
        """Return the keys of the pieces of an array, cut where need be, and how they lie."""
        keys = [self._piece(array, place) for place in itertools.product(*axes)]
        return keys, tuple(tuple(piece.join for piece in axis) for axis in axes)

    def _piece(self, array: Array, place: Sequence[Piece]) -> Key:
        chunk = (array.name, *(piece.chunk for piece in place))
        sizes = (chunks[p.chunk] for chunks, p in zip(array.chunks, place, strict=True))
        if all(p.stop - p.start == size for p, size in zip(place, sizes, strict=True)):
            return chunk
        window = tuple((piece.start, piece.stop) for piece in place)
        key = (f"{self.name}-piece-{array.name}", *chunk[1:], *itertools.chain(*window))
        if key not in self.tasks:
            self.tasks[key] = (Take(window), chunk)
        return key

    def one_chunk(self, array: Array) -> Pieces:
        """Return the key of an array in one chunk."""
        return self.pieces(array, [Axis(chunks).whole() for chunks in array.chunks])

    def before_space(self, array: Array, lead: Sequence[int]) -> list[list[Piece]]:
        """Return the pieces of the axes before space: a chunk of each, and all channels."""
        pieces = [
            [Piece(number, 0, chunks[number], False, chunks[number])]
            for number, chunks in zip(lead, array.chunks, strict=False)
        ]
        channels = array.chunks[len(lead) : array.ndim - self.geometry.axes]
        return pieces + [Axis(chunks).whole() for chunks in channels]

    # Blocks ------------------------------------------------------------------------------------

    def lead(self, array: Array) -> list[Sequence[int]]:
        """Return the chunks of the axes of the batch."""
        return list(array.chunks[: len(self.part.layout.lead)])

    def part_of(self, lead: Sequence[int], geometry: Geometry, *, is_wide: bool = False) -> Part:
        """Return the part of a block, of so many images."""
        layout = self.part.layout._replace(lead=tuple(lead))
        return replace(self.part, layout=layout, geometry=geometry, is_wide=is_wide)

    def compute(
        self,
        part: Part,
        first: Pieces,
        second: Pieces,
        keep: Sequence[Range] = (),
    ) -> tuple[Any, ...]:
        """Return the task of a block, once it is known that there is a way to compute it."""
        shapes = [
            tuple(sum(join.length for join in axis) for axis in joins)
            for joins in (first[1], second[1])
        ]
        known = (part, *shapes)
        if known not in self._plans:
            signed = [
                (shape, *self.inner.signature(chunk_of(array))[1:])
                for shape, array in zip(shapes, (self.x, self.second), strict=True)
            ]
            bias = self.bias
            last = None if bias is None else self._signature_of_bias(bias)
            self._plans[known] = plan_of(part, self.inner, (*signed, last))
            self.dtype = self._plans[known].dtype
        bias_key = None if self.bias is None else (self.bias.name, 0)
        return (Compute(part, first[1], second[1], tuple(keep)), first[0], second[0], bias_key)

    def _signature_of_bias(self, bias: Array) -> tuple[Any, ...]:
        return (tuple(bias.shape), *self.inner.signature(chunk_of(bias))[1:])

    def finished(self, chunks: Sequence[Sequence[int]]) -> Array:
        """Return the Dask array of the tasks."""
        import dask.array
        from dask.highlevelgraph import HighLevelGraph

        graph = HighLevelGraph.from_collections(self.name, self.tasks, dependencies=self.sources)
        like = self.inner.astype(chunk_of(self.x), self.dtype)
        meta = self.inner.zeros((0,) * len(chunks), like)
        return dask.array.Array(graph, self.name, tuple(map(tuple, chunks)), meta=meta)


def _sizes(ranges: Sequence[Range]) -> list[int]:
    return [stop - start for start, stop in ranges]


def _numbered(axes: Sequence[Sequence[Any]]) -> itertools.product[tuple[tuple[int, Any], ...]]:
    """Return the blocks of a grid: of each axis, the number and what stands there."""
    return itertools.product(*(list(enumerate(axis)) for axis in axes))


class _Forward(_Graph):
    """A correlation: blocks of outputs, and what they see."""

    def array(self) -> Array:
        """Return the lazy result."""
        geometry, lead = self.geometry, self.lead(self.x)
        chunks = self.x.chunks[self.x.ndim - geometry.axes :]
        axes = _axes(geometry, chunks)
        ranges = [blocks.output_blocks(geometry, i, c) for i, c in enumerate(chunks)]
        weight = self.one_chunk(self.second)
        channels = () if self.part.layout.is_image else (0,)
        for images in _numbered(lead):
            before = self.before_space(self.x, [number for number, _ in images])
            for block in _numbered(ranges):
                wanted = [ends for _, ends in block]
                computed = blocks.enlarged(geometry, wanted)
                pieces, local = blocks.seen(geometry, axes, computed)
                first = self.pieces(self.x, [*before, *pieces])
                keep = blocks.kept(wanted, computed)
                part = self.part_of([size for _, size in images], local)
                place = (*(n for n, _ in images), *channels, *(n for n, _ in block))
                self.tasks[(self.name, *place)] = self.compute(part, first, weight, keep)
        filters = self.part.layout.whole("y", ())[len(lead) :]
        return self.finished([*lead, *([n] for n in filters), *map(_sizes, ranges)])


def _axes(geometry: Geometry, chunks: Sequence[Sequence[int]]) -> list[Axis]:
    mode = geometry.padding_mode if blocks.repeats_pixels(geometry) else "zeros"
    return [Axis(sizes, *pads, mode) for sizes, pads in zip(chunks, geometry.pads, strict=True)]


class _Adjoint(_Graph):
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
        axes = _axes(geometry, [[n] for n in geometry.input_size])
        for images in _numbered(lead):
            for block in _numbered(ranges):
                place = (*(n for n, _ in images), *channels, *(n for n, _ in block))
                key = (self.name, *place)
                wanted = [ends for _, ends in block]
                if repeats:
                    self._fold(key, images, axes, wanted, weight)
                else:
                    self.tasks[key] = self._block(images, wanted, geometry, weight)
        filters = self.part.layout.whole("x", ())[len(lead) :]
        return self.finished([*lead, *([n] for n in filters), *map(_sizes, ranges)])

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
        self.tasks[key] = (Fold(tuple(_sizes(block)), places, self._narrow()), keys)

    def _narrow(self) -> str:
        """Return the dtype of the result, whose sums may be wider."""
        return _result_dtype(self)


def _result_dtype(graph: _Graph) -> str:
    from multiconv.planning.operands import Operand, result_dtype

    inner = graph.inner
    operands = [
        Operand(name, (), inner.dtype_name(chunk_of(array).dtype), None)
        for name, array in zip(graph.part.given, (graph.x, graph.second), strict=True)
    ]
    return result_dtype(operands[0], operands[1], inner)


class _Reduction(_Graph):
    """Something added up over all blocks of outputs, of what they see and of a second image."""

    def terms(self, task: Callable[[Sequence[int], Geometry, Pieces, Pieces], Any]) -> list[Key]:
        """Return the keys of the terms, each a task of the images, the geometry and the pieces."""
        geometry, lead = self.geometry, self.lead(self.x)
        chunks = self.x.chunks[self.x.ndim - geometry.axes :]
        behind = self.second.chunks[self.second.ndim - geometry.axes :]
        axes, beside = _axes(geometry, chunks), [Axis(sizes) for sizes in behind]
        ranges = [blocks.output_blocks(geometry, i, c) for i, c in enumerate(chunks)]
        keys = []
        for images in _numbered(lead):
            numbers = [number for number, _ in images]
            before, beside_before = self.before_space(self.x, numbers), self._beside(numbers)
            for block in _numbered(ranges):
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


class _WeightGrad(_Reduction):
    """The adjoint with respect to the weight."""

    def array(self) -> Array:
        """Return the lazy result."""

        def term(images: Sequence[int], local: Geometry, first: Pieces, second: Pieces) -> Any:
            return self.compute(self.part_of(images, local, is_wide=True), first, second)

        shape = self.part.layout.whole("weight", self.geometry.kernel_size)
        terms = self.terms(term)
        self.dtype = _result_dtype(self)
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
    from dask.delayed import Delayed
    from dask.highlevelgraph import HighLevelGraph

    graph = _Reduction(part, x, y, None)
    keys = graph.terms(
        lambda images, local, first, second: (
            _Term(term(local), first[1], second[1]),
            first[0],
            second[0],
        )
    )
    graph.add_up(keys, graph.name, add, add)
    layers = HighLevelGraph.from_collections(graph.name, graph.tasks, dependencies=graph.sources)
    return Delayed(graph.name, layers).compute()
