"""The float64 ways to exact sums, band by band, so that memory holds little beside the result.

In each band the cheapest way comes first. Where more than a few outputs are not certain, the sums
of two halves of each number come next, then bounds of each output by itself, then slices. The ways
that can be gone without looking at numbers are in `unseen`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.exact import self_test
from multiconv.exact.description import Sum
from multiconv.exact.few_bits import narrowest
from multiconv.exact.floating import approximate, beside, closer
from multiconv.exact.halves import halved
from multiconv.exact.integers import Operands, products
from multiconv.exact.products import correlated
from multiconv.exact.rounding import in_float64, nearest, rounded
from multiconv.exact.slices import sliced
from multiconv.methods.borders import extend

#: The ways to the same bits: float64 with an error bound, slices in float64, integers.
Rung: TypeAlias = Literal["certified", "sliced", "integers"]

#: So many outputs, or one of so many, may be left to integers.
_FEW, _PART = 64, 100
#: Of fewer products sums go through no compiled loop.
_LOOPS = 2**14


def by_taps(total: Sum, operands: Operands, backend: Backend) -> tuple[Array, Array] | None:
    """Return what `by_bands` does for single channels, where the backend has a loop for that.

    None where it has none, or where a number is not finite.
    """
    is_single = total.wanted == "y" and operands.first.shape[2] == 1
    if not is_single or operands.bias is not None or total.result != "float32":
        return None
    total, operands = with_border(total, operands, backend)
    found = backend.certified_taps(operands.first, operands.second, total.geometry)
    if found is not None:
        self_test.require_loops(backend, operands.first)
    return found


def by_few_bits(total: Sum, operands: Operands, backend: Backend) -> Array | None:
    """Return the sums of numbers of so few bits that all are exact on the way; None of others."""
    if not backend.looks_at_numbers:
        return None
    dtype = narrowest(total, operands, backend)
    if dtype is None:
        return None
    total, operands = with_border(total, operands, backend)
    given = [backend.dtype_name(array.dtype) for array in operands if array is not None]
    is_narrow = dtype == total.result == "float32" and "float64" not in given
    if is_narrow and backend.has_plain_float32(operands.first):
        return _added(total, operands, dtype, backend)

    found = _at_once(total, operands, backend, is_exact=True)
    if found is not None:
        return found[0]

    def work(part: Sum, own: Operands) -> tuple[Array]:
        return (nearest(_added(part, own, "float64", backend), total.result, backend),)

    return each(work, total, operands, backend)[0]


def _added(total: Sum, operands: Operands, dtype: str, backend: Backend) -> Array:
    """Return ordinary sums; no zero is -0."""
    first, second, bias = (None if a is None else backend.astype(a, dtype) for a in operands)
    y = correlated(total, first, second, backend)
    nothing = backend.zeros((1,) * len(y.shape), y)
    return backend.add(y, nothing if bias is None else beside(total, bias, backend) + nothing)


def by_bands(
    total: Sum, operands: Operands, backend: Backend, rung: Rung | None
) -> tuple[Array, Array]:
    """Return the rounded sums of finite operands, and where they are not certain."""
    total, operands = with_border(total, operands, backend)
    found = None if rung else _at_once(total, operands, backend)
    if found is not None:
        return found
    course = _Course()

    def work(part: Sum, own: Operands) -> tuple[Array, Array]:
        return _band(part, own, backend, rung, course)

    y, unsure = each(work, total, operands, backend)
    return y, unsure


def each(
    work: Callable[[Sum, Operands], tuple[Array, ...]],
    total: Sum,
    operands: Operands,
    backend: Backend,
) -> tuple[Array, ...]:
    """Return the results of all bands, joined."""
    images = list(_bands(total, operands, backend))
    found = iter(backend.on_all(work, [band for rows in images for band in rows]))
    return _joined(
        [_joined([next(found) for _ in rows], 3, backend) for rows in images], 0, backend
    )


def _at_once(
    total: Sum, operands: Operands, backend: Backend, *, is_exact: bool = False
) -> tuple[Array, Array] | None:
    """Return the certified sums where the backend has loops for them, and few are not certain."""
    given = {backend.dtype_name(array.dtype) for array in operands if array is not None}
    is_single = operands.first.shape[2] == 1 and total.wanted == "y"
    if given | {total.result} != {"float32"} or total.geometry.padding_mode != "zeros" or is_single:
        return None
    found = backend.certified_sums(total.wanted, *operands, total.geometry, is_exact=is_exact)
    if found is not None and _count(total, operands) >= _LOOPS:
        self_test.require_loops(backend, operands.first)
    if found is None or int(backend.xp.count_nonzero(found[1])) > few(found[1]):
        return None
    return found


def _count(total: Sum, operands: Operands) -> int:
    """Return how many products there are."""
    shape = total.shape(operands.first.shape, operands.second.shape)
    return math.prod(shape) * products(total, operands.first)


def few(y: Array, part: int = _PART) -> int:
    """Return how many outputs are few: so many, or one of so many."""
    count: int = math.prod(y.shape)
    return max(_FEW, count // part)


def with_border(total: Sum, operands: Operands, backend: Backend) -> tuple[Sum, Operands]:
    """Return the same sums of an image that has its border, unless that is of zeros."""
    if total.wanted == "x" or total.geometry.padding_mode == "zeros":
        return total, operands
    first = extend(operands.first, total.geometry, backend)
    return replace(total, geometry=total.geometry.padded()), operands._replace(first=first)


def _joined(parts: list[tuple[Array, ...]], axis: int, backend: Backend) -> tuple[Array, ...]:
    if len(parts) == 1:
        return parts[0]
    return tuple(backend.xp.concat(list(own), axis=axis) for own in zip(*parts, strict=True))


def _bands(
    total: Sum, operands: Operands, backend: Backend
) -> Iterator[list[tuple[Sum, Operands]]]:
    """Cut the images, or the rows of an image that is large by itself."""
    first, second, bias = operands
    if total.wanted == "weight":
        yield [(total, operands)]
        return
    shape = total.shape(first.shape, second.shape)
    most, each = backend.band_elements, math.prod(shape[1:])
    step = max(most // each, 1)
    rows = shape[3]
    if total.wanted == "y" and each > most:
        height = max(most * rows // each, 1)
        edges = [(start, min(start + height, rows)) for start in range(0, rows, height)]
    else:
        edges = []
    for start in range(0, shape[0], step):
        images = first[start : min(start + step, shape[0]), ...]
        if not edges:
            yield [(total, Operands(images, second, bias))]
            continue
        yield [_rows(total, Operands(images, second, bias), *edge) for edge in edges]


def _rows(total: Sum, operands: Operands, start: int, stop: int) -> tuple[Sum, Operands]:
    window, part = total.geometry.part(0, start, stop)
    slab = operands.first[:, :, :, window, ...]
    size = (stop - start, *total.y_size[1:])
    return replace(total, geometry=part, y_size=size), operands._replace(first=slab)


class _Course:
    """What bands have found out for the next: that halves are needed."""

    by_halves = False


def _band(
    total: Sum, operands: Operands, backend: Backend, rung: Rung | None, course: _Course
) -> tuple[Array, Array]:
    """Return the rounded sums, and where they are not certain."""
    given = [backend.dtype_name(a.dtype) for a in operands if a is not None]

    def by_slices() -> tuple[Array, Array]:
        return rounded(sliced(total, operands, backend), total.result, backend)

    if rung == "sliced" or "float64" in (*given[:2], total.result):
        return by_slices()
    wide = Operands(*(None if a is None else in_float64(a, backend) for a in operands))
    if course.by_halves:
        halves = halved(total, wide, backend)
        if halves is not None:
            return _unless_many(rounded(halves, total.result, backend), by_slices, backend)
    value = approximate(total, wide, backend)
    y, unsure = rounded(value, total.result, backend)
    if rung == "certified":
        return y, unsure

    def by_closer_bounds() -> tuple[Array, Array]:
        own = rounded(closer(value, total, wide, backend), total.result, backend)
        return _unless_many(own, by_slices, backend)

    def by_halves() -> tuple[Array, Array]:
        halves = halved(total, wide, backend)
        if halves is None:
            return by_closer_bounds()
        course.by_halves = True
        return _unless_many(rounded(halves, total.result, backend), by_closer_bounds, backend)

    return _unless_many((y, unsure), by_halves, backend)


def _unless_many(
    found: tuple[Array, Array],
    otherwise: Callable[[], tuple[Array, Array]],
    backend: Backend,
) -> tuple[Array, Array]:
    unsure = backend.astype(found[1], "int64")
    return otherwise() if int(backend.xp.sum(unsure)) > few(unsure) else found
