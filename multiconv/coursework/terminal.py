"""Lines on a terminal: in colour where it is one and rich is installed, plain elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from typing import NamedTuple, TextIO, TypeAlias

_STYLES = {"heading": "bold", "good": "green", "bad": "bold red", "faint": "dim", "": ""}
_PLAIN = str.maketrans("µ▁▂▃▄▅▆▇█▏▎▍▌▋▊▉»✓✗", "u_.:-=+*#...####>+x")


class Segment(NamedTuple):
    """A piece of text and the name of its style: one of heading, good, bad, faint, or none."""

    text: str
    style: str = ""


Line: TypeAlias = list[Segment]


def show(lines: Iterable[Line], stream: TextIO) -> None:
    """Write lines as they are, however wide the terminal is."""
    if stream.isatty() and importlib.util.find_spec("rich"):
        _show_in_colour(lines, stream)
        return
    for line in lines:
        text = "".join(segment.text for segment in line).rstrip()
        stream.write(_in_encoding(text, stream.encoding) + "\n")


def _in_encoding(text: str, encoding: str | None) -> str:
    """Write what the stream cannot show in other letters, as a pipe in some locales cannot."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode("ascii", "replace").decode()
    return text


def _show_in_colour(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for line in lines:
        text = Text.assemble(*((segment.text, _STYLES[segment.style]) for segment in line))
        console.print(text, soft_wrap=True)
