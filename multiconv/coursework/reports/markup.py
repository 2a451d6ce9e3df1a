"""HTML from Python: elements, tables and pictures inside the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape


class Markup(str):
    """Text that is HTML already; everything else is escaped."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """Return an element; ``class_`` stands for the attribute ``class``."""
    words = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{words}>{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Markup:
    """Return one piece after the other."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children))


def section(title: str, *children: str) -> Markup:
    """Return a part of the page under its heading."""
    return element("section", element("h2", title), *children)


def table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, class_: str = "numbers"
) -> Markup:
    """Return a table whose rows begin with a heading of their own."""
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    body = (
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(cell if is_cell(cell) else element("td", cell) for cell in row[1:]),
        )
        for row in rows
    )
    return element("table", element("thead", head), element("tbody", *body), class_=class_)


def is_cell(text: str) -> bool:
    """Tell whether a cell brings its own element."""
    return isinstance(text, Markup) and text.startswith("<td")


def picture(content: bytes, kind: str, description: str, **attributes: str) -> Markup:
    """Return a picture that is part of the page itself."""
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    words = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f'<img src="{source}" alt="{escape(description)}"{words}>')
