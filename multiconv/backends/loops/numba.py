"""Compiled loops, where Numba is installed.

Their sums are those of the plain way (`sums`), product by product in the same order and without
fused multiply-adds, so that no bit depends on whether Numba is there. As many neighbouring outputs
as registers hold are computed at a time, all their taps before the next; Numba leaves such sums in
memory, so the innermost loops are written in LLVM's vectors.

Images are (N, G, D, H, W), results (N, G, O, D', H', W'), fewer axes have ones in front; kernels
are (G, O, taps). All arrays are contiguous and may be written to, which keeps the number of
compiled signatures at one for each dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

# Bytes of a vector, and how many sums of a vector each are carried at once: eight add while
# the first is on its way, and with what they read they fit the registers.
_BYTES = 64 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 32
_MANY, _SOME = 8, 4
_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _jit(function: Callable[..., Any]) -> Any:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder to keep it in
        return numba.njit(**options)(function)


def _inlined(function: Callable[..., Any]) -> Any:
    """Compile into the caller: to hand over arrays costs more than a row of sums."""
    return numba.njit(forceinline=True, error_model="numpy", boundscheck=False)(function)


class _Emitter:
    """The instructions of one innermost loop over vectors of the dtype of an array."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, vectors: int) -> None:
        self.context, self.builder, self.args = context, builder, args
        self.types = signature.args
        dtype = signature.args[0].dtype
        self.lanes = _BYTES * 8 // dtype.bitwidth
        self.align = dtype.bitwidth // 8
        self.vector = ir.VectorType(context.get_value_type(dtype), self.lanes)
        floats = isinstance(dtype, types.Float)
        self._multiply = builder.fmul if floats else builder.mul
        self._add = builder.fadd if floats else builder.add
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

    def add_product(self, total: Any, first: Any, second: Any) -> None:
        """Add a product to the vector kept at ``total``: two roundings."""
        product = self._multiply(first, second)
        self.builder.store(self._add(self.builder.load(total), product), total)


def _taps_of(vectors: int) -> Any:
    @intrinsic
    def add(typing_context: Any, x: Any, base: Any, offsets: Any, k: Any, y: Any, to: Any) -> Any:
        """Set y[to + c] to the sum over t of k[t] x[base + offsets[t] + c]."""
        signature = types.void(x, types.uintp, offsets, k, y, types.uintp)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code = _Emitter(context, builder, signature, args, vectors)
            x, offsets, kernel = code.at(code.data(0), args[1]), code.data(2), code.data(3)
            count = context.make_array(signature.args[3])(context, builder, args[3]).nitems
            zero = ir.Constant(code.vector, None)
            totals = [code.kept(zero) for _ in code.vectors]
            with cgutils.for_range(builder, count, intp=count.type) as loop:
                factor = code.splat(builder.load(code.at(kernel, loop.index)))
                seen = code.at(x, builder.load(code.at(offsets, loop.index)))
                for vector, total in zip(code.vectors, totals, strict=True):
                    code.add_product(total, code.load(seen, vector), factor)
            y = code.at(code.data(4), args[5])
            for vector, total in zip(code.vectors, totals, strict=True):
                code.store(builder.load(total), y, vector)
            return context.get_dummy_value()

        return signature, emit

    return add


def _rows_of(vectors: int) -> Any:
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
            code = _Emitter(context, builder, signature, args, vectors)
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


_add_taps_many, _add_taps_some, _add_taps_one = _taps_of(_MANY), _taps_of(_SOME), _taps_of(1)
_add_rows_many, _add_rows_one = _rows_of(_MANY), _rows_of(1)


@_inlined
def _line(
    x: Any, base: Any, offsets: Any, kernel: Any, y: Any, to: Any, count: Any, spare: Any
) -> None:
    """Compute ``count`` neighbouring outputs; fewer than a vector by way of ``spare``."""
    lanes = _BYTES // y.itemsize
    many, some = _MANY * lanes, _SOME * lanes
    done = 0
    while done < count:
        left = count - done
        # The last of each length once more takes the rest, to the same result.
        if left >= many or (left > some and count >= many):
            at = min(done, count - many)
            _add_taps_many(x, np.uintp(base + at), offsets, kernel, y, np.uintp(to + at))
            done = at + many
        elif left >= some or (left > lanes and count >= some):
            at = min(done, count - some)
            _add_taps_some(x, np.uintp(base + at), offsets, kernel, y, np.uintp(to + at))
            done = at + some
        elif count >= lanes:
            at = min(done, count - lanes)
            _add_taps_one(x, np.uintp(base + at), offsets, kernel, y, np.uintp(to + at))
            done = at + lanes
        else:
            _add_taps_one(x, np.uintp(base), offsets, kernel, spare, np.uintp(0))
            for c in range(count):
                y[to + c] = spare[c]
            done = count


@intrinsic
def _copy(typing_context: Any, x: Any, start: Any, y: Any, to: Any, count: Any) -> Any:
    """Set y[to + c] to x[start + c] for c < count."""
    signature = types.void(x, types.uintp, y, types.uintp, types.uintp)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _Emitter(context, builder, signature, args, 0)
        source, target = code.at(code.data(0), args[1]), code.at(code.data(2), args[3])
        cgutils.raw_memcpy(builder, target, source, args[4], code.align)
        return context.get_dummy_value()

    return signature, emit


@_inlined
def _fill(
    copied: Any,
    shape: Any,
    rows: Any,
    width: Any,
    x: Any,
    base: Any,
    image: Any,
    step: Any,
    first: Any,
) -> None:
    """Copy every ``step[0]``-th slab of an image (D, H, W) into (slabs, rows, stride, pitch).

    ``shape`` is that of the copy. From the place ``first`` on, as many rows and columns as are
    asked for. The columns of each residue of the stride lie side by side; beyond the image there
    are zeros.
    """
    slabs, most, stride, pitch = shape
    depth, height, wide = image
    for d in range(slabs):
        z = first[0] + d * step
        for r in range(rows):
            i = first[1] + r
            is_inside = 0 <= i < height and 0 <= z < depth
            for residue in range(stride):
                column = first[2] + residue
                # The entries m with 0 <= column + m stride < W; no more than there are.
                low = min(max((-column + stride - 1) // stride, 0), width)
                high = max(min((wide - column + stride - 1) // stride, width), low)
                if not is_inside:
                    low = high = width
                to = ((d * most + r) * stride + residue) * pitch
                for m in range(np.uintp(to), np.uintp(to + low)):
                    copied[m] = 0
                for m in range(np.uintp(to + high), np.uintp(to + width)):
                    copied[m] = 0
                source = base + (z * height + i) * wide + column
                if stride == 1:
                    if high > low:
                        count = np.uintp(high - low)
                        _copy(x, np.uintp(source + low), copied, np.uintp(to + low), count)
                else:
                    # Unsigned: a signed index may be negative, and such a loop takes no vectors.
                    for m in range(np.uintp(low), np.uintp(high)):
                        copied[np.uintp(to) + m] = x[np.uintp(source) + m * np.uintp(stride)]


@_jit
def _offsets(kernel: Any, dilation: Any, rows: Any, stride: Any, pitch: Any) -> Any:
    """Return how far apart the taps of an output lie, in slabs of rows of residues."""
    kd, kh, kw = kernel
    offsets = np.empty(kd * kh * kw, np.int64)
    t = 0
    for i in range(kd):
        for j in range(kh):
            for k in range(kw):
                column = k * dilation[2]
                place = (i * dilation[0] * rows + j * dilation[1]) * stride + column % stride
                offsets[t] = place * pitch + column // stride
                t += 1
    return offsets


@_jit
def add_taps(
    x: Any,
    weight: Any,
    y: Any,
    kernel: Any,
    lows: Any,
    stride: Any,
    dilation: Any,
    tile: Any,
    start: Any,
    stop: Any,
) -> None:
    """Compute the bands [start, stop) of y, each of ``tile[0]`` rows of one image and depth.

    Where no border reaches, the image is read in place; elsewhere from a copy with its border of
    zeros, ``tile[1]`` columns at a time.
    """
    _, groups, filters, depth, height, width = y.shape
    slabs, tall, wide = x.shape[2:]
    kd, kh, kw = kernel
    lanes = _BYTES // x.itemsize
    reach = dilation[2] * (kw - 1)
    flat, out = x.reshape(x.size), y.reshape(y.size)
    spare = np.empty(lanes, x.dtype)
    bands = -(-height // tile[0])

    # To copy rows with a border costs less than to take their ends apart.
    is_plain = stride[2] == 1 and lows[2] == 0 and width + reach <= wide and width >= lanes
    in_place = _offsets(kernel, dilation, tall, 1, wide)

    rows = (tile[0] - 1) * stride[1] + dilation[1] * (kh - 1) + 1
    # Behind the last column, what a whole vector reads beyond it.
    pitch = min(tile[1], width) + reach // stride[2] + 1 + lanes
    shape = (kd, rows, stride[2], pitch)
    copied = np.empty(kd * rows * stride[2] * pitch, x.dtype)
    # The slabs of the copy are those that are read, whatever the dilation between them.
    in_copy = _offsets(kernel, (1, dilation[1], dilation[2]), rows, stride[2], pitch)

    for number in range(start, stop):
        band, rest = number % bands, number // bands
        d, rest = rest % depth, rest // depth
        g, n = rest % groups, rest // groups
        r0 = band * tile[0]
        r1 = min(r0 + tile[0], height)
        top, needed = r0 * stride[1] - lows[1], (r1 - r0 - 1) * stride[1] + dilation[1] * (kh - 1)
        slab = d * stride[0] - lows[0]
        is_inside = top >= 0 and top + needed < tall
        is_inside = is_inside and slab >= 0 and slab + (kd - 1) * dilation[0] < slabs
        c0 = 0
        while c0 < width:
            direct = is_inside and is_plain
            c1 = width if direct else min(c0 + tile[1], width)
            if not direct:
                span = c1 - c0 + reach // stride[2] + 1
                column = c0 * stride[2] - lows[2]
                _fill(
                    copied,
                    shape,
                    needed + 1,
                    span,
                    flat,
                    (n * groups + g) * slabs * tall * wide,
                    (slabs, tall, wide),
                    dilation[0],
                    (slab, top, column),
                )
            for o in range(filters):
                taps = weight[g, o]
                for r in range(r0, r1):
                    to = ((((n * groups + g) * filters + o) * depth + d) * height + r) * width + c0
                    below = (r - r0) * stride[1]
                    if direct:
                        base = (((n * groups + g) * slabs + slab) * tall + top + below) * wide
                        base += c0 - lows[2]
                        _line(flat, base, in_place, taps, out, to, c1 - c0, spare)
                    else:
                        base = below * stride[2] * pitch
                        _line(copied, base, in_copy, taps, out, to, c1 - c0, spare)
            c0 = c1


@_jit
def add_rows(
    x: Any,
    images: Any,
    kernels: Any,
    places: Any,
    offsets: Any,
    totals: Any,
    edges: Any,
    chunk: Any,
    start: Any,
    stop: Any,
) -> None:
    """Add up the rows of kernels times what every output sees of an image.

    ``totals[s, p, c]`` is the sum over rows r of ``kernels[s, r, c]`` times
    ``x[images[s] + places[p] + offsets[r] + c]``. The parts [start, stop) are the columns between
    two neighbouring ``edges`` of one s each; ``chunk`` rows stay in cache for all outputs.
    """
    lanes = _BYTES // x.itemsize
    parts = edges.size - 1
    many, rows, width = places.size, kernels.shape[1], kernels.shape[2]
    flat, out = kernels.reshape(kernels.size), totals.reshape(totals.size)
    for number in range(start, stop):
        s, part = number // parts, number % parts
        for r0 in range(0, rows, chunk):
            r1 = min(r0 + chunk, rows)
            for p in range(many):
                c, c1 = edges[part], edges[part + 1]
                seen, k, to = images[s] + places[p], s * rows * width, (s * many + p) * width
                while c1 - c >= _MANY * lanes:
                    _add_rows_many(
                        x,
                        np.uintp(seen + c),
                        offsets,
                        flat,
                        np.uintp(k + c),
                        np.uintp(width),
                        np.uintp(r0),
                        np.uintp(r1),
                        out,
                        np.uintp(to + c),
                    )
                    c += _MANY * lanes
                while c1 - c >= lanes:
                    _add_rows_one(
                        x,
                        np.uintp(seen + c),
                        offsets,
                        flat,
                        np.uintp(k + c),
                        np.uintp(width),
                        np.uintp(r0),
                        np.uintp(r1),
                        out,
                        np.uintp(to + c),
                    )
                    c += lanes
                for r in range(r0, r1):
                    for e in range(c, c1):
                        out[to + e] += flat[k + r * width + e] * x[seen + offsets[r] + e]
