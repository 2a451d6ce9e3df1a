"""Sums that no order of additions rounds: of numbers with few bits, which images and filters are.

All partial sums are multiples of the product of the lowest bits, and no larger than a bound S of
the sums of absolute products. Where S is at most 2**p such units, each of them is a number of p
bits, so that any method is exact: in float32 for bytes under a derivative filter, in float64 for
their quotients by 255.
"""

from __future__ import annotations

import math

from multiconv.backends.base import Array, Backend
from multiconv.exact.description import Sum
from multiconv.exact.floating import lowest_bit, over_axes, repeats
from multiconv.exact.formats import format_of
from multiconv.exact.integers import Operands
from multiconv.exact.rounding import in_float64

#: So many numbers of an array tell first whether it is worth looking at all of them.
_SAMPLE = 512


def narrowest(total: Sum, operands: Operands, backend: Backend) -> str | None:
    """Return float32 or float64, the first in which no sum is rounded on the way, or None.

    None, too, where a number is not finite.
    """
    first, second, bias = operands
    arrays = [array for array in operands if array is not None]
    if any(0 in array.shape for array in arrays):
        return None
    low = sum(lows := [lowest_of_sample(array, backend) for array in (first, second)])
    product = math.prod([backend.largest(_sample(a, backend)) for a in (first, second)])
    if not product <= math.ldexp(1.0, min(low + 53, 1000)):  # one product alone has more bits
        return None
    size = _size(total, first, second, backend)
    if bias is not None:
        size += backend.largest(bias)
    if not 0 < size < math.inf:
        return None
    is_known = [math.prod(array.shape) <= _SAMPLE for array in (first, second)]
    for name in ("float32", "float64"):
        form = format_of(name)
        unit = math.frexp(size)[1] - form.precision
        is_within = form.lowest <= unit and size < 2.0 ** (form.fields // 2)
        if not is_within or low < unit:
            continue
        if bias is not None and not backend.are_multiples(bias, unit):
            continue
        # What is to spare goes to those of whose numbers not all are known.
        spare = (low - unit) // max(is_known.count(False), 1)
        if all(
            known or backend.are_multiples(array, lowest - spare)
            for known, array, lowest in zip(is_known, (first, second), lows, strict=True)
        ):
            return name
    return None


def lowest_of_sample(array: Array, backend: Backend) -> int:
    """Return the exponent of the lowest bit of some of the numbers; where those are zeros, 0."""
    low = int(lowest_bit(_sample(array, backend), backend))
    return low if low < 5000 else 0


def _size(total: Sum, first: Array, second: Array, backend: Backend) -> float:
    """Return a bound of the sums of absolute products; NaN or infinite if a number is."""
    xp = backend.xp
    sums = xp.sum(xp.abs(in_float64(second, backend)), axis=over_axes(total, 1))
    # A little more, for the rounding of this sum itself.
    return repeats(total) * backend.largest(first) * float(xp.max(sums)) * (1 + 2.0**-20)


def _sample(array: Array, backend: Backend) -> Array:
    flat = backend.xp.reshape(array, (-1,))
    return flat if flat.shape[0] <= _SAMPLE else flat[:: flat.shape[0] // _SAMPLE]
