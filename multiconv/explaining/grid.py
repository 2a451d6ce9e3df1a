"""Rows and columns of numbers as text, the window in brackets, a frame between image and border."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

#: The number of a row or column; None stands for those left out.
Label: TypeAlias = int | None

_GAP = ".."


def drawn(
    name: str,
    rows: Sequence[Label],
    columns: Sequence[Label],
    cell: Callable[[int, int], tuple[str, bool]],
    size: Sequence[int],
) -> list[str]:
    """Draw cells, each a text that may be marked; a frame runs where labels leave the size."""
    left_out = (_GAP, False)
    cells = [
        [left_out if row is None or column is None else cell(row, column) for column in columns]
        for row in rows
    ]
    heads = [(_GAP if column is None else str(column), False) for column in columns]
    labels = [_GAP if row is None else str(row) for row in rows]
    margin = max(len(name), *map(len, labels))
    widths = [max(len(text) for text, _ in column) for column in zip(heads, *cells, strict=True)]
    edges = list(_edges(columns, size[1]))

    def line(label: str, texts: Sequence[tuple[str, bool]], edge: str) -> str:
        parts = [
            (edge if is_edge else "") + (f"[{text:>{width}}]" if marked else f" {text:>{width}} ")
            for (text, marked), width, is_edge in zip(texts, widths, edges, strict=True)
        ]
        return f"{label:>{margin}} {''.join(parts)}".rstrip()

    dashes = [
        ("+" if is_edge else "") + "-" * (width + 2)
        for width, is_edge in zip(widths, edges, strict=True)
    ]
    found = [line(name, heads, " ")]
    for label, texts, is_edge in zip(labels, cells, _edges(rows, size[0]), strict=True):
        if is_edge:
            found.append(f"{'':>{margin}} {''.join(dashes)}")
        found.append(line(label, texts, "|"))
    return found


def chosen(labels: Sequence[int], kept: Sequence[int], most: int) -> list[Label]:
    """Return the labels to draw, at most so many: all, or those to be kept, or some of these."""
    if len(labels) <= most:
        return list(labels)
    if len(kept) <= most:
        return list(kept)
    half = max((most - 1) // 2, 1)
    return [*kept[:half], None, *kept[len(kept) - half :]]


def beside(left: Sequence[str], right: Sequence[str], gap: int = 4) -> list[str]:
    """Put one drawing to the right of another."""
    width, height = max(map(len, left)) + gap, max(len(left), len(right))
    filled = ([*lines, *[""] * (height - len(lines))] for lines in (left, right))
    return [f"{one:<{width}}{other}".rstrip() for one, other in zip(*filled, strict=True)]


def _edges(labels: Sequence[Label], size: int) -> Iterator[bool]:
    """Tell of each label whether an edge of the image lies between it and the one before."""
    sides = [None if n is None else (n >= 0) + (n >= size) for n in labels]
    yield False
    for before, side in itertools.pairwise(sides):
        yield before is not None and side is not None and before != side
