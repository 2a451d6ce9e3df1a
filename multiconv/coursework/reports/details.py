"""What `multiconv compare --verbose` adds: every bound, every bit pattern, every time."""

from __future__ import annotations

from collections.abc import Iterator

from multiconv.coursework import learning_report
from multiconv.coursework.agreement import Agreement
from multiconv.coursework.compare import Comparison, Library
from multiconv.coursework.layout import (
    by,
    digits,
    duration,
    grouped,
    letters,
    number,
    table,
    unbroken,
    wrapped,
)
from multiconv.coursework.reports.grid import Column, columns, methods
from multiconv.coursework.runs import Run, Timing
from multiconv.coursework.terminal import Line, Segment

_AGREEMENT = ("method", "int32", "float32", "y  ", "dx  ", "dk  ")
_OVER_AGREEMENT = {"": 1, "textbook": 2, "picture: error / bound": 3}
_TIMES = ("method", "first", "warm", "quartiles", "ratio", "first", "warm", "quartiles")
_OVER_TIMES = {"": 1, "y": 4, "y and gradients": 3}


def lines(comparison: Comparison) -> Iterator[Line]:
    """Yield the tables of errors and of times, what their numbers mean, and what was learned."""
    found = columns(comparison)
    yield from _environment(comparison)
    yield []
    rows = list(_errors(comparison, found))
    yield from table(_AGREEMENT, rows, left=("method",), groups=_OVER_AGREEMENT)
    yield []
    rows = list(_times(comparison, found))
    yield from table(_TIMES, rows, left=("method",), groups=_OVER_TIMES)
    yield []
    yield from _legend(comparison)
    yield []
    yield from learning_report.section(comparison.learning)


def _environment(comparison: Comparison) -> Iterator[Line]:
    machine, picture = comparison.machine, comparison.cases[-1]
    settings = "".join(f", {name}={value}" for name, value in machine.settings.items())
    devices = ", ".join(
        unbroken(f"{library.name} on {library.device}") for library in comparison.libraries
    )
    has_jax = any(library.name == "jax" for library in comparison.libraries)
    why = ", for without x64 JAX has no float64" if has_jax else ""
    for text in (
        f"{machine.system}, {machine.cpu}, {unbroken(f'{machine.cpus} CPUs')}{settings}; {devices}",
        "textbook: a 3 x 3 image and a 2 x 2 kernel that give 19 25 37 43",
        f"picture: {by(picture.x.shape)}, grey from 0 to 1, with the kernel {comparison.kernel}, "
        f"in {picture.dtype}{why}",
    ):
        yield from wrapped(text, "  ")


def _errors(comparison: Comparison, found: list[Column]) -> Iterator[Line]:
    marks = _letters(comparison.runs)
    for column in found:
        yield [Segment(_heading(column.library, column.mode), "heading")]
        for method in methods(comparison):
            integers, floats, run = column.runs[method]
            yield [
                Segment(_label(column, method, comparison)),
                _textbook_cell(integers),
                _textbook_cell(floats),
                *(_picture_cell(run, name, marks[name]) for name in ("y", "dx", "dk")),
            ]


def _times(comparison: Comparison, found: list[Column]) -> Iterator[Line]:
    for column in found:
        yield [Segment(_heading(column.library, column.mode), "heading")]
        baseline = _baseline(column, comparison)
        for method in methods(comparison):
            forward = column.timing(method, "forward")
            ratio = ""
            if forward and baseline and not column.is_part(method, comparison):
                ratio = digits(forward.warm / baseline)
            yield [
                Segment(_label(column, method, comparison)),
                *_cells(forward),
                Segment(ratio),
                *_cells(column.timing(method, "gradients")),
            ]


def _cells(timing: Timing | None) -> list[Segment]:
    """Return the cells of the first call, and of the median and the quartiles of later ones."""
    if timing is None:
        return [Segment("")] * 3
    low, high = timing.quartiles
    unit = 1e3 if timing.warm < 1 else 1
    spread = f"{digits(low * unit)}-{digits(high * unit)}"
    if timing.warm < 1e-3:
        spread = f"{digits(low * 1e6)}-{digits(high * 1e6)}"
    return [Segment(duration(timing.first)), Segment(duration(timing.warm)), Segment(spread)]


def _heading(library: Library, mode: str) -> str:
    threads = f", {library.threads} threads" if library.threads else ""
    how = library.compiler if mode == "jit" else mode
    return f"{library.name} {library.version or ''}, {how}{threads}"


def _label(column: Column, method: str, comparison: Comparison) -> str:
    run = column.picture(method)
    if column.is_part(method, comparison):
        return f"{method}, {by(run.case.x.shape)}"
    return f"{method}: {run.chosen}" if method == "auto" and run.chosen else method


def _baseline(column: Column, comparison: Comparison) -> float | None:
    """Return the warm time of the framework's own convolution, else of the fastest method."""
    times = {
        method: timing.warm
        for method in column.runs
        if (timing := column.timing(method, "forward")) and not column.is_part(method, comparison)
    }
    return times.get("native", min(times.values(), default=None))


def _textbook_cell(run: Run) -> Segment:
    if run.status == "unavailable":
        return Segment("-", "faint")
    if run.status != "agrees":
        return Segment("WRONG" if run.status == "disagrees" else "ERROR", "bad")
    if all(a.is_bit_equal for a in run.agreements.values()):
        return Segment("=", "good")
    return Segment(number(max(a.fraction or 0.0 for a in run.agreements.values())))


def _picture_cell(run: Run, name: str, marks: dict[str, str]) -> Segment:
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
    return Segment(f"{number(agreement.fraction)} {marks[_bits(run, agreement)]}")


def _letters(runs: list[Run]) -> dict[str, dict[str, str]]:
    """Give every bit pattern of a result of the picture a letter, y, dx and dk apart."""
    rounded = [
        (name, _bits(run, agreement))
        for run in runs
        if not run.case.is_exact
        for name, agreement in run.agreements.items()
        if not agreement.problem and not agreement.is_bit_equal
    ]
    return {name: letters(bits for of, bits in rounded if of == name) for name in ("y", "dx", "dk")}


def _bits(run: Run, agreement: Agreement) -> str:
    return f"{run.case.x.shape} {agreement.digest}"


def _legend(comparison: Comparison) -> Iterator[Line]:
    for text in (
        "=  bit-equal to the exact result, rounded once. A number is the largest error as a "
        "fraction of its bound, which is gamma(n + 1) sum |x| |k| element by element, for fft one "
        "in norm; results with the same letter beside it have the same bits.",
        "y = corr2d(x, k), and dx, dk are the gradients of sum(y g) with integers g.",
        "first  includes compilation, unless a compiler finds its own cache on disk; warm is the "
        "median of several samples, and quartiles are in its unit; ratio is warm over that of the "
        "section's native, or its fastest. A size behind a method: on the middle of the picture, "
        "where the whole takes too long.",
    ):
        yield from wrapped(text, "   ")
    for reason, where in grouped(comparison.refusals).items():
        yield from wrapped(f"-  {', '.join(where)}: {reason}", "   ")
    for library in comparison.libraries:
        if library.remark:
            yield from wrapped(library.remark, "   ")
