"""Slabs from the blocks of an axis, and the adjoint, in the words that both frameworks have.

Each is linear and made of differentiable steps, so that derivatives of any order follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.backends.edits import cut
from multiconv.core.shards import Exchange, Halo


class Shard(Protocol):
    """The shard that a program runs on, among those of an axis."""

    backend: Backend

    def own(self, table: NumPyArray) -> Any:
        """Return the entry of a table that is this shard's."""

    def send(self, piece: Array, pairs: Sequence[tuple[int, int]]) -> Array:
        """Send from the first to the second of every pair; who receives nothing has zeros."""

    def take(self, array: Array, rows: Any, axis: int) -> Array:
        """Return those rows."""

    def put(self, array: Array, rows: Any, axis: int, size: int) -> Array:
        """Add up rows at those places of an array of zeros, of that size: the adjoint of take."""

    def window(self, array: Array, start: Any, size: int, axis: int) -> Array:
        """Return so many rows from ``start`` on."""

    def place(self, array: Array, start: Any, size: int, axis: int) -> Array:
        """Return zeros of that size with an array in them: the adjoint of window."""


def slab_of(block: Array, axis: int, exchange: Exchange, shard: Shard) -> Array:
    """Return the rows that the outputs of this shard read; ``axis`` counts from the end."""
    low = _halo(block, axis, exchange.low, shard)
    if not exchange.has_block:
        return low
    pieces = [low] if exchange.low.rows else []
    pieces.append(block)
    if exchange.high.rows:
        pieces.append(_halo(block, axis, exchange.high, shard))
    line = shard.backend.xp.concat(pieces, axis=axis) if len(pieces) > 1 else block
    if exchange.starts == (0,) * len(exchange.starts) and line.shape[axis] == exchange.rows:
        return line
    return shard.window(line, _start(exchange, shard), exchange.rows, axis)


def block_of(slab: Array, axis: int, exchange: Exchange, shard: Shard) -> Array:
    """Add what stands in the slabs back to the blocks it came from: the adjoint of `slab_of`."""
    if not exchange.has_block:
        return _returned(slab, axis, exchange.low, exchange.block, shard)
    before, end = exchange.low.rows, exchange.low.rows + exchange.block
    size = end + exchange.high.rows
    line = shard.place(slab, _start(exchange, shard), size, axis)
    block = cut(line, axis, before, end)
    for halo, start, stop in ((exchange.low, 0, before), (exchange.high, end, size)):
        if halo.messages:
            piece = cut(line, axis, start, stop)
            block = block + _returned(piece, axis, halo, exchange.block, shard)
    return block


def _start(exchange: Exchange, shard: Shard) -> Any:
    """Return where the slab begins: a number where that is the same everywhere."""
    first = exchange.starts[0]
    return first if set(exchange.starts) == {first} else shard.own(np.array(exchange.starts))


def _halo(block: Array, axis: int, halo: Halo, shard: Shard) -> Array:
    xp = shard.backend.xp
    if not halo.messages:
        return shard.backend.zeros(_resized(block, axis, halo.rows), block)
    arrived = [
        _sent(cut(block, axis, m.start, m.stop), m.pairs, shard, is_local=m.is_local)
        for m in halo.messages
    ]
    joined = xp.concat(arrived, axis=axis) if len(arrived) > 1 else arrived[0]
    if halo.is_joined:
        return joined
    rows = shard.own(np.array(halo.table))
    # Behind the messages stands a zero.
    zero = shard.backend.zeros(_resized(block, axis, 1), block)
    return shard.take(xp.concat([joined, zero], axis=axis), rows % (halo.bounds[-1] + 1), axis)


def _returned(piece: Array, axis: int, halo: Halo, block: int, shard: Shard) -> Array:
    """Return a halo to where it came from, in a block of zeros."""
    if not halo.messages:
        return shard.backend.zeros(_resized(piece, axis, block), piece)
    if not halo.is_joined:
        last = halo.bounds[-1]
        piece = shard.put(piece, shard.own(np.array(halo.table)) % (last + 1), axis, last + 1)
    total = None
    for message, (begin, end) in zip(halo.messages, pairwise(halo.bounds), strict=True):
        back = [(receiver, sender) for sender, receiver in message.pairs]
        sent = _sent(cut(piece, axis, begin, end), back, shard, is_local=message.is_local)
        term = shard.place(sent, message.start, block, axis)
        total = term if total is None else total + term
    return total


def _sent(piece: Array, pairs: Sequence[tuple[int, int]], shard: Shard, *, is_local: bool) -> Array:
    # What stays is not asked for by those who do not need it, so that it may stay everywhere.
    return piece if is_local else shard.send(piece, pairs)


def _resized(array: Array, axis: int, size: int) -> tuple[int, ...]:
    shape = list(array.shape)
    shape[axis] = size
    return tuple(shape)
