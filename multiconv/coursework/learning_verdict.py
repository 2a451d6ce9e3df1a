"""Whether a kernel was learned: yes or no, by how much, why, and what would do."""

from __future__ import annotations

import math
from collections.abc import Iterator

from multiconv.coursework.layout import by, wrapped
from multiconv.coursework.learning import Learning
from multiconv.coursework.lesson import DTYPE
from multiconv.coursework.terminal import Line
from multiconv.learning import momentum as heavy_ball


def lines(learning: Learning) -> Iterator[Line]:
    """Yield the verdict, and below it why."""
    style = "good" if learning.is_recovered else "bad"
    yield from wrapped(f"recovered: {_verdict(learning)}", "  ", style)
    for sentence in _reasons(learning):
        yield from wrapped(f"  {sentence}", "  ")


def text(learning: Learning) -> str:
    """Return the same on one line."""
    return " ".join([_verdict(learning) + ".", *_reasons(learning)])


def agreement(learning: Learning) -> str:
    """Say in a sentence whether all took the same way."""
    taken, compared = learning.lesson.steps, learning.compared
    what = (
        f"all of {counted(taken)}" if compared >= taken else f"{counted(compared)}, up to overflow,"
    )
    wrong = [pupil for pupil in learning.pupils if pupil.status != "agrees"]
    count = len(learning.pupils)
    backends = "1 backend" if count == 1 else f"{count} backends"
    if wrong:
        return f"{len(wrong)} of {backends} did not learn as they should"
    if count == 1 and not learning.broken:
        return f"{learning.pupils[0].name} agrees with float64 on {what} and the solution"
    unusable = ", but a backend cannot be used" if learning.broken else ""
    return f"{backends} agree on {what} and the solution{unusable}"


def _verdict(learning: Learning) -> str:
    lesson, recovery = learning.lesson, learning.recovery
    late = learning.late or learning.pupils
    names = ", ".join(pupil.name for pupil in late)
    if not learning.pupils:
        return "no: there is no backend to learn with"
    if any(not len(pupil.weight) for pupil in late):
        return f"no, not by {names}: an error came in between"
    away = max(recovery.distance(pupil.weight) for pupil in late)
    off = f"off by {'at most ' if len(late) > 1 else ''}{away:.2g}"
    if learning.late and math.isinf(recovery.steps(lesson.lr, lesson.momentum)):
        return f"no, not by {names}: the descent diverged"
    if learning.late:
        return f"no, not by {names}: {off}, where {recovery.within:.2g} would do"
    if lesson.truth is None:
        return f"as well as {by(lesson.size)} can, by {names}: {off} from least squares"
    if not recovery.is_determined:
        return "no: the picture does not determine the kernel"
    return f"yes, by {names}: {off}"


def _reasons(learning: Learning) -> Iterator[str]:
    lesson, recovery = learning.lesson, learning.recovery
    if not all(len(pupil.weight) for pupil in learning.pupils) or not learning.pupils:
        return
    if learning.late:
        yield from _hindrances(learning)
        return
    if not recovery.is_determined:
        yield (
            f"It fixes {recovery.system.rank} of {len(lesson.start)} numbers, and as far as these "
            f"go the kernel is learned."
        )
    if lesson.truth is None:
        true = by(lesson.kernel.shape)
        yield f"A kernel of {by(lesson.size)} cannot do all that one of {true} did."
    if lesson.steps >= recovery.settled():
        yield f"After {counted(lesson.steps)} it moves no more than one rounding of {DTYPE}."
    else:
        yield f"After {counted(lesson.steps)}, the limit that --steps sets, it moves still."


def _hindrances(learning: Learning) -> Iterator[str]:
    """Say what keeps the kernel from coming back, and what would help."""
    lesson, recovery = learning.lesson, learning.recovery
    needed = recovery.steps(lesson.lr, lesson.momentum)
    if math.isinf(needed):
        limit = recovery.limit(lesson.momentum)
        yield f"--lr {lesson.lr:g} is beyond {limit:.4g}, from where on the loss grows."
    elif needed > lesson.steps:
        more = _upwards(needed)
        yield f"{counted(lesson.steps)} are too few: at this rate --steps {more} would do."
    else:
        yield (
            f"Exact descent would be there by now: these data are badly conditioned, so that "
            f"rounding in {DTYPE} leads far away."
        )
    best = heavy_ball.best(recovery.system)
    fastest = recovery.steps(heavy_ball.best_rate(recovery.system, lesson.scale, best), best)
    if fastest < needed:
        yield f"Leave --lr and --momentum out: at the fastest --steps {_upwards(fastest)} would do."
    if all(p.solution and recovery.is_reached(p.solution.weight) for p in learning.pupils):
        yield "Least squares, which takes no steps, gives it back."


def counted(count: int) -> str:
    """Return a number of steps in words."""
    return "1 step" if count == 1 else f"{count} steps"


def _upwards(steps: float) -> int:
    """Return two digits, upwards: they are enough."""
    unit = int(10 ** max(0, len(str(int(steps))) - 2))
    return -int(-steps // unit) * unit
