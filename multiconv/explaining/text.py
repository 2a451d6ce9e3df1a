"""An explanation as text of at most 80 columns."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from multiconv.explaining import figures, grid, sums

if TYPE_CHECKING:
    from multiconv.explaining.explanation import Explanation, Number

_MOST_ROWS = 14
_MOST_CHANNELS = 2
_MOST_REPEATED = 4


def lines(e: Explanation) -> Iterator[str]:
    """Yield where the window lies, what it shows beside the kernel, and the sum."""
    yield f"y[{', '.join(map(str, e.at))}] of the output {e.output_shape}"
    yield from where(e)
    for number in range(min(len(e.view.pixels), _MOST_CHANNELS)):
        yield ""
        yield from _drawing(e, number)
    if len(e.view.channels) > _MOST_CHANNELS:
        left = len(e.view.channels) - _MOST_CHANNELS
        yield f"(and {left} more channel{'s' if left > 1 else ''})"
    yield ""
    yield from sums.lines(e)
    yield from notes(e)


def where(e: Explanation) -> Iterator[str]:
    """Yield the arithmetic that gives the first row and column of the window, where there is any.

    Position times stride, less the border before the image.
    """
    g = e.geometry
    if (*g.stride, *g.dilation) == (1, 1, 1, 1) and not any(map(any, g.pads)):
        return
    for name, met, position, stride, dilation, (low, _) in zip(
        ("rows", "columns"), e.window, e.at[-2:], g.stride, g.dilation, g.pads, strict=True
    ):
        listed = ", ".join(sums.shortened(list(map(str, met)), 7))
        step = "" if dilation == 1 or len(met) == 1 else f", then every {_ordinal(dilation)}"
        first = f"position {position} * stride {stride} - padding {low} = {met[0]}"
        yield from sums.packed(f"{name} {listed}: {first}{step}".split(" "))


def notes(e: Explanation) -> list[str]:
    """Return what is to be said of the border, and of digits that are left out."""
    border = {term.place: term for term in e.terms if term.is_border}
    found = []
    if border and e.geometry.padding_mode == "zeros":
        are = "is a zero" if len(border) == 1 else "are zeros"
        found.append(f"{len(border)} of the {e.geometry.taps} pixels {are} of the border")
    elif border and e.geometry.padding_mode == "constant":
        are = "is a number" if len(border) == 1 else "are numbers"
        found.append(f"{len(border)} of the {e.geometry.taps} pixels {are} of the constant border")
    elif border:
        repeated = [
            f"{_place(place)} shows {_place(term.index[-2:])};"
            for place, term in border.items()
            if term.index is not None
        ]
        shown = sums.shortened(repeated, _MOST_REPEATED, f"... ({len(border)} in all);")
        shown[-1] = shown[-1].rstrip(";")
        found += sums.packed([f"{e.geometry.padding_mode} border:", *shown])
    factors = [number for term in e.terms for number in (term.pixel, term.weight)]
    if any(map(figures.is_shortened, factors)):
        found.append("factors are shown to 4 digits; the sum has all of theirs")
    return found


def _drawing(e: Explanation, number: int) -> list[str]:
    """Draw the window of one channel, and the kernel to its right, or below."""
    image, kernel = _image(e, number), _kernel(e, number)
    both = grid.beside(image, kernel)
    return both if max(map(len, both)) <= sums.WIDTH else [*image, "", *kernel]


def _image(e: Explanation, number: int) -> list[str]:
    view, (rows, columns) = e.view, e.window
    pixels = {
        (row, column): pixel
        for row, line in zip(view.rows, view.pixels[number], strict=True)
        for column, pixel in zip(view.columns, line, strict=True)
    }
    name = f"x[{view.channels[number]}]" if e.has_channels else "x"
    return _fitting(
        name,
        (view.rows, rows),
        (view.columns, columns),
        pixels,
        {(row, column) for row in rows for column in columns},
        e.geometry.input_size,
    )


def _kernel(e: Explanation, number: int) -> list[str]:
    """Draw the kernel as it lies on the window, its rows and columns numbered as in k."""
    size, taps = e.geometry.kernel_size, e.geometry.taps
    terms = e.terms[number * taps : (number + 1) * taps]
    weights = {(term.tap[-2], term.tap[-1]): term.weight for term in terms}
    rows, columns = (list(dict.fromkeys(tap[axis] for tap in weights)) for axis in (0, 1))
    name = f"k[{terms[0].tap[0]}, {number}]" if e.has_channels else "k"
    return _fitting(name, (rows, rows), (columns, columns), weights, set(), size)


def _fitting(
    name: str,
    rows: tuple[Sequence[int], Sequence[int]],
    columns: tuple[Sequence[int], Sequence[int]],
    numbers: Mapping[tuple[int, int], Number],
    marked: Container[tuple[int, int]],
    size: Sequence[int],
) -> list[str]:
    """Draw as many columns as fit; rows and columns are given as all, and those to keep."""
    shown = grid.chosen(*rows, _MOST_ROWS)

    def cell(row: int, column: int) -> tuple[str, bool]:
        return figures.short(numbers[row, column]), (row, column) in marked

    for most in range(len(columns[0]), 0, -1):
        found = grid.drawn(name, shown, grid.chosen(*columns, most), cell, size)
        if max(map(len, found)) <= sums.WIDTH:
            break
    return found


def _place(place: Sequence[int]) -> str:
    return f"({', '.join(map(str, place))})"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 % 10 != 1 else 0, "th")
    return f"{number}{ending}"
