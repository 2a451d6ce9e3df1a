"""The innermost loops of a matrix product, in LLVM's vectors: a tile of it stays in registers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from multiconv.backends.loops.vectors.numba import BYTES, Emitter

#: Rows and vectors of columns of a tile: with a row of the second factor they fill the registers.
ROWS = 8 if BYTES == 64 else 4
VECTORS = 3


def tile_of(rows: int, vectors: int) -> Any:
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
            count = args[4]
            zero = ir.Constant(code.vector, None)
            totals = [[code.kept(zero) for _ in code.vectors] for _ in range(rows)]
            width = ir.Constant(count.type, VECTORS * code.lanes)
            height = ir.Constant(count.type, ROWS)
            with cgutils.for_range(builder, count, intp=count.type) as loop:
                across = code.at(b, builder.mul(loop.index, width))
                factors = [code.load(across, vector) for vector in code.vectors]
                down = code.at(a, builder.mul(loop.index, height))
                for row, totals_of_row in enumerate(totals):
                    number = builder.load(code.at(down, ir.Constant(count.type, row)))
                    splat = code.splat(number)
                    for total, factor in zip(totals_of_row, factors, strict=True):
                        code.add_product(total, splat, factor, fused=True)
            place = code.at(y, args[6])
            for row, totals_of_row in enumerate(totals):
                out = code.at(place, ir.Constant(count.type, row * VECTORS * code.lanes))
                for vector, total in enumerate(totals_of_row):
                    code.store(builder.load(total), out, vector)
            return context.get_dummy_value()

        return signature, emit

    return multiply


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
