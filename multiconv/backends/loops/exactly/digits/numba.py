"""Sums in integers: digits of base 2**24 that cover every exponent of a product."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.loops.exactly.compiling.numba import inlined, jit

_BITS, _MASK = 24, 2**24 - 1


@inlined
def _take_apart(bits: int, precision: int, width: int) -> tuple[int, int]:
    """Return signed mantissa and exponent, counted from that of the smallest number."""
    fields = (1 << (width - precision)) - 1
    field = (bits >> (precision - 1)) & fields
    mantissa = bits & ((1 << (precision - 1)) - 1)
    if field == fields:
        return 0, 0
    if field > 0:
        mantissa += 1 << (precision - 1)
        field -= 1
    return (-mantissa if bits < 0 else mantissa), field


@inlined
def _add_product(digits: Any, first: int, second: int, place: int) -> None:
    """Add a product of two mantissas times 2**place."""
    is_negative = (first < 0) != (second < 0)
    a, b = abs(first), abs(second)
    while a:
        rest, step = b, place
        while rest:
            number = (a & _MASK) * (rest & _MASK)
            at, shift = step // _BITS, step % _BITS
            low, high = (number & _MASK) << shift, (number >> _BITS) << shift
            if is_negative:
                low, high = -low, -high
            digits[at] += low & _MASK
            digits[at + 1] += (low >> _BITS) + (high & _MASK)
            digits[at + 2] += high >> _BITS
            rest >>= _BITS
            step += _BITS
        a >>= _BITS
        place += _BITS


@inlined
def _add_small(digits: Any, product: int, place: int) -> None:
    """Add a product of two mantissas of a digit each, with its sign, times 2**place."""
    at = (place * 43691) >> 20  # place // 24, for all that two numbers of float32 can have
    shift = place - at * _BITS
    low, high = (product & _MASK) << shift, (product >> _BITS) << shift
    digits[at] += low & _MASK
    digits[at + 1] += (low >> _BITS) + (high & _MASK)
    digits[at + 2] += high >> _BITS


@inlined
def _carry(digits: Any) -> None:
    carry = 0
    for at in range(digits.size - 1):
        number = digits[at] + carry
        carry = number >> _BITS
        digits[at] = number & _MASK
    digits[digits.size - 1] += carry


@inlined
def _rounded(digits: Any, origin: int, precision: int, width: int, lowest: int) -> int:
    """Return the bits of the nearest number to digits times 2**origin."""
    _carry(digits)
    is_negative = digits[digits.size - 1] < 0
    if is_negative:
        for at in range(digits.size):
            digits[at] = -digits[at]
        _carry(digits)
    top = digits.size - 1
    while top >= 0 and digits[top] == 0:
        top -= 1
    if top < 0:
        return 0
    length, rest = 0, digits[top]
    while rest:
        rest >>= 1
        length += 1
    above = max(_BITS * top + length + origin - precision - lowest, 0)
    fields = (1 << (width - precision)) - 1
    sign = -(1 << (width - 1)) if is_negative else 0
    if above >= fields - 1:
        return (fields << (precision - 1)) + sign
    cut = above + lowest - 1 - origin
    at, shift = cut // _BITS, cut % _BITS
    twice = digits[at] >> shift if at < digits.size else 0
    for step in range(1, 4):
        by = _BITS * step - shift
        if at + step < digits.size and by < 63:
            twice += digits[at + step] << by
    lost = (digits[at] & ((1 << shift) - 1)) != 0
    for below in range(at):
        lost |= digits[below] != 0
    kept = twice >> 1
    if twice & 1 and (lost or kept & 1):
        kept += 1
    return int((above << (precision - 1)) + kept + sign)


@jit
def sums(
    places: Any,
    shape: Any,
    first: Any,
    second: Any,
    bias: Any,
    steps: Any,
    others: Any,
    contracted: Any,
    tables: Any,
    source: Any,
    target: Any,
    count: int,
    found: Any,
    start: int,
    stop: int,
) -> None:
    """Put the bits of the exact sums at ``places`` of the result in ``found``.

    ``shape`` is that of the result, of three leading and three spatial axes; ``first``,
    ``second`` and ``bias`` are bits, ``steps`` and ``others`` the strides of the operands along the
    axes of the result, ``contracted`` (channels, stride, stride). ``tables`` has the pairs of each
    spatial axis. ``source`` is (precision, width, lowest) of the operands, ``target`` that of the
    result.
    """
    digits = np.empty(count, np.int64)
    precision, width, lowest = source
    first0, second0, first1, second1, first2, second2 = tables
    index = np.empty(6, np.int64)
    for number in range(start, stop):
        rest = places[number]
        for axis in range(5, -1, -1):
            index[axis] = rest % shape[axis]
            rest //= shape[axis]
        base = index[0] * steps[0] + index[1] * steps[1] + index[2] * steps[2]
        other = index[0] * others[0] + index[1] * others[1] + index[2] * others[2]
        digits[:] = 0
        if bias.size:
            mantissa, exponent = _take_apart(
                np.int64(bias[index[1] * shape[2] + index[2]]), precision, width
            )
            _add_product(digits, mantissa, 1, exponent - lowest)
        for c in range(contracted[0]):
            for i in range(first0.shape[1]):
                i0 = first0[index[3], i]
                if i0 < 0:
                    continue
                for j in range(first1.shape[1]):
                    j0 = first1[index[4], j]
                    if j0 < 0:
                        continue
                    for k in range(first2.shape[1]):
                        k0 = first2[index[5], k]
                        if k0 < 0:
                            continue
                        a = base + c * contracted[1]
                        a += i0 * steps[3] + j0 * steps[4] + k0 * steps[5]
                        b = other + c * contracted[2] + second0[index[3], i] * others[3]
                        b += second1[index[4], j] * others[4] + second2[index[5], k] * others[5]
                        m, e = _take_apart(np.int64(first[a]), precision, width)
                        m2, e2 = _take_apart(np.int64(second[b]), precision, width)
                        if precision <= _BITS:
                            _add_small(digits, m * m2, e + e2)
                        else:
                            _add_product(digits, m, m2, e + e2)
        found[number] = _rounded(digits, 2 * lowest, *target)
