"""Borders: how an image is continued, and the adjoint of continuing it.

Which pixels a border repeats is stated once, in `_source`; extending, folding back and the index
map of the sparse matrices all read it there. For the image ``1234`` and a border of two::

    zeros       00 1234 00        symmetric   21 1234 43
    reflect     32 1234 32        replicate   11 1234 44
    circular    34 1234 12
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import cut, pad_or_crop
from multiconv.core.geometry import Geometry


class _Source(NamedTuple):
    """The pixels [start, stop) that one side of a border shows, mirrored or spread out."""

    start: int
    stop: int
    mirrored: bool


def _source(mode: str, n: int, amount: int, *, low: bool) -> _Source:
    if mode == "reflect":
        return _Source(1, amount + 1, True) if low else _Source(n - 1 - amount, n - 1, True)
    if mode == "symmetric":
        return _Source(0, amount, True) if low else _Source(n - amount, n, True)
    if mode == "circular":
        return _Source(n - amount, n, False) if low else _Source(0, amount, False)
    return _Source(0, 1, False) if low else _Source(n - 1, n, False)  # replicate


def extend(x: Array, geometry: Geometry, backend: Backend) -> Array:
    """Continue the last axes of x by the border of the geometry."""
    if geometry.padding_mode == "zeros":
        return pad_or_crop(x, geometry.pads, backend)
    for axis, (low, high) in zip(range(-geometry.axes, 0), geometry.pads, strict=True):
        pieces = [
            _border(x, axis, geometry.padding_mode, low, low=True, backend=backend),
            x,
            _border(x, axis, geometry.padding_mode, high, low=False, backend=backend),
        ]
        x = _joined([piece for piece in pieces if piece is not None], axis, backend)
    return x


def fold(y: Array, geometry: Geometry, backend: Backend) -> Array:
    """Apply the adjoint of `extend`: add every border pixel back to the pixel it repeats."""
    if geometry.padding_mode == "zeros":
        return pad_or_crop(y, tuple((-low, -high) for low, high in geometry.pads), backend)
    for axis, (low, high) in zip(range(-geometry.axes, 0), geometry.pads, strict=True):
        n = geometry.input_size[axis]
        folded = cut(y, axis, low, low + n)
        for amount, at, is_low in ((low, 0, True), (high, low + n, False)):
            if amount:
                piece = cut(y, axis, at, at + amount)
                folded = folded + _returned(
                    piece, axis, n, geometry.padding_mode, amount, low=is_low, backend=backend
                )
        y = folded
    return y


def pixel_of_border(n: int, low: int, high: int, mode: str) -> np.ndarray[Any, Any]:
    """Return for each position of a padded axis the pixel it shows, -1 for a zero."""
    inside = np.arange(n)
    if mode == "zeros":
        return np.concatenate([np.full(low, -1), inside, np.full(high, -1)])
    sides = []
    for amount, is_low in ((low, True), (high, False)):
        start, stop, mirrored = _source(mode, n, amount, low=is_low)
        shown = inside[start:stop]
        sides.append(np.resize(shown[::-1] if mirrored else shown, amount))
    return np.concatenate([sides[0], inside, sides[1]])


def _border(
    x: Array, axis: int, mode: str, amount: int, *, low: bool, backend: Backend
) -> Array | None:
    if not amount:
        return None
    start, stop, mirrored = _source(mode, x.shape[axis], amount, low=low)
    piece = cut(x, axis, start, stop)
    if mirrored:
        return backend.xp.flip(piece, axis=axis)
    if stop - start == amount:
        return piece
    shape = list(x.shape)
    shape[axis] = amount
    return backend.xp.broadcast_to(piece, tuple(shape))


def _returned(
    piece: Array, axis: int, n: int, mode: str, amount: int, *, low: bool, backend: Backend
) -> Array:
    """Carry a piece of the border to where it came from, in an image of zeros."""
    start, stop, mirrored = _source(mode, n, amount, low=low)
    if mirrored:
        piece = backend.xp.flip(piece, axis=axis)
    elif stop - start != amount:
        piece = backend.xp.sum(piece, axis=axis, keepdims=True, dtype=piece.dtype)
    pads = [(0, 0)] * -axis
    pads[0] = (start, n - stop)
    return backend.pad_zeros(piece, tuple(pads))


def _joined(pieces: list[Array], axis: int, backend: Backend) -> Array:
    return pieces[0] if len(pieces) == 1 else backend.xp.concat(pieces, axis=axis)
