"""What was learned as lines for people: the verdict first, then how it was reached."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework import learning_verdict
from multiconv.coursework.layout import (
    by,
    durations,
    grouped,
    letters,
    number,
    table,
    unbroken,
    verdict,
    wrapped,
)
from multiconv.coursework.learning import Learning, Pupil
from multiconv.coursework.lesson import Lesson
from multiconv.coursework.terminal import Line, Segment

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 14
_DECADES = 8  # of the losses that a curve shows at most
_MOST_COLUMNS = 7  # of a kernel that is printed
_WIDEST_PAIR = 36  # of a kernel with another beside it

_LEFT = ("", "recovered", "loss", "log loss")
_LEGEND = (
    "step/bound: how far a step, or a loss, is at most from the exact one out of the same place, "
    "as a fraction of how far rounding can lead; the same letter beside it: the same bits at every "
    "step."
)


def section(learning: Learning) -> Iterator[Line]:
    """Yield the section of `multiconv compare`."""
    lesson = learning.lesson
    kernel = unbroken(_row_text(lesson.kernel, 0))
    yield [Segment("learning", "heading")]
    yield from wrapped(
        f"The textbook's edge detector {kernel} is learned from a picture of "
        f"{by(lesson.x.shape)}: {lesson.steps} steps from zero, lr {lesson.lr:g}.",
        "",
    )
    columns: dict[str, Callable[[Pupil], str]] = {
        "learned": lambda pupil: _row_text(pupil.weight, 2) if len(pupil.weight) else "",
        "solved": lambda pupil: _row_text(pupil.solution.weight, 2) if pupil.solution else "",
        "loss": _losses,
        "log loss": lambda pupil: curve(pupil.losses),
    }
    yield from _table(learning, columns, way=True)
    yield from wrapped(_LEGEND, "")
    yield from _agreement(learning)


def lines(learning: Learning, picture: str, kernel: str) -> Iterator[Line]:
    """Yield what ``multiconv learn`` prints; ``picture`` and ``kernel`` are the user's words."""
    yield from learning_verdict.lines(learning)
    yield from _agreement(learning)
    yield []
    columns: dict[str, Callable[[Pupil], str]] = {
        "recovered": lambda p: _recovered(learning, p),
        "off by": lambda p: _short(learning.recovery.distance(p.weight)),
        "loss": _losses,
        "log loss": lambda p: curve(p.losses),
    }
    yield from _table(learning, columns, way=False)
    yield []
    yield from _kernels(learning)
    yield []
    yield from _how(learning, picture, kernel)


def curve(losses: NDArray[Any]) -> str:
    """Return the logarithms of the losses as blocks, which overflow fills and zero empties."""
    count = min(len(losses), _CURVE_WIDTH)
    chosen = losses[np.linspace(0, len(losses) - 1, count).round().astype(int)].astype(np.float64)
    usable = np.isfinite(chosen) & (chosen > 0)
    logs = np.where(chosen == 0, -np.inf, np.inf)
    np.log10(chosen, out=logs, where=usable)
    known = logs[usable] if usable.any() else np.zeros(1)
    high = known.max()
    low = max(known.min(), high - _DECADES)
    top = len(_BLOCKS) - 1
    heights = np.clip((logs - low) / ((high - low) or 1), 0, 1) * top
    return "".join(_BLOCKS[round(height)] for height in heights)


def _table(
    learning: Learning, columns: dict[str, Callable[[Pupil], str]], *, way: bool
) -> Iterator[Line]:
    """Yield a row for each pupil, the time last; ``way`` adds how it went as a fraction."""
    marks = letters(p.digest for p in learning.pupils if p.digest and p.status == "agrees")
    rows = []
    for pupil in learning.pupils:
        is_late = not learning.recovery.is_reached(pupil.weight)
        cells = [
            Segment(show(pupil), "bad" if title == "recovered" and is_late else "")
            for title, show in columns.items()
        ]
        fraction = [_fraction(pupil, marks)] if way else []
        rows.append([Segment(pupil.name), *cells, *fraction, durations(pupil.timing)[0]])
    return table(("", *columns, *(["step/bound"] if way else []), "time"), rows, _LEFT)


def _how(learning: Learning, picture: str, kernel: str) -> Iterator[Line]:
    """Say in words what was done, and what it would have been in closed form."""
    lesson = learning.lesson
    bias = " and a bias" if lesson.bias else ""
    momentum = f" with the momentum {lesson.momentum:.3g}" if lesson.momentum else ""
    start = "zero" if lesson.seed is None else f"the start of seed {lesson.seed}"
    steps = learning_verdict.counted(lesson.steps)
    source = f"{picture}, {by(lesson.x.shape)}"
    if lesson.part_of:
        whole = f"{by(lesson.part_of)} (--whole takes all)"
        source = f"the middle {by(lesson.x.shape)} of {picture}, {whole}"
    yield from wrapped(
        f"how: the kernel {kernel} made y of {source}. From x and y alone "
        f"each backend learned a kernel of {by(lesson.size)}{bias} in float32: {steps} of gradient "
        f"descent{momentum} from {start}, at the rate {lesson.lr:.4g}, on the {lesson.loss} of "
        f"squared errors.",
        "  ",
    )
    solved = grouped((_solution(learning, p), p.name) for p in learning.pupils if p.solution)
    for text, names in solved.items():
        of = "" if len(solved) == 1 else f"{', '.join(names)}, "
        yield from wrapped(f"{of}without steps, by least squares: {text}.", "  ")


def _recovered(learning: Learning, pupil: Pupil) -> str:
    if not learning.recovery.is_reached(pupil.weight):
        return "no"
    return "yes" if learning.recovery.is_determined else "in part"


def _solution(learning: Learning, pupil: Pupil) -> str:
    solved = pupil.solution
    assert solved is not None
    away = learning.recovery.distance(solved.weight)
    off = "" if learning.lesson.truth is None else f"off by {away:.1g}; "
    return f"{off}residual {solved.residual:.2g}; {solved.statement}"


def _kernels(learning: Learning) -> Iterator[Line]:
    """Yield the true kernel and those that were learned, side by side where they are narrow."""
    lesson = learning.lesson
    if max(lesson.size) > _MOST_COLUMNS:
        yield from wrapped(f"A kernel of {by(lesson.size)} is not printed: --json has it.", "")
        return
    goal = ("true kernel", lesson.truth)
    if lesson.truth is None:
        goal = ("least squares", learning.recovery.system.solution[:, 0])
    blocks = [(goal[0], _block(lesson, goal[1]))] if goal[1] is not None else []
    known = [p for p in learning.pupils if len(p.weight)]
    shown = grouped(("\n".join(_block(lesson, p.weight)), p.name) for p in known)
    for text, names in shown.items():
        label = "learned" if len(shown) == 1 else f"learned by {', '.join(names)}"
        blocks.append((label, text.split("\n")))
    widest = max(max(len(label), *map(len, block)) for label, block in blocks)
    beside = 2 if widest <= _WIDEST_PAIR else 1
    for first in range(0, len(blocks), beside):
        row = blocks[first : first + beside]
        yield [Segment("".join(f"{label:<{_WIDEST_PAIR + 4}}" for label, _ in row), "heading")]
        for cells in zip(*(block for _, block in row), strict=True):
            yield [Segment("".join(f"{cell:<{_WIDEST_PAIR + 4}}" for cell in cells))]


def _block(lesson: Lesson, weight: NDArray[Any]) -> list[str]:
    """Return the rows of a kernel, their numbers under each other, and the bias behind the last."""
    taps, columns = lesson.layer.fan_in, lesson.size[1]
    texts = [_plain(value, 4) for value in weight]
    width = max(len(text) for text in texts)
    cells = [f"{text:>{width}}" for text in texts]
    rows = ["  ".join(cells[start : start + columns]) for start in range(0, taps, columns)]
    if len(texts) > taps:
        rows[-1] += f"   bias {texts[taps]}"
    return rows


def _row_text(weight: NDArray[Any], decimals: int) -> str:
    return "[" + " ".join(_plain(value, decimals) for value in weight.ravel()) + "]"


def _plain(value: float, decimals: int) -> str:
    if not math.isfinite(value) or abs(value) >= 1e5:
        return f"{value:.2g}"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _losses(pupil: Pupil) -> str:
    return " -> ".join(f"{pupil.losses[end]:.2g}" for end in (0, -1) if len(pupil.losses))


def _agreement(learning: Learning) -> Iterator[Line]:
    text = learning_verdict.agreement(learning)
    wrong = [pupil for pupil in learning.pupils if pupil.status != "agrees"]
    problems = [(pupil.name, problem) for pupil in wrong for problem in pupil.problems]
    return verdict(learning.broken, problems, text, learning.seconds, agrees=learning.agrees)


def _fraction(pupil: Pupil, marks: dict[str, str]) -> Segment:
    if pupil.errors:
        return Segment("ERROR  ", "bad")
    if pupil.wrong:
        off = pupil.fraction is not None and 1 < pupil.fraction < math.inf
        return Segment(f"! {number(pupil.fraction)}  " if off else "WRONG  ", "bad")
    return Segment(f"{number(pupil.fraction)} {marks.get(pupil.digest or '', ' ')}")


def _short(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else ""
