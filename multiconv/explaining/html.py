"""An explanation as HTML for a notebook.

Notebooks strip style sheets, and are light or dark: so the styles are in the elements, text keeps
the page's colour, and backgrounds are tints that let the page's own shine through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from multiconv.explaining import sums, text
from multiconv.explaining.figures import factor, short
from multiconv.explaining.grid import Label, chosen

if TYPE_CHECKING:
    from multiconv.explaining.explanation import Explanation, Term

_MOST_DRAWN = 16  # rows, and columns
_MOST_TERMS = 64

_CELL = "padding:.2em .55em;text-align:right;font-variant-numeric:tabular-nums;"
_HEAD = f"{_CELL}font-weight:normal;font-size:85%;opacity:.65;"
_LINE = "border:1px solid rgba(128,128,128,.45);"
_SEEN = "background:rgba(255,140,0,.35);font-weight:bold;"
_BORDER = "background:rgba(128,128,128,.2);font-style:italic;"
_SEEN_BORDER = "background:rgba(70,130,255,.35);font-weight:bold;font-style:italic;"
_WEIGHT = "background:rgba(0,160,110,.28);"
_WRAP = "display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start;"


def of(e: Explanation) -> str:
    """Return the windows beside their kernels, the sum, and what is to be said of it."""
    drawn = "".join(
        f'<div style="{_WRAP}">{_image(e, number)}{_kernel(e, number)}</div>'
        for number in range(len(e.view.pixels))
    )
    left = len(e.view.channels) - len(e.view.pixels)
    more = f"<p>and {left} more channels</p>" if left > 0 else ""
    said = [*text.where(e), *text.notes(e)]
    notes = "<br>".join(map(escape, said))
    at = ", ".join(map(str, e.at))
    title = f"<b>y[{at}]</b> of the output {e.output_shape}"
    note = f'<p style="font-size:90%;opacity:.8">{notes}</p>' if said else ""
    return f"<div><p>{title}</p>{drawn}{more}<p>{_sum(e)}</p>{note}</div>"


def _image(e: Explanation, number: int) -> str:
    view, (rows, columns) = e.view, e.window
    height, width = e.geometry.input_size
    pixels = view.pixels[number]
    row_at = {row: i for i, row in enumerate(view.rows)}
    column_at = {column: j for j, column in enumerate(view.columns)}

    def cell(row: int, column: int) -> tuple[str, str]:
        is_seen = row in rows and column in columns
        is_border = not (0 <= row < height and 0 <= column < width)
        styles = {(True, True): _SEEN_BORDER, (True, False): _SEEN, (False, True): _BORDER}
        shown = short(pixels[row_at[row]][column_at[column]])
        return shown, styles.get((is_seen, is_border), "")

    name = f"x[{view.channels[number]}]" if e.has_channels else "x"
    shown = chosen(view.rows, rows, _MOST_DRAWN), chosen(view.columns, columns, _MOST_DRAWN)
    return _table(name, *shown, cell)


def _kernel(e: Explanation, number: int) -> str:
    taps = e.geometry.taps
    terms = e.terms[number * taps : (number + 1) * taps]
    weights = {term.tap[-2:]: short(term.weight) for term in terms}
    rows, columns = (list(dict.fromkeys(tap[axis] for tap in weights)) for axis in (0, 1))
    name = f"k[{terms[0].tap[0]}, {number}]" if e.has_channels else "k"
    shown = chosen(rows, rows, _MOST_DRAWN), chosen(columns, columns, _MOST_DRAWN)
    return _table(
        f"{name}, flipped" if e.flip else name, *shown, lambda i, j: (weights[i, j], _WEIGHT)
    )


def _table(
    name: str,
    rows: Sequence[Label],
    columns: Sequence[Label],
    cell: Callable[[int, int], tuple[str, str]],
) -> str:
    def line(row: Label) -> Iterator[str]:
        yield f'<th scope="row" style="{_HEAD}">{_label(row)}</th>'
        for column in columns:
            left_out = row is None or column is None
            shown, style = ("…", "") if left_out else cell(row, column)  # type: ignore[arg-type]
            yield f'<td style="{_CELL}{_LINE}{style}">{shown}</td>'

    heads = "".join(f'<th scope="col" style="{_HEAD}">{_label(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(line(row))}</tr>" for row in rows)
    return (
        f'<table style="border-collapse:collapse;width:auto;color:inherit"><thead><tr>'
        f'<th style="{_HEAD}opacity:1">{escape(name)}</th>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _sum(e: Explanation) -> str:
    bias = [] if e.bias is None else [f"{factor(e.bias)} (bias)"]
    if len(e.terms) > _MOST_TERMS:
        return "<br>".join(map(escape, sums.lines(e)))
    products = [_product(term) for term in e.terms]
    return f"{' + '.join([*products, *bias]) or '0'} = <b>{escape(sums.result(e))}</b>"


def _product(term: Term) -> str:
    pixel = f'<span style="{_SEEN_BORDER if term.is_border else _SEEN}">{short(term.pixel)}</span>'
    return f'{pixel}&times;<span style="{_WEIGHT}">{factor(term.weight)}</span>'


def _label(label: Label) -> str:
    return "…" if label is None else str(label)
