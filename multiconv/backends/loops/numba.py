"""Compiled loops, where Numba is installed.

Their sums are those of the plain way (`sums`), product by product in the same order and without
fused multiply-adds, so that no bit depends on whether Numba is there. Where another library fuses
them, so do the loops for its arrays.

Images are (N, G, D, H, W), results (N, G, O, D', H', W'), fewer axes have ones in front; kernels
are (G, O, taps). All arrays are contiguous and may be written to, which keeps the number of
compiled signatures at one for each dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.loops.compiling.numba import inlined, jit
from multiconv.backends.loops.vectors.numba import (
    BYTES,
    MANY,
    ROWS,
    SOME,
    block_of,
    copy,
    rows_of,
    taps_of,
)


def _line_of(*, fused: bool) -> Any:
    add_many, add_some, add_one = (taps_of(n, fused=fused) for n in (MANY, SOME, 1))

    @inlined
    def line(
        x: Any, base: Any, offsets: Any, kernel: Any, y: Any, to: Any, count: Any, spare: Any
    ) -> None:
        """Compute ``count`` neighbouring outputs; fewer than a vector by way of ``spare``."""
        lanes = BYTES // y.itemsize
        many, some = MANY * lanes, SOME * lanes
        done = 0
        while done < count:
            left = count - done
            # The last of each length once more takes the rest, to the same result.
            if left >= many or (left > some and count >= many):
                at = min(done, count - many)
                add_many(x, np.uintp(base + at), offsets, kernel, y, np.uintp(to + at))
                done = at + many
            elif left >= some or (left > lanes and count >= some):
                at = min(done, count - some)
                add_some(x, np.uintp(base + at), offsets, kernel, y, np.uintp(to + at))
                done = at + some
            elif count >= lanes:
                at = min(done, count - lanes)
                add_one(x, np.uintp(base + at), offsets, kernel, y, np.uintp(to + at))
                done = at + lanes
            else:
                add_one(x, np.uintp(base), offsets, kernel, spare, np.uintp(0))
                for c in range(count):
                    y[to + c] = spare[c]
                done = count

    return line


def _blocks_of(*, fused: bool) -> Any:
    add_some, add_one = (block_of(ROWS, n, fused=fused) for n in (SOME, 1))

    @inlined
    def block(
        x: Any,
        base: Any,
        step: Any,
        offsets: Any,
        kernel: Any,
        size: Any,
        y: Any,
        to: Any,
        pitch: Any,
        count: Any,
    ) -> None:
        """Compute ``count`` neighbouring outputs of some rows, at least a vector of each."""
        lanes = BYTES // y.itemsize
        down, below = np.uintp(step), np.uintp(pitch)
        slabs, height, width = np.uintp(size[0]), np.uintp(size[1]), np.uintp(size[2])
        done = 0
        while done < count:
            left = count - done
            if left >= SOME * lanes or (left > lanes and count >= SOME * lanes):
                at = min(done, count - SOME * lanes)
                seen, place = np.uintp(base + at), np.uintp(to + at)
                add_some(x, seen, down, offsets, kernel, slabs, height, width, y, place, below)
                done = at + SOME * lanes
            else:
                at = min(done, count - lanes)
                seen, place = np.uintp(base + at), np.uintp(to + at)
                add_one(x, seen, down, offsets, kernel, slabs, height, width, y, place, below)
                done = at + lanes

    return block


@inlined
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
    """Copy every ``step``-th slab of an image (D, H, W) into (slabs, rows, stride, pitch).

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
                        copy(x, np.uintp(source + low), copied, np.uintp(to + low), count)
                else:
                    # Unsigned: a signed index may be negative, and such a loop takes no vectors.
                    for m in range(np.uintp(low), np.uintp(high)):
                        copied[np.uintp(to) + m] = x[np.uintp(source) + m * np.uintp(stride)]


@jit
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


@inlined
def _add_box(
    line: Any,
    block: Any,
    x: Any,
    base: Any,
    offsets: Any,
    taps: Any,
    kernel: Any,
    y: Any,
    to: Any,
    box: Any,
    spare: Any,
) -> None:
    """Compute some rows and columns of outputs: their counts, steps between rows and ``box[4]``.

    Where neighbouring rows see the same rows of x, some are computed together.
    """
    rows, columns, step, pitch, is_shared = box
    r = 0
    while r < rows:
        if is_shared and rows - r >= ROWS and columns >= BYTES // y.itemsize:
            block(
                x, base + r * step, step, offsets, taps, kernel, y, to + r * pitch, pitch, columns
            )
            r += ROWS
        else:
            line(x, base + r * step, offsets, taps, y, to + r * pitch, columns, spare)
            r += 1


@inlined
def _add_bands(
    line: Any,
    block: Any,
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
    lanes = BYTES // x.itemsize
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

    # Neighbouring rows of outputs see the same rows of the image, and the kernel has enough.
    is_shared = stride[1] == 1 and dilation[1] == 1 and kh >= ROWS - 1

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
            if direct:
                seen, offsets, step = flat, in_place, wide
                base = (((n * groups + g) * slabs + slab) * tall + top) * wide + c0 - lows[2]
            else:
                seen, offsets, step, base = copied, in_copy, stride[2] * pitch, 0
            for o in range(filters):
                to = ((((n * groups + g) * filters + o) * depth + d) * height + r0) * width + c0
                box = (r1 - r0, c1 - c0, stride[1] * step, width, is_shared)
                _add_box(
                    line, block, seen, base, offsets, weight[g, o], kernel, out, to, box, spare
                )
            c0 = c1


_add_rows_many, _add_rows_one = rows_of(MANY), rows_of(1)
_plain_line, _fused_line = _line_of(fused=False), _line_of(fused=True)
_plain_block, _fused_block = _blocks_of(fused=False), _blocks_of(fused=True)


@jit
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
    """Compute some bands of y, with two roundings for each multiply-add."""
    _add_bands(
        _plain_line, _plain_block, x, weight, y, kernel, lows, stride, dilation, tile, start, stop
    )


@jit
def add_taps_fused(
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
    """Compute some bands of y, with one rounding for each multiply-add."""
    _add_bands(
        _fused_line, _fused_block, x, weight, y, kernel, lows, stride, dilation, tile, start, stop
    )


@jit
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
    lanes = BYTES // x.itemsize
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
                while c1 - c >= MANY * lanes:
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
                    c += MANY * lanes
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
