"""The sums of single outputs, by integers alone.

The products of an output are gathered by the tables and added into digits of base 2**24 that cover
every exponent a product can have. Integers have no order of additions and no fused operations, and
nothing flushes them: what comes out is the exact sum on every machine. It is rounded once, to the
nearest number of the result's format, as IEEE 754 has it (even where two are as near, subnormal
numbers and infinity included).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from multiconv.backends.base import Array, Backend, Terms
from multiconv.exact.description import Sum
from multiconv.exact.formats import BITS, MASK, NARROW, WIDE, Grid, digits_of, format_of
from multiconv.exact.rounding import nearest
from multiconv.exact.tables import tables

#: How many products are formed at once.
PRODUCTS = 2**16


class Operands(NamedTuple):
    """What is summed: the operands with their groups, and a bias or None."""

    first: Array
    second: Array
    bias: Array | None = None


def products(total: Sum, first: Array) -> int:
    """Return the largest number of products in a sum."""
    lengths = [table.length for table in tables(total)]
    return int(first.shape[total.contracted[0]] * math.prod(lengths))


def rows_at_once(total: Sum, operands: Operands) -> int:
    """Return how many outputs are summed up together, for bounded memory."""
    return min(max(PRODUCTS // max(products(total, operands.first), 1), 4), 4096)


def sums(total: Sum, operands: Operands, places: Array, backend: Backend) -> Array:
    """Return the outputs at ``places``, of the flattened result."""
    grid = _grid(total, operands, backend)
    terms = _terms(total, operands, grid)
    bits = backend.sums_by_integers(*operands, places, terms)
    if bits is not None:
        width = format_of(total.result).width
        return backend.from_bits(backend.astype(bits, f"int{width}"), total.result)
    values = backend.sums_to_odd(*operands, places, terms) if grid == NARROW else None
    if values is not None:
        return nearest(values, total.result, backend)
    digits = _total(total, operands, places, grid, backend)
    return _rounded(digits, grid, total.result, backend)


def _terms(total: Sum, operands: Operands, grid: Grid) -> Terms:
    """Return the same products for a loop over them."""
    shape = total.shape(operands.first.shape, operands.second.shape)
    steps = [_steps(array.shape) for array in (operands.first, operands.second)]
    lengths = [operands.first.shape[total.contracted[0]]]
    along = [
        (*(dict(zip(own, step, strict=False)).get(a, 0) for a in total.axes), *step[3:])
        for own, step in zip(total.operands, steps, strict=True)
    ]
    summed = [step[axis] for step, axis in zip(steps, total.contracted, strict=True)]
    return Terms(
        shape,
        (along[0], along[1]),
        (lengths[0], summed[0], summed[1]),
        tables(total),
        _numbers("float32" if grid == NARROW else "float64"),
        _numbers(total.result),
    )


def _numbers(dtype: str) -> tuple[int, int, int]:
    form = format_of(dtype)
    return form.precision, form.width, form.lowest


def _steps(shape: tuple[int, ...]) -> list[int]:
    """Return the strides of an array in C order, in elements."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _grid(total: Sum, operands: Operands, backend: Backend) -> Grid:
    given = [backend.dtype_name(a.dtype) for a in operands if a is not None]
    return WIDE if "float64" in (*given, total.result) else NARROW


def _total(total: Sum, operands: Operands, places: Array, grid: Grid, backend: Backend) -> Array:
    """Return the digits of the sums, (places, digits), not carried yet."""
    xp = backend.xp
    count = 2 * (grid.places + grid.digits) + 3
    shape = total.shape(operands.first.shape, operands.second.shape)
    output = _unraveled(places, shape, backend)
    lengths = [
        operands.first.shape[total.contracted[0]],
        *(table.length for table in tables(total)),
    ]
    every = math.prod(lengths)
    step = max(min(PRODUCTS // max(places.shape[0], 1), every), 1)
    columns = backend.integers(range(step), places)

    def added(start: Array, digits: Array) -> tuple[Array, Array]:
        column = columns + start
        inside = column < every
        term = _unraveled(xp.where(inside, column, xp.zeros_like(column)), lengths, backend)
        first, second = _gathered(total, operands, output, term, inside, backend)
        return start + step, digits + _products(first, second, grid, count, backend)

    digits = backend.integers(range(0), places, (places.shape[0], count))
    if operands.bias is not None:
        digits = digits + _biases(total, operands.bias, output, grid, count, backend)
    if step == every:
        return added(0, digits)[1]
    state = (0, digits)
    return backend.while_loop(lambda start, _: start < every, added, state)[1]


def _gathered(
    total: Sum,
    operands: Operands,
    output: list[Array],
    term: list[Array],
    inside: Array,
    backend: Backend,
) -> tuple[Array, Array]:
    """Return the factors of the terms of the outputs, (outputs, terms) of each operand."""
    xp = backend.xp
    known = {letter: output[i][:, None] for i, letter in enumerate(total.axes)}
    exists = inside[None, :]
    along: list[list[Array]] = [[], []]
    for axis, table in enumerate(tables(total)):
        cell = output[3 + axis][:, None] * table.length + term[1 + axis][None, :]
        for side, column in enumerate(table):
            known_places = backend.integers(column.reshape(-1), output[0])
            along[side].append(
                xp.reshape(backend.picked(known_places, xp.reshape(cell, (-1,))), cell.shape)
            )
        exists = exists & (along[0][-1] >= 0)
    factors = []
    arrays = operands.first, operands.second
    for side, (letters, array) in enumerate(zip(total.operands, arrays, strict=True)):
        lead = [known.get(letter, term[0][None, :]) for letter in letters]
        index = xp.zeros_like(exists, dtype=output[0].dtype)
        for size, place in zip(array.shape, (*lead, *along[side]), strict=True):
            index = index * size + place
        if 0 in array.shape:  # none of whose numbers exist
            factors.append(backend.zeros(index.shape, array))
            continue
        index = xp.where(exists, index, xp.zeros_like(index))
        found = backend.picked(xp.reshape(array, (-1,)), xp.reshape(index, (-1,)))
        factors.append(xp.reshape(found, index.shape))
    nothing = xp.zeros_like(factors[0])
    return xp.where(exists, factors[0], nothing), factors[1]


def _products(first: Array, second: Array, grid: Grid, count: int, backend: Backend) -> Array:
    """Return the digits of the sums of products along the last axis."""
    ours, place = digits_of(first, grid, backend)
    theirs, other = digits_of(second, grid, backend)
    diagonals: list[Array] = []
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            if i + j == len(diagonals):
                diagonals.append(a * b)
            else:
                diagonals[i + j] = diagonals[i + j] + a * b
    return _placed(diagonals, place + other, count, backend)


def _biases(
    total: Sum, bias: Array, output: list[Array], grid: Grid, count: int, backend: Backend
) -> Array:
    """Return the digits of the biases: products with 1."""
    per_group = bias.shape[0] // total.groups
    found = backend.picked(bias, output[1] * per_group + output[2])
    digits, place = digits_of(found[:, None], grid, backend)
    at, one = grid.one
    return _placed([digit * one for digit in digits], place + at, count, backend)


def _placed(diagonals: list[Array], place: Array, count: int, backend: Backend) -> Array:
    """Add numbers of two digits to the digits from ``place`` on, over the last axis."""
    xp = backend.xp
    values, places = [], []
    for step, number in enumerate(diagonals):
        values += [number & MASK, number >> BITS]
        places += [place + step, place + step + 1]
    return backend.scatter_add(xp.concat(places, axis=-1), xp.concat(values, axis=-1), count)


def _carried(digits: Array, backend: Backend) -> Array:
    """Carry until every digit but the last, which has the sign, is in [0, 2**24)."""
    xp = backend.xp

    def goes_on(digits: Array) -> Array:
        return xp.any((digits[:, :-1] >> BITS) != 0)

    def step(digits: Array) -> tuple[Array]:
        carry = digits[:, :-1] >> BITS
        kept = xp.concat([digits[:, :-1] & MASK, digits[:, -1:]], axis=1)
        return (kept + xp.concat([xp.zeros_like(carry[:, :1]), carry], axis=1),)

    return backend.while_loop(goes_on, step, (digits,))[0]


def _rounded(digits: Array, grid: Grid, result: str, backend: Backend) -> Array:
    """Round sums, (rows, digits), to the nearest numbers of a dtype."""
    xp, form = backend.xp, format_of(result)
    digits = _carried(digits, backend)
    is_negative = digits[:, -1] < 0
    digits = _carried(xp.where(is_negative[:, None], -digits, digits), backend)
    place = backend.integers(range(digits.shape[1]), digits)[None, :]

    def digit(at: Array) -> Array:
        return xp.sum(xp.where(place == at[:, None], digits, xp.zeros_like(digits)), axis=1)

    top = xp.max(xp.where(digits != 0, place, -xp.ones_like(place)), axis=1)
    powers = backend.integers([2**i for i in range(BITS)], digits)
    leading = digit(top)[:, None] >= powers[None, :]
    length = xp.sum(backend.astype(leading, "int64"), axis=1)
    # The quantum is that of the last bit kept; one bit more is cut out, to round by.
    exponent = BITS * top + length + 2 * grid.origin - form.precision
    above = xp.where(exponent > form.lowest, exponent - form.lowest, xp.zeros_like(exponent))
    cut = above + form.lowest - 1 - 2 * grid.origin
    at, shift = cut // BITS, cut % BITS
    low = digit(at)
    twice = low >> shift
    for step in (1, 2, 3):  # a digit that would be moved out of the number is zero
        by = xp.clip(BITS * step - shift, 0, 62)
        twice = twice + (digit(at + step) << by)
    lost = xp.any((place < at[:, None]) & (digits != 0), axis=1)
    lost = lost | ((low & ((xp.ones_like(shift) << shift) - 1)) != 0)
    kept = twice >> 1
    is_up = ((twice & 1) == 1) & (lost | ((kept & 1) == 1))
    kept = kept + backend.astype(is_up, "int64")
    is_beyond = above >= form.fields - 1
    bits = xp.where(
        is_beyond,
        xp.full_like(kept, form.infinity),
        (xp.where(is_beyond, 0 * above, above) << (form.precision - 1)) + kept,
    )
    bits = xp.where(is_negative, bits + -(2 ** (form.width - 1)), bits)
    return backend.from_bits(backend.astype(bits, f"int{form.width}"), result)


def _unraveled(flat: Array, shape: Sequence[int], backend: Backend) -> list[Array]:
    """Return the index along every axis of places in a flattened array."""
    index = []
    for size in reversed(shape):
        flat, place = backend.divided(flat, size)
        index.append(place)
    return index[::-1]
