r"""Sums of slices, exact in float64, for factors of any precision.

Every operand is a sum of slices of whole numbers, relative to the largest of the numbers that meet
in an output,

.. math:: x = 2^e \left(\sum_i X_i 2^{-\beta i} + r\right), \qquad |X_i| \le 2^\beta,
    \qquad \beta = \lfloor (53 - \lceil \log_2 n \rceil) / 2 \rfloor

so that no sum of n products of two slices reaches 2**53, and each is exact in any order (Ozaki,
Ogita, Oishi and Rump, 2012). They are joined in twice the precision of float64. What is left out,
products of late slices and of the rests, is bounded by what it is in fact, and often nothing.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.exact.description import Sum
from multiconv.exact.floating import (
    along,
    beside,
    beside_each_other,
    largest,
    over_axes,
    repeats,
)
from multiconv.exact.formats import decoded
from multiconv.exact.integers import Operands, products
from multiconv.exact.products import correlated
from multiconv.exact.rounding import Value, power, two_sum

#: Slices of an operand, from number 0 on, and the largest sum of two numbers that are multiplied.
COUNT, LAST = 4, 3
_WIDEST = 24
_U = 2.0**-53


class Sliced(NamedTuple):
    """An operand as slices, each times its power of two, and the exponents of all."""

    slices: list[Array]
    rest: Array
    exponent: Array


def sliced(total: Sum, operands: Operands, backend: Backend) -> Value:
    """Return the sums, and what may be missing from them."""
    xp = backend.xp
    terms = products(total, operands.first)
    width = min((53 - math.ceil(math.log2(max(terms, 1)))) // 2, _WIDEST)
    ours, theirs = (
        _slices(array, over_axes(total, side), width, backend)
        for side, array in enumerate(operands[:2])
    )
    high, low = _joined(total, ours, theirs, backend)
    dropped, size = _bounds(total, ours, theirs, backend)
    scale = along(total, 0, ours.exponent, backend) + along(total, 1, theirs.exponent, backend)
    additions = COUNT**2 + 2
    if operands.bias is None:
        is_whole = _is_whole(ours, theirs, width, terms, backend)
        size = xp.where(is_whole, xp.zeros_like(size), size)
    else:
        bias = _scaled(beside(total, operands.bias, backend), -scale, backend)
        high, lost = two_sum(high, bias)
        low, size, dropped = low + lost, size + xp.abs(bias), dropped + 2.0**-900
    high, low = two_sum(high, low)
    # The lower part is a sum of so many errors, each at most u times the sums they are from.
    return Value(high, low, dropped + additions**2 * _U * _U * size, scale)


def _slices(array: Array, over: tuple[int, ...], width: int, backend: Backend) -> Sliced:
    xp = backend.xp
    mantissa, exponent = decoded(array, backend)
    size = xp.abs(mantissa)
    bits = (backend.as_bits(backend.astype(size, "float64")) >> 52) - 1022
    top = xp.where(size == 0, xp.full_like(exponent, -5000), exponent + bits)
    # Of no numbers, the rows of a border, the sum is that zero.
    top = (xp.sum if 0 in top.shape else xp.max)(top, axis=over, keepdims=True)
    top = xp.where(top == -5000, xp.zeros_like(top), top)
    # A number that is smaller by far is taken for a larger one, and is part of the rest.
    by = power(xp.clip(exponent - top, -1000, 0), backend)
    rest = backend.astype(mantissa, "float64") * by
    slices = []
    for number in range(1, COUNT + 1):
        unit = 2.0 ** (-width * number)
        slices.append(xp.round(rest * (1 / unit)) * unit)
        rest = rest - slices[-1]
    return Sliced(slices, rest, top)


def _joined(total: Sum, ours: Sliced, theirs: Sliced, backend: Backend) -> tuple[Array, Array]:
    """Return the sum of the products of slices, in two parts."""
    firsts, seconds = backend.sequence(ours.slices), backend.sequence(theirs.slices)
    nothing = backend.zeros(
        total.shape(ours.slices[0].shape, theirs.slices[0].shape), ours.slices[0]
    )

    def add(i: int, j: int, high: Array, low: Array) -> tuple[Array, Array]:
        first, second = firsts[i], seconds[j]

        def added() -> tuple[Array, Array]:
            sums, lost = two_sum(high, correlated(total, first, second, backend))
            return sums, low + lost

        # What few slices hold, others need not be multiplied for.
        is_there = backend.xp.any(first != 0) & backend.xp.any(second != 0)
        both: tuple[Array, Array] = backend.branch(is_there, added, lambda: (high, low))
        return both

    pairs = [(i, j) for i, j in itertools.product(range(COUNT), repeat=2) if i + j <= LAST]
    both: tuple[Array, Array] = backend.accumulate(add, (nothing, nothing), pairs)
    return both


def _bounds(total: Sum, ours: Sliced, theirs: Sliced, backend: Backend) -> tuple[Array, Array]:
    """Return bounds of what is left out, and of the sums of all absolute products."""
    xp = backend.xp
    tops = [largest(part, over_axes(total, 0), backend) for part in (*ours.slices, ours.rest)]
    # A little more, for the rounding of this sum itself.
    sums = [
        xp.sum(xp.abs(part), axis=over_axes(total, 1), keepdims=True) * (1 + 2.0**-20)
        for part in (*theirs.slices, theirs.rest)
    ]
    size = dropped = None
    for i, j in itertools.product(range(COUNT + 1), repeat=2):
        term = repeats(total) * beside_each_other(total, tops[i], sums[j], backend)
        size = term if size is None else size + term
        if i + j > LAST or COUNT in (i, j):
            dropped = term if dropped is None else dropped + term
    return dropped, size


def _is_whole(ours: Sliced, theirs: Sliced, width: int, terms: int, backend: Backend) -> Array:
    """Tell whether the two parts of the sum hold it, bit for bit.

    All numbers are multiples of the unit of the last slices; so are the errors of the additions, of
    which there are fewer than 2**53 units in their sum.
    """
    xp = backend.xp
    unit = 0
    for operand in (ours, theirs):
        used = xp.ones_like(xp.max(operand.exponent))
        for number, part in enumerate(operand.slices, 1):
            used = xp.where(xp.any(part != 0), number * xp.ones_like(used), used)
        unit = unit + width * used
    rests = xp.any(ours.rest != 0) | xp.any(theirs.rest != 0)
    additions = math.ceil(2 * math.log2(COUNT**2 + 2) + math.log2(max(terms, 1)))
    return (unit + additions <= 106) & ~rests


def _scaled(array: Array, exponent: Array, backend: Backend) -> Array:
    """Return numbers times 2**exponent, in float64: infinite where they are beyond it."""
    xp = backend.xp
    mantissa, own = decoded(array, backend)
    by = own + exponent
    scaled = backend.astype(mantissa, "float64") * power(xp.clip(by, -1000, 900), backend)
    return xp.where((by > 900) & (mantissa != 0), xp.full_like(scaled, math.inf), scaled)
