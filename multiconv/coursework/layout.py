"""How the reports set numbers, times and long lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from multiconv.coursework.terminal import Line, Segment

_WIDTH = 100

#: One for every bit pattern of a result.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def number(fraction: float) -> str:
    """Return a fraction of a bound in a few digits."""
    if fraction == 0:
        return "0"
    if 0.001 <= fraction < 1000:
        return f"{fraction:.3f}" if fraction < 1 else f"{fraction:.3g}"
    return f"{fraction:.0e}"


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    if seconds < 999.5e-6:
        return f"{digits(seconds * 1e6)} µs"
    if seconds < 999.5e-3:
        return f"{digits(seconds * 1e3)} ms"
    return f"{digits(seconds)} s "


def digits(value: float) -> str:
    """Return three digits, or all that stand before the point."""
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"


def wrapped(text: str, indent: str, style: str = "") -> Iterator[Line]:
    """Yield a text as lines that fit; all but the first are indented."""
    for line in textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False):
        yield [Segment(line, style)]
