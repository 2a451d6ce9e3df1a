"""The float64 ways to exact sums where a compiler reads along, and no number can be looked at.

Each way that might be gone is compiled, so they are few: sums with a bound, and slices. There is
one loop over all products, and few over the operands. The result, as bits, has a mark for what is
not certain: a mask beside it would be a second loop over all products.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from multiconv.backends.base import Array, Backend
from multiconv.exact.bands import Rung, each, few, with_border
from multiconv.exact.classes import bits_with_classes, finite_part
from multiconv.exact.description import Sum
from multiconv.exact.floating import (
    Stretch,
    approximate,
    largest,
    lowest_bit,
    over_axes,
    repeats,
    size_of_sums,
)
from multiconv.exact.formats import format_of
from multiconv.exact.integers import Operands
from multiconv.exact.rounding import in_float64, power, rounded
from multiconv.exact.slices import sliced
from multiconv.methods.borders import extend

#: The bits that mark it: those of a NaN that no sum is, and no conversion of floats would keep.
MARK = -1
#: One of so many outputs may be left to integers, a loop over a few at a time.
_PART = 256
#: Beyond these exponents nothing is told of numbers' bits.
_FARTHEST = 800


def in_any_case(
    total: Sum, operands: Operands, is_finite: Array, backend: Backend, rung: Rung | None
) -> Array:
    """Return the bits of the rounded sums, `MARK` where they are not certain."""

    def work(part: Sum, own: Operands) -> tuple[Array]:
        return (_band(part, own, is_finite, backend, rung),)

    return each(work, *with_border(total, operands, backend), backend)[0]


def _band(
    total: Sum, operands: Operands, is_finite: Array, backend: Backend, rung: Rung | None
) -> Array:
    def by_slices() -> Array:
        value = sliced(total, finite_part(operands, is_finite, backend), backend)
        bits = _marked(*rounded(value, total.result, backend), backend)
        classes = partial(bits_with_classes, bits, total, operands, backend)
        return backend.branch(is_finite, lambda: bits, classes)

    given = [backend.dtype_name(a.dtype) for a in operands[:2]]
    if rung == "sliced" or "float64" in (*given, total.result):
        return by_slices()
    bits = _certified(total, operands, backend)
    # Beside a number that is not finite no bound is, but a bias has its own outputs alone.
    is_good = is_finite
    if rung is None:
        count = backend.count(lambda some: some == MARK, bits)
        is_good = is_good & (count <= few(bits, _PART))
    chosen: Array = backend.branch(is_good, lambda: bits, by_slices)
    return chosen


def _marked(y: Array, unsure: Array, backend: Backend) -> Array:
    bits = backend.as_bits(y)
    return backend.xp.where(unsure, backend.xp.full_like(bits, MARK), bits)


def _certified(total: Sum, operands: Operands, backend: Backend) -> Array:
    """Return the bits of the rounded sums of operands of at most 24 bits, by float64."""
    xp = backend.xp
    given, (first, second, bias) = total, operands
    is_cut = _is_cut(total, first, backend)
    if total.wanted == "y":  # while the numbers are half as wide
        first = extend(first, total.geometry, backend)
        total = replace(total, geometry=total.geometry.padded())
    wide = Operands(
        backend.astype(first, "float64") if is_cut else in_float64(first, backend),
        in_float64(second, backend),
        None if bias is None else in_float64(bias, backend),
    )
    # Of what was given, so that it is the numbers themselves that are read, and once.
    size = size_of_sums(Stretch(given, operands.first, wide.second), backend) if is_cut else None
    value = approximate(total, wide, backend, size)
    error = value.error
    own = wide._replace(first=operands.first)
    is_exact = _is_exact(total, own, backend)
    if is_cut:
        has_tiny = backend.some(lambda array: _are_tiny(array, backend), operands.first)
        sums = xp.max(xp.sum(xp.abs(wide.second), axis=over_axes(total, 1)))
        lost = (2.0**-126 * (1 + 2.0**-20) * repeats(total)) * sums
        error = error + xp.where(has_tiny, lost, xp.zeros_like(lost))
        is_exact = is_exact & ~has_tiny
    error = xp.where(is_exact, xp.zeros_like(error), error)
    return _marked(*rounded(value._replace(error=error), total.result, backend), backend)


def _is_cut(total: Sum, first: Array, backend: Backend) -> bool:
    """Tell whether a cast may make zeros of numbers, those as small as only float32's can be."""
    form = format_of(backend.dtype_name(first.dtype))
    return backend.flushes_subnormals and form.lowest < -126 and total.wanted != "weight"


def _are_tiny(array: Array, backend: Backend) -> Array:
    """Tell which numbers are subnormal."""
    form = format_of(backend.dtype_name(array.dtype))
    size = backend.as_bits(array) & (2 ** (form.width - 1) - 1)
    return (size > 0) & (size < 2 ** (form.precision - 1))


def _is_exact(total: Sum, operands: Operands, backend: Backend) -> Array:
    """Tell whether no order of additions rounds these sums (see `few_bits`), in float64."""
    xp = backend.xp
    first, second, bias = operands
    if any(0 in array.shape for array in operands if array is not None):
        return xp.any(xp.zeros_like(second) != 0)
    top = backend.astype(xp.max(largest(first, over_axes(total, 0), backend)), "float64")
    sums = xp.max(xp.sum(xp.abs(second), axis=over_axes(total, 1)))
    size = repeats(total) * top * sums * (1 + 2.0**-20)
    if bias is not None:
        size = size + xp.max(xp.abs(bias))
    unit = (backend.as_bits(size) >> 52) - (1022 + 53)
    own = unit - lowest_bit(second, backend)
    is_known = (xp.abs(own) < _FARTHEST) & (size > 0) & (size < math.inf)
    by = power(xp.where(is_known, -own, xp.zeros_like(own)), backend)

    def is_between(array: Array) -> Array:
        scaled = backend.astype(array, "float64") * by
        return xp.round(scaled) != scaled

    found = is_known & ~backend.some(is_between, first)
    return found if bias is None else found & (lowest_bit(bias, backend) >= unit)
