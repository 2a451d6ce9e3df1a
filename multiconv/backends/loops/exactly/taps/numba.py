"""Sums of single channels in float64, row by row, each rounded to float32 while it is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.loops.exactly.compiling.numba import inlined, jit
from multiconv.backends.loops.exactly.rounding.numba import certify_row, certify_twice

#: How sums are added up.
ONCE, TWICE, HALVES = 0, 1, 2


@inlined
def _add(total: Any, x: Any, base: int, step: int, kernel: Any, taps: int) -> None:
    """Add neighbouring taps of a row of the kernel to all outputs, some at a time.

    Loops run over slices from 0 on: an index that could be negative keeps LLVM from vectors.
    """
    count, done = total.size, 0
    while done < taps:
        b = base + done * step
        first = x[b : b + count]
        if taps - done >= 4:
            second, third = x[b + step : b + step + count], x[b + 2 * step : b + 2 * step + count]
            fourth = x[b + 3 * step : b + 3 * step + count]
            k0, k1, k2, k3 = kernel[done], kernel[done + 1], kernel[done + 2], kernel[done + 3]
            for j in range(count):
                total[j] += (k0 * first[j] + k1 * second[j]) + (k2 * third[j] + k3 * fourth[j])
            done += 4
        elif taps - done == 3:
            second, third = x[b + step : b + step + count], x[b + 2 * step : b + 2 * step + count]
            k0, k1, k2 = kernel[done], kernel[done + 1], kernel[done + 2]
            for j in range(count):
                total[j] += (k0 * first[j] + k1 * second[j]) + k2 * third[j]
            done += 3
        else:
            k0 = kernel[done]
            for j in range(count):
                total[j] += k0 * first[j]
            done += 1


@inlined
def _add_beside(
    total: Any, x: Any, offset: int, stride: int, factor: float, span: Any, middle: Any
) -> None:
    """Add a tap to the outputs of a span that are not in the middle."""
    for j in range(span[0], min(middle[0], span[1])):
        total[j] += factor * x[offset + j * stride]
    for j in range(max(middle[1], span[0]), span[1]):
        total[j] += factor * x[offset + j * stride]


@inlined
def _add_twice(
    high: Any, low: Any, x: Any, offset: int, stride: int, factor: float, span: Any
) -> None:
    """Add a tap to sums in two parts (Knuth's TwoSum)."""
    ours, theirs = high[span[0] : span[1]], low[span[0] : span[1]]
    start, stop = offset + span[0] * stride, offset + span[1] * stride
    if stride == 1:
        seen = x[start:stop]
        for j in range(ours.size):
            term, before = factor * seen[j], ours[j]
            total = before + term
            other = total - before
            ours[j] = total
            theirs[j] += (before - (total - other)) + (term - other)
    else:
        for j in range(ours.size):
            term, before = factor * x[start + j * stride], ours[j]
            total = before + term
            other = total - before
            ours[j] = total
            theirs[j] += (before - (total - other)) + (term - other)


@inlined
def _inside(size: int, offset: int, stride: int, count: int) -> tuple[int, int]:
    """Return the outputs j with 0 <= j * stride + offset < size, as a range."""
    start = 0 if offset >= 0 else (-offset + stride - 1) // stride
    stop = 0 if size <= offset else (size - 1 - offset) // stride + 1
    start, stop = min(start, count), min(max(stop, 0), count)
    return start, max(start, stop)


@inlined
def _add_line(
    total: Any, line: Any, taps: Any, low: int, stride: int, dilation: int, middle: Any
) -> None:
    """Add what a row of the kernel makes of a row of the image."""
    if stride == 1:
        within = total[middle[0] : middle[1]]
        _add(within, line, middle[0] - low, dilation, taps, taps.size)
    for v in range(taps.size):
        offset = v * dilation - low
        span = _inside(line.size, offset, stride, total.size)
        _add_beside(total, line, offset, stride, taps[v], span, middle)


@inlined
def _halve(x: Any, shift: float, upper: Any, lower: Any) -> None:
    """Cut numbers at the last bit of a shift."""
    for i in range(x.size):
        value = np.float64(x[i])
        upper[i] = (value + shift) - shift
        lower[i] = value - upper[i]


@jit
def certified_taps(
    x: Any,
    image: Any,
    kernel: Any,
    error: Any,
    options: Any,
    y: Any,
    unsure: Any,
    output: Any,
    mode: int,
    shift: float,
    start: int,
    stop: int,
) -> int:
    """Correlate single channels, row by row, and certify each; return how many are not certain.

    ``image`` is (images, groups, height, width) of the flat x, ``kernel`` (groups, filters, kh,
    kw) in float64, ``error`` a number for each (image, group, filter), ``options`` the low pads,
    strides and dilations, and ``output`` (height, width). ``mode`` is `ONCE`, or `TWICE` for sums
    of two numbers each, or `HALVES` for those of the halves of each pixel that ``shift`` makes.
    """
    height, width = image[2], image[3]
    groups, filters, tall, wide = kernel.shape
    low0, low1, stride0, stride1, dilation0, dilation1 = options
    rows, columns = output
    flat = kernel.reshape(-1)
    high, low = np.empty(columns), np.empty(columns)
    upper, lower = np.empty(width), np.empty(width)
    count = 0
    reach = (wide - 1) * dilation1
    # Where all taps of a row of the kernel are inside the image, if neighbours are side by side.
    middle = (columns, columns)
    if stride1 == 1:
        all_start = _inside(width, -low1, 1, columns)[0]
        middle = (all_start, max(_inside(width, reach - low1, 1, columns)[1], all_start))
    for row in range(start, stop):
        result, p = row // rows, row % rows
        n, g, o = result // (groups * filters), result // filters % groups, result % filters
        high[:] = 0.0
        low[:] = 0.0
        for u in range(tall):
            i = p * stride0 + u * dilation0 - low0
            if i < 0 or i >= height:
                continue
            line = ((n * groups + g) * height + i) * width
            at = ((g * filters + o) * tall + u) * wide
            taps = flat[at : at + wide]
            seen = x[line : line + width]
            if mode == ONCE:
                _add_line(high, seen, taps, low1, stride1, dilation1, middle)
            elif mode == HALVES:
                _halve(seen, shift, upper, lower)
                _add_line(high, upper, taps, low1, stride1, dilation1, middle)
                _add_line(low, lower, taps, low1, stride1, dilation1, middle)
            else:
                for v in range(wide):
                    offset = v * dilation1 - low1
                    span = _inside(width, offset, stride1, columns)
                    _add_twice(high, low, seen, offset, stride1, taps[v], span)
        here = slice(row * columns, (row + 1) * columns)
        if mode != ONCE:
            count += certify_twice(high, low, error[result], y[here], unsure[here])
        else:
            count += certify_row(high, error[result], y[here], unsure[here])
    return count
