"""One rounding of float64 sums to float32, and the bits of float32 numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.loops.exactly.compiling.numba import inlined, jit

# Numbers that are looked at together, before the next are.
_BLOCK = 4096


@jit
def largest(bits: Any, found: Any, start: int, stop: int) -> None:
    """Put the largest absolute value of each row in ``found``, all as int32 bits of float32."""
    for row in range(start, stop):
        most = np.int32(0)
        for i in range(bits.shape[1]):
            most = max(most, bits[row, i] & np.int32(0x7FFFFFFF))
        found[row] = most


@jit
def are_multiples(x: Any, inverse: float) -> bool:
    """Tell whether all numbers are multiples of 1 / inverse, a power of two."""
    for begin in range(0, x.size, _BLOCK):
        others = 0
        for i in range(begin, min(begin + _BLOCK, x.size)):
            scaled = np.float64(x[i]) * inverse
            others += scaled != np.rint(scaled)
        if others:
            return False
    return True


@inlined
def certify_row(high: Any, error: float, y: Any, unsure: Any) -> int:
    """Round a row of sums, and mark those that may round otherwise."""
    # Two zeros may differ in sign; nothing is equal to NaN.
    zero = np.float32(0 if error > 0 else np.nan)
    differs = False
    for j in range(high.size):
        value = high[j] + 0.0  # no sum of products is -0
        below, above = np.float32(value - error), np.float32(value + error)
        y[j] = below
        differs |= (below != above) | (below == zero)
    count = 0
    if differs:
        for j in range(high.size):
            above = np.float32(high[j] + error)
            unsure[j] = (y[j] != above) | (y[j] == zero)
            count += unsure[j]
    return count


@jit
def certify(high: Any, error: Any, y: Any, unsure: Any, start: int, stop: int) -> int:
    """Round rows of sums (rows, length) with an error each; return how many are not certain."""
    count, width = 0, high.shape[1]
    for row in range(start, stop):
        here = slice(row * width, (row + 1) * width)
        count += certify_row(high[row], error[row], y[here], unsure[here])
    return count


@jit
def certify_rows(high: Any, error: Any, y: Any, unsure: Any) -> None:
    """Do the same, into rows that need not lie behind each other."""
    for row in range(high.shape[0]):
        certify_row(high[row], error[row], y[row], unsure[row])


@inlined
def certify_twice(high: Any, low: Any, error: float, y: Any, unsure: Any) -> int:
    """Round a row of sums in two parts, and mark those that may round otherwise."""
    count = 0
    for j in range(high.size):
        value = high[j] + low[j]
        other = value - high[j]
        rest = abs((high[j] - (value - other)) + (low[j] - other)) + error
        slack = rest + abs(value) * 2.0**-51 if rest > 0 else 0.0
        value += 0.0
        below, above = np.float32(value - slack), np.float32(value + slack)
        y[j] = below
        spans = (below == 0) & (slack > 0) & (abs(value) <= slack)
        differs = (below != above) | spans
        unsure[j] = differs
        count += differs
    return count
