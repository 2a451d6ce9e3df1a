"""Cutting, padding and spreading the last axes of an array of any backend."""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.core.arguments import Pairs


def pad_or_crop(x: Array, pads: Pairs, backend: Backend) -> Array:
    """Add zeros around the last axes of x, or cut where a pad is negative."""
    grown = tuple((max(low, 0), max(high, 0)) for low, high in pads)
    if any(map(any, grown)):
        x = backend.pad_zeros(x, grown)
    if any(low < 0 or high < 0 for low, high in pads):
        window = tuple(
            slice(max(-low, 0), size - max(-high, 0))
            for size, (low, high) in zip(x.shape[-len(pads) :], pads, strict=True)
        )
        x = x[(..., *window)]
    return x


def surround(x: Array, pads: Pairs, shown: Array, backend: Backend) -> Array:
    """Put numbers around the last axes of x; ``shown`` broadcasts against it, and has its dtype."""
    for axis, (low, high) in zip(range(-len(pads), 0), pads, strict=True):
        pieces = [x]
        for amount, at in ((low, 0), (high, 2)):
            if amount:
                shape = list(x.shape)
                shape[axis] = amount
                pieces.insert(at, backend.xp.broadcast_to(shown, tuple(shape)))
        if len(pieces) > 1:
            x = backend.xp.concat(pieces, axis=axis)
    return x


def spread(x: Array, factors: tuple[int, ...], backend: Backend) -> Array:
    """Put ``factor - 1`` zeros between the neighbours of each of the last axes."""
    xp = backend.xp
    for axis, factor in zip(range(-len(factors), 0), factors, strict=True):
        size = x.shape[axis]
        if factor == 1 or size <= 1:
            continue
        behind = x.ndim + axis + 1
        gap = backend.zeros((*x.shape[:behind], factor - 1, *x.shape[behind:]), x)
        apart = xp.concat([xp.expand_dims(x, axis=behind), gap], axis=behind)
        apart = xp.reshape(apart, (*x.shape[: behind - 1], size * factor, *x.shape[behind:]))
        x = cut(apart, axis, 0, (size - 1) * factor + 1)
    return x


def cut(x: Array, axis: int, start: int, stop: int) -> Array:
    """Return the elements [start, stop) of an axis, counted from the last, -1."""
    return x[(..., slice(start, stop), *(slice(None),) * (-axis - 1))]
