"""A comparison on a terminal: the verdict, who agrees on what, and how fast each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from multiconv.coursework.compare import Comparison
from multiconv.coursework.environment import BackendState
from multiconv.coursework.layout import WIDTH, by, duration, grouped, numbers, wrapped
from multiconv.coursework.reports import details, verdict
from multiconv.coursework.reports.grid import (
    MEANINGS,
    SIGNS,
    Column,
    columns,
    methods,
    missing,
    parts,
    statuses,
)
from multiconv.coursework.reports.speed import Speed, bar, speeds, usual
from multiconv.coursework.terminal import Line, Segment

_LABEL, _LEAST_COLUMN = 10, 11
_NAME, _BAR = 17, 12  # of a framework and its mode, and of the longest bar
_MOST_PROBLEMS = 6  # that are shown before the details


def lines(comparison: Comparison, *, is_verbose: bool = False) -> Iterator[Line]:
    """Yield the report, line by line; ``is_verbose`` adds every bound and every time."""
    found = columns(comparison)
    yield from _verdict(comparison, is_verbose=is_verbose)
    yield []
    for some in _fitting(found):
        yield from _grid(comparison, some)
        yield []
    yield from _meanings(comparison, found)
    yield from _speed(comparison, found)
    yield from _learning(comparison)
    yield from _exact(comparison)
    yield []
    yield from _footer(comparison, is_verbose=is_verbose)
    if is_verbose:
        yield []
        yield from details.lines(comparison)


def _verdict(comparison: Comparison, *, is_verbose: bool) -> Iterator[Line]:
    style = "good" if comparison.agrees else "bad"
    yield from wrapped(verdict.sentence(comparison), "  ", style)
    problems = verdict.problems(comparison)
    shown = problems if is_verbose else problems[:_MOST_PROBLEMS]
    for place, problem in shown:
        yield from wrapped(f"  {place}: {problem}", "    ")
    if len(shown) < len(problems):
        yield [Segment(f"  and {len(problems) - len(shown)} more, which --verbose shows")]
    for text in verdict.advice(comparison):
        yield from wrapped(f"  {text}", "    ")


def _fitting(found: Sequence[Column]) -> Iterator[list[Column]]:
    """Yield the columns in as many parts as the width asks for."""
    width = _width(found)
    count = max(1, (WIDTH - _LABEL) // width)
    for start in range(0, len(found), count):
        yield list(found[start : start + count])


def _width(found: Sequence[Column]) -> int:
    return max([_LEAST_COLUMN, *(len(column.library.name) + 2 for column in found)])


def _grid(comparison: Comparison, found: Sequence[Column]) -> Iterator[Line]:
    yield from _titles(found)
    for method in methods(comparison):
        row = [Segment(f"{method:<{_LABEL}}")]
        for column in found:
            sign, style = SIGNS[column.status(method)]
            row.append(Segment(f"{sign:^{_width(found)}}", style))
        yield row


def _titles(found: Sequence[Column], mark: str = "^") -> Iterator[Line]:
    """Yield the frameworks' names, and below them the modes where there is more than one."""
    width = _width(found)
    names = [
        "" if i and found[i - 1].library is column.library else column.library.name
        for i, column in enumerate(found)
    ]
    rows = [names]
    if any(column.mode == "jit" for column in found):
        rows.append([column.word for column in found])
    for row in rows:
        cells = "".join(f"{text:{mark}{width}}" for text in row)
        yield [Segment(" " * _LABEL + cells, "heading")]


def _meanings(comparison: Comparison, found: Sequence[Column]) -> Iterator[Line]:
    picture = comparison.cases[-1]
    for status in statuses(comparison, found):
        if status != "unavailable":
            yield from wrapped(f"{SIGNS[status][0]} {MEANINGS[status]}", "  ")
    for reason, where in missing(comparison, found).items():
        yield from wrapped(f"{SIGNS['unavailable'][0]} {', '.join(where)}: {reason}", "  ")
    for library in comparison.libraries:
        yield from wrapped(library.remark or "", "  ")
    kernel = f"the kernel {comparison.kernel}"
    yield from wrapped(
        f"Each sign stands for three examples: the textbook's 19 25 37 43, in integers and in "
        f"floats, and {comparison.picture} of {by(picture.x.shape)} with {kernel}.",
        "",
    )


def _speed(comparison: Comparison, found: Sequence[Column]) -> Iterator[Line]:
    """Yield a bar for every framework; for one alone, a bar for every method."""
    is_alone = len(found) == 1
    shown = speeds(comparison, found[0]) if is_alone else usual(comparison, found)
    if not shown:
        return
    yield []
    samples = sorted({speed.forward.calls for speed in shown})
    count = f"{samples[0]}" if len(samples) == 1 else f"{samples[0]} to {samples[-1]}"
    yield [
        Segment("speed", "heading"),
        Segment(f" on the picture: shorter is faster (medians of {count} samples)"),
    ]
    titles = f"{'':<{_NAME}}{'y = corr2d(x, k)':<22}{'with gradients':<22}{'first call':>11}"
    yield [Segment(titles, "heading")]
    for speed in shown:
        name = f"{speed.label}{'*' * speed.is_part}" if is_alone else str(speed.column)
        yield _bars(name, speed, shown)
    if is_alone:
        yield from _parts(comparison, found)
        return
    labels = grouped((speed.label, str(speed.column)) for speed in shown)
    several = "; ".join(f"{label} in {', '.join(where)}" for label, where in labels.items())
    yield from wrapped(f"by method {several if len(labels) > 1 else shown[0].label}", "  ")
    yield []
    yield from _all_methods(comparison, found)
    yield from _parts(comparison, found)


def _bars(name: str, speed: Speed, shown: Sequence[Speed]) -> Line:
    """Return a row; loops and parts of the picture do not decide how long the other bars are."""
    usual_ones = [s for s in shown if s.method != "loop" and not s.is_part] or shown
    largest = max(s.forward.warm for s in usual_ones)
    longest = max((s.gradients.warm for s in usual_ones if s.gradients), default=0.0)
    cells = [f"{name:<{_NAME}}"]
    for timing, most in ((speed.forward, largest), (speed.gradients, longest)):
        text = ""
        if timing:
            text = f"{bar(timing.warm, most, _BAR):<{_BAR}}{duration(timing.warm):>8}"
        cells.append(f"{text:<22}")
    return [Segment("".join(cells)), Segment(f"{duration(speed.forward.first):>11}")]


def _all_methods(comparison: Comparison, found: Sequence[Column]) -> Iterator[Line]:
    """Yield the time of every method in every column."""
    yield [Segment("each method", "heading"), Segment(" of y = corr2d(x, k), medians")]
    for some in _fitting(found):
        width = _width(some)
        yield from _titles(some, ">")
        for method in methods(comparison):
            cells = []
            for column in some:
                timing = column.timing(method, "forward")
                part = "*" if column.is_part(method, comparison) else " "
                cells.append(f"{duration(timing.warm) + part if timing else '- ':>{width}}")
            yield [Segment(f"{method:<{_LABEL}}{''.join(cells)}")]


def _parts(comparison: Comparison, found: Sequence[Column]) -> Iterator[Line]:
    if texts := parts(comparison, found):
        text = f"* on the middle of the picture, as the whole takes too long: {'; '.join(texts)}"
        yield from wrapped(text, "  ")


def _learning(comparison: Comparison) -> Iterator[Line]:
    """Yield what each framework has learned, in one sentence where all are right."""
    learning = comparison.learning
    pupils = [pupil for pupil in learning.pupils if len(pupil.weight)]
    if not pupils:
        return
    yield []
    true = numbers(learning.lesson.kernel)
    learned = grouped((numbers(pupil.weight), pupil.name) for pupil in pupils)
    several = "; ".join(
        text if len(learned) == 1 else f"{text} with {verdict.spoken(names)}"
        for text, names in learned.items()
    )
    yield [Segment("learning", "heading")]
    yield from wrapped(
        f"{learning.lesson.steps} steps of gradient descent from zero bring the textbook's edge "
        f"detector {true} back as {several}.",
        "",
    )


def _exact(comparison: Comparison) -> Iterator[Line]:
    """Yield the one hash of the exact mode, beside the bits that others have in common."""
    found = comparison.exact_mode
    if found is None or len(found.hashes) == 1:  # one alone is the same as itself
        return
    yield []
    yield [Segment("same bits", "heading")]
    yield from wrapped(f"{found.sentence}.", "", "good" if found.is_one else "bad")


def _footer(comparison: Comparison, *, is_verbose: bool) -> Iterator[Line]:
    machine = comparison.machine
    versions = ", ".join(f"{lib.name} {lib.version or ''}".strip() for lib in comparison.libraries)
    yield from wrapped(
        f"multiconv {comparison.version}, Python {machine.python}, {versions}; {machine.cpu}, "
        f"{machine.cpus} CPUs; {comparison.seconds:.0f} s",
        "  ",
    )
    if not is_verbose:
        yield from wrapped(
            "More: -v shows errors and bounds, --html report.html writes a report to hand in.", "  "
        )


def states(found: list[BackendState]) -> Iterator[Line]:
    """Yield the backends that there are, and how to install the others."""
    width = max(len(state.name) for state in found)
    for state in found:
        what = state.problem or f"{state.version or ''} on {', '.join(state.devices)}".strip()
        advice = f": {state.install}" if state.install else ""
        yield [Segment(f"{state.name:<{width}}  {what}{advice}")]
