"""Compiled loops for NumPy's arrays, where Numba is installed.

The sums are those of the plain way (`taps`), product by product in the same order and without fused
multiply-adds, so that no bit depends on whether Numba is there. A tile of output rows is computed
at a time: what it needs of the image is copied once, with its border of zeros, into a buffer that
stays in cache, the columns of each residue of the stride side by side. Then the taps pass over
every row of the tile, nine at a time.

Images are (N, G, D, H, W), kernels (G, O, kd, kh, kw), results (N, G, O, D', H', W'); fewer axes
have ones in front. Indices are unsigned: a signed one may be negative as far as the compiler knows,
and is not vectorised.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy", boundscheck=False)

_U = np.uint64
_MOST = 9  # taps of a pass: all those of a 3 x 3 kernel


@_compiled  # type: ignore[untyped-decorator]
def _pass(y: Any, x: Any, k: Any, f: Any, base: Any) -> None:
    """Add up to nine taps k to a row y: the products with x from ``base`` and each offset on."""
    n = _U(y.size)
    if k.size == 9:
        a0, a1, a2, a3, a4, a5, a6, a7, a8 = k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8]
        f0, f1, f2, f3, f4 = base + f[0], base + f[1], base + f[2], base + f[3], base + f[4]
        f5, f6, f7, f8 = base + f[5], base + f[6], base + f[7], base + f[8]
        for c in range(n):
            t = y[c] + a0 * x[f0 + c]
            t = t + a1 * x[f1 + c]
            t = t + a2 * x[f2 + c]
            t = t + a3 * x[f3 + c]
            t = t + a4 * x[f4 + c]
            t = t + a5 * x[f5 + c]
            t = t + a6 * x[f6 + c]
            t = t + a7 * x[f7 + c]
            y[c] = t + a8 * x[f8 + c]
        return
    done = 0
    if k.size >= 5:
        a0, a1, a2, a3, a4 = k[0], k[1], k[2], k[3], k[4]
        f0, f1, f2, f3, f4 = base + f[0], base + f[1], base + f[2], base + f[3], base + f[4]
        for c in range(n):
            t = y[c] + a0 * x[f0 + c]
            t = t + a1 * x[f1 + c]
            t = t + a2 * x[f2 + c]
            t = t + a3 * x[f3 + c]
            y[c] = t + a4 * x[f4 + c]
        done = 5
    if k.size - done >= 3:
        a0, a1, a2 = k[done], k[done + 1], k[done + 2]
        f0, f1, f2 = base + f[done], base + f[done + 1], base + f[done + 2]
        for c in range(n):
            t = y[c] + a0 * x[f0 + c]
            t = t + a1 * x[f1 + c]
            y[c] = t + a2 * x[f2 + c]
        done += 3
    while done < k.size:
        a0, f0 = k[done], base + f[done]
        for c in range(n):
            y[c] = y[c] + a0 * x[f0 + c]
        done += 1


@_compiled  # type: ignore[untyped-decorator]
def _fill(buffer: Any, x: Any, row: Any, column: Any, stride: Any, zero: Any) -> None:
    """Copy rows of an image (H, W) from (row, column) on into (rows, stride, width).

    Beyond the image there are zeros.
    """
    rows, _, width = buffer.shape
    for r in range(rows):
        i = row + r
        if i < 0 or i >= x.shape[0]:
            buffer[r] = zero
            continue
        source = x[i]
        for residue in range(stride):
            target = buffer[r, residue]
            first = column + residue
            # The entries m with 0 <= first + m stride < W; no more than there are.
            low = min(max((-first + stride - 1) // stride, 0), width)
            high = max(min((x.shape[1] - first + stride - 1) // stride, width), low)
            target[:low] = zero
            target[high:] = zero
            if stride == 1:
                target[low:high] = source[first + low : first + high]
            else:
                for m in range(low, high):
                    target[m] = source[first + m * stride]


@_compiled  # type: ignore[untyped-decorator]
def add_taps(
    x: Any,
    weight: Any,
    y: Any,
    lows: Any,
    stride: Any,
    dilation: Any,
    tile: Any,
    start: Any,
    stop: Any,
) -> None:
    """Compute the tiles [start, stop) of y, each of ``tile`` rows by columns."""
    _, groups, filters, depth, height, width = y.shape
    _, _, kd, kh, kw = weight.shape
    taps = kd * kh * kw
    per_column = -(-height // tile[0])
    per_row = -(-width // tile[1])
    rows = (tile[0] - 1) * stride[1] + dilation[1] * (kh - 1) + 1
    reach = tile[1] + (dilation[2] * (kw - 1)) // stride[2] + 1
    buffer = np.empty((kd, rows, stride[2], reach), x.dtype)
    flat = buffer.reshape(buffer.size)
    offsets = np.empty(taps, np.uint64)
    t = 0
    for i in range(kd):
        for j in range(kh):
            for k in range(kw):
                column = k * dilation[2]
                place = (i * rows + j * dilation[1]) * stride[2] + column % stride[2]
                offsets[t] = place * reach + column // stride[2]
                t += 1
    zero = x.dtype.type(0)
    for number in range(start, stop):
        column_tile, rest = number % per_row, number // per_row
        row_tile, rest = rest % per_column, rest // per_column
        d, rest = rest % depth, rest // depth
        g, n = rest % groups, rest // groups
        r0, c0 = row_tile * tile[0], column_tile * tile[1]
        r1, c1 = min(r0 + tile[0], height), min(c0 + tile[1], width)
        needed = (r1 - r0 - 1) * stride[1] + dilation[1] * (kh - 1) + 1
        for i in range(kd):
            slab = d * stride[0] + i * dilation[0] - lows[0]
            part = buffer[i, :needed]
            if slab < 0 or slab >= x.shape[2]:
                part[:] = zero
            else:
                top, left = r0 * stride[1] - lows[1], c0 * stride[2] - lows[2]
                _fill(part, x[n, g, slab], top, left, stride[2], zero)
        for o in range(filters):
            kernel = weight[g, o].reshape(taps)
            for r in range(r0, r1):
                row = y[n, g, o, d, r, c0:c1]
                row[:] = zero
                base = np.uint64((r - r0) * stride[1] * stride[2] * reach)
                for first in range(0, taps, _MOST):
                    last = min(first + _MOST, taps)
                    _pass(row, flat, kernel[first:last], offsets[first:last], base)


@_compiled  # type: ignore[untyped-decorator]
def add_rows(  # noqa: PLR0912
    x: Any, weight: Any, y: Any, stride: Any, dilation: Any, start: Any, stop: Any
) -> None:
    """Compute the outputs [start, stop) of every image where there are fewer outputs than taps.

    Each is a vector along the rows of the kernel, added up row by row, and then by halves.
    """
    images, groups, filters, _, height, width = y.shape
    _, _, kd, kh, kw = weight.shape
    count = stop - start
    totals = np.empty((count, kw), x.dtype)
    zero = x.dtype.type(0)
    size = np.uint64(kw)
    step = np.uint64(dilation[2])
    for n in range(images):
        for g in range(groups):
            for o in range(filters):
                totals[:] = zero
                for i in range(kd):
                    for j in range(kh):
                        k = weight[g, o, i, j]
                        for number in range(count):
                            place = start + number
                            p2, rest = place % width, place // width
                            p1, p0 = rest % height, rest // height
                            slab = p0 * stride[0] + i * dilation[0]
                            row = p1 * stride[1] + j * dilation[1]
                            first = p2 * stride[2]
                            seen = x[n, g, slab, row, first : first + dilation[2] * (kw - 1) + 1]
                            total = totals[number]
                            if step == 1:
                                for c in range(size):
                                    total[c] = total[c] + k[c] * seen[c]
                            else:
                                for c in range(size):
                                    total[c] = total[c] + k[c] * seen[c * step]
                for number in range(count):
                    total = totals[number]
                    rest = kw
                    while rest > 1:
                        half = (rest + 1) // 2
                        for c in range(rest - half):
                            total[c] = total[c] + total[half + c]
                        rest = half
                    place = start + number
                    p2, left = place % width, place // width
                    y[n, g, o, left // height, left % height, p2] = total[0]
