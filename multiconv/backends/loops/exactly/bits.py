"""How large numbers are, and how many bits they have, without arrays of the kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray

# Numbers that are looked at together, before the next are.
_BLOCK = 2**14


def largest(array: NumPyArray) -> float:
    """Return the largest absolute value, without an array of all of them."""
    return max(abs(float(array.max())), abs(float(array.min())))  # NaN where the first is


def are_multiples(array: NumPyArray, exponent: int) -> bool:
    """Tell whether all numbers are multiples of 2**exponent, block by block."""
    # Where these are powers of float32 too, and what is lost beneath them is told by coming back.
    dtype: Any
    dtype = np.float32 if array.dtype.itemsize <= 4 and abs(exponent) <= 100 else np.float64
    if abs(exponent) > 1000:
        return False
    flat, unit, inverse = array.reshape(-1), dtype(2.0**exponent), dtype(2.0**-exponent)
    for start in range(0, flat.size, _BLOCK):
        values = flat[start : start + _BLOCK].astype(dtype, copy=False)
        whole: NumPyArray = values * inverse
        np.rint(whole, out=whole)
        whole *= unit
        if not np.array_equal(whole, values):
            return False
    return True
