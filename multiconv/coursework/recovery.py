"""Whether gradient descent has brought a kernel back, and after how many steps it does."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework.lesson import Lesson
from multiconv.learning.normal_form import NormalForm

_WHITE = 255  # of 8 bits


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

    def is_reached(self, weight: NDArray[Any]) -> bool:
        """Tell whether a weight is near enough."""
        distance = self.distance(weight)
        return math.isfinite(distance) and distance <= self.within

    def steps(self, lr: float) -> float:
        r"""Return the number of steps after which exact descent is near enough, or infinity.

        Along the singular direction v of A the distance of the start shrinks by
        :math:`|1 - 2 \eta \sigma^2|` a step, over the number of rows for the mean.
        """
        system = self.system
        shrink = abs(1 - 2 * lr * system.eigenvalues[: system.rank] / self.lesson.scale)
        start = abs(system.determined @ (self.lesson.start - self._goal()))

        def is_near(steps: int) -> bool:
            return float(np.linalg.norm(start * shrink**steps)) <= self.within

        if not np.all(shrink[start > 0] < 1):
            return 0 if is_near(0) else math.inf
        return bisect.bisect_left(range(2**62), True, key=is_near)

    def _goal(self) -> NDArray[Any]:
        truth = self.lesson.truth
        return self.system.solution[:, 0] if truth is None else truth


def recovery(lesson: Lesson) -> Recovery:
    """Return when a lesson's kernel counts as recovered."""
    numbers = abs(lesson.kernel.astype(np.float64))
    shown = min(numbers.sum() / _WHITE, numbers.max())  # of many equal numbers, all
    least = np.min(numbers[(numbers >= shown) & (numbers > 0)], initial=np.inf)
    return Recovery(lesson, lesson.normal_form(), float(least) / 2)
