"""What a shard of an axis needs of its neighbours: integer arithmetic that knows no array.

An axis of n pixels lies on P shards in blocks of ``ceil(n / P)``, and its outputs likewise. The
outputs of a shard read a slab of the padded axis (`Geometry.part`). A slab is a part of the line
that begins with pixels of the shards before, its low halo, goes on with the shard's own block and
ends with a high halo. Every shard runs the same program, so that halos have one size on all of
them, and what differs from shard to shard stands in tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeAlias

from multiconv.core.geometry import Geometry

#: Axes of a mesh, the slowest first.
Names: TypeAlias = tuple[Hashable, ...]


class Placement(NamedTuple):
    """Where an array lies on a mesh: for each of its axes, the axes of the mesh it is split over.

    ``sizes`` are those of the mesh's axes, by name; a mesh is whatever the framework has for one.
    """

    mesh: Any
    sizes: tuple[tuple[Hashable, int], ...]
    spec: tuple[Names, ...]

    def shards(self, names: Names) -> int:
        """Return how many parts those axes of the mesh make."""
        sizes = dict(self.sizes)
        return math.prod(sizes[name] for name in names)


class Piece(NamedTuple):
    """An array on a mesh: the axes it is split over, its shape, and that which the shards make up.

    The second may be larger, so that all shards are alike; what is more is zeros. ``shared`` are
    the axes along which all shards have the same part, and each has a gradient of its own for it.
    """

    spec: tuple[Names, ...]
    shape: tuple[int, ...]
    whole: tuple[int, ...]
    shared: Names = ()


class Parts(NamedTuple):
    """What every shard does, and the arrays that it has parts of.

    ``body(run)`` is what runs there (see `Backend.on_shards`), ``run`` being the computation of a
    part; there are so many ``shards``.
    """

    body: Callable[[Callable[..., Any]], Callable[..., Any]]
    placement: Placement
    given: tuple[Piece, ...]
    result: Piece
    shards: int


@dataclass(frozen=True)
class Message:
    """The rows [start, stop) of a block, from sender to receiver for each of the pairs.

    Who receives none has zeros instead, or its own rows of a message that is local.
    """

    start: int
    stop: int
    pairs: tuple[tuple[int, int], ...]

    @property
    def is_local(self) -> bool:
        """Tell whether it stays where it is, and on every shard."""
        return all(sender == receiver for sender, receiver in self.pairs)


@dataclass(frozen=True)
class Halo:
    """Rows beside a block, on every shard.

    ``table[i][t]`` is the row of the joined messages that is row t of shard i, -1 for a zero.
    """

    messages: tuple[Message, ...]
    table: tuple[tuple[int, ...], ...]

    @property
    def rows(self) -> int:
        """Return how many rows it has."""
        return len(self.table[0])

    @property
    def bounds(self) -> tuple[int, ...]:
        """Return where the messages begin and end, joined."""
        return tuple(accumulate((m.stop - m.start for m in self.messages), initial=0))

    @property
    def is_joined(self) -> bool:
        """Tell whether the joined messages are the halo, as they are, on every shard."""
        if self.bounds[-1] != self.rows or any(m.is_local for m in self.messages):
            return False
        for message, (begin, end) in zip(self.messages, pairwise(self.bounds), strict=True):
            receivers = {receiver for _, receiver in message.pairs}
            for shard, row in enumerate(self.table):
                shown = range(begin, end) if shard in receivers else [-1] * (end - begin)
                if list(row[begin:end]) != list(shown):
                    return False
        return True


@dataclass(frozen=True)
class Exchange:
    """How the shards of an axis come by the slabs that their outputs read.

    Attributes
    ----------
    names : tuple of names
        The axes of the mesh that the axis lies on.
    block, outputs, rows : int
        How many pixels a shard has, how many outputs it makes, and how many rows those read.
    low, high : Halo
        What comes before the block and behind it.
    starts : tuple of int
        Where in low halo, block and high halo the slab of each shard begins.
    firsts : tuple of int
        Which pixel of the axis that is: one before the first stands in the border.
    has_block : bool
        False where the halo alone is the slab: some pixels of the last block are none.
    """

    names: Names
    block: int
    outputs: int
    rows: int
    low: Halo
    high: Halo
    starts: tuple[int, ...]
    firsts: tuple[int, ...]
    has_block: bool = True


def exchange(
    geometry: Geometry,
    axis: int,
    outputs: int,
    shards: int,
    names: Names,
    pixels: Sequence[int],
) -> Exchange:
    """Return the exchange for the first ``outputs`` of an axis.

    ``pixels`` are those that the padded axis shows, -1 for a zero (`borders.pixel_of_border`).
    """
    n, low = geometry.input_size[axis], geometry.pads[axis][0]
    block, each = -(-n // shards), -(-outputs // shards)
    padded = geometry.padded()
    rows = _slab(padded, axis, 0, min(each, outputs)).stop
    # Relative to the shard's block. Shards without outputs do as the last that has some.
    used = range(-(-outputs // each))
    begins = [
        _slab(padded, axis, i * each, min((i + 1) * each, outputs)).start - low - i * block
        for i in used
    ]
    begins += begins[-1:] * (shards - len(begins))

    begun = tuple(begin + i * block for i, begin in enumerate(begins))

    def halo(firsts: Sequence[int], count: int) -> Halo:
        """Return the halo of ``count`` rows that begins at those positions of the axis."""
        return _halo([_shown(pixels, first + low, count) for first in firsts], block)

    if n % shards:
        whole = halo(begun, rows)
        nothing = halo([0] * shards, 0)
        own = names, block, each, rows, whole, nothing, (0,) * shards, begun
        return Exchange(*own, has_block=False)
    before, after = max(0, -min(begins)), max(0, max(begins) + rows - block)
    return Exchange(
        names,
        block,
        each,
        rows,
        halo([i * block - before for i in range(shards)], before),
        halo([(i + 1) * block for i in range(shards)], after),
        tuple(before + begin for begin in begins),
        begun,
    )


def _slab(padded: Geometry, axis: int, start: int, stop: int) -> slice:
    return padded.part(axis, start, stop)[0]


def _shown(pixels: Sequence[int], first: int, count: int) -> list[int]:
    """Return what the padded axis shows from a position on, which may lie beside it."""
    return [
        int(pixels[place]) if 0 <= place < len(pixels) else -1
        for place in range(first, first + count)
    ]


def _halo(shown: list[list[int]], block: int) -> Halo:
    """Return the halo in which shard i shows the pixels ``shown[i]``."""
    shards = len(shown)
    spans: dict[int, tuple[int, int]] = {}  # by how much further on the sender is
    receivers: dict[int, set[int]] = {}
    for shard, row in enumerate(shown):
        for pixel in row:
            if pixel < 0:
                continue
            shift, place = (pixel // block - shard) % shards, pixel % block
            start, stop = spans.get(shift, (place, place + 1))
            spans[shift] = min(start, place), max(stop, place + 1)
            receivers.setdefault(shift, set()).add(shard)
    shifts = sorted(spans)
    bases = dict(
        zip(
            shifts, accumulate((spans[s][1] - spans[s][0] for s in shifts), initial=0), strict=False
        )
    )
    messages = tuple(
        Message(*spans[s], tuple(((i + s) % shards, i) for i in sorted(receivers[s])))
        for s in shifts
    )

    def row_of(pixel: int, shard: int) -> int:
        if pixel < 0:
            return -1
        shift = (pixel // block - shard) % shards
        return bases[shift] + pixel % block - spans[shift][0]

    table = tuple(tuple(row_of(pixel, shard) for pixel in row) for shard, row in enumerate(shown))
    return Halo(messages, table)
