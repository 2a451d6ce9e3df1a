"""Sums over channels and taps in LLVM's vectors, as many at a time as registers hold.

A vector that is loaded serves several filters, a number of a filter several vectors, so that the
multiply-adds, and not the loads, take the time. This is for sums whose products are exact.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from multiconv.backends.loops.vectors.numba import BYTES, Emitter

_LANES = BYTES // 8
#: How many filters are summed together, and over how many vectors of outputs each. Beside the sums
#: there are registers for the vectors and for a number: 32 in all, or 16.
TILES = ((8, 3), (4, 6), (2, 8), (1, 8)) if BYTES == 64 else ((4, 3), (3, 3), (2, 5), (1, 8))
#: How many filters, and how many outputs, each of them takes.
FILTERS = tuple(filters for filters, _ in TILES)
OUTPUTS = tuple(vectors * _LANES for _, vectors in TILES)


def tile_of(filters: int, vectors: int) -> Any:
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
            kernel, many = code.at(code.data(3), args[4]), ir.Constant(args[5].type, filters)
            zero = ir.Constant(code.vector, None)
            totals = [[code.kept(zero) for _ in code.vectors] for _ in range(filters)]
            with cgutils.for_range(builder, args[6], start=args[5], intp=args[6].type) as loop:
                seen = code.at(x, builder.load(code.at(offsets, loop.index)))
                pixels = [code.load(seen, vector) for vector in code.vectors]
                numbers = code.at(kernel, builder.mul(loop.index, many))
                for f, totals_of_filter in enumerate(totals):
                    number = builder.load(code.at(numbers, ir.Constant(args[5].type, f)))
                    factor = code.splat(number)
                    for total, pixel in zip(totals_of_filter, pixels, strict=True):
                        code.add_exact_product(total, pixel, factor)
            for f, totals_of_filter in enumerate(totals):
                down = builder.mul(args[9], ir.Constant(args[9].type, f))
                y = code.at(code.data(7), args[8], down)
                for vector, total in enumerate(totals_of_filter):
                    code.store(builder.load(total), y, vector)
            return context.get_dummy_value()

        return signature, emit

    return add
