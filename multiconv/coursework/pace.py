"""How a lesson descends: with which momentum and rate, and for how many steps."""

from __future__ import annotations

import dataclasses

from multiconv.coursework.lesson import Lesson
from multiconv.coursework.recovery import recovery
from multiconv.learning import momentum as heavy_ball


def paced(lesson: Lesson, lr: float | None, momentum: float | None, limit: int) -> Lesson:
    """Return the lesson with the rate and the momentum given, or the fastest.

    A rate that is given is that of plain gradient descent, as in the textbook, unless a momentum
    is given as well. The descent ends where it has settled, or at the limit.
    """
    system = lesson.normal_form()
    if momentum is None:
        momentum = heavy_ball.best(system) if lr is None else 0.0
    if lr is None:
        lr = heavy_ball.best_rate(system, lesson.scale, momentum)
    chosen = dataclasses.replace(lesson, lr=lr, momentum=momentum)
    return dataclasses.replace(chosen, steps=max(1, int(min(recovery(chosen).settled(), limit))))
