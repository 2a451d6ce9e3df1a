"""Putting the pieces of an array together, and adding pieces of a border back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.backends.edits import cut
from multiconv.backends.registry import backend_of
from multiconv.chunked.pieces import Join

#: How the pieces of each axis lie; the pieces come in C order of these.
Joins: TypeAlias = tuple[tuple[Join, ...], ...]


@dataclass(frozen=True)
class Take:
    """A part of a chunk, copied, so that it does not keep the chunk in memory."""

    window: tuple[tuple[int, int], ...]

    def __call__(self, chunk: Array) -> Array:
        """Return the part."""
        backend, _ = backend_of({"chunk": chunk})
        piece = chunk[tuple(slice(*ends) for ends in self.window)]
        return backend.xp.asarray(piece, copy=True)


def joined(pieces: Sequence[Array], joins: Joins, backend: Backend) -> Array:
    """Return the array that pieces make."""
    places = list(itertools.product(*joins))
    pieces = [_cut(piece, place) for piece, place in zip(pieces, places, strict=True)]
    if isinstance(pieces[0], np.ndarray):
        return _placed(pieces, joins)
    shaped = [_shaped(p, place, backend) for p, place in zip(pieces, places, strict=True)]
    for axis in reversed(range(len(joins))):
        count = len(joins[axis])
        rows = [shaped[i : i + count] for i in range(0, len(shaped), count)]
        shaped = [row[0] if count == 1 else backend.xp.concat(row, axis=axis) for row in rows]
    return shaped[0]


def _cut(strip: Array, place: Sequence[Join]) -> Array:
    """Return the piece of a strip that may be longer."""
    windows = [join.of(size) for join, size in zip(place, strip.shape, strict=True)]
    if not any(windows):
        return strip
    return strip[tuple(window or slice(None) for window in windows)]


def _placed(pieces: Sequence[NumPyArray], joins: Joins) -> NumPyArray:
    """Copy each piece to its place, once."""
    if all(len(axis) == 1 and not axis[0].mirrored for axis in joins):
        [piece] = pieces
        if piece.shape == tuple(axis[0].length for axis in joins):
            return piece
    ends = [list(itertools.accumulate(join.length for join in axis)) for axis in joins]
    result = np.empty([axis[-1] for axis in ends], pieces[0].dtype)
    lengths = [[join.length for join in axis] for axis in joins]
    windows = itertools.product(
        *(
            [slice(end - n, end) for end, n in zip(*axis, strict=True)]
            for axis in zip(ends, lengths, strict=True)
        )
    )
    for piece, window, place in zip(pieces, windows, itertools.product(*joins), strict=True):
        turned = tuple(slice(None, None, -1 if join.mirrored else 1) for join in place)
        result[window] = piece[turned]
    return result


def _shaped(piece: Array, place: Sequence[Join], backend: Backend) -> Array:
    """Turn a piece around, or repeat it."""
    axes = tuple(axis for axis, join in enumerate(place) if join.mirrored)
    if axes:
        piece = backend.xp.flip(piece, axis=axes)
    shape = tuple(join.length for join in place)
    return piece if tuple(piece.shape) == shape else backend.xp.broadcast_to(piece, shape)


@dataclass(frozen=True)
class Fold:
    """What shows pixels of a block, added up on them: the adjoint of `joined`.

    ``places`` are, for each spatial axis, the parts that meet the block: which of their own
    elements do, where they come to lie, and how they lay in the border. ``dtype`` is that of the
    result, the sums being in theirs.
    """

    size: tuple[int, ...]
    places: tuple[tuple[Place, ...], ...]
    dtype: str

    def __call__(self, parts: Sequence[Array]) -> Array:
        """Return the block."""
        backend, _ = backend_of({"x": parts[0]})
        total = None
        for part, places in zip(parts, itertools.product(*self.places), strict=True):
            term = self._carried(part, places, backend)
            total = term if total is None else total + term
        return backend.astype(total, self.dtype)

    def _carried(self, part: Array, places: Sequence[Place], backend: Backend) -> Array:
        pads = []
        for axis, (place, size) in enumerate(zip(places, self.size, strict=True), -len(places)):
            part = cut(part, axis, place.start, place.start + place.join.length)
            if place.join.mirrored:
                part = backend.xp.flip(part, axis=axis)
            elif place.width != place.join.length:
                part = backend.xp.sum(part, axis=axis, keepdims=True, dtype=part.dtype)
            pads.append((place.at, size - place.at - place.width))
        return backend.pad_zeros(part, tuple(pads)) if any(map(any, pads)) else part


@dataclass(frozen=True)
class Place:
    """Elements of a part, from ``start`` on, that show pixels of a block, from ``at`` on."""

    start: int
    at: int
    width: int
    join: Join


@dataclass(frozen=True)
class Sum:
    """Terms added up, in the dtype that they have, and made a result of where that is said."""

    dtype: str | None = None

    def __call__(self, terms: Sequence[Array]) -> Array:
        """Return the sum."""
        backend, _ = backend_of({"x": terms[0]})
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total if self.dtype is None else backend.astype(total, self.dtype)
