"""What was learned as lines for people: agreement first, then kernels, losses and time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import multiconv
from multiconv.coursework.layout import LETTERS, duration, number, wrapped
from multiconv.coursework.learning import Learning, Lesson, Pupil
from multiconv.coursework.terminal import Line, Segment

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 20
_DECADES = 8  # of the losses that a curve shows at most
_MOST_COLUMNS = 7  # of a kernel that is printed

_LEGEND = (
    "A number is the largest distance of weights and losses, at any step, from gradient descent in "
    "float64, as a fraction of how far rounding can lead; the same letter beside it: the same bits "
    "at every step."
)


def section(learning: Learning) -> Iterator[Line]:
    """Yield the section of `multiconv compare`."""
    lesson = learning.lesson
    rows = _row_text(lesson.kernel, 0)
    yield [
        Segment("learning", "heading"),
        Segment(
            f": the textbook's edge detector {rows}, from a picture of {_by(lesson.x.shape)}: "
            f"{lesson.steps} steps from zero, lr {lesson.lr:g}"
        ),
    ]
    letters = _letters(learning.pupils)
    table = [["", "way/bound", "learned", "solved", "loss", "log loss", "first", "warm"]]
    styles = [["heading"] * 8]
    for pupil in learning.pupils:
        cell = _agreement(pupil, letters)
        solved = "" if pupil.solution is None else _row_text(pupil.solution.weight, 2)
        learned = _row_text(pupil.weight, 2) if len(pupil.weight) else ""
        times = _times(pupil)
        table.append(
            [pupil.name, cell.text, learned, solved, _ends(pupil), curve(pupil.losses), *times]
        )
        styles.append(["", cell.style, "", "", "", "", "", ""])
    yield from _table(table, styles, left={0, 4, 5})
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
    for text, names in _grouped({p.name: p.notes for p in learning.pupils}).items():
        yield from wrapped(f"{', '.join(names)}: {text}", "   ")
    statements = {p.name: [_statement(p)] for p in learning.pupils if p.solution is not None}
    for text, names in _grouped(statements).items():
        yield from wrapped(f"solved, {', '.join(names)}: {text}", "   ")
    yield []
    yield from wrapped(_LEGEND, "   ")
    yield []
    yield from _verdict(learning)


def curve(losses: NDArray[Any]) -> str:
    """Return the logarithms of the losses as blocks, which overflow fills and zero empties."""
    count = min(len(losses), _CURVE_WIDTH)
    if count == 0:
        return ""
    chosen = losses[np.linspace(0, len(losses) - 1, count).round().astype(int)].astype(np.float64)
    usable = chosen[np.isfinite(chosen) & (chosen > 0)]
    if not len(usable):
        return "".join(_BLOCKS[0 if value == 0 else -1] for value in chosen)
    high = math.log10(usable.max())
    low = max(math.log10(usable.min()), high - _DECADES)
    heights = []
    for value in chosen:
        if not math.isfinite(value):
            heights.append(1.0)
        elif value <= 0:
            heights.append(0.0)
        else:
            heights.append((math.log10(value) - low) / (high - low) if high > low else 0.0)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[max(0, min(top, round(height * top)))] for height in heights)


def _header(lesson: Lesson, picture: str, kernel: str) -> Iterator[Line]:
    bias = " and a bias" if lesson.bias else ""
    yield from wrapped(
        f"multiconv {multiconv.__version__}: y = corr2d(x, k) of {picture}, {_by(lesson.x.shape)}, "
        f"with the kernel {kernel}; a kernel of {_by(lesson.size)}{bias} is learned back from x "
        f"and y in float32: {lesson.steps} steps, lr {lesson.lr:.6g}, {lesson.loss} of squared "
        f"errors, seed {lesson.seed}",
        "  ",
    )


def _backends(learning: Learning) -> Iterator[Line]:
    letters = _letters(learning.pupils)
    table = [["", "way/bound", "distance", "off by", "solved by", "loss", "log loss", "time"]]
    styles = [["heading"] * 8]
    for pupil in learning.pupils:
        cell = _agreement(pupil, letters)
        solved = None if pupil.solution is None else learning.lesson.away(pupil.solution.weight)
        table.append(
            [
                pupil.name,
                cell.text,
                _short(pupil.distance),
                _short(learning.lesson.away(pupil.weight)),
                _short(solved),
                _ends(pupil),
                curve(pupil.losses),
                _times(pupil)[0],
            ]
        )
        styles.append(["", cell.style, *[""] * 6])
    yield from _table(table, styles, left={0, 5, 6})
    yield from wrapped(
        "off by, solved by: the largest difference of the kernel learned, and of that solved in "
        "closed form, from the true one"
        + (", and of the bias from zero" if learning.lesson.bias else "")
        if learning.lesson.truth is not None
        else "the kernel that is learned is smaller than the true one: nothing to be off by",
        "   ",
    )


def _kernels(learning: Learning) -> Iterator[Line]:
    lesson = learning.lesson
    if max(lesson.size) > _MOST_COLUMNS:
        yield from wrapped(
            f"kernels of {_by(lesson.size)} are not printed: --json has all their numbers", "   "
        )
        return
    columns: list[tuple[str, list[str]]] = []
    truth = lesson.truth
    if truth is not None:
        columns.append(("true", _block(lesson, truth)))
    for word, weights in (
        ("learned", {p.name: p.weight for p in learning.pupils if len(p.weight)}),
        ("solved", {p.name: p.solution.weight for p in learning.pupils if p.solution is not None}),
    ):
        shown = _grouped({n: ["\n".join(_block(lesson, w))] for n, w in weights.items()})
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
    taps = lesson.layer.fan_in
    texts = [_plain(value, 4) for value in weight]
    width = max(len(text) for text in texts)
    kh, kw = lesson.size
    rows = [
        "  ".join(f"{text:>{width}}" for text in texts[i * kw : (i + 1) * kw]) for i in range(kh)
    ]
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


def _statement(pupil: Pupil) -> str:
    if pupil.solution is None:
        return ""
    return f"{pupil.solution.statement}; residual {pupil.solution.residual:.3g}"


def _verdict(learning: Learning) -> Iterator[Line]:
    steps, compared = learning.lesson.steps, learning.compared
    what = f"all {steps} steps" if compared == steps else f"{compared} steps, up to an overflow,"
    what += " and the solution"
    for name, reason in learning.broken.items():
        yield [Segment(f"{name} cannot be used: {reason}", "bad")]
    wrong = [pupil for pupil in learning.pupils if pupil.status != "agrees"]
    for pupil in wrong:
        for problem in pupil.problems:
            yield from wrapped(f"{pupil.name}: {problem}", "  ", "bad")
    count = len(learning.pupils)
    backends = "1 backend" if count == 1 else f"{count} backends"
    if wrong:
        text, style = f"{len(wrong)} of {backends} did not learn as they should", "bad"
    elif learning.broken:
        text, style = f"{backends} agree on {what}, but a backend cannot be used", "bad"
    elif count == 1:
        text, style = f"{learning.pupils[0].name} agrees with float64 on {what}", "good"
    else:
        text, style = f"{backends} agree on {what}", "good"
    yield [Segment(text, style), Segment(f" ({learning.seconds:.0f} s)")]


def _agreement(pupil: Pupil, letters: dict[str, str]) -> Segment:
    if pupil.errors:
        return Segment("ERROR  ", "bad")
    if pupil.wrong:
        off = pupil.fraction is not None and 1 < pupil.fraction < math.inf
        return Segment(f"! {number(pupil.fraction or 0.0)}  " if off else "WRONG  ", "bad")
    return Segment(f"{number(pupil.fraction or 0.0)} {letters.get(pupil.digest or '', ' ')}")


def _letters(pupils: Sequence[Pupil]) -> dict[str, str]:
    digests = dict.fromkeys(p.digest for p in pupils if p.digest and p.status == "agrees")
    return {
        digest: LETTERS[i] if i < len(LETTERS) else "*"
        for i, digest in enumerate(digests)
        if digest
    }


def _ends(pupil: Pupil) -> str:
    if not len(pupil.losses):
        return ""
    return f"{_short(pupil.losses[0])} -> {_short(pupil.losses[-1])}"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _times(pupil: Pupil) -> list[str]:
    if pupil.timing is None:
        return ["", ""]
    return [duration(pupil.timing.first), duration(pupil.timing.warm)]


def _grouped(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Turn the texts of every backend into the backends of every text."""
    groups: dict[str, list[str]] = {}
    for name, several in texts.items():
        for text in several:
            groups.setdefault(text, []).append(name)
    return groups


def _table(table: list[list[str]], styles: list[list[str]], left: set[int]) -> Iterator[Line]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row, row_styles in zip(table, styles, strict=True):
        line = []
        for i, (text, width) in enumerate(zip(row, widths, strict=True)):
            set_text = f"{text:<{width}}" if i in left else f"{text:>{width}}"
            line.append(Segment(("  " if i else "") + set_text, row_styles[i]))
        yield line


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
