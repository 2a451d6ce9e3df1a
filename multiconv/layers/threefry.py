"""Random numbers that are the same everywhere: a counter-based generator in integer operations.

Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3", 2011) maps a key and a counter to bits, with no state and no floating point on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_PARITY = 0x1BD11BDA  # of the key schedule, from the paper's reference implementation


def uniform(seed: int, count: int, *, first: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return ``count`` numbers in [0, 1), multiples of 2**-24: exact in float32 and wider.

    Parameters
    ----------
    seed : int
        Any integer; taken modulo 2**64.
    count : int
        How many.
    first : int, optional
        The counter of the first one: numbers ``first`` to ``first + count - 1`` of the stream.
    """
    counters = np.arange(first, first + count, dtype=np.uint64)
    low, _ = bits(seed, counters & np.uint64(0xFFFFFFFF), counters >> np.uint64(32))
    numbers: np.ndarray[Any, np.dtype[np.float64]] = (low >> np.uint32(8)).astype(np.float64)
    return numbers * 2.0**-24


def bits(seed: int, first: Any, second: Any) -> tuple[Any, Any]:
    """Return the two 32-bit words of Threefry-2x32-20 for counters (first, second)."""
    low, high = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    schedule = np.array([low, high, low ^ high ^ _PARITY], dtype=np.uint32)
    x0 = np.asarray(first).astype(np.uint32) + schedule[0]
    x1 = np.asarray(second).astype(np.uint32) + schedule[1]
    for round_number in range(20):
        rotation = _ROTATIONS[round_number % 8]
        x0 = x0 + x1
        x1 = (x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))
        x1 = x1 ^ x0
        if round_number % 4 == 3:
            injection = round_number // 4 + 1
            x0 = x0 + schedule[injection % 3]
            x1 = x1 + schedule[(injection + 1) % 3] + np.uint32(injection)
    return x0, x1
