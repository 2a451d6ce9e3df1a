"""A comparison as a table for people: agreement first, time second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import multiconv
from multiconv.coursework import learning_report
from multiconv.coursework.agreement import Agreement
from multiconv.coursework.cases import Case
from multiconv.coursework.compare import Comparison, Library
from multiconv.coursework.layout import LETTERS, digits, duration, number, wrapped
from multiconv.coursework.runs import Run, Timing
from multiconv.coursework.terminal import Line, Segment


class _Column(NamedTuple):
    group: str
    title: str
    width: int


_COLUMNS = (
    _Column("", "method", 15),
    _Column("textbook", "int32", 6),
    _Column("textbook", "float32", 7),
    _Column("picture: error / bound", "y  ", 8),
    _Column("picture: error / bound", "dx  ", 8),
    _Column("picture: error / bound", "dk  ", 8),
    _Column("forward", "first", 8),
    _Column("forward", "warm", 8),
    _Column("forward", "ratio", 6),
    _Column("with gradients", "first", 8),
    _Column("with gradients", "warm", 8),
)


def lines(comparison: Comparison) -> Iterator[Line]:
    """Yield the report, line by line."""
    yield from _header(comparison)
    yield []
    yield from _titles()
    letters = _letters(comparison.runs)
    for library in comparison.libraries:
        for mode in ("eager", "jit"):
            rows = _rows(comparison, library.name, mode)
            if rows:
                yield [Segment(_heading(library, mode), "heading")]
                baseline = _baseline(rows, comparison.cases[-1])
                for method, runs in rows.items():
                    yield _row(method, runs, comparison.cases[-1], baseline, letters)
    yield []
    yield from _legend(comparison)
    yield []
    yield from learning_report.section(comparison.learning)
    yield []
    yield from _verdict(comparison)


def _header(comparison: Comparison) -> Iterator[Line]:
    machine = comparison.machine
    picture = comparison.cases[-1]
    settings = "".join(f", {name}={value}" for name, value in machine.settings.items())
    devices = ", ".join(f"{library.name} on {library.device}" for library in comparison.libraries)
    for text in (
        f"multiconv {multiconv.__version__}, Python {machine.python}, {machine.system}",
        f"{machine.cpu}, {machine.cpus} CPUs{settings}; {devices}",
        "textbook: a 3 x 3 image and a 2 x 2 kernel that give 19 25 37 43",
        f"picture: {_by(picture)}, grey from 0 to 1, with the kernel {comparison.kernel}, in "
        f"{picture.dtype}, for without x64 JAX has no float64",
    ):
        yield from wrapped(text, "  ")


def _titles() -> Iterator[Line]:
    groups = list(dict.fromkeys(column.group for column in _COLUMNS))
    widths = [sum(c.width + 1 for c in _COLUMNS if c.group == group) - 1 for group in groups]
    over = [f"{group:>{width}}" for group, width in zip(groups, widths, strict=True)]
    yield [Segment("  ".join(over), "heading")]
    yield _spaced([Segment(column.title) for column in _COLUMNS], "heading")


def _spaced(cells: list[Segment], style: str | None = None) -> Line:
    """Set cells under their titles: the first to the left, the others to the right."""
    line = [Segment(f"{cells[0].text:<{_COLUMNS[0].width}}", style or cells[0].style)]
    before = _COLUMNS[0]
    for cell, column in zip(cells[1:], _COLUMNS[1:], strict=True):
        gap = " " if column.group == before.group else "  "
        line.append(Segment(f"{gap}{cell.text:>{column.width}}", style or cell.style))
        before = column
    return line


def _heading(library: Library, mode: str) -> str:
    threads = f", {library.threads} threads" if library.threads else ""
    how = library.compiler if mode == "jit" else mode
    return f"{library.name} {library.version or ''}, {how}{threads}"


def _rows(comparison: Comparison, name: str, mode: str) -> dict[str, list[Run]]:
    """Return the runs of every method, in the order of the cases."""
    rows: dict[str, list[Run]] = {}
    for run in comparison.runs:
        if (run.configuration.face.name, run.configuration.mode) == (name, mode):
            rows.setdefault(run.configuration.method, []).append(run)
    return rows


def _baseline(rows: dict[str, list[Run]], picture: Case) -> float | None:
    """Return the warm time of the framework's own convolution, else of the fastest method."""
    times = {
        method: runs[-1].timings["forward"].warm
        for method, runs in rows.items()
        if "forward" in runs[-1].timings and runs[-1].case.x.shape == picture.x.shape
    }
    return times.get("native", min(times.values(), default=None))


def _row(
    method: str, runs: list[Run], picture: Case, baseline: float | None, letters: dict[str, str]
) -> Line:
    integers, floats, own = runs
    is_whole = own.case.x.shape == picture.x.shape
    label = f"{method}: {own.chosen}" if method == "auto" and own.chosen else method
    forward, gradients = own.timings.get("forward"), own.timings.get("gradients")
    ratio = digits(forward.warm / baseline) if forward and baseline and is_whole else ""
    return _spaced(
        [
            Segment(label if is_whole else f"{method}, {_by(own.case)}"),
            _textbook_cell(integers),
            _textbook_cell(floats),
            *(_picture_cell(own, name, letters) for name in ("y", "dx", "dk")),
            *_durations(forward),
            Segment(ratio),
            *_durations(gradients),
        ]
    )


def _textbook_cell(run: Run) -> Segment:
    if run.status == "unavailable":
        return Segment("-", "faint")
    if run.status != "agrees":
        return Segment("WRONG" if run.status == "disagrees" else "ERROR", "bad")
    if all(a.is_bit_equal for a in run.agreements.values()):
        return Segment("=", "good")
    return Segment(number(max(a.fraction or 0.0 for a in run.agreements.values())))


def _picture_cell(run: Run, name: str, letters: dict[str, str]) -> Segment:
    agreement = run.agreements.get(name)
    if agreement is None:
        stage = "forward" if name == "y" else "gradients"
        if stage in run.errors or (run.errors and not run.agreements):
            return Segment("ERROR", "bad")
        return Segment("-  ", "faint")
    if agreement.problem:
        fraction = agreement.fraction
        return Segment("WRONG" if fraction is None else f"! {number(fraction)}  ", "bad")
    if agreement.is_bit_equal:
        return Segment("=  ", "good")
    return Segment(f"{number(agreement.fraction or 0.0)} {letters[_bits(run, name, agreement)]}")


def _letters(runs: list[Run]) -> dict[str, str]:
    """Give every bit pattern of a result of the picture a letter, in the order of appearance."""
    letters: dict[str, str] = {}
    used: dict[str, int] = {}
    for run in runs:
        if run.case.is_exact:
            continue
        for name, agreement in run.agreements.items():
            key = _bits(run, name, agreement)
            if not agreement.problem and not agreement.is_bit_equal and key not in letters:
                number = used.setdefault(name, 0)
                letters[key] = LETTERS[number] if number < len(LETTERS) else "*"
                used[name] += 1
    return letters


def _bits(run: Run, name: str, agreement: Agreement) -> str:
    return f"{name} {run.case.x.shape} {agreement.digest}"


def _legend(comparison: Comparison) -> Iterator[Line]:
    for text in (
        "=  bit-equal to the exact result, rounded once. A number is the largest error as a "
        "fraction of its bound, which is gamma(n + 1) sum |x| |k| element by element, for fft one "
        "in norm; results with the same letter beside it have the same bits.",
        "y = corr2d(x, k), and dx, dk are the gradients of sum(y g) with integers g.",
        "first  includes compilation, unless a compiler finds its own cache on disk; warm is the "
        "median of several calls; ratio is warm over that of the section's native, or its fastest.",
    ):
        yield from wrapped(text, "   ")
    middles = dict.fromkeys(
        f"{run.configuration.method}, {_by(run.case)}"
        for run in comparison.runs
        if not run.case.is_exact and run.case.x.shape != comparison.cases[-1].x.shape
    )
    if middles:
        text = f"{'; '.join(middles)}: on the middle of the picture, where the whole takes too long"
        yield from wrapped(text, "   ")
    for reason, where in _refusals(comparison.runs).items():
        yield from wrapped(f"-  {', '.join(where)}: {reason}", "   ")
    for library in comparison.libraries:
        if library.remark:
            yield from wrapped(library.remark, "   ")


def _refusals(runs: list[Run]) -> dict[str, list[str]]:
    """Return the reasons for what is missing, each with where it holds."""
    reasons: dict[str, list[str]] = {}
    for run in runs:
        for stage, refusal in run.refusals.items():
            reason = refusal.partition("; ")[0]  # behind it stands what to call instead
            where = f"{run.configuration.face.name} {run.configuration.method}"
            where += "" if stage == "forward" else f" {stage}"
            places = reasons.setdefault(reason, [])
            if where not in places:
                places.append(where)
    return reasons


def _verdict(comparison: Comparison) -> Iterator[Line]:
    for name, reason in comparison.broken.items():
        yield [Segment(f"{name} cannot be used: {reason}", "bad")]
    for run in comparison.dissenting:
        place = f"{run.configuration}, {run.case.name}"
        for problem in run.problems:
            yield from wrapped(f"{place}: {problem}", "  ", "bad")
    count, wrong = len(comparison.judged), len(comparison.dissenting)
    if comparison.agrees:
        text, style = f"all {count} runs agree", "good"
    elif wrong:
        text, style = f"{wrong} of {count} runs do not agree", "bad"
    elif not comparison.learning.agrees:
        text, style = f"all {count} runs agree, but not what is learned", "bad"
    else:
        text, style = f"all {count} runs agree, but a backend cannot be used", "bad"
    yield [Segment(text, style), Segment(f" ({comparison.seconds:.0f} s)")]


def _by(case: Case) -> str:
    return "x".join(map(str, case.x.shape))


def _durations(timing: Timing | None) -> list[Segment]:
    if timing is None:
        return [Segment(""), Segment("")]
    return [Segment(duration(timing.first)), Segment(duration(timing.warm))]
