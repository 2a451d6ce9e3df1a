"""The one correlation that the functions of other libraries are translated to."""

from __future__ import annotations

import math

from multiconv.backends.base import Array, Backend
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.functions.conv import CONV
from multiconv.functions.images import correlate
from multiconv.methods.borders import extend
from multiconv.planning.dispatch import dispatch


def correlated(
    x: Array,
    k: Array,
    *,
    axes: tuple[int, ...],
    pads: Pairs,
    border: str = "zeros",
    value: complex = 0,
    method: str = "auto",
) -> Array:
    """Correlate along some axes of x, of k's dtype, with a kernel that has these axes alone.

    Each other axis is a batch.
    """
    if not axes:
        return x * k
    shown = value if border == "constant" else 0
    return correlate(
        x, k, padding=pads, padding_mode=border, padding_value=shown, axes=axes, method=method
    )


def correlated_each(
    x: Array,
    k: Array,
    shape: tuple[int, ...],
    backend: Backend,
    *,
    axes: tuple[int, ...],
    pads: Pairs,
    method: str = "auto",
) -> Array:
    """Correlate images with a kernel each: along the other axes both broadcast to ``shape``."""
    xp, order, count = backend.xp, _last(axes, x.ndim), math.prod(shape)

    def channels(array: Array) -> Array:
        moved = xp.permute_dims(array, order)
        size = moved.shape[-len(axes) :]
        return xp.reshape(xp.broadcast_to(moved, (*shape, *size)), (count, 1, *size))

    images = xp.permute_dims(channels(x), (1, 0, *range(2, 2 + len(axes))))
    options = (len(axes), 1, pads, 1, count, "zeros", method)
    y = dispatch(CONV, (images, channels(k), None), options)
    return xp.permute_dims(xp.reshape(y, (*shape, *y.shape[2:])), _inverse(order))


def extended(
    x: Array,
    backend: Backend,
    *,
    axes: tuple[int, ...],
    pads: Pairs,
    border: str,
    value: complex = 0,
) -> Array:
    """Continue an image of floats along some of its axes."""
    around = [(0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = pair
    size, ones = tuple(x.shape), (1,) * x.ndim
    geometry = Geometry(size, ones, ones, ones, tuple(around), border)
    y = extend(x, geometry, backend)
    if border != "constant" or value == 0:
        return y
    inside = extend(backend.zeros(size, x) + 1, geometry, backend)
    return backend.xp.where(inside == 0, backend.zeros((), x) + value, y)


def _last(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return the order of axes in which some of them are the last."""
    return (*(a for a in range(rank) if a not in axes), *axes)


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=order.__getitem__))
