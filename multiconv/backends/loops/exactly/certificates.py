"""One rounding of float64 sums to float32, and where an error could change it: by NumPy or Numba.

Of a number and its error both ends are rounded. Two zeros may differ in sign: they count as unlike.
"""

from __future__ import annotations

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops.exactly.loaded import loops


def certify(high: NumPyArray, error: NumPyArray, y: NumPyArray, unsure: NumPyArray) -> None:
    """Round rows of sums, each row with an error, into y; ``high`` is not kept.

    All are (rows, columns), ``error`` is (rows, 1).
    """
    module = loops(high.size)
    if module is not None:
        module.certify_rows(high, error[:, 0], y, unsure)
        return
    room = np.subtract(high, error)
    room += 0.0  # no sum of products is -0
    y[:] = room
    high += error
    _mark(y, high, unsure)


def certify_twice(
    high: NumPyArray, low: NumPyArray, error: NumPyArray, y: NumPyArray, unsure: NumPyArray
) -> None:
    """Round sums of two numbers each, with an error that broadcasts; ``high`` is not kept."""
    value = high + low
    other = value - high
    # What is below the value, and the rounding of the ends themselves.
    rest = np.abs((high - (value - other)) + (low - other))
    rest += error
    rest += np.where(rest > 0, np.abs(value) * 2.0**-51, 0)
    value += 0.0
    y[:] = value - rest
    value += rest
    _mark(y, value, unsure)


def _mark(y: NumPyArray, above: NumPyArray, unsure: NumPyArray) -> None:
    np.not_equal(y.view(np.int32), above.astype(np.float32).view(np.int32), out=unsure)
