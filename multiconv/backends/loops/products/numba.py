"""A kernel's matrix times a patch matrix, of which there are some columns at a time.

A matrix product copies some columns of its second factor into panels that stay in cache. These
loops copy them from the image itself. Row k and column j of a patch matrix meet at ``rows[k] +
columns[j]`` of an image that has its border, and neighbouring columns are neighbours there, in
runs: a panel is copied run by run, a vector at a time, each over what the one before wrote too much
(Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008, with the patches
in place of a matrix).

The sum over k is one of blocks of neighbouring k, in order, each added up in order. So no bit
depends on how the columns are shared among threads, or on how many there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.loops.compiling.numba import inlined, jit
from multiconv.backends.loops.vectors.numba import BYTES
from multiconv.backends.loops.vectors.tiles.numba import ROWS, VECTORS, move, product_of

_whole, _column = product_of(ROWS, VECTORS), product_of(ROWS, 1)
_low, _low_column = product_of(ROWS // 2, VECTORS), product_of(ROWS // 2, 1)


@jit
def lay_wide(
    x: Any, counts: Any, steps: Any, lows: Any, stride: Any, out: Any, start: Any, stop: Any
) -> None:
    """Copy the images [start, stop) to out (images, D, H, stride, W), zeros around.

    x has ``counts`` of them along three axes and then depths, rows and columns, ``steps`` apart.
    The columns of each residue of the stride lie side by side.
    """
    _, slabs, tall, residues, wide = out.shape
    deep, high, width = counts[3], counts[4], counts[5]
    for number in range(start, stop):
        first, rest = number // (counts[1] * counts[2]), number % (counts[1] * counts[2])
        image = first * steps[0] + rest // counts[2] * steps[1] + rest % counts[2] * steps[2]
        for d in range(slabs):
            for h in range(tall):
                z, r = d - lows[0], h - lows[1]
                line = out[number, d, h]
                if not (0 <= z < deep and 0 <= r < high):
                    line[:] = 0
                    continue
                row = image + z * steps[3] + r * steps[4]
                for residue in range(residues):
                    # The entries m with 0 <= m stride + column < width; no more than there are.
                    column = residue - lows[2]
                    begin = min(max((-column + stride - 1) // stride, 0), wide)
                    end = max(min((width - column + stride - 1) // stride, wide), begin)
                    line[residue, :begin] = 0
                    line[residue, end:] = 0
                    inner = line[residue, begin:end]
                    source, apart = row + (begin * stride + column) * steps[5], stride * steps[5]
                    if apart == 1:
                        seen = x[source : source + inner.size]
                        for m in range(inner.size):
                            inner[m] = seen[m]
                    else:
                        for m in range(inner.size):
                            inner[m] = x[source + m * apart]


@jit
def lay_deep(x: Any, counts: Any, steps: Any, lows: Any, out: Any, start: Any, stop: Any) -> None:
    """Copy the rows [start, stop) of images to out (images, D, H, W, batch), zeros around.

    x has a batch and ``counts`` of them along two axes, then depths, rows and columns, ``steps``
    apart.
    """
    _, slabs, tall, wide, batch = out.shape
    deep, high, width = counts[3], counts[4], counts[5]
    for number in range(start, stop):
        n, rest = number // (slabs * tall), number % (slabs * tall)
        d, h = rest // tall, rest % tall
        z, r = d - lows[0], h - lows[1]
        line = out[n, d, h]
        if not (0 <= z < deep and 0 <= r < high):
            line[:] = 0
            continue
        row = n // counts[2] * steps[1] + n % counts[2] * steps[2] + z * steps[3] + r * steps[4]
        begin = min(max(lows[2], 0), wide)
        end = max(min(width + lows[2], wide), begin)
        line[:begin] = 0
        line[end:] = 0
        for w in range(begin, end):
            place, inner = row + (w - lows[2]) * steps[5], line[w]
            for m in range(batch):
                inner[m] = x[place + m * steps[0]]


@jit
def pack(
    w: Any, first: Any, step: Any, places: Any, filters: Any, block: Any, a: Any, s: Any, e: Any
) -> None:
    """Copy the blocks [s, e) of ``w[first + i step + places[k]]``, a block of k after another.

    Each is a panel of rows i after another, and zeros below the last.
    """
    panels = -(-filters // ROWS)
    for number in range(s, e):
        k0 = number * block
        k1 = min(k0 + block, places.size)
        for p in range(panels):
            to = (k0 * panels + p * (k1 - k0)) * ROWS
            source = first + p * ROWS * step
            some = min(ROWS, filters - p * ROWS)
            for k in range(k0, k1):
                at, panel = source + places[k], to + (k - k0) * ROWS
                if some == ROWS:
                    for i in range(ROWS):
                        a[np.uintp(panel + i)] = w[np.uintp(at + i * step)]
                else:
                    for i in range(some):
                        a[panel + i] = w[at + i * step]
                    for i in range(some, ROWS):
                        a[panel + i] = 0


@inlined
def _copy_panel(
    x: Any, first: Any, rows: Any, columns: Any, panel: Any, to: Any, moves: Any, lanes: Any
) -> None:
    """Copy what some columns, no more than a panel has, are in some rows."""
    count, done = 0, 0
    while done < columns.size:
        end = done + 1
        while end < columns.size and columns[end] == columns[end - 1] + 1:
            end += 1
        while done < end:
            moves[count, 0], moves[count, 1] = columns[done], done
            count += 1
            done = min(done + lanes, end)
    reach = columns.max() + lanes
    for k in range(rows.size):
        source, target = first + rows[k], to + k * VECTORS * lanes
        if source + reach <= x.size:
            for m in range(count):
                move(x, np.uintp(source + moves[m, 0]), panel, np.uintp(target + moves[m, 1]))
        else:  # a vector would be read beyond the end
            for c in range(columns.size):
                panel[target + c] = x[source + columns[c]]


@inlined
def _multiply_tile(
    a: Any, at: Any, b: Any, start: Any, depth: Any, some: Any, count: Any, tile: Any, lanes: Any
) -> None:
    """Multiply a panel of each: their first rows and columns, by the smallest tiles there are."""
    first, second, times = np.uintp(at), np.uintp(start), np.uintp(depth)
    if count > (VECTORS - 1) * lanes:
        if some > ROWS // 2:
            _whole(a, first, b, second, times, tile, np.uintp(0))
        else:
            _low(a, first, b, second, times, tile, np.uintp(0))
        return
    for c in range(0, count, lanes):
        vector, to = np.uintp(start + c), np.uintp(c)
        if some > ROWS // 2:
            _column(a, first, b, vector, times, tile, to)
        else:
            _low_column(a, first, b, vector, times, tile, to)


@inlined
def _keep_tile(
    tile: Any, width: Any, some: Any, c: Any, count: Any, y: Any, to: Any, place: Any, adds: Any
) -> None:
    """Write a tile's first rows and columns to y, those from column ``c`` on, or add them."""
    length, apart, step = place
    done = 0
    while done < count:
        column = c + done
        number = min(count - done, length - column % length)
        target = to + column // length * apart + column % length
        for i in range(some):
            out = y[target + i * step : target + i * step + number]
            part = tile[i * width + done : i * width + done + number]
            if adds:
                for j in range(number):
                    out[j] += part[j]
            else:
                for j in range(number):
                    out[j] = part[j]
        done += number


@jit
def multiply(
    x: Any,
    first: Any,
    rows: Any,
    columns: Any,
    a: Any,
    filters: Any,
    y: Any,
    to: Any,
    place: Any,
    adds: Any,
    sizes: Any,
    start: Any,
    stop: Any,
) -> None:
    """Multiply what `pack` made of a kernel by the parts [start, stop) of a patch matrix.

    ``x`` from ``first`` on is the image, ``y`` from ``to`` on the result, which is added to where
    it ``adds``: of ``place``, each ``length`` columns are neighbours there, those behind them
    ``apart``, and rows a ``step`` apart. A part has ``sizes[1]`` panels of columns, and a block
    ``sizes[0]`` rows.
    """
    lanes = BYTES // x.itemsize
    width, (block, together) = VECTORS * lanes, sizes
    panels = -(-filters // ROWS)
    # Behind the last panel, what a whole vector writes beyond it.
    b = np.empty(together * block * width + lanes, x.dtype)
    tile, moves = np.empty(ROWS * width, x.dtype), np.empty((width, 2), np.int64)
    for part in range(start, stop):
        c0 = part * together * width
        c1 = min(c0 + together * width, columns.size)
        for k0 in range(0, rows.size, block):
            some_rows = rows[k0 : min(k0 + block, rows.size)]
            depth = some_rows.size
            for c in range(c0, c1, width):
                seen = columns[c : min(c + width, c1)]
                _copy_panel(x, first, some_rows, seen, b, (c - c0) * block, moves, lanes)
            for c in range(c0, c1, width):
                count, panel = min(width, c1 - c), (c - c0) * block
                for p in range(panels):
                    some = min(ROWS, filters - p * ROWS)
                    at = (k0 * panels + p * depth) * ROWS
                    _multiply_tile(a, at, b, panel, depth, some, count, tile, lanes)
                    below = to + p * ROWS * place[2]
                    _keep_tile(tile, width, some, c, count, y, below, place, adds or k0 > 0)
