"""Single sums of a few outputs, exact by Python's `math.fsum`, where nothing is compiled.

A product of two numbers of 24 bits is one of float64, and `fsum` rounds the sum of those once. To
round that again would be wrong near a midpoint of the narrower numbers: so where the sum was not
exact its last bit is made odd (Boldo and Melquiond, 2008), which no midpoint's is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from multiconv.backends.base import NumPyArray, Terms

# So many products are formed together.
_TOGETHER = 2**16


def sums_to_odd(
    first: NumPyArray, second: NumPyArray, bias: NumPyArray | None, places: NumPyArray, terms: Terms
) -> NumPyArray:
    """Return the sums at places of the result, in float64, rounded to odd."""
    count = terms.contracted[0] * math.prod(table[0].shape[1] for table in terms.tables)
    step = max(_TOGETHER // max(count, 1), 1)
    found = [
        _to_odd(row)
        for start in range(0, places.size, step)
        for row in _products(first, second, bias, places[start : start + step], terms)
    ]
    return np.array(found, np.float64)


def _products(
    first: NumPyArray, second: NumPyArray, bias: NumPyArray | None, places: NumPyArray, terms: Terms
) -> Iterator[list[float]]:
    """Yield the products of every output, a bias among them."""
    index = np.unravel_index(places, terms.shape)
    channel = np.arange(terms.contracted[0])
    sides = []
    for steps, summed in zip(terms.steps, terms.contracted[1:], strict=True):
        lead = np.stack(index[:3], axis=1) @ np.array(steps[:3], np.int64)
        sides.append(lead[:, None] + channel * summed)
    exists = np.ones((places.size, channel.size), np.bool_)
    for axis, table in enumerate(terms.tables):
        row = index[3 + axis]
        inside = table[0][row] >= 0
        exists = (exists[..., None] & inside[:, None]).reshape(places.size, -1)
        for side, column in enumerate(table):
            along = np.where(inside, column[row], 0) * terms.steps[side][3 + axis]
            sides[side] = (sides[side][..., None] + along[:, None]).reshape(places.size, -1)
    ours, theirs = (
        _finite(np.ascontiguousarray(array).reshape(-1)[side])
        for array, side in zip((first, second), sides, strict=True)
    )
    products = np.where(exists, ours * theirs, 0.0)
    if bias is not None:
        own = _finite(bias)[index[1] * terms.shape[2] + index[2]]
        products = np.concatenate([products, own[:, None]], axis=1)
    yield from products.tolist()


def _finite(values: NumPyArray) -> NumPyArray:
    """Return them in float64; what is not finite is a zero, and looked after by others."""
    values = values.astype(np.float64)
    values[~np.isfinite(values)] = 0.0
    return values


def _to_odd(terms: list[float]) -> float:
    total = math.fsum(terms)
    terms.append(-total)
    rest = math.fsum(terms)
    if rest and not int(np.float64(total).view(np.int64)) & 1:
        return math.nextafter(total, math.copysign(math.inf, rest))
    return total + 0.0
