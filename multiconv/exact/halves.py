r"""Sums of two halves of each number of the first operand, where the second has few bits enough.

.. math:: x = x_h + x_l, \qquad x_h \in s \mathbb{Z}, \quad |x_l| \le s / 2

With s as small as lets the sums of :math:`x_h w` be exact in float64, those of :math:`x_l w` are
exact too, or their error is that of numbers smaller by some twenty bits. Flat regions under a
filter that adds up to zero come out as zero so.
"""

from __future__ import annotations

import math

from multiconv.backends.base import Backend
from multiconv.exact.description import Sum
from multiconv.exact.few_bits import lowest_of_sample
from multiconv.exact.floating import along, beside, over_axes, repeats
from multiconv.exact.integers import Operands, products
from multiconv.exact.products import correlated
from multiconv.exact.rounding import Value, two_sum

_U = 2.0**-53
#: Bits of the sums of the second operand, beyond which the halves are of no use.
_MOST = 44


def halved(total: Sum, operands: Operands, backend: Backend) -> Value | None:
    """Return the sums of operands in float64 that hold float32 numbers; None where it is no use."""
    xp = backend.xp
    first, second, bias = operands
    if 0 in (*first.shape, *second.shape):
        return None
    top, unit = backend.largest(first), lowest_of_sample(second, backend)
    sums = xp.sum(xp.abs(second), axis=over_axes(total, 1), keepdims=True)
    size = float(xp.max(sums)) * (1 + 2.0**-20) * repeats(total)
    if not (top and size) or not backend.are_multiples(second, unit):
        return None
    width = max(math.frexp(size)[1] - unit, 2)
    step = math.frexp(top)[1] + width - 53
    if width > _MOST or abs(step) > 900:
        return None
    # Added to it, a number has its last bit where the step is.
    shift = 1.5 * 2.0 ** (52 + step)
    upper = (first + shift) - shift
    high = correlated(total, upper, second, backend)
    low = correlated(total, first - upper, second, backend)
    is_exact = backend.are_multiples(first, step - 1 + width - 53)
    factor = 0.0 if is_exact else (products(total, first) + 12) * _U * 2.0 ** (step - 1)
    error = along(total, 1, sums, backend) * (factor * repeats(total))
    if bias is not None:
        high, lost = two_sum(high, beside(total, bias, backend))
        error = error + 2 * _U * (xp.abs(low) + xp.abs(lost))
        low = low + lost
    return Value(*two_sum(high, low), error)
