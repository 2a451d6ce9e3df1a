"""The results as text: in 80 columns, and in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.results import Left, Measurement, Results
from multiconv.benchmarking.summary import Finding, summarise
from multiconv.coursework.layout import digits, duration, table
from multiconv.coursework.terminal import Line, Segment

_WIDTH = 80
_WORDS = {True: ("ok", "good"), False: ("MISS", "bad"), None: ("", "")}
_AUTO_TITLES = ("backend", "auto", "±", "method", "own", "cv2", "best", "which")
_ALL_TITLES = ("candidate", "median", "quartiles", "first", "own", "best", "GMA/s")
_ABOUT = (
    "Medians of interleaved turns; ± is half the distance of the quartiles. The columns own, cv2 "
    "and best say how many times faster than the framework's own convolution, than cv2.filter2D "
    "and than the fastest method of the backend, by the median of the turns' ratios; what is "
    "bounded in norm only counts as the best where it is 4 times faster. GMA/s are 10^9 "
    "multiply-adds of the definition per second; ~ marks results that are not the exact numbers, "
    "but within their bound."
)


def lines(results: Results, *, everything: bool) -> Iterator[Line]:
    """Yield the report, line by line; ``everything`` has a row for every candidate."""
    for text in results.header.lines():
        yield from _wrapped(text)
    yield []
    if results.measured:
        titles = _ALL_TITLES if everything else _AUTO_TITLES
        left = ("candidate", "quartiles") if everything else ("backend", "method", "which")
        yield from table(titles, list(_rows(results, everything=everything)), left=left)
        yield []
        yield from _wrapped(_ABOUT)
        yield []
        yield from _summary_lines(summarise(results))
    for text, style in _remarks(results):
        yield from _wrapped(text, style)


def markdown(results: Results, *, everything: bool) -> Iterator[str]:
    """Yield the report as Markdown: the summary, `auto` against the others, and ``everything``."""
    groups = dict.fromkeys(cell.group for cell in results.cells)
    yield f"# Benchmark: {', '.join(groups) or 'nothing measured'}"
    yield ""
    for text in results.header.lines():
        yield f"{text}  "
    yield ""
    yield _ABOUT
    yield ""
    yield "## Summary"
    yield ""
    yield from _in_bars(
        ("backend", "question", "mean", "worst", "wanted", "", "cells", "worst where"),
        [
            (
                f.backend,
                f.question,
                _amount(f.mean, f.unit),
                _amount(f.worst, f.unit),
                _wanted(f),
                _WORDS[f.is_met][0],
                str(f.count),
                f.where,
            )
            for f in summarise(results)
        ],
    )
    sections = [("auto", _AUTO_TITLES), ("Everything", _ALL_TITLES)]
    for title, titles in sections if everything else sections[:1]:
        yield ""
        yield f"## {title}"
        yield ""
        rows, cell = [], ""
        for row in _rows(results, everything=titles is _ALL_TITLES):
            if len(row) == 1:
                cell = row[0].text
            else:
                rows.append((cell, *(segment.text.strip() for segment in row)))
        yield from _in_bars(("cell", *titles), rows)
    remarks = [text for text, _ in _remarks(results)]
    if remarks:
        yield ""
        yield "## Remarks"
        yield ""
        yield from (f"- {text}" for text in remarks)


def _in_bars(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _rows(results: Results, *, everything: bool) -> Iterator[Line]:
    for cell in results.cells:
        yield [Segment(f"{cell.group} {cell.label}, {_count(cell.multiply_adds)}", "heading")]
        if everything:
            yield from (
                _row(results, cell, m) for m in sorted(results.of(cell), key=lambda m: m.seconds)
            )
        else:
            autos = [m for m in results.of(cell) if m.role == "auto"]
            yield from (_auto_row(results, cell, auto) for auto in autos)


def _auto_row(results: Results, cell: Cell, auto: Measurement) -> Line:
    best = results.best(cell, auto.backend)
    return [
        Segment(f"  {auto.backend}"),
        Segment(duration(auto.seconds)),
        Segment(f"{auto.time.relative:.0%}"),
        Segment(auto.method),
        _times(auto, results.one(cell, auto.backend, role="own")),
        _times(auto, results.one(cell, "cv2")),
        _times(auto, best),
        Segment(best.name if best else ""),
    ]


def _row(results: Results, cell: Cell, found: Measurement) -> Line:
    method = f" ({found.method})" if found.role == "auto" else ""
    mark = "" if found.is_equal else " ~"
    between = f"{duration(found.time.low).strip()} .. {duration(found.time.high).strip()}"
    return [
        Segment(f"  {found}{method}{mark}"),
        Segment(duration(found.seconds)),
        Segment(between if found.turns > 1 else "timed once"),
        Segment(duration(found.cold)),
        _times(found, results.one(cell, found.backend, role="own")),
        _times(found, results.best(cell, found.backend)),
        Segment(digits(found.rate / 1e9)),
    ]


def _times(found: Measurement, other: Measurement | None) -> Segment:
    """Return how many times faster than another it is."""
    if other is None or other is found:
        return Segment("")
    ratio = found.times(other)
    return Segment(_ratio(ratio), "" if found.role != "auto" or ratio >= 0.95 else "bad")


def _ratio(ratio: float) -> str:
    return f"{ratio:.3f}" if ratio < 0.1 else digits(ratio)


def _count(number: int) -> str:
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:.3g} {name} multiply-adds"
    return f"{number} multiply-adds"


def _summary_lines(findings: Sequence[Finding]) -> Iterator[Line]:
    backend = ""
    for finding in findings:
        if finding.backend != backend:
            backend = finding.backend
            yield [
                Segment(
                    f"{backend}: how many times faster auto is, geometric mean and worst cell",
                    "heading",
                )
            ]
        word, style = _WORDS[finding.is_met]
        wanted = f" (wanted {_wanted(finding)})" if _wanted(finding) else ""
        text = (
            f"{_amount(finding.mean, finding.unit):>9}  {finding.question}{wanted}; "
            f"worst {_amount(finding.worst, finding.unit).strip()} at {finding.where}, "
            f"of {finding.count}"
        )
        yield from _wrapped(f"{word:<4} {text}", style, indent=16)
    yield []


def _amount(value: float, unit: str) -> str:
    if unit == "us":
        return f"{value:+.1f} us"
    return f"{_ratio(value)}x"


def _wanted(finding: Finding) -> str:
    found = []
    relation = "at least" if finding.unit == "x" else "at most"
    if finding.wanted_mean is not None:
        found.append(f"{finding.wanted_mean:g}")
    if finding.wanted_worst is not None:
        found.append(f"{relation} {finding.wanted_worst:g} everywhere")
    return ", ".join(found)


def _remarks(results: Results) -> Iterator[tuple[str, str]]:
    """Yield what was not measured and why, with the style of each text."""
    for name, reason in results.broken.items():
        yield f"{name} cannot be used: {reason}", "bad"
    for left in results.wrong:
        place = f"{left.cell.group} {left.cell.label}"
        yield f"{left.backend} {left.name}, {place}: NOT TIMED: {left.reason}", "bad"
    for (backend, name), of_it in _by_candidate(results.absent).items():
        count = f" ({len(of_it)} cells, such as {of_it[0].cell.label})"
        yield f"{backend} {name} left out: {of_it[0].reason}{count}", "faint"
    if results.is_interrupted or results.unmeasured:
        why = "interrupted" if results.is_interrupted else "the time was up"
        labels = ", ".join(f"{cell.group} {cell.label}" for cell in results.unmeasured) or "none"
        yield f"{why}; cells that were not measured: {labels}", "bad"
    times, cells = len(results.measured), len(results.cells)
    text = f"{times} times of {cells} cells in {results.seconds:.0f} s"
    yield f"{text}; {len(results.wrong)} candidates gave a wrong result or failed", ""


def _by_candidate(absent: Sequence[Left]) -> dict[tuple[str, str], list[Left]]:
    found: dict[tuple[str, str], list[Left]] = {}
    for left in absent:
        found.setdefault((left.backend, left.name), []).append(left)
    return found


def _wrapped(text: str, style: str = "", indent: int = 2) -> Iterator[Line]:
    for line in textwrap.wrap(text, _WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False):
        yield [Segment(line, style)]
