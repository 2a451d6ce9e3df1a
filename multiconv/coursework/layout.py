"""How the reports set numbers, times, tables, verdicts and long lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from multiconv.coursework.runs import Timing
from multiconv.coursework.terminal import Line, Segment

#: How wide every report is at most: the terminal that everybody has.
WIDTH = 80
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNBROKEN = "\N{NO-BREAK SPACE}"


def table(
    titles: Sequence[str],
    rows: Sequence[Line],
    left: Sequence[str] = (),
    groups: dict[str, int] | None = None,
) -> Iterator[Line]:
    """Yield titles and rows; a row of a single segment is a heading across the columns.

    The columns titled as in ``left`` are set to the left. ``groups`` says of how many neighbours
    each stands over.
    """
    cells = [list(map(len, titles)), *([len(s.text) for s in row] for row in rows if len(row) > 1)]
    widths = [max(lengths) for lengths in zip(*cells, strict=True)]
    gaps = ["", *["  "] * (len(titles) - 1)]
    if groups:
        over, start = [], 0
        for group, count in groups.items():
            gaps[start + 1 : start + count] = [" "] * (count - 1)
            lack = len(group) - sum(widths[start : start + count]) - (count - 1)
            widths[start] += max(0, lack)
            over.append(f"{group:>{len(group) + max(0, -lack)}}")
            start += count
        yield [Segment("  ".join(over), "heading")]
    for row in ([Segment(title, "heading") for title in titles], *rows):
        if len(row) == 1:
            yield row
            continue
        yield [
            Segment(f"{gap}{cell.text:{'<' if title in left else '>'}{width}}", cell.style)
            for cell, title, gap, width in zip(row, titles, gaps, widths, strict=True)
        ]


def verdict(
    broken: dict[str, str],
    problems: Sequence[tuple[str, str]],
    text: str,
    seconds: float,
    *,
    agrees: bool,
) -> Iterator[Line]:
    """Yield the backends that cannot be used, what is wrong with others, and the judgement."""
    unusable = [(f"{name} cannot be used", reason) for name, reason in broken.items()]
    for place, problem in [*unusable, *problems]:
        yield from wrapped(f"{place}: {problem}", "  ", "bad")
    yield [Segment(text, "good" if agrees else "bad"), Segment(f" ({seconds:.0f} s)")]


def letters(keys: Iterable[str]) -> dict[str, str]:
    """Give every key, such as the digest of a result, a letter in the order of appearance."""
    return {
        key: _LETTERS[i] if i < len(_LETTERS) else "*" for i, key in enumerate(dict.fromkeys(keys))
    }


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the texts of (text, place), each with all its places."""
    groups: dict[str, dict[str, None]] = {}
    for text, place in pairs:
        groups.setdefault(text, {})[place] = None
    return {text: list(places) for text, places in groups.items()}


def by(shape: Sequence[int]) -> str:
    """Return a shape as it is spoken: 128x128."""
    return "x".join(map(str, shape))


def number(fraction: float | None) -> str:
    """Return a fraction of a bound in a few digits; there is none where nothing was off."""
    if not fraction:
        return "0"
    if 0.001 <= fraction < 1000:
        return f"{fraction:.3f}" if fraction < 1 else f"{fraction:.3g}"
    return f"{fraction:.0e}"


def numbers(kernel: NDArray[Any], decimals: int = 2) -> str:
    """Return a small kernel on one line, with so many decimals where there are any."""
    zeros = f"{0:.{decimals}f}"[1:]
    texts = [f"{value:.{decimals}f}".removesuffix(zeros) for value in kernel.ravel()]
    return unbroken(f"[{' '.join(texts)}]")


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    if seconds < 999.5e-6:
        return f"{digits(seconds * 1e6)} µs"
    if seconds < 999.5e-3:
        return f"{digits(seconds * 1e3)} ms"
    return f"{digits(seconds)} s "


def durations(timing: Timing | None) -> list[Segment]:
    """Return the cells of the first and of a later call."""
    if timing is None:
        return [Segment(""), Segment("")]
    return [Segment(duration(timing.first)), Segment(duration(timing.warm))]


def digits(value: float) -> str:
    """Return three digits, or all that stand before the point."""
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"


def unbroken(text: str) -> str:
    """Return a text that `wrapped` keeps on one line."""
    return text.replace(" ", _UNBROKEN)


def wrapped(text: str, indent: str, style: str = "") -> Iterator[Line]:
    """Yield a text as lines that fit; all but the first are indented."""
    for line in textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ):
        yield [Segment(line.replace(_UNBROKEN, " "), style)]
