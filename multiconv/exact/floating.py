r"""Sums in float64 with a bound of their error.

A product of two float32 numbers is exact in float64, so that only the additions round: with u =
2**-53, the sum of n products in any order is off by at most (n - 1) u S / (1 - n u), with S the sum
of their absolute values [H, section 4.2]. S is at most :math:`\max |x| \sum |w|`, and by Cauchy and
Schwarz :math:`\|x\| \|w\|`, over whatever holds all factors of an output. The 12 more of

.. math:: \delta = (n + 12) u S

stand for a bias, for the rounding of the ends of the interval, and for that of the bound itself.

References
----------
.. [H] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM, 2002.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.exact.description import Sum
from multiconv.exact.formats import decoded
from multiconv.exact.integers import Operands, products
from multiconv.exact.products import correlated
from multiconv.exact.rounding import Value, two_sum
from multiconv.exact.tables import tables
from multiconv.methods.borders import extend

_U = 2.0**-53
#: How many products are added up before the next sum is added to them in twice the precision, and
#: into how many such sums an output is cut at most.
_SHORT, _MOST = 512, 32
#: Where they are a loop that is compiled once: the shorter, the fewer outputs are not certain.
_SHORT_OF_LOOPS, _MOST_OF_LOOPS = 256, 128


class Stretch(NamedTuple):
    """A part of the terms of all outputs: what is summed, of which operands."""

    total: Sum
    first: Array
    second: Array


class _Cut(NamedTuple):
    """A stretch of the whole: its sum, and the parts of both operands along some axes."""

    total: Sum
    axes: tuple[tuple[int, ...], tuple[int, ...]]
    sizes: tuple[tuple[int, ...], tuple[int, ...]]
    starts: tuple[tuple[int, ...], tuple[int, ...]]

    def of(self, operands: Operands, starts: tuple[Any, ...], backend: Backend) -> Stretch:
        """Return the stretch that has these starts instead, one after another."""
        arrays, given = list(operands[:2]), iter(starts)
        for side in (0, 1):
            for axis, size in zip(self.axes[side], self.sizes[side], strict=True):
                arrays[side] = backend.slab(arrays[side], axis, next(given), size)
        return Stretch(self.total, *arrays)


def approximate(
    total: Sum, operands: Operands, backend: Backend, size: Array | None = None
) -> Value:
    """Return sums of operands in float64 that hold float32 numbers, and their errors.

    ``size`` bounds the sums of absolute products, where that is known.
    """
    xp = backend.xp
    if products(total, operands.first) <= _SHORT:
        high, error = _stretch(Stretch(total, *operands[:2]), backend, size)
        if operands.bias is None:
            return Value(high, None, error)
        bias = beside(total, operands.bias, backend)
        return Value(high + bias, None, error + 16 * _U * xp.abs(bias))
    if total.wanted == "weight":  # else the rows at a border would be sums of another kind
        first = extend(operands.first, total.geometry, backend)
        total, operands = (
            replace(total, geometry=total.geometry.padded()),
            operands._replace(first=first),
        )
    parts = list(_cuts(total, operands, backend))
    high, low, error = _joined(parts, operands, backend)
    if operands.bias is not None:
        bias = beside(total, operands.bias, backend)
        error = error + 16 * _U * xp.abs(bias)
        high, lost = two_sum(high, bias)
        low = low + lost
    # The additions of the lower part are as many as the stretches.
    error = error + len(parts) ** 2 * _U * _U * 2 * error / (12 * _U)
    return Value(*two_sum(high, low), error)


def _stretch(part: Stretch, backend: Backend, size: Array | None = None) -> tuple[Array, Array]:
    """Return the sums of a part of the terms, and a bound of their errors."""
    size = size_of_sums(part, backend) if size is None else size
    return correlated(*part, backend), (products(part.total, part.first) + 12) * _U * size


def _joined(parts: list[_Cut], operands: Operands, backend: Backend) -> tuple[Array, Array, Array]:
    """Return the sum of all parts, in two numbers each, and the bound of its error."""
    xp, total = backend.xp, parts[0].total
    nothing = backend.zeros(total.shape(*(a.shape for a in operands[:2])), operands.first)
    state = nothing, nothing, xp.sum(nothing, axis=tuple(range(3, nothing.ndim)), keepdims=True)
    alike: dict[object, list[_Cut]] = {}
    for part in parts:
        alike.setdefault(part[:3], []).append(part)
    for some in alike.values():

        def add(*given: Any, cut: _Cut = some[0]) -> tuple[Array, ...]:
            starts, (high, low, error) = given[:-3], given[-3:]
            term, bound = _stretch(cut.of(operands, starts, backend), backend)
            high, lost = two_sum(high, term)
            return high, low + lost, error + bound

        state = backend.accumulate(add, state, [sum(cut.starts, ()) for cut in some])
    high, low, error = state
    return high, low, error


def closer(value: Value, total: Sum, operands: Operands, backend: Backend) -> Value:
    """Return the value with the bounds of each output by itself: the sum of absolute products."""
    xp = backend.xp
    size = correlated(total, xp.abs(operands.first), xp.abs(operands.second), backend)
    error = (products(total, operands.first) + 16) * _U * size
    if operands.bias is not None:
        error = error + 16 * _U * xp.abs(beside(total, operands.bias, backend))
    return value._replace(error=error)


def size_of_sums(part: Stretch, backend: Backend) -> Array:
    """Return a bound of the sums of absolute products, in the shape of the result or of one."""
    xp, total = backend.xp, part.total
    if total.wanted == "weight":
        ours, theirs = (
            xp.sqrt(xp.sum(a * a, axis=over_axes(total, side), keepdims=True))
            for side, a in enumerate(part[1:])
        )
    else:
        ours = largest(part.first, over_axes(total, 0), backend)
        theirs = xp.sum(xp.abs(part.second), axis=over_axes(total, 1), keepdims=True)
    return repeats(total) * beside_each_other(total, ours, theirs, backend)


def largest(array: Array, axes: tuple[int, ...], backend: Backend) -> Array:
    """Return the largest absolute value along axes, 0 where they have no numbers."""
    xp = backend.xp
    if 0 not in array.shape:
        return backend.largest_along(array, axes)
    # The rows of a band may all be border.
    return xp.sum(xp.abs(array), axis=axes, keepdims=True, dtype=array.dtype)


def repeats(total: Sum) -> int:
    """Return how often a sum has one and the same element of the second operand, at most."""
    if total.wanted != "x" or total.geometry.padding_mode == "zeros":
        return 1
    return math.prod(table.repeats for table in tables(total))


def over_axes(total: Sum, side: int) -> tuple[int, ...]:
    """Return the axes of an operand that the result has not."""
    letters = total.operands[side]
    spatial = range(3, 3 + total.geometry.axes)
    return (*(i for i, letter in enumerate(letters) if letter not in total.axes), *spatial)


def beside_each_other(total: Sum, ours: Array, theirs: Array, backend: Backend) -> Array:
    """Return the product of numbers for each kept index of the operands, in the result's shape."""
    return along(total, 0, ours, backend) * along(total, 1, theirs, backend)


def along(total: Sum, side: int, kept: Array, backend: Backend) -> Array:
    """Return numbers for each kept index of an operand so that they broadcast to the result."""
    sizes = dict(zip(total.operands[side], kept.shape, strict=False))
    lead = (sizes.get(letter, 1) for letter in total.axes)
    return backend.xp.reshape(kept, (*lead, *(1,) * total.geometry.axes))


def beside(total: Sum, bias: Array, backend: Backend) -> Array:
    """Return a bias so that it broadcasts to the result."""
    shape = (1, total.groups, bias.shape[0] // total.groups, *(1,) * total.geometry.axes)
    return backend.xp.reshape(bias, shape)


def lowest_bit(array: Array, backend: Backend) -> Array:
    """Return the exponent of the lowest bit of all numbers, 5000 where all are zero."""
    xp = backend.xp
    mantissa, exponent = decoded(array, backend)
    size = xp.abs(mantissa)
    last = (backend.as_bits(backend.astype(size & -size, "float64")) >> 52) - 1023
    return xp.min(xp.where(size == 0, xp.full_like(exponent, 5000), exponent + last))


def _cuts(total: Sum, operands: Operands, backend: Backend) -> Iterator[_Cut]:
    """Cut long sums into parts: of channels, or of images and rows."""
    first, second, _ = operands
    length = products(total, first)
    if backend.looks_at_numbers:
        longest = max(_SHORT, -(-length // _MOST))
    else:
        longest = max(_SHORT_OF_LOOPS, -(-length // _MOST_OF_LOOPS))
    if total.wanted == "weight":
        yield from _rows(total, second, longest)
        return
    channels = first.shape[total.contracted[0]]
    ours, theirs = total.contracted
    for start, size in _ranges(channels, max(longest * channels // length, 1)):
        yield _Cut(total, ((ours,), (theirs,)), ((size,),) * 2, ((start,),) * 2)


def _rows(total: Sum, y: Array, longest: int) -> Iterator[_Cut]:
    """Cut x, which has its border, and y."""
    images, rows = y.shape[0], total.y_size[0]
    per_row = math.prod(total.y_size[1:])
    for image, count in _ranges(images, max(longest // (per_row * rows), 1)):
        for start, height in _ranges(rows, max(longest // per_row, 1)):
            window, part = total.geometry.part(0, start, start + height)
            inner = replace(total, geometry=part, y_size=(height, *total.y_size[1:]))
            sizes = (count, window.stop - window.start), (count, height)
            yield _Cut(inner, ((0, 3), (0, 3)), sizes, ((image, window.start), (image, start)))


def _ranges(length: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut a range into parts, as (start, size): alike, where they need not be smaller by half."""
    size = min(most, length)
    size = next((s for s in range(size, size // 2, -1) if length % s == 0), size)
    for start in range(0, length, size):
        yield start, min(size, length - start)
