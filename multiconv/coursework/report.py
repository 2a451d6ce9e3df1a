"""A comparison as a table for people: agreement first, time second."""

from __future__ import annotations

from collections.abc import Iterator

import multiconv
from multiconv.coursework import learning_report
from multiconv.coursework.agreement import Agreement
from multiconv.coursework.compare import Comparison, Library
from multiconv.coursework.environment import BackendState
from multiconv.coursework.layout import (
    by,
    digits,
    durations,
    grouped,
    letters,
    number,
    table,
    unbroken,
    verdict,
    wrapped,
)
from multiconv.coursework.runs import Run
from multiconv.coursework.terminal import Line, Segment

_TIMES = ("first", "warm", "ratio", "first", "warm")
_TITLES = ("method", "int32", "float32", "y  ", "dx  ", "dk  ", *_TIMES)
_GROUPS = {"": 1, "textbook": 2, "picture: error / bound": 3, "forward": 3, "with gradients": 2}


def lines(comparison: Comparison) -> Iterator[Line]:
    """Yield the report, line by line."""
    yield from _header(comparison)
    yield []
    yield from table(_TITLES, list(_sections(comparison)), left=("method",), groups=_GROUPS)
    yield []
    yield from _legend(comparison)
    yield []
    yield from learning_report.section(comparison.learning)
    yield []
    yield from _verdict(comparison)


def _header(comparison: Comparison) -> Iterator[Line]:
    machine, picture = comparison.machine, comparison.cases[-1]
    settings = "".join(f", {name}={value}" for name, value in machine.settings.items())
    devices = ", ".join(
        unbroken(f"{library.name} on {library.device}") for library in comparison.libraries
    )
    has_jax = any(library.name == "jax" for library in comparison.libraries)
    why = ", for without x64 JAX has no float64" if has_jax else ""
    for text in (
        f"multiconv {multiconv.__version__}, Python {machine.python}, {machine.system}",
        f"{machine.cpu}, {unbroken(f'{machine.cpus} CPUs')}{settings}; {devices}",
        "textbook: a 3 x 3 image and a 2 x 2 kernel that give 19 25 37 43",
        f"picture: {by(picture.x.shape)}, grey from 0 to 1, with the kernel {comparison.kernel}, "
        f"in {picture.dtype}{why}",
    ):
        yield from wrapped(text, "  ")


def _sections(comparison: Comparison) -> Iterator[Line]:
    """Yield the rows of every backend, eager and compiled, each section under its heading."""
    marks = _letters(comparison.runs)
    for library in comparison.libraries:
        own = [run for run in comparison.runs if run.configuration.face.name == library.name]
        for mode in ("eager", "jit"):
            runs = [run for run in own if run.configuration.mode == mode]
            if runs:
                yield [Segment(_heading(library, mode), "heading")]
                pictures = runs[2::3]
                baseline = _baseline(pictures, comparison)
                for integers, floats, run in zip(runs[::3], runs[1::3], pictures, strict=True):
                    yield [
                        Segment(_label(run, comparison)),
                        _textbook_cell(integers),
                        _textbook_cell(floats),
                        *(_picture_cell(run, name, marks[name]) for name in ("y", "dx", "dk")),
                        *_times(run, baseline, comparison),
                    ]


def _heading(library: Library, mode: str) -> str:
    threads = f", {library.threads} threads" if library.threads else ""
    how = library.compiler if mode == "jit" else mode
    return f"{library.name} {library.version or ''}, {how}{threads}"


def _middle(run: Run, comparison: Comparison) -> str:
    """Return the method and the size of what a run took of the picture, where that is a part."""
    shape = run.case.x.shape
    is_part = not run.case.is_exact and shape != comparison.cases[-1].x.shape
    return f"{run.configuration.method}, {by(shape)}" if is_part else ""


def _label(run: Run, comparison: Comparison) -> str:
    method = run.configuration.method
    label = f"{method}: {run.chosen}" if method == "auto" and run.chosen else method
    return _middle(run, comparison) or label


def _baseline(pictures: list[Run], comparison: Comparison) -> float | None:
    """Return the warm time of the framework's own convolution, else of the fastest method."""
    times = {
        run.configuration.method: run.timings["forward"].warm
        for run in pictures
        if "forward" in run.timings and not _middle(run, comparison)
    }
    return times.get("native", min(times.values(), default=None))


def _times(run: Run, baseline: float | None, comparison: Comparison) -> list[Segment]:
    forward = run.timings.get("forward")
    ratio = ""
    if forward and baseline and not _middle(run, comparison):
        ratio = digits(forward.warm / baseline)
    return [*durations(forward), Segment(ratio), *durations(run.timings.get("gradients"))]


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
        "median of several calls; ratio is warm over that of the section's native, or its fastest.",
    ):
        yield from wrapped(text, "   ")
    middles = dict.fromkeys(filter(None, (_middle(run, comparison) for run in comparison.runs)))
    if middles:
        text = f"{'; '.join(middles)}: on the middle of the picture, where the whole takes too long"
        yield from wrapped(text, "   ")
    for reason, where in grouped(comparison.refusals).items():
        yield from wrapped(f"-  {', '.join(where)}: {reason}", "   ")
    for library in comparison.libraries:
        if library.remark:
            yield from wrapped(library.remark, "   ")


def _verdict(comparison: Comparison) -> Iterator[Line]:
    problems = [
        (f"{run.configuration}, {run.case.name}", problem)
        for run in comparison.dissenting
        for problem in run.problems
    ]
    count, wrong = len(comparison.judged), len(comparison.dissenting)
    if wrong:
        text = f"{wrong} of {count} runs do not agree"
    else:
        text = f"all {count} runs agree"
        if not comparison.learning.agrees:
            text += ", but not what is learned"
        elif comparison.broken:
            text += ", but a backend cannot be used"
    seconds, agrees = comparison.seconds, comparison.agrees
    return verdict(comparison.broken, problems, text, seconds, agrees=agrees)


def states(found: list[BackendState]) -> Iterator[Line]:
    """Yield the backends that there are, and how to install the others."""
    width = max(len(state.name) for state in found)
    for state in found:
        what = state.problem or f"{state.version or ''} on {', '.join(state.devices)}".strip()
        advice = f": {state.install}" if state.install else ""
        yield [Segment(f"{state.name:<{width}}  {what}{advice}")]
