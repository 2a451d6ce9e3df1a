"""The exact sums of a correlation or of an adjoint, each rounded once.

    y[n, o, p] = RN( sum over c, k of x[n, c, s p + d k] weight[o, c, k] + bias[o] )

and so for the two adjoints, with RN the rounding to the nearest number of the result's dtype, to
even where two are as near, subnormal numbers and infinity included. An exact zero is +0, NaN has
one bit pattern. Whatever computes that gives the same bits: so a cheap way comes first, and the
outputs that it cannot answer for are left to the next.
"""

from __future__ import annotations

import math

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.rounding import PARTS
from multiconv.exact import self_test
from multiconv.exact.bands import Rung, by_bands, by_few_bits, by_taps
from multiconv.exact.classes import are_finite, finite_part, with_classes
from multiconv.exact.description import OPERANDS, Sum, ungrouped
from multiconv.exact.integers import Operands, products, rows_at_once, sums
from multiconv.exact.unseen import MARK, in_any_case
from multiconv.exact.whole_numbers import in_floats


def evaluate(
    total: Sum,
    first: Array,
    second: Array,
    bias: Array | None,
    backend: Backend,
    *,
    rung: Rung | None = None,
) -> Array:
    """Return the exact sums, each rounded once to ``total.result``.

    Parameters
    ----------
    total : Sum
        What is summed.
    first, second : array
        The operands that it names, as frameworks lay them out: images (N, C, *size), weights
        (O, C/groups, *kernel). Of any dtypes but bool, complex ones where the result is.
    bias : array of shape (channels of the result,), optional
        One more term of each sum.
    backend : Backend
        Of the arrays.
    rung : {"certified", "sliced", "integers"}, optional
        Where to begin, for tests: all give the same bits.

    Returns
    -------
    array
        Laid out like the operands.

    Raises
    ------
    MethodRefusal
        Where the device does not calculate as all this assumes.
    """
    self_test.require(backend, first)
    with backend.wide():
        first, second = (
            backend.xp.reshape(array, total.grouped(role, array.shape))
            for role, array in zip(OPERANDS[total.wanted], (first, second), strict=True)
        )
        operands = in_floats(total, Operands(first, second, bias), backend)
        if dtypes.kind(total.result) == "complex":
            return _complex(total, operands, backend, rung)
        return _real(total, operands, backend, rung)


def _real(total: Sum, operands: Operands, backend: Backend, rung: Rung | None) -> Array:
    y = _flat(total, operands, backend, rung)
    shape = total.shape(operands.first.shape, operands.second.shape)
    return backend.xp.reshape(y, ungrouped(total.wanted, shape))


def _flat(total: Sum, operands: Operands, backend: Backend, rung: Rung | None) -> Array:
    shape = total.shape(operands.first.shape, operands.second.shape)
    if rung is None:
        found = by_taps(total, operands, backend)
        if found is not None:
            return _completed(*found, total, operands, backend)
        y = by_few_bits(total, operands, backend)
        if y is not None:
            return y
    is_finite = are_finite(operands, backend)
    count = math.prod(shape)
    if rung is None and count * products(total, operands.first) <= backend.few_products:
        every = backend.integers(range(count), operands.first)
        y = sums(total, operands, every, backend)
    elif rung == "integers":
        zeros = backend.astype(backend.zeros(shape, operands.first), total.result)
        y = _replaced(backend.as_bits(zeros) + MARK, total, operands, backend)
    elif not backend.looks_at_numbers:
        bits = in_any_case(total, operands, is_finite, backend, rung)
        return _replaced(bits, total, operands, backend)
    else:
        own = finite_part(operands, is_finite, backend)
        y = _completed(*by_bands(total, own, backend, rung), total, operands, backend)
    return with_classes(backend.xp.reshape(y, shape), total, operands, is_finite, backend)


def _completed(y: Array, unsure: Array, total: Sum, operands: Operands, backend: Backend) -> Array:
    """Return the sums, flat, those that are not certain by integers."""
    xp = backend.xp
    return backend.refill(
        xp.reshape(y, (-1,)),
        xp.reshape(unsure, (-1,)),
        rows_at_once(total, operands),
        lambda places: sums(total, operands, places, backend),
    )


def _replaced(bits: Array, total: Sum, operands: Operands, backend: Backend) -> Array:
    """Return the sums, flat, of their bits, those that are marked by integers."""
    bits = backend.replace(
        backend.xp.reshape(bits, (-1,)),
        MARK,
        rows_at_once(total, operands),
        lambda places: backend.as_bits(sums(total, operands, places, backend)),
    )
    return backend.from_bits(bits, total.result)


def _complex(total: Sum, operands: Operands, backend: Backend, rung: Rung | None) -> Array:
    """Compute the real and the imaginary part, real sums of twice the terms."""
    xp, real = backend.xp, total.real(PARTS[total.result])
    first, second = (_parts(array, backend) for array in operands[:2])
    bias = (None, None) if operands.bias is None else _parts(operands.bias, backend)
    parts = []
    for ours, theirs, term in (
        (first, (second[0], -second[1]), bias[0]),
        (first, (second[1], second[0]), bias[1]),
    ):
        left, right = (
            xp.concat(list(pair), axis=axis)
            for pair, axis in zip((ours, theirs), total.contracted, strict=True)
        )
        parts.append(_real(real, Operands(left, right, term), backend, rung))
    return backend.joined(*parts)


def _parts(array: Array, backend: Backend) -> tuple[Array, Array]:
    if dtypes.kind(backend.dtype_name(array.dtype)) == "complex":
        return backend.xp.real(array), backend.xp.imag(array)
    return array, backend.xp.zeros_like(array)
