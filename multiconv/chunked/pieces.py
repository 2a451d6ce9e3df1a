"""Which pieces of an axis, cut into chunks, make up a part of it or of it with its border."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from multiconv.methods.borders import pixel_of_border


class Piece(NamedTuple):
    """Neighbours [start, stop) in a chunk of an axis: in order, mirrored, or one, repeated."""

    chunk: int
    start: int
    stop: int
    mirrored: bool
    length: int

    @property
    def join(self) -> Join:
        """What is done to the piece when it is joined to others."""
        return Join(self.length, self.mirrored, self.start, self.stop)


class Join(NamedTuple):
    """A piece beside others: how long it is there, and whether it is turned around.

    ``start`` and ``stop`` are for what comes with more of its chunk than the piece (`Axis`).
    """

    length: int
    mirrored: bool
    start: int = 0
    stop: int = 0

    def of(self, size: int) -> slice | None:
        """Return what of so many neighbours is the piece, None where all of them are."""
        wanted = self.stop - self.start
        return slice(self.start, self.stop) if 0 < wanted < size else None


class Run(NamedTuple):
    """Positions next to each other whose pixels are next to each other, too, or all the same."""

    start: int
    stop: int
    mirrored: bool
    length: int


class Axis:
    """An axis of so many chunks, with its border.

    Parameters
    ----------
    chunks : sequence of int
        Their sizes.
    low, high : int, optional
        How wide the border is.
    mode : str, optional
        What it shows, of the image.
    """

    def __init__(
        self, chunks: Sequence[int], low: int = 0, high: int = 0, mode: str = "zeros"
    ) -> None:
        self.bounds = list(accumulate(chunks, initial=0))
        self.size, self.low, self.high, self.mode = self.bounds[-1], low, high, mode
        self._shown = [] if mode == "zeros" or not (low or high) else self._border()

    def whole(self) -> list[Piece]:
        """Return all of it, without the border."""
        return self.between(0, self.size)

    def between(self, start: int, stop: int) -> list[Piece]:
        """Return the pieces of a range, without the border: at least one, which may be empty."""
        if start == stop:
            chunk = min(bisect_right(self.bounds, start), len(self.bounds) - 1) - 1
            place = start - self.bounds[chunk]
            return [Piece(chunk, place, place, False, 0)]
        return list(self._cut(Run(start, stop, False, stop - start)))

    def padded(self, start: int, stop: int) -> list[Piece]:
        """Return the pieces of a range of positions, the border's first being 0."""
        return [piece for run in self.runs(start, stop) for piece in self._cut(run)]

    def runs(self, start: int, stop: int) -> Iterator[Run]:
        """Yield what a range of positions shows."""
        low, end = self.low, self.low + self.size
        yield from _runs([self._pixel(p) for p in range(start, min(stop, low))])
        inside = max(start, low) - low, min(stop, end) - low
        if inside[0] < inside[1]:
            yield Run(*inside, False, inside[1] - inside[0])
        yield from _runs([self._pixel(p) for p in range(max(start, end), stop)])

    def _cut(self, run: Run) -> Iterator[Piece]:
        """Yield the pieces of a run in the chunks that it lies in."""
        pieces = []
        start = run.start
        chunk = max(bisect_right(self.bounds, start) - 1, 0)
        while start < run.stop:
            begin, end = self.bounds[chunk : chunk + 2]
            stop = min(run.stop, end)
            repeated = run.length != run.stop - run.start
            length = run.length if repeated else stop - start
            if stop > start:
                pieces.append(Piece(chunk, start - begin, stop - begin, run.mirrored, length))
            start, chunk = stop, chunk + 1
        return reversed(pieces) if run.mirrored else iter(pieces)

    def _border(self) -> list[int]:
        """Return the pixels of the border, those before the axis and those behind it.

        A border shows pixels no farther from an edge than it is wide. So a short axis is written
        down for a long one, which may have more numbers than there is memory for.
        """
        short = min(self.size, 2 * (self.low + self.high) + 2)
        shown = pixel_of_border(short, self.low, self.high, self.mode).tolist()
        sides = shown[: self.low] + shown[self.low + short :]
        behind = self.size - short
        return [pixel if pixel < short / 2 else pixel + behind for pixel in sides]

    def _pixel(self, position: int) -> int:
        return self._shown[position if position < self.low else position - self.size]


def _runs(pixels: list[int]) -> Iterator[Run]:
    """Yield the runs of a border's pixels."""
    first = 0
    while first < len(pixels):
        last, step = first + 1, 2
        if last < len(pixels):
            step = pixels[last] - pixels[first]
        if abs(step) < 2:
            while last < len(pixels) and pixels[last] - pixels[last - 1] == step:
                last += 1
        ends = pixels[first], pixels[last - 1]
        yield Run(min(ends), max(ends) + 1, step == -1, last - first)
        first = last
