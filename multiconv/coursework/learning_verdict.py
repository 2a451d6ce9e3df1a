"""Whether a kernel was learned: yes or no, by how much, why, and what would do."""

from __future__ import annotations

import math
from collections.abc import Iterator

from multiconv.coursework.layout import wrapped
from multiconv.coursework.learning import Learning, Pupil
from multiconv.coursework.lesson import DTYPE
from multiconv.coursework.terminal import Line
from multiconv.learning import momentum as heavy_ball


def lines(learning: Learning) -> Iterator[Line]:
    """Yield the verdict, and where the kernel is not recovered, why not."""
    if not learning.pupils:
        yield from wrapped("recovered: no: there is no backend to learn with", "  ", "bad")
        return
    late = learning.late
    names = ", ".join(pupil.name for pupil in late or learning.pupils)
    away = max(learning.recovery.distance(pupil.weight) for pupil in late or learning.pupils)
    if not late:
        yield from wrapped(f"recovered: yes, by {names}: off by at most {away:.2g}", "  ", "good")
        yield from wrapped(_ended(learning), "  ")
        return
    off = f"off by {away:.2g}, where {learning.recovery.within:.2g} would do"
    text = off if math.isfinite(away) else "what was learned is not finite"
    if not all(len(pupil.weight) for pupil in late):
        text = "an error came in between, see below"
    yield from wrapped(f"recovered: no, not by {names}: {text}", "  ", "bad")
    for sentence in _reasons(learning, late):
        yield from wrapped(f"  {sentence}", "  ")


def agreement(learning: Learning) -> str:
    """Say in a sentence whether all took the same way."""
    steps, compared = learning.lesson.steps, learning.compared
    what = f"all {steps} steps" if compared >= steps else f"{compared} steps, up to an overflow,"
    wrong = [pupil for pupil in learning.pupils if pupil.status != "agrees"]
    count = len(learning.pupils)
    backends = "1 backend" if count == 1 else f"{count} backends"
    if wrong:
        return f"{len(wrong)} of {backends} did not learn as they should"
    if count == 1 and not learning.broken:
        return f"{learning.pupils[0].name} agrees with float64 on {what} and the solution"
    text = f"{backends} agree on {what} and the solution"
    return f"{text}, but a backend cannot be used" if learning.broken else text


def _ended(learning: Learning) -> str:
    """Say why the descent ended where it did."""
    lesson, recovery = learning.lesson, learning.recovery
    steps = f"{lesson.steps} steps" if lesson.steps > 1 else "1 step"
    if lesson.truth is None:
        true, learned = ("x".join(map(str, size)) for size in (lesson.kernel.shape, lesson.size))
        return (
            f"  A kernel of {learned} cannot do what one of {true} did: it has come to the one of "
            f"least squares."
        )
    if lesson.steps >= recovery.settled():
        return f"  After {steps} it moves no more than one rounding of {DTYPE}."
    return f"  It moves still after {steps}, which is the limit that --steps sets."


def _reasons(learning: Learning, late: list[Pupil]) -> Iterator[str]:
    lesson, recovery = learning.lesson, learning.recovery
    needed = recovery.steps(lesson.lr, lesson.momentum)
    if not all(len(pupil.weight) for pupil in late):
        return
    if math.isinf(needed):
        limit = recovery.limit(lesson.momentum)
        yield f"The descent diverges: --lr {lesson.lr:g} is beyond {limit:.4g}, the limit here."
    elif needed > lesson.steps:
        yield (
            f"{lesson.steps} steps are too few at this rate: {_rounded_up(needed)} would do, "
            f"--steps {_rounded_up(needed)}."
        )
    else:
        yield (
            f"Exact descent would be there by now: the data are badly conditioned, and rounding "
            f"in {DTYPE} leads away from it."
        )
    best = heavy_ball.best(recovery.system)
    rate = heavy_ball.best_rate(recovery.system, lesson.scale, best)
    fastest = recovery.steps(rate, best)
    if fastest < needed and (lesson.lr, lesson.momentum) != (rate, best):
        steps = f" with --steps {_rounded_up(fastest)}" if fastest > lesson.steps else ""
        yield (
            f"Without --lr and --momentum, which takes the fastest,{steps or ' these steps do.'}"
            f"{' it comes back.' if steps else ''}"
        )
    if all(p.solution and recovery.is_reached(p.solution.weight) for p in learning.pupils):
        yield "Least squares, which needs no steps, gives it back."


def _rounded_up(steps: float) -> int:
    """Return two digits, upwards: they are enough."""
    unit = 10 ** max(0, len(str(int(steps))) - 2)
    return -int(-steps // unit) * unit
