"""Sums with terms that are not finite: which of them are NaN, and which infinite.

A sum is NaN where one of its products is, or where both infinities occur among them; else it is the
infinity that occurs. Such products are counted, by correlations of zeros and ones, which are exact.
A border of zeros is made of numbers: infinity times such a zero is NaN, in a result and in the
gradient of the filters, which multiplies the same image. The gradient of the image has no products
beside those of an output and a tap: where a tap falls beside the outputs there is none.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import replace

from multiconv.backends.base import Array, Backend
from multiconv.exact.description import Sum
from multiconv.exact.formats import format_of
from multiconv.exact.integers import Operands
from multiconv.exact.products import correlated
from multiconv.methods.borders import extend


def are_finite(operands: Operands, backend: Backend) -> Array:
    """Tell whether all numbers are finite."""
    xp = backend.xp

    def is_other(array: Array) -> Array:
        return ~xp.isfinite(array)

    others = [backend.some(is_other, array) for array in operands if array is not None]
    return ~functools.reduce(operator.or_, others)


def finite_part(operands: Operands, are_finite: Array, backend: Backend) -> Operands:
    """Return the operands with zeros for what is not finite."""
    xp = backend.xp

    def cleaned(array: Array | None) -> Array | None:
        if array is None:
            return None
        return backend.branch(
            are_finite,
            lambda: array,
            lambda: xp.where(xp.isfinite(array), array, xp.zeros_like(array)),
        )

    return Operands(*map(cleaned, operands))


def with_classes(
    y: Array, total: Sum, operands: Operands, are_finite: Array, backend: Backend
) -> Array:
    """Put NaN and infinities where the sums are not finite."""

    def changed() -> Array:
        bits = bits_with_classes(backend.as_bits(y), total, operands, backend)
        return backend.from_bits(bits, total.result)

    return backend.branch(are_finite, lambda: y, changed)


def bits_with_classes(bits: Array, total: Sum, operands: Operands, backend: Backend) -> Array:
    """Put the bits of NaN and of infinities where the sums are not finite."""
    xp = backend.xp
    first, second, bias = operands
    if total.wanted != "x":
        first = extend(first, total.geometry, backend)
        total = replace(total, geometry=total.geometry.padded())
    ours, theirs = _Kinds(first, backend), _Kinds(second, backend)
    nan = [
        (ours.nan, theirs.any),
        (ours.any, theirs.nan),
        (ours.infinite, theirs.zero),
        (ours.zero, theirs.infinite),
    ]
    signs = [(ours.plus, ours.minus), (theirs.plus, theirs.minus)]
    finite = [(ours.above, ours.below), (theirs.above, theirs.below)]
    kinds = [nan, *(_infinite(signs, finite, is_negative) for is_negative in (False, True))]
    occurs = _occur(kinds, total, backend)
    if bias is not None:
        shape = (1, total.groups, bias.shape[0] // total.groups, *(1,) * total.geometry.axes)
        own = [xp.isnan(bias), bias == math.inf, bias == -math.inf]
        occurs = [o | xp.reshape(b, shape) for o, b in zip(occurs, own, strict=True)]
    form = format_of(total.result)
    lowest = int(xp.iinfo(bits.dtype).min)
    for is_so, number in (
        (occurs[1], form.infinity),
        (occurs[2], lowest + form.infinity),
        (occurs[0] | (occurs[1] & occurs[2]), form.infinity + 2 ** (form.precision - 2)),
    ):
        bits = xp.where(is_so, xp.full_like(bits, number), bits)
    return bits


class _Kinds:
    """Where an array has which kind of number."""

    def __init__(self, array: Array, backend: Backend) -> None:
        xp = backend.xp
        bits = backend.as_bits(array)
        infinity = format_of(backend.dtype_name(array.dtype)).infinity
        # By ranges of integers alone: LLVM makes one comparison of floats of several tests, and
        # takes a subnormal number for a zero where such are flushed.
        lowest = int(xp.iinfo(bits.dtype).min)
        self.plus, self.minus = bits == infinity, bits == lowest + infinity
        self.above = (bits > 0) & (bits < infinity)
        self.below = (bits > lowest) & (bits < lowest + infinity)
        self.nan = (bits > infinity) | ((bits > lowest + infinity) & (bits < 0))
        self.zero = (bits == 0) | (bits == lowest)
        self.infinite = self.plus | self.minus
        self.any = xp.ones_like(self.nan)


def _infinite(
    infinite: list[tuple[Array, Array]], finite: list[tuple[Array, Array]], is_negative: bool
) -> list[tuple[Array, Array]]:
    """Return the factors of the products that are infinite, of one sign."""
    pairs = []
    for i in (0, 1):
        j = 1 - i if is_negative else i
        pairs.append((infinite[0][i], infinite[1][j] | finite[1][j]))
        pairs.append((finite[0][i], infinite[1][j]))
    return pairs


def _occur(kinds: list[list[tuple[Array, Array]]], total: Sum, backend: Backend) -> list[Array]:
    """Tell of each kind where one of its pairs occurs, a product that is not zero."""
    sides = []
    for side, axis in enumerate(total.contracted):
        joined = [backend.xp.concat([pair[side] for pair in pairs], axis=axis) for pairs in kinds]
        sides.append(backend.sequence(joined))

    def of_kind(number: int) -> Array:
        ours, theirs = (backend.astype(side[number], "float64") for side in sides)
        return correlated(total, ours, theirs, backend) > 0.5

    return backend.each(of_kind, len(kinds))
