"""Sums in SciPy's own order, for where the last bit decides about an integer.

* An image: y = 0, then y = y + w[t] * x[t] for every tap t in C order.
* A line, with a window of 2 s + 1 that is even, to within 2**-52: y = w[0] * x[0], then
  y = y + w[-j] * (x[-j] + x[j]) for j = s, ..., 1; for an odd one x[-j] - x[j].
* A line, else: y = w[last] * x[last], then the others in order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.compat.correlating import extended
from multiconv.compat.scipy.ndimage.arguments import Window
from multiconv.core.geometry import positions

_EPSILON = 2.0**-52


def sum_in_order(
    x: Array, weights: Array, values: NumPyArray | None, window: Window, backend: Backend
) -> Array:
    """Correlate arrays of floats; ``values`` are the weights, where they are known."""
    size = x.shape
    padded = extended(
        x, backend, axes=window.axes, pads=window.pads, border=window.border, value=window.cval
    )
    if window.is_line:
        return _along_a_line(padded, size, weights, values, window.axes[0])
    total = None
    for tap in positions(tuple(weights.shape)):
        product = weights[tap] * _seen(padded, size, dict(zip(window.axes, tap, strict=True)))
        total = product if total is None else total + product
    return total


def _along_a_line(
    padded: Array, size: tuple[int, ...], weights: Array, values: NumPyArray | None, axis: int
) -> Array:
    count, sign = weights.shape[0], _symmetry(values)
    half = count // 2

    def seen(tap: int) -> Array:
        return _seen(padded, size, {axis: tap})

    def products() -> Iterator[Array]:
        if not sign:
            yield weights[count - 1] * seen(count - 1)
            yield from (weights[tap] * seen(tap) for tap in range(count - 1))
            return
        yield weights[half] * seen(half)
        for tap in range(half):
            other = seen(count - 1 - tap)
            yield weights[tap] * (seen(tap) + other if sign > 0 else seen(tap) - other)

    first, *others = products()
    for product in others:
        first = first + product
    return first


def _symmetry(values: NumPyArray | None) -> int:
    """Return 1 for a window of an odd number of weights that is even, -1 for one that is odd."""
    if values is None or values.shape[0] % 2 == 0:
        return 0
    for sign in (1, -1):
        if np.all(np.abs(values - sign * values[::-1])[: values.shape[0] // 2] <= _EPSILON):
            return sign
    return 0


def _seen(padded: Array, size: tuple[int, ...], first: dict[int, int]) -> Array:
    """Return what a tap meets: an image of the size, from a place on along some axes."""
    window = (slice(first.get(axis, 0), first.get(axis, 0) + n) for axis, n in enumerate(size))
    return padded[tuple(window)]
