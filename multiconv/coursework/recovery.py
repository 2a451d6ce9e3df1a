"""Whether gradient descent has brought a kernel back, and after how many steps it does."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.core.rounding import unit_roundoff
from multiconv.coursework.lesson import DTYPE, Lesson
from multiconv.learning import momentum as heavy_ball
from multiconv.learning.normal_form import NormalForm

_WHITE = 255  # of 8 bits
_FOR_EVER = 2**62  # steps


@dataclass(frozen=True, eq=False)
class Recovery:
    """When a kernel counts as recovered: when its zeros and signs can be told.

    That is when no number is off by more than half the smallest of the true kernel that shows:
    that is worth a grey level of a picture of 8 bits, the sum of all magnitudes being white.
    Directions that the data leave open do not count; where the true kernel does not fit in, the
    kernel of least squares stands for it.
    """

    lesson: Lesson
    system: NormalForm
    within: float  # half the smallest magnitude that shows; infinite for a kernel of zeros

    def distance(self, weight: NDArray[Any]) -> float:
        """Return the largest difference from what should be learned, as far as data determine it.

        It is infinite for a weight that is not finite, or missing.
        """
        goal = self._goal()
        if weight.shape != goal.shape or not np.isfinite(weight).all():
            return math.inf
        directions = self.system.determined
        away = directions.T @ (directions @ (weight - goal))
        return float(np.max(abs(away), initial=0.0))

    @property
    def is_determined(self) -> bool:
        """Whether the picture determines all numbers of the kernel."""
        return self.system.rank == len(self.lesson.start)

    def is_reached(self, weight: NDArray[Any]) -> bool:
        """Tell whether a weight is near enough."""
        distance = self.distance(weight)
        return math.isfinite(distance) and distance <= self.within

    def steps(self, lr: float, momentum: float = 0.0, within: float | None = None) -> float:
        """Return the number of steps after which exact descent is near enough, or infinity.

        With momentum it is near enough when what is left of the last step is small as well.
        """
        shrink = heavy_ball.shrink(self._slopes(lr), momentum)
        limit = self.within if within is None else within

        def is_near(steps: int) -> bool:
            return self._left(lr, momentum, steps) <= limit

        if not np.all(shrink[self._start() > 0] < 1):
            return 0 if is_near(0) else math.inf
        return bisect.bisect_left(range(_FOR_EVER), True, key=is_near)

    def settled(self) -> float:
        """Return the number of steps after which nothing changes that the dtype could show.

        Then exact descent is nearer to where it leads than one rounding of the largest number
        there; or, where it leads nowhere, so far that numbers overflow.
        """
        lesson, rounding = self.lesson, self.size * unit_roundoff(DTYPE)
        steps = self.steps(lesson.lr, lesson.momentum, within=rounding)
        return self._steps_to_overflow() if math.isinf(steps) else steps

    def _steps_to_overflow(self) -> float:
        lr, momentum = self.lesson.lr, self.lesson.momentum
        limit = float(np.finfo(DTYPE).max)

        def is_beyond(steps: int) -> bool:
            return not self._left(lr, momentum, steps) <= limit

        return bisect.bisect_left(range(_FOR_EVER), True, key=is_beyond)

    def limit(self, momentum: float) -> float:
        """Return the rate beyond which the descent diverges."""
        largest = float(self.system.eigenvalues[0])
        return (1 + momentum) * self.lesson.scale / largest if largest else math.inf

    @property
    def size(self) -> float:
        """The largest magnitude of what should be learned, or of the start where that is zero."""
        return float(np.max(abs(self._goal()))) or float(np.max(abs(self.lesson.start))) or 1.0

    @np.errstate(over="ignore", invalid="ignore", under="ignore")
    def _left(self, lr: float, momentum: float, steps: int) -> float:
        """Return the distance after some steps, together with the last step if it goes on."""
        factor = heavy_ball.block(self._slopes(lr), momentum)
        power = np.linalg.matrix_power(factor, steps)
        carried = power[:, : 2 if momentum else 1, 0] * self._start()[:, None]
        return float(np.linalg.norm(carried))

    def _slopes(self, lr: float) -> NDArray[np.float64]:
        system = self.system
        return np.asarray(2 * lr * system.eigenvalues[: system.rank] / self.lesson.scale)

    def _start(self) -> NDArray[np.float64]:
        """Return how far the start is off along each direction that is determined."""
        return np.asarray(abs(self.system.determined @ (self.lesson.start - self._goal())))

    def _goal(self) -> NDArray[Any]:
        truth = self.lesson.truth
        return self.system.solution[:, 0] if truth is None else truth


def recovery(lesson: Lesson) -> Recovery:
    """Return when a lesson's kernel counts as recovered."""
    numbers = abs(lesson.kernel.astype(np.float64))
    shown = min(numbers.sum() / _WHITE, numbers.max())  # of many equal numbers, all
    least = np.min(numbers[(numbers >= shown) & (numbers > 0)], initial=np.inf)
    return Recovery(lesson, lesson.normal_form(), float(least) / 2)
