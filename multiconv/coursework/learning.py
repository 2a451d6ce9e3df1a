"""Learning a kernel on every backend, and whether all take the same way to it.

Every step is compared with the exact one from where it began, and `step_bounds` says how far
rounding may lead from that; solving in closed form is judged by the normal equations.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.backends.base import Array, Backend
from multiconv.core.progress import Progress
from multiconv.coursework.descent_bounds import Moments, stationarity, step_bounds
from multiconv.coursework.lesson import DTYPE, Lesson
from multiconv.coursework.recovery import Recovery, recovery
from multiconv.coursework.runs import Timing, timed
from multiconv.faces import Face
from multiconv.learning.least_squares import SolvedKernel

_OPTIONS = ("steps", "lr", "momentum", "loss", "bias")


@dataclass(eq=False)
class Pupil:
    """What one backend learned.

    ``weights`` has a row for the start and for every step, with the bias last, as has the weight of
    the ``solution``. ``fraction`` is the largest error of a step or a loss as a fraction of its
    bound, and ``compared`` the number of steps before numbers may overflow, from where on nothing
    can be said. ``digest`` is the same for the same bits at every step.
    """

    name: str
    weights: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), DTYPE))
    losses: NDArray[Any] = field(default_factory=lambda: np.zeros(0, DTYPE))
    solution: SolvedKernel | None = None
    fraction: float | None = None
    compared: int = 0
    digest: str | None = None
    notes: list[str] = field(default_factory=list)
    timing: Timing | None = None
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """``"agrees"``, ``"disagrees"`` or ``"failed"``."""
        if self.errors:
            return "failed"
        return "disagrees" if self.wrong else "agrees"

    @property
    def problems(self) -> list[str]:
        """What is wrong, a line each."""
        return [*self.wrong, *self.errors]

    @property
    def weight(self) -> NDArray[Any]:
        """The weight after the last step."""
        return self.weights[-1] if len(self.weights) else np.zeros(0, DTYPE)


@dataclass(frozen=True)
class Learning:
    """A lesson and what every backend made of it.

    ``broken`` are the backends that cannot be used, and why.
    """

    lesson: Lesson
    pupils: list[Pupil]
    broken: dict[str, str]
    recovery: Recovery
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every step of every backend is the exact one, up to rounding."""
        return not self.broken and all(pupil.status == "agrees" for pupil in self.pupils)

    @property
    def compared(self) -> int:
        """The number of steps that are compared in all backends."""
        return min((pupil.compared for pupil in self.pupils if not pupil.errors), default=0)

    @property
    def late(self) -> list[Pupil]:
        """The pupils that have not learned the kernel."""
        return [pupil for pupil in self.pupils if not self.recovery.is_reached(pupil.weight)]

    @property
    def is_recovered(self) -> bool:
        """Whether every backend learned the kernel, or the best of a size that is too small."""
        is_known = self.recovery.is_determined or self.lesson.truth is None
        return bool(self.pupils) and not self.late and is_known


def learn(
    faces: Sequence[Face],
    lesson: Lesson,
    *,
    broken: dict[str, str] | None = None,
    repeat: bool = False,
) -> Learning:
    """Learn on every backend; ``repeat`` also takes the time of later runs."""
    start = time.perf_counter()
    pupils = []
    with Progress("learning", len(faces) + 1, coarse=True) as progress:
        progress.advance("the sums over the patches")
        system, goal = lesson.moments(), recovery(lesson)
        for face in faces:
            progress.advance(f"with {face.name}")
            pupils.append(_learned(face, lesson, system, repeat=repeat))
    return Learning(lesson, pupils, broken or {}, goal, time.perf_counter() - start)


def _learned(face: Face, lesson: Lesson, system: Moments, *, repeat: bool) -> Pupil:
    pupil = Pupil(face.name)
    try:
        _descend(pupil, face, lesson, system, repeat=repeat)
        _solve(pupil, face, lesson, system)
    except Exception as error:  # whatever a framework raises: it has not learned
        message = str(error).strip().partition("\n")[0]
        pupil.errors.append(f"{type(error).__name__}: {message}")
    return pupil


def _descend(pupil: Pupil, face: Face, lesson: Lesson, system: Moments, *, repeat: bool) -> None:
    backend = face.backend
    x, y = _data(backend, lesson)
    start: dict[str, Any] = {"seed": lesson.seed}
    if lesson.seed is None:
        init = lesson.start[: lesson.layer.fan_in].reshape(lesson.size)
        start = {"init": backend.from_numpy(init, DTYPE, x)}
    options = {name: getattr(lesson, name) for name in _OPTIONS}
    run = functools.partial(face.learn_kernel, x, y, lesson.size, **options, **start)
    points: list[tuple[Array, Array | None]] = []

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.perf_counter()
        learned = run(callback=lambda step, loss, *point: points.append(point))
        backend.synchronize(learned.weight)
        first = time.perf_counter() - began
    advice = [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)]
    # The others are of NumPy, which says where numbers overflowed, or of compilers.
    pupil.notes = [text for text in advice if text.startswith("lr=")] + learned.notes
    points.append((learned.weight, learned.bias))
    if not (backend.owns(learned.weight) and backend.owns(learned.losses)):
        pupil.wrong.append(f"a {type(learned.weight).__name__} came back, no {face.name} array")
        return
    pupil.weights = np.stack([_row(backend, *point) for point in points])
    pupil.losses = backend.to_numpy(learned.losses)
    _judge(pupil, lesson, system)
    pupil.timing = Timing(first, first, (first, first), 1)
    if repeat:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, later = timed(lambda: (run().weight,), backend)
        pupil.timing = dataclasses.replace(later, first=first)


def _solve(pupil: Pupil, face: Face, lesson: Lesson, system: Moments) -> None:
    x, y = _data(face.backend, lesson)
    solved = face.solve_kernel(x, y, lesson.size, bias=lesson.bias)
    weight = _row(face.backend, solved.weight, solved.bias)
    pupil.solution = dataclasses.replace(solved, weight=weight, bias=None)
    if weight.dtype != DTYPE or weight.shape != lesson.start.shape:
        pupil.wrong.append(f"the solved kernel has {weight.size} numbers of {weight.dtype}")
        return
    gradient, bound = stationarity(system, weight, DTYPE)
    if not np.all(gradient <= bound):
        times = float(np.max(gradient / np.maximum(bound, np.finfo(np.float64).tiny)))
        pupil.wrong.append(
            f"the solved kernel misses the normal equations by {times:.3g} times the bound"
        )


def _data(backend: Backend, lesson: Lesson) -> tuple[Array, Array]:
    like = backend.asarray([0])
    return backend.from_numpy(lesson.x, DTYPE, like), backend.from_numpy(lesson.y, DTYPE, like)


def _row(backend: Backend, weight: Array, bias: Array | None) -> NDArray[Any]:
    parts = [backend.to_numpy(part).ravel() for part in (weight, bias) if part is not None]
    return np.concatenate(parts)


def _judge(pupil: Pupil, lesson: Lesson, system: Moments) -> None:
    """Compare every step with the exact one from the same place."""
    weights, losses = pupil.weights, pupil.losses
    for name, found, expected in (
        ("weights", weights, (lesson.steps + 1, len(lesson.start))),
        ("losses", losses, (lesson.steps,)),
    ):
        if found.shape != expected or found.dtype != DTYPE:
            pupil.wrong.append(
                f"its {name} are {found.dtype} of shape {found.shape}, not {DTYPE} of {expected}"
            )
    if pupil.wrong:
        return
    bits = (weights + np.float32(0)).tobytes() + losses.tobytes()
    pupil.digest = hashlib.sha256(bits).hexdigest()
    if not np.array_equal(weights[0], lesson.start):
        pupil.wrong.append("it does not start where it was told to")
    mean = lesson.loss == "mean"
    steps = step_bounds(system, weights, lesson.lr, DTYPE, mean=mean, momentum=lesson.momentum)
    pupil.compared = int(np.isfinite(steps.bounds).all(axis=1).sum())
    pupil.fraction = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        errors = abs(losses.astype(np.float64) - steps.losses)
    for name, off, bounds, of in (
        ("step", steps.defects, steps.bounds, "the exact one from there"),
        ("loss before step", errors[:, None], steps.loss_errors[:, None], "that in float64"),
    ):
        fractions = np.max(_fractions(off, bounds), axis=1)
        worst = int(np.argmax(fractions))
        pupil.fraction = max(pupil.fraction, float(fractions[worst]))
        if fractions[worst] > 1:
            pupil.wrong.append(
                f"its {name} {worst + 1} is {fractions[worst]:.3g} times the bound away from {of}"
                if np.isfinite(fractions[worst])
                else f"its {name} {worst + 1} is not finite"
            )


def _fractions(errors: NDArray[Any], bounds: NDArray[Any]) -> NDArray[Any]:
    """Divide by the bounds, of which zero allows no error and infinity any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fractions = np.where(errors == 0, 0.0, errors / bounds)
    fractions[np.isnan(fractions)] = np.inf
    fractions[np.isinf(bounds)] = 0.0
    return fractions
