"""A comparison as Markdown, for a notebook, a README or an issue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from multiconv.coursework.compare import Comparison
from multiconv.coursework.exact_mode import RESULTS
from multiconv.coursework.reports import verdict
from multiconv.coursework.reports.contents import (
    bits_rows,
    environment,
    framework_rows,
    hash_rows,
    learning_rows,
    remarks,
    time_rows,
)
from multiconv.coursework.reports.grid import MEANINGS, SIGNS, columns, methods, statuses


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield the report, line by line."""
    found = columns(comparison)
    yield f"# {verdict.sentence(comparison)}"
    yield ""
    wrong = [f"**{place}**: {what}" for place, what in verdict.problems(comparison)]
    for text in (*wrong, *verdict.advice(comparison)):
        yield f"- {text}"
    yield from ("", "## Who agrees with the exact result", "")
    rows = [
        [method, *(SIGNS[column.status(method)][0] for column in found)]
        for method in methods(comparison)
    ]
    yield from _table(["method", *map(str, found)], rows, "c")
    yield ""
    for status in statuses(comparison, found):
        yield f"- `{SIGNS[status][0]}` {MEANINGS[status]}"
    for text in remarks(comparison, found):
        yield f"- {text}"
    yield from ("", "## Bits in common", "", "Of a float32's 24 significant bits, in all results:")
    titles = ["method", "results", "compared on", "minimum", "median", "equal pixels"]
    yield from ("", *_table(titles, bits_rows(comparison), "r"))
    if comparison.exact_mode is not None:
        yield from ("", "## The same bits", "", f"{comparison.exact_mode.sentence}.", "")
        yield from _table(["SHA-256 of", *RESULTS.values()], hash_rows(comparison), "l")
    yield from ("", "## Times", "", "First call, then the median and the quartiles of later ones.")
    titles = ["first", "median", "quartiles", "with gradients: first", "median", "quartiles"]
    for column in found:
        yield from ("", *_table([str(column), *titles], time_rows(comparison, column), "r"))
    yield from ("", "## Learning the textbook's edge detector", "")
    titles = ["", "learned", "solved", "first loss", "last loss", "first run", "later runs"]
    yield from _table(titles, learning_rows(comparison.learning), "r")
    yield from ("", "## Where it ran", "")
    yield from (f"- {name}: {text}" for name, text in environment(comparison))
    titles = ["framework", "version", "device", "threads", "compiler"]
    yield from ("", *_table(titles, framework_rows(comparison), "l"))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], side: str) -> Iterator[str]:
    """Yield a table whose columns but the first are set to the left, the right or the centre."""
    rule = {"l": ":--", "r": "--:", "c": ":-:"}[side]
    for row in (titles, [":--", *[rule] * (len(titles) - 1)], *rows):
        cells = (
            cell.strip().replace("|", "\\|").replace("\N{NO-BREAK SPACE}", " ") for cell in row
        )
        yield f"| {' | '.join(cells)} |"
