"""Borders: how an image is continued, and the adjoint of continuing it.

Which pixels a border repeats is stated once, in `_runs`; extending, folding back and the index map
of the sparse matrices all read it there. For the image ``1234`` and a border of two::

    zeros       00 1234 00        symmetric   21 1234 43
    constant    cc 1234 cc        replicate   11 1234 44
    reflect     32 1234 32        circular    34 1234 12

A border wider than the image goes on: reflect and symmetric turn around at every edge, circular
starts again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import cut, pad_or_crop
from multiconv.core.geometry import CONSTANT_MODES, Geometry


class _Run(NamedTuple):
    """Neighbouring pixels of a border: ``length`` of them show the pixels [start, stop).

    In their order, mirrored, or one pixel again and again.
    """

    length: int
    start: int
    stop: int
    mirrored: bool = False


def _runs(mode: str, n: int, amount: int, *, low: bool) -> list[_Run]:
    """Return the runs of one side of a border, from the image outwards."""
    if amount and (mode == "replicate" or n == 1):
        return [_Run(amount, 0, 1) if low else _Run(amount, n - 1, n)]
    edge = 1 if mode == "reflect" else 0  # how many pixels at the edge are not repeated
    runs: list[_Run] = []
    while amount > 0:
        length = min(amount, n - edge)
        turned = mode != "circular" and len(runs) % 2 == 0
        if low == turned:
            runs.append(_Run(length, edge, edge + length, turned))
        else:
            runs.append(_Run(length, n - edge - length, n - edge, turned))
        amount -= length
    return runs


def extend(x: Array, geometry: Geometry, backend: Backend) -> Array:
    """Continue the last axes of x by the border of the geometry, a constant one by zeros."""
    mode = geometry.padding_mode
    if mode in CONSTANT_MODES:
        return pad_or_crop(x, geometry.pads, backend)
    for axis, (low, high) in zip(range(-geometry.axes, 0), geometry.pads, strict=True):
        if not low and not high:
            continue
        before, after = _both(mode, x.shape[axis], low, high)
        shown = [_shown(x, axis, run, backend) for run in before]
        shown += [x, *[_shown(x, axis, run, backend) for run in after]]
        x = backend.xp.concat(shown, axis=axis)
    return x


def fold(y: Array, geometry: Geometry, backend: Backend) -> Array:
    """Apply the adjoint of `extend`: add every border pixel back to the pixel it repeats."""
    mode = geometry.padding_mode
    if mode in CONSTANT_MODES:
        return pad_or_crop(y, tuple((-low, -high) for low, high in geometry.pads), backend)
    for axis, (low, high) in zip(range(-geometry.axes, 0), geometry.pads, strict=True):
        n = geometry.input_size[axis]
        before, after = _both(mode, n, low, high)
        folded = cut(y, axis, low, low + n)
        for first, runs in ((0, before), (low + n, after)):
            at = first
            for run in runs:
                piece = cut(y, axis, at, at + run.length)
                folded = folded + _returned(piece, axis, n, run, backend)
                at += run.length
        y = folded
    return y


def pixel_of_border(n: int, low: int, high: int, mode: str) -> np.ndarray[Any, Any]:
    """Return for each position of a padded axis the pixel it shows, -1 for the constant."""
    inside = np.arange(n)
    if mode in CONSTANT_MODES:
        return np.concatenate([np.full(low, -1), inside, np.full(high, -1)])
    before, after = (
        [np.resize(inside[r.start : r.stop][:: -1 if r.mirrored else 1], r.length) for r in runs]
        for runs in _both(mode, n, low, high)
    )
    return np.concatenate([*before, inside, *after])


def _both(mode: str, n: int, low: int, high: int) -> tuple[list[_Run], list[_Run]]:
    """Return the runs of both sides in the order of the axis."""
    return _runs(mode, n, low, low=True)[::-1], _runs(mode, n, high, low=False)


def _shown(x: Array, axis: int, run: _Run, backend: Backend) -> Array:
    piece = cut(x, axis, run.start, run.stop)
    if run.mirrored:
        return backend.xp.flip(piece, axis=axis)
    if run.stop - run.start == run.length:
        return piece
    shape = list(x.shape)
    shape[axis] = run.length
    return backend.xp.broadcast_to(piece, tuple(shape))


def _returned(piece: Array, axis: int, n: int, run: _Run, backend: Backend) -> Array:
    """Carry a piece of the border to where it came from, in an image of zeros."""
    if run.mirrored:
        piece = backend.xp.flip(piece, axis=axis)
    elif run.stop - run.start != run.length:
        piece = backend.xp.sum(piece, axis=axis, keepdims=True, dtype=piece.dtype)
    pads = [(0, 0)] * -axis
    pads[0] = (run.start, n - run.stop)
    return backend.pad_zeros(piece, tuple(pads))
