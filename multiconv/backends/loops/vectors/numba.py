"""The innermost loops, in LLVM's vectors: Numba leaves sums that are carried along in memory.

As many neighbouring outputs as registers hold are computed at a time, all their taps before the
next.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

# Bytes of a vector, and how many sums of a vector each are carried at once: a processor adds eight
# while the first is on its way. Rows of outputs that are computed together: with some vectors each
# they fill the registers.
BYTES = 64 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 32
MANY, SOME = 8, 4
ROWS = 4 if BYTES == 64 else 2
_I32, _I64 = ir.IntType(32), ir.IntType(64)


class Emitter:
    """The instructions of one innermost loop over vectors of the dtype of an array."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, vectors: int) -> None:
        self.context, self.builder, self.args = context, builder, args
        self.types = signature.args
        dtype = signature.args[0].dtype
        self.lanes = BYTES * 8 // dtype.bitwidth
        self.align = dtype.bitwidth // 8
        self.vector = ir.VectorType(context.get_value_type(dtype), self.lanes)
        self._is_float = isinstance(dtype, types.Float)
        self._multiply = builder.fmul if self._is_float else builder.mul
        self._add = builder.fadd if self._is_float else builder.add
        self.vectors = range(vectors)

    def kept(self, value: Any) -> Any:
        """Return a place that the compiler keeps in a register."""
        return cgutils.alloca_once_value(self.builder, value)  # type: ignore[no-untyped-call]

    def data(self, number: int) -> Any:
        """Return where an argument's numbers begin."""
        array = self.context.make_array(self.types[number])
        return array(self.context, self.builder, self.args[number]).data

    def at(self, data: Any, *offsets: Any) -> Any:
        """Return the place some elements on."""
        for offset in offsets:
            data = self.builder.gep(data, [offset])
        return data

    def _place(self, data: Any, vector: int) -> Any:
        place = self.at(data, ir.Constant(_I64, vector * self.lanes))
        return self.builder.bitcast(place, self.vector.as_pointer())

    def load(self, data: Any, vector: int) -> Any:
        """Load a vector from any address."""
        return self.builder.load(self._place(data, vector), align=self.align)

    def store(self, value: Any, data: Any, vector: int) -> None:
        """Store a vector at any address."""
        self.builder.store(value, self._place(data, vector), align=self.align)

    def splat(self, number: Any) -> Any:
        """Repeat a number in all places of a vector."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(_I32, 0))
        places = ir.Constant(ir.VectorType(_I32, self.lanes), None)
        return self.builder.shuffle_vector(first, nothing, places)

    def _fma(self) -> Any:
        """Declare LLVM's multiply-add of vectors, which its builder has for numbers alone."""
        name = f"llvm.fma.v{self.lanes}f{self.align * 8}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return cgutils.get_or_insert_function(self.builder.module, kind, name)  # type: ignore[no-untyped-call]

    def add_product(self, total: Any, first: Any, second: Any, *, fused: bool = False) -> None:
        """Add a product to the vector kept at ``total``: two roundings, or fused into one."""
        before = self.builder.load(total)
        if fused and self._is_float:
            after = self.builder.call(self._fma(), [first, second, before])
        else:
            after = self._add(before, self._multiply(first, second))
        self.builder.store(after, total)

    def add_contracted(self, total: Any, first: Any, second: Any) -> None:
        """Add a product, fused where the processor can: elsewhere that is a call for each number.

        For sums that promise no bits, or whose products are exact.
        """
        product = self.builder.fmul(first, second, flags=("contract",))
        after = self.builder.fadd(self.builder.load(total), product, flags=("contract",))
        self.builder.store(after, total)


def taps_of(vectors: int, *, fused: bool) -> Any:
    """Return the sum of all taps, for so many vectors of neighbouring outputs."""

    @intrinsic
    def add(typing_context: Any, x: Any, base: Any, offsets: Any, k: Any, y: Any, to: Any) -> Any:
        """Set y[to + c] to the sum over t of k[t] x[base + offsets[t] + c]."""
        signature = types.void(x, types.uintp, offsets, k, y, types.uintp)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = Emitter(context, builder, signature, args, vectors)
            x, offsets, kernel = code.at(code.data(0), args[1]), code.data(2), code.data(3)
            count = context.make_array(signature.args[3])(context, builder, args[3]).nitems
            zero = ir.Constant(code.vector, None)
            totals = [code.kept(zero) for _ in code.vectors]
            with cgutils.for_range(builder, count, intp=count.type) as loop:
                factor = code.splat(builder.load(code.at(kernel, loop.index)))
                seen = code.at(x, builder.load(code.at(offsets, loop.index)))
                for vector, total in zip(code.vectors, totals, strict=True):
                    code.add_product(total, code.load(seen, vector), factor, fused=fused)
            y = code.at(code.data(4), args[5])
            for vector, total in zip(code.vectors, totals, strict=True):
                code.store(builder.load(total), y, vector)
            return context.get_dummy_value()

        return signature, emit

    return add


def block_of(rows: int, vectors: int, *, fused: bool) -> Any:
    """Return the sum of all taps, for so many vectors of outputs in neighbouring rows."""

    @intrinsic
    def add(
        typing_context: Any,
        x: Any,
        base: Any,
        step: Any,
        offsets: Any,
        k: Any,
        slabs: Any,
        height: Any,
        width: Any,
        y: Any,
        to: Any,
        pitch: Any,
    ) -> Any:
        """Set rows of y, ``pitch`` apart, to what `taps_of` gives for rows of x, ``step`` apart.

        What is loaded of a row of x serves all outputs that see it; each of them meets its taps in
        their order all the same.
        """
        u = types.uintp
        signature = types.void(x, u, u, offsets, k, u, u, u, y, u, u)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = Emitter(context, builder, signature, args, vectors)
            x, offsets, kernel = code.at(code.data(0), args[1]), code.data(3), code.data(4)
            step, (slabs, height, width), pitch = args[2], args[5:8], args[10]
            zero = ir.Constant(code.vector, None)
            totals = [[code.kept(zero) for _ in code.vectors] for _ in range(rows)]

            def across(first: Any, row: Any, seeing: range) -> None:
                """Add what row ``row`` of x gives to the outputs that see it."""
                kernels = [builder.sub(row, ir.Constant(row.type, q)) for q in seeing]
                kernels = [builder.add(first, builder.mul(r, width)) for r in kernels]
                down = code.at(x, builder.mul(row, step))
                with cgutils.for_range(builder, width, intp=width.type) as loop:
                    tap = builder.add(first, loop.index)
                    seen = code.at(down, builder.load(code.at(offsets, tap)))
                    pixels = [code.load(seen, vector) for vector in code.vectors]
                    for q, row_of_kernel in zip(seeing, kernels, strict=True):
                        number = builder.load(code.at(kernel, row_of_kernel, loop.index))
                        factor = code.splat(number)
                        for total, pixel in zip(totals[q], pixels, strict=True):
                            code.add_product(total, pixel, factor, fused=fused)

            with cgutils.for_range(builder, slabs, intp=slabs.type) as loop:
                first = builder.mul(loop.index, builder.mul(height, width))
                for row in range(rows - 1):
                    across(first, ir.Constant(height.type, row), range(row + 1))
                start = ir.Constant(height.type, rows - 1)
                with cgutils.for_range(builder, height, start=start, intp=height.type) as inner:
                    across(first, inner.index, range(rows))
                for row in range(rows - 1):
                    below = builder.add(height, ir.Constant(height.type, row))
                    across(first, below, range(row + 1, rows))
            for row, totals_of_row in enumerate(totals):
                down = builder.mul(pitch, ir.Constant(pitch.type, row))
                y = code.at(code.data(8), args[9], down)
                for vector, total in enumerate(totals_of_row):
                    code.store(builder.load(total), y, vector)
            return context.get_dummy_value()

        return signature, emit

    return add


def rows_of(vectors: int) -> Any:
    """Return the sum of all rows of a kernel, for so many vectors of neighbouring columns."""

    @intrinsic
    def add(
        typing_context: Any,
        x: Any,
        base: Any,
        offsets: Any,
        k: Any,
        first: Any,
        pitch: Any,
        start: Any,
        stop: Any,
        y: Any,
        to: Any,
    ) -> Any:
        """Add k[first + r pitch + c] x[base + offsets[r] + c] to y[to + c], for rows r."""
        u = types.uintp
        signature = types.void(x, u, offsets, k, u, u, u, u, y, u)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = Emitter(context, builder, signature, args, vectors)
            x, offsets = code.at(code.data(0), args[1]), code.data(2)
            kernel = code.at(code.data(3), args[4])
            y = code.at(code.data(8), args[9])
            totals = [code.kept(code.load(y, v)) for v in code.vectors]
            with cgutils.for_range(builder, args[7], start=args[6], intp=args[7].type) as loop:
                row = code.at(kernel, builder.mul(loop.index, args[5]))
                seen = code.at(x, builder.load(code.at(offsets, loop.index)))
                for vector, total in zip(code.vectors, totals, strict=True):
                    code.add_product(total, code.load(seen, vector), code.load(row, vector))
            for vector, total in zip(code.vectors, totals, strict=True):
                code.store(builder.load(total), y, vector)
            return context.get_dummy_value()

        return signature, emit

    return add


def _copy(typing_context: Any, x: Any, start: Any, y: Any, to: Any, count: Any) -> Any:
    """Set y[to + c] to x[start + c] for c < count."""
    signature = types.void(x, types.uintp, y, types.uintp, types.uintp)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = Emitter(context, builder, signature, args, 0)
        source, target = code.at(code.data(0), args[1]), code.at(code.data(2), args[3])
        cgutils.raw_memcpy(builder, target, source, args[4], code.align)  # type: ignore[no-untyped-call]
        return context.get_dummy_value()

    return signature, emit


copy: Any = intrinsic(_copy)
