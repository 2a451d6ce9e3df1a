"""The float64 ways to exact sums, band by band, so that memory holds little beside the result.

In each band the cheapest way comes first. Where more than a few outputs are not certain, it is
asked in turn whether the sums were exact anyway (an image of few bits under a filter of few), and
whether bounds of each output by itself are enough; then slices are summed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.exact.description import Sum
from multiconv.exact.floating import approximate, closer, is_exact
from multiconv.exact.integers import Operands
from multiconv.exact.rounding import in_float64, rounded
from multiconv.exact.slices import sliced
from multiconv.methods.borders import extend

#: The ways to the same bits: float64 with an error bound, slices in float64, integers.
Rung: TypeAlias = Literal["certified", "sliced", "integers"]

#: So many outputs, or one of so many, may be left to integers.
_FEW, _PART = 64, 100
#: Where integers are a loop over a few outputs at a time.
_PART_OF_LOOPS = 256


def by_taps(total: Sum, operands: Operands, backend: Backend) -> tuple[Array, Array] | None:
    """Return what `by_bands` does for single channels, where the backend has a loop for that.

    None where it has none, or where a number is not finite.
    """
    is_single = total.wanted == "y" and operands.first.shape[2] == 1
    if not is_single or operands.bias is not None or total.result != "float32":
        return None
    total, operands = _with_border(total, operands, backend)
    return backend.certified_taps(operands.first, operands.second, total.geometry)


def by_bands(
    total: Sum, operands: Operands, backend: Backend, rung: Rung | None
) -> tuple[Array, Array]:
    """Return the rounded sums of finite operands, and where they are not certain."""
    total, operands = _with_border(total, operands, backend)
    images: list[tuple[Array, Array]] = []
    for rows in _bands(total, operands, backend):
        parts = [_band(part, own, backend, rung) for part, own in rows]
        images.append(_joined(parts, 3, backend))
    return _joined(images, 0, backend)


def _with_border(total: Sum, operands: Operands, backend: Backend) -> tuple[Sum, Operands]:
    """Return the same sums of an image that has its border, unless that is of zeros."""
    if total.wanted == "x" or total.geometry.padding_mode == "zeros":
        return total, operands
    first = extend(operands.first, total.geometry, backend)
    return replace(total, geometry=total.geometry.padded()), operands._replace(first=first)


def _joined(parts: list[tuple[Array, Array]], axis: int, backend: Backend) -> tuple[Array, Array]:
    if len(parts) == 1:
        return parts[0]
    ys, masks = zip(*parts, strict=True)
    return backend.xp.concat(ys, axis=axis), backend.xp.concat(masks, axis=axis)


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


def _band(
    total: Sum, operands: Operands, backend: Backend, rung: Rung | None
) -> tuple[Array, Array]:
    """Return the rounded sums, and where they are not certain."""
    given = [backend.dtype_name(a.dtype) for a in operands if a is not None]

    def by_slices() -> tuple[Array, Array]:
        return rounded(sliced(total, operands, backend), total.result, backend)

    if rung == "sliced" or "float64" in (*given[:2], total.result):
        return by_slices()
    wide = Operands(*(None if a is None else in_float64(a, backend) for a in operands))
    value = approximate(total, wide, backend)
    y, unsure = rounded(value, total.result, backend)
    if rung == "certified":
        return y, unsure

    if not backend.looks_at_numbers:  # and each way that might be gone is compiled
        error = backend.xp.where(is_exact(total, operands, backend), 0.0, value.error)
        found = rounded(value._replace(error=error), total.result, backend)
        return _unless_many(found, by_slices, backend, part=_PART_OF_LOOPS)

    def by_exactness() -> tuple[Array, Array]:
        certain = value._replace(error=backend.xp.zeros_like(value.error))
        return rounded(certain, total.result, backend)

    def by_closer_bounds() -> tuple[Array, Array]:
        own = rounded(closer(value, total, wide, backend), total.result, backend)
        return _unless_many(own, by_slices, backend)

    def otherwise() -> tuple[Array, Array]:
        is_so = is_exact(total, operands, backend)
        chosen: tuple[Array, Array] = backend.branch(is_so, by_exactness, by_closer_bounds)
        return chosen

    return _unless_many((y, unsure), otherwise, backend)


def _unless_many(
    found: tuple[Array, Array],
    otherwise: Callable[[], tuple[Array, Array]],
    backend: Backend,
    part: int = _PART,
) -> tuple[Array, Array]:
    unsure = found[1]
    most = max(_FEW, math.prod(unsure.shape) // part)
    count = backend.xp.sum(backend.astype(unsure, "int64"))
    chosen: tuple[Array, Array] = backend.branch(count > most, otherwise, lambda: found)
    return chosen
