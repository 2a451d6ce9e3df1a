"""What was learned as lines for people: agreement first, then kernels, losses and time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import multiconv
from multiconv.coursework.layout import (
    by,
    durations,
    grouped,
    letters,
    number,
    table,
    verdict,
    wrapped,
)
from multiconv.coursework.learning import Learning, Pupil
from multiconv.coursework.lesson import Lesson
from multiconv.coursework.terminal import Line, Segment

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 20
_DECADES = 8  # of the losses that a curve shows at most
_MOST_COLUMNS = 7  # of a kernel that is printed

_LEFT = ("", "loss", "log loss")
_LEGEND = (
    "A number is the largest distance of weights and losses, at any step, from gradient descent in "
    "float64, as a fraction of how far rounding can lead; the same letter beside it: the same bits "
    "at every step."
)


def section(learning: Learning) -> Iterator[Line]:
    """Yield the section of `multiconv compare`."""
    lesson = learning.lesson
    kernel = _row_text(lesson.kernel, 0)
    yield [
        Segment("learning", "heading"),
        Segment(
            f": the textbook's edge detector {kernel}, from a picture of {by(lesson.x.shape)}: "
            f"{lesson.steps} steps from zero, lr {lesson.lr:g}"
        ),
    ]
    columns: dict[str, Callable[[Pupil], str]] = {
        "learned": lambda pupil: _row_text(pupil.weight, 2) if len(pupil.weight) else "",
        "solved": lambda pupil: _row_text(pupil.solution.weight, 2) if pupil.solution else "",
    }
    yield from _table(learning, columns, ("first", "warm"))
    yield from wrapped(_LEGEND, "   ")
    yield from _verdict(learning)


def lines(learning: Learning, picture: str, kernel: str) -> Iterator[Line]:
    """Yield what ``multiconv learn`` prints; ``picture`` and ``kernel`` are the user's words."""
    lesson = learning.lesson
    yield from _header(lesson, picture, kernel)
    yield []
    yield from _backends(learning)
    yield []
    yield from _kernels(learning)
    yield []
    notes = grouped((note, p.name) for p in learning.pupils for note in p.notes)
    solved = grouped(
        (f"{p.solution.statement}; residual {p.solution.residual:.3g}", p.name)
        for p in learning.pupils
        if p.solution
    )
    for word, texts in (("", notes), ("solved, ", solved)):
        for text, names in texts.items():
            yield from wrapped(f"{word}{', '.join(names)}: {text}", "   ")
    yield []
    yield from wrapped(_LEGEND, "   ")
    yield []
    yield from _verdict(learning)
    yield from _recovery(learning)


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


def _header(lesson: Lesson, picture: str, kernel: str) -> Iterator[Line]:
    bias = " and a bias" if lesson.bias else ""
    yield from wrapped(
        f"multiconv {multiconv.__version__}: y = corr2d(x, k) of {picture}, {by(lesson.x.shape)}, "
        f"with the kernel {kernel}; a kernel of {by(lesson.size)}{bias} is learned back from x "
        f"and y in float32: {lesson.steps} steps, lr {lesson.lr:.6g}, {lesson.loss} of squared "
        f"errors, seed {lesson.seed}",
        "  ",
    )


def _table(
    learning: Learning, columns: dict[str, Callable[[Pupil], str]], times: tuple[str, ...]
) -> Iterator[Line]:
    """Yield a row for each pupil, with some columns beside those that both reports have."""
    marks = letters(p.digest for p in learning.pupils if p.digest and p.status == "agrees")
    rows = [
        [
            Segment(pupil.name),
            _agreement(pupil, marks),
            *(Segment(show(pupil)) for show in columns.values()),
            Segment(" -> ".join(_short(pupil.losses[end]) for end in (0, -1) if len(pupil.losses))),
            Segment(curve(pupil.losses)),
            *durations(pupil.timing)[: len(times)],
        ]
        for pupil in learning.pupils
    ]
    return table(("", "way/bound", *columns, "loss", "log loss", *times), rows, _LEFT)


def _backends(learning: Learning) -> Iterator[Line]:
    lesson = learning.lesson
    columns: dict[str, Callable[[Pupil], str]] = {
        "distance": lambda pupil: _short(pupil.distance),
        "off by": lambda pupil: _short(lesson.away(pupil.weight)),
        "solved by": lambda p: _short(lesson.away(p.solution.weight) if p.solution else None),
    }
    yield from _table(learning, columns, ("time",))
    yield from wrapped(
        "off by, solved by: the largest difference of the kernel learned, and of that solved in "
        "closed form, from the true one" + (", and of the bias from zero" if lesson.bias else "")
        if lesson.truth is not None
        else "the kernel that is learned is smaller than the true one: nothing to be off by",
        "   ",
    )


def _kernels(learning: Learning) -> Iterator[Line]:
    lesson = learning.lesson
    if max(lesson.size) > _MOST_COLUMNS:
        yield from wrapped(
            f"kernels of {by(lesson.size)} are not printed: --json has all their numbers", "   "
        )
        return
    columns: list[tuple[str, list[str]]] = []
    if lesson.truth is not None:
        columns.append(("true", _block(lesson, lesson.truth)))
    for word, weights in (
        ("learned", [(p.weight, p.name) for p in learning.pupils if len(p.weight)]),
        ("solved", [(p.solution.weight, p.name) for p in learning.pupils if p.solution]),
    ):
        shown = grouped(("\n".join(_block(lesson, weight)), name) for weight, name in weights)
        for text, names in shown.items():
            label = word if len(shown) == 1 else f"{word}: {', '.join(names)}"
            columns.append((label, text.split("\n")))
    for label, block in columns:
        gap = " " * max(2, 22 - len(label))
        yield [Segment(label, "heading"), Segment(gap + block[0])]
        for row in block[1:]:
            yield [Segment(" " * (len(label) + len(gap)) + row)]


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


def _verdict(learning: Learning) -> Iterator[Line]:
    steps, compared = learning.lesson.steps, learning.compared
    what = f"all {steps} steps" if compared == steps else f"{compared} steps, up to an overflow,"
    wrong = [pupil for pupil in learning.pupils if pupil.status != "agrees"]
    problems = [(pupil.name, text) for pupil in wrong for text in pupil.problems]
    count = len(learning.pupils)
    backends = "1 backend" if count == 1 else f"{count} backends"
    if wrong:
        text = f"{len(wrong)} of {backends} did not learn as they should"
    elif count == 1 and not learning.broken:
        text = f"{learning.pupils[0].name} agrees with float64 on {what} and the solution"
    else:
        text = f"{backends} agree on {what} and the solution"
        text += ", but a backend cannot be used" if learning.broken else ""
    return verdict(learning.broken, problems, text, learning.seconds, agrees=learning.agrees)


def _recovery(learning: Learning) -> Iterator[Line]:
    """Say why the kernel has not come back, and what brings it back."""
    recovery, lesson = learning.recovery, learning.lesson
    late = [pupil for pupil in learning.pupils if not recovery.is_reached(pupil.weight)]
    if not late:
        return
    if math.isfinite(recovery.steps(lesson.lr)):
        away = max(recovery.distance(pupil.weight) for pupil in late)
        why = (
            f"it is off by {away:.3g}, more than {recovery.within:.3g}, half its smallest number "
            f"that shows"
        )
    else:
        why = f"with lr={lesson.lr:g} the descent diverges"
    advice = _advice(learning)
    text = f"the kernel is not recovered by {', '.join(pupil.name for pupil in late)}: {why}"
    yield from wrapped(f"{text}; {advice}" if advice else text, "  ", "bad")


def _advice(learning: Learning) -> str:
    recovery, lesson = learning.recovery, learning.lesson
    best = recovery.system.best_rate(lesson.scale)
    needed, fastest = recovery.steps(lesson.lr), recovery.steps(best)
    several = []
    if (least := min(needed, fastest)) > lesson.steps and math.isfinite(least):
        unit = 10 ** max(0, len(str(least)) - 2)  # two digits, upwards, are enough
        rate = "" if needed <= fastest else "--lr auto "
        several.append(f"give {rate}--steps {math.ceil(least / unit) * unit}")
    elif needed > fastest:
        several.append("give --lr auto")
    if all(p.solution and recovery.is_reached(p.solution.weight) for p in learning.pupils):
        several.append("take the solved one, which needs no steps")
    return ", or ".join(several)


def _agreement(pupil: Pupil, marks: dict[str, str]) -> Segment:
    if pupil.errors:
        return Segment("ERROR  ", "bad")
    if pupil.wrong:
        off = pupil.fraction is not None and 1 < pupil.fraction < math.inf
        return Segment(f"! {number(pupil.fraction)}  " if off else "WRONG  ", "bad")
    return Segment(f"{number(pupil.fraction)} {marks.get(pupil.digest or '', ' ')}")


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
