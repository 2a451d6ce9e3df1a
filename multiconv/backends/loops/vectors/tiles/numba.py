"""Sums of many rows in LLVM's vectors, as many at a time as registers hold.

A tile is some rows, each of some vectors of neighbouring columns. A vector that is loaded serves
all rows, a number of a row all vectors, so that the multiply-adds, and not the loads, take the
time. They are fused where the processor can.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from multiconv.backends.loops.vectors.numba import BYTES, Emitter

#: Rows and vectors of the tile of a product: with a row of the second factor they fill the
#: registers, 32 in all, or 16.
ROWS = 8 if BYTES == 64 else 4
VECTORS = 3
#: Those of the tiles of sums over taps in float64, for all numbers of filters.
TILES = ((8, 3), (4, 6), (2, 8), (1, 8)) if BYTES == 64 else ((4, 3), (3, 3), (2, 5), (1, 8))
#: How many filters, and how many outputs, each of these takes.
FILTERS = tuple(filters for filters, _ in TILES)
OUTPUTS = tuple(vectors * BYTES // 8 for _, vectors in TILES)


class _Tile:
    """The sums of a tile, in registers."""

    def __init__(self, code: Emitter, rows: int, index: Any) -> None:
        self.code, self.index = code, index
        zero = ir.Constant(code.vector, None)
        self.totals = [[code.kept(zero) for _ in code.vectors] for _ in range(rows)]

    def add(self, numbers: Any, columns: Any) -> None:
        """Add the products of one number of each row and one vector of each column."""
        seen = [self.code.load(columns, vector) for vector in self.code.vectors]
        for row, totals in enumerate(self.totals):
            number = self.code.builder.load(self.code.at(numbers, ir.Constant(self.index, row)))
            factor = self.code.splat(number)
            for total, vector in zip(totals, seen, strict=True):
                self.code.add_contracted(total, vector, factor)

    def store(self, places: Sequence[Any]) -> None:
        """Write each row to its place."""
        for place, totals in zip(places, self.totals, strict=True):
            for vector, total in enumerate(totals):
                self.code.store(self.code.builder.load(total), place, vector)


def product_of(rows: int, vectors: int) -> Any:
    """Return the product of some rows and columns of panels, for so many of each."""

    @intrinsic
    def multiply(
        typing_context: Any, a: Any, at: Any, b: Any, start: Any, count: Any, y: Any, to: Any
    ) -> Any:
        """Set y[to + i W + j] to the sum over t < count of a[at + t R + i] b[start + t W + j].

        R and W are those of a whole tile.
        """
        u = types.uintp
        signature = types.void(a, u, b, u, u, y, u)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = Emitter(context, builder, signature, args, vectors)
            a, b, y = code.at(code.data(0), args[1]), code.at(code.data(2), args[3]), code.data(5)
            index, width = args[4].type, VECTORS * code.lanes
            tile = _Tile(code, rows, index)
            with cgutils.for_range(builder, args[4], intp=index) as loop:
                down = builder.mul(loop.index, ir.Constant(index, ROWS))
                across = builder.mul(loop.index, ir.Constant(index, width))
                tile.add(code.at(a, down), code.at(b, across))
            place = code.at(y, args[6])
            tile.store([code.at(place, ir.Constant(index, row * width)) for row in range(rows)])
            return context.get_dummy_value()

        return signature, emit

    return multiply


def taps_of_filters(filters: int, vectors: int) -> Any:
    """Return the sums of so many filters, for so many vectors of neighbouring outputs."""

    @intrinsic
    def add(
        typing_context: Any,
        x: Any,
        base: Any,
        offsets: Any,
        k: Any,
        first: Any,
        start: Any,
        stop: Any,
        y: Any,
        to: Any,
        pitch: Any,
    ) -> Any:
        """Set y[to + f pitch + c] to the sum of k[first + t filters + f] x[base + offsets[t] + c].

        The sum is over t from ``start`` to ``stop``.
        """
        u = types.uintp
        signature = types.void(x, u, offsets, k, u, u, u, y, u, u)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = Emitter(context, builder, signature, args, vectors)
            x, offsets = code.at(code.data(0), args[1]), code.data(2)
            kernel, index = code.at(code.data(3), args[4]), args[6].type
            tile = _Tile(code, filters, index)
            with cgutils.for_range(builder, args[6], start=args[5], intp=index) as loop:
                seen = code.at(x, builder.load(code.at(offsets, loop.index)))
                down = builder.mul(loop.index, ir.Constant(index, filters))
                tile.add(code.at(kernel, down), seen)
            place = code.at(code.data(7), args[8])
            downs = [builder.mul(args[9], ir.Constant(index, f)) for f in range(filters)]
            tile.store([code.at(place, down) for down in downs])
            return context.get_dummy_value()

        return signature, emit

    return add


def _move(typing_context: Any, x: Any, start: Any, y: Any, to: Any) -> Any:
    """Copy a vector from x[start] on to y[to] on."""
    signature = types.void(x, types.uintp, y, types.uintp)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = Emitter(context, builder, signature, args, 1)
        source, target = code.at(code.data(0), args[1]), code.at(code.data(2), args[3])
        code.store(code.load(source, 0), target, 0)
        return context.get_dummy_value()

    return signature, emit


move: Any = intrinsic(_move)
