"""The compiled loops: float32 sums in float64 and their certificates, and sums by integers.

A product of two float32 numbers is exact in float64, so that fusing it with the addition that
follows changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_BITS, _MASK = 24, 2**24 - 1
_BLOCK = 4096


def _jit(function: Callable[..., Any]) -> Any:
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "boundscheck": False,
        "fastmath": {"contract"},
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder to keep it in
        return numba.njit(**options)(function)


def _inlined(function: Callable[..., Any]) -> Any:
    return numba.njit(
        forceinline=True, error_model="numpy", boundscheck=False, fastmath={"contract"}
    )(function)


@_jit
def largest(bits: Any, found: Any, start: int, stop: int) -> None:
    """Put the largest absolute value of each row in ``found``, all as int32 bits of float32."""
    for row in range(start, stop):
        most = np.int32(0)
        for i in range(bits.shape[1]):
            most = max(most, bits[row, i] & np.int32(0x7FFFFFFF))
        found[row] = most


@_jit
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


@_inlined
def _certify_row(high: Any, error: float, y: Any, unsure: Any) -> int:
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


@_jit
def certify(high: Any, error: Any, y: Any, unsure: Any, start: int, stop: int) -> int:
    """Round rows of sums (rows, length) with an error each; return how many are not certain."""
    count, width = 0, high.shape[1]
    for row in range(start, stop):
        here = slice(row * width, (row + 1) * width)
        count += _certify_row(high[row], error[row], y[here], unsure[here])
    return count


@_jit
def certify_rows(high: Any, error: Any, y: Any, unsure: Any) -> None:
    """Do the same, into rows that need not lie behind each other."""
    for row in range(high.shape[0]):
        _certify_row(high[row], error[row], y[row], unsure[row])


@_inlined
def _certify_twice(high: Any, low: Any, error: float, y: Any, unsure: Any) -> int:
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


@_inlined
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


@_inlined
def _add_beside(
    total: Any, x: Any, offset: int, stride: int, factor: float, span: Any, middle: Any
) -> None:
    """Add a tap to the outputs of a span that are not in the middle."""
    for j in range(span[0], min(middle[0], span[1])):
        total[j] += factor * x[offset + j * stride]
    for j in range(max(middle[1], span[0]), span[1]):
        total[j] += factor * x[offset + j * stride]


@_inlined
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


@_inlined
def _inside(size: int, offset: int, stride: int, count: int) -> tuple[int, int]:
    """Return the outputs j with 0 <= j * stride + offset < size, as a range."""
    start = 0 if offset >= 0 else (-offset + stride - 1) // stride
    stop = 0 if size <= offset else (size - 1 - offset) // stride + 1
    start, stop = min(start, count), min(max(stop, 0), count)
    return start, max(start, stop)


@_jit
def certified_taps(
    x: Any,
    image: Any,
    kernel: Any,
    error: Any,
    options: Any,
    y: Any,
    unsure: Any,
    output: Any,
    twice: bool,
    start: int,
    stop: int,
) -> int:
    """Correlate single channels, row by row, and certify each; return how many are not certain.

    ``image`` is (images, groups, height, width) of the flat x, ``kernel`` (groups, filters, kh,
    kw) in float64, ``error`` a number for each (image, group, filter), ``options`` the low pads,
    strides and dilations, and ``output`` (height, width).
    """
    height, width = image[2], image[3]
    groups, filters, tall, wide = kernel.shape
    low0, low1, stride0, stride1, dilation0, dilation1 = options
    rows, columns = output
    flat = kernel.reshape(-1)
    high, low = np.empty(columns), np.empty(columns)
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
            if stride1 == 1 and not twice:
                within = high[middle[0] : middle[1]]
                _add(within, x, line - low1 + middle[0], dilation1, taps, wide)
            for v in range(wide):
                offset = line + v * dilation1 - low1
                first, last = _inside(width, offset - line, stride1, columns)
                span = (first, last)
                if twice:
                    _add_twice(high, low, x, offset, stride1, taps[v], span)
                else:
                    _add_beside(high, x, offset, stride1, taps[v], span, middle)
        here = slice(row * columns, (row + 1) * columns)
        if twice:
            count += _certify_twice(high, low, error[result], y[here], unsure[here])
        else:
            count += _certify_row(high, error[result], y[here], unsure[here])
    return count


@_inlined
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


@_inlined
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


@_inlined
def _carry(digits: Any) -> None:
    carry = 0
    for at in range(digits.size - 1):
        number = digits[at] + carry
        carry = number >> _BITS
        digits[at] = number & _MASK
    digits[digits.size - 1] += carry


@_inlined
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


@_jit
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
                        _add_product(digits, m, m2, e + e2)
        found[number] = _rounded(digits, 2 * lowest, *target)
