"""A graph of tasks: one for every block of a result, and one for every piece that a block needs.

A block takes the pieces of chunks that it sees, so no axis is ever gathered but that of the
channels, which every output sums over. The number of tasks is linear in that of the chunks: with a
border as wide as the kernel reaches, at most 3 pieces along each spatial axis.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from multiconv.backends.base import Array, Backend, chunk_of
from multiconv.backends.registry import backend_of
from multiconv.chunked import blocks, dask
from multiconv.chunked.blocks import Range
from multiconv.chunked.joining import Joins, Take
from multiconv.chunked.parts import Compute, Part, plan_of
from multiconv.chunked.pieces import Axis, Piece
from multiconv.core.geometry import Geometry
from multiconv.methods.base import MethodRefusal
from multiconv.planning.operands import Operand, result_dtype

# The share of a chunk up to which a piece along an edge is taken in its whole length.
_THIN = 1 / 8

#: The name of a task.
Key: TypeAlias = Any
#: The keys of the pieces of an array, and how they lie.
Pieces: TypeAlias = tuple[list[Key], Joins]


class Graph:
    """The tasks of one result."""

    def __init__(
        self,
        part: Part,
        x: Array,
        second: Array,
        bias: Array | None = None,
        border: Array | None = None,
    ) -> None:
        self.part = part
        # A border of no width is no border, whatever it would show.
        bordered = any(map(any, part.geometry.pads))
        self.geometry = part.geometry if bordered else part.geometry.padded()
        given = {"x": x, "weight": second, "bias": bias, "border": border}
        chunks = {name: chunk_of(array) for name, array in given.items() if array is not None}
        self.inner: Backend = backend_of(chunks)[0]
        self.name = f"multiconv-{part.wanted}-{dask.token(part, *given.values())}"
        self.tasks: dict[Key, Any] = {}
        self.sources: list[Array] = []
        self.x: Array = self._source("x", x)
        self.second: Array = self._source("weight", second)
        self.bias: Array | None = None if bias is None else self._source("bias", bias)
        self.border: Array | None = None if border is None else self._source("border", border)
        self._plans: dict[Any, Any] = {}
        self.dtype = ""

    def _source(self, name: str, array: Array) -> Array:
        """Return an array as Dask's, in one chunk where it is small beside the image."""
        array = dask.in_chunks(array, f"{self.name}-{name}")
        if name in ("bias", "border") or (name == "weight" and self.part.wanted != "weight"):
            array = array.rechunk(-1)
        self.sources.append(array)
        return array

    # Pieces ------------------------------------------------------------------------------------

    def pieces(self, array: Array, axes: Sequence[Sequence[Piece]]) -> Pieces:
        """Return the keys of the pieces of an array, cut where need be, and how they lie."""
        measured = [
            [(piece, chunks[piece.chunk]) for piece in axis]
            for axis, chunks in zip(axes, array.chunks, strict=True)
        ]
        keys = [self._piece(array.name, place) for place in itertools.product(*measured)]
        return keys, tuple(tuple(piece.join for piece in axis) for axis in axes)

    def _piece(self, name: str, place: Sequence[tuple[Piece, int]]) -> Key:
        chunk = (name, *[piece.chunk for piece, _ in place])
        cuts = [piece.stop - piece.start < size for piece, size in place]
        if not any(cuts):
            return chunk
        window = strip(place)
        key = (f"{self.name}-piece-{name}", *chunk[1:], *itertools.chain(*window))
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

    def refuse_exact(self, parts: str) -> None:
        """Refuse to add up what is rounded already, where the sum is to be rounded once."""
        if self.part.options.method.startswith("exact"):
            reason = (
                f"{parts} would round its own part of a sum; rechunk(-1) of the arrays makes "
                f"one block of all"
            )
            raise MethodRefusal(self.part.options.method, reason)

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
            signed: list[Any] = [
                (shape, *self.inner.signature(chunk_of(array))[1:])
                for shape, array in zip(shapes, (self.x, self.second), strict=True)
            ]
            signed += [self._signed(self.bias)]
            signed += [] if self.border is None else [self._signed(self.border)]
            self._plans[known] = plan_of(part, self.inner, tuple(signed))
            self.dtype = self._plans[known].dtype
        small = [None if a is None else (a.name, *(0,) * a.ndim) for a in (self.bias, self.border)]
        return (Compute(part, first[1], second[1], tuple(keep)), first[0], second[0], *small)

    def _signed(self, small: Array | None) -> Any:
        """Return the signature of a bias or a border, which every block has all of."""
        if small is None:
            return None
        return (tuple(small.shape), *self.inner.signature(chunk_of(small))[1:])

    def result_dtype(self) -> str:
        """Return the dtype of the result, whose sums may be wider."""
        operands = [
            Operand(name, (), self.inner.dtype_name(chunk_of(array).dtype), None)
            for name, array in zip(self.part.given, (self.x, self.second), strict=True)
        ]
        return result_dtype(operands[0], operands[1], self.inner)

    def finished(self, chunks: Sequence[Sequence[int]]) -> Array:
        """Return the Dask array of the tasks."""
        like = self.inner.astype(chunk_of(self.x), self.dtype)
        meta = self.inner.zeros((0,) * len(chunks), like)
        return dask.array_of(self.name, self.tasks, self.sources, chunks, meta)


def strip(place: Sequence[tuple[Piece, int]]) -> tuple[Range, ...]:
    """Return what is cut from a chunk for a piece, of which the size along each axis is given.

    A task costs as much as many pixels. So the blocks beside a chunk and those at its corners get
    the same strips along its edges, which are cut to size where they are joined.
    """
    shares = [(piece.stop - piece.start) / (size or 1) for piece, size in place]
    thinnest = min(shares)
    if 0 < thinnest <= _THIN:
        cut = shares.index(thinnest)
        return tuple(
            (piece.start, piece.stop) if axis == cut else (0, size)
            for axis, (piece, size) in enumerate(place)
        )
    return tuple((piece.start, piece.stop) for piece, _ in place)


def sizes(ranges: Sequence[Range]) -> list[int]:
    """Return how long ranges are."""
    return [stop - start for start, stop in ranges]


def numbered(axes: Sequence[Sequence[Any]]) -> itertools.product[tuple[tuple[int, Any], ...]]:
    """Return the blocks of a grid: of each axis, the number and what stands there."""
    return itertools.product(*(list(enumerate(axis)) for axis in axes))


def axes_of(geometry: Geometry, chunks: Sequence[Sequence[int]]) -> list[Axis]:
    """Return the spatial axes of an image in chunks, with a border that shows its pixels."""
    mode = geometry.padding_mode if blocks.repeats_pixels(geometry) else "zeros"
    return [Axis(sizes, *pads, mode) for sizes, pads in zip(chunks, geometry.pads, strict=True)]
