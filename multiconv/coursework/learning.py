"""Learning a kernel on every backend, and whether all take the same way to it.

The way is that of gradient descent in float64, and `descent_bound` says how far rounding
may lead from it; solving in closed form is judged by the normal equations.
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
from multiconv.coursework.descent_bounds import Descent, Moments, descent_bound, stationarity
from multiconv.coursework.lesson import DTYPE, Lesson
from multiconv.coursework.recovery import Recovery, recovery
from multiconv.coursework.runs import Timing, timed
from multiconv.faces import Face
from multiconv.learning.least_squares import SolvedKernel


@dataclass(eq=False)
class Pupil:
    """What one backend learned.

    ``weights`` has a row for the start and for every step, with the bias last, as has the weight of
    the ``solution``. ``distance`` is the largest from the way in float64, and ``fraction`` the
    largest of that and of the losses' errors as a fraction of its bound. ``digest`` is the same for
    the same bits at every step.
    """

    name: str
    weights: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), DTYPE))
    losses: NDArray[Any] = field(default_factory=lambda: np.zeros(0, DTYPE))
    solution: SolvedKernel | None = None
    fraction: float | None = None
    distance: float | None = None
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

    ``broken`` are the backends that cannot be used, and why; ``compared`` is the number of steps
    before numbers may overflow, from where on nothing can be said.
    """

    lesson: Lesson
    pupils: list[Pupil]
    broken: dict[str, str]
    compared: int
    recovery: Recovery
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every backend took the exact way, up to rounding."""
        return not self.broken and all(pupil.status == "agrees" for pupil in self.pupils)

    @property
    def is_recovered(self) -> bool:
        """Whether every backend learned the kernel."""
        return all(self.recovery.is_reached(pupil.weight) for pupil in self.pupils)


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
        progress.advance("in float64")
        system, goal = lesson.moments(), recovery(lesson)
        path = descent_bound(
            system, lesson.start, lesson.lr, lesson.steps, DTYPE, mean=lesson.loss == "mean"
        )
        for face in faces:
            progress.advance(f"with {face.name}")
            pupils.append(_learned(face, lesson, path, system, repeat=repeat))
    compared = int(np.isfinite(path.distances).sum()) - 1
    return Learning(lesson, pupils, broken or {}, compared, goal, time.perf_counter() - start)


def _learned(face: Face, lesson: Lesson, path: Descent, system: Moments, *, repeat: bool) -> Pupil:
    pupil = Pupil(face.name)
    try:
        _descend(pupil, face, lesson, path, repeat=repeat)
        _solve(pupil, face, lesson, system)
    except Exception as error:  # whatever a framework raises: it has not learned
        message = str(error).strip().partition("\n")[0]
        pupil.errors.append(f"{type(error).__name__}: {message}")
    return pupil


def _descend(pupil: Pupil, face: Face, lesson: Lesson, path: Descent, *, repeat: bool) -> None:
    backend = face.backend
    x, y = _data(backend, lesson)
    start: dict[str, Any] = {"seed": lesson.seed}
    if lesson.seed is None:
        init = lesson.start[: lesson.layer.fan_in].reshape(lesson.size)
        start = {"init": backend.from_numpy(init, DTYPE, x)}
    options = {name: getattr(lesson, name) for name in ("steps", "lr", "loss", "bias")}
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
    _judge(pupil, lesson, path)
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


def _judge(pupil: Pupil, lesson: Lesson, path: Descent) -> None:
    """Compare every step with the way in float64."""
    weights, losses = pupil.weights, pupil.losses
    for name, found, expected in (
        ("weights", weights, path.weights.shape),
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
    with np.errstate(over="ignore", invalid="ignore"):
        away = np.linalg.norm(weights.astype(np.float64) - path.weights, axis=1)
        error = abs(losses.astype(np.float64) - path.losses[:-1])
    promised = np.isfinite(path.distances)
    pupil.distance = float(np.max(away[promised]))
    pupil.fraction = 0.0
    for name, errors, bounds in (
        ("weight", away, path.distances),
        ("loss", error, path.loss_errors[:-1]),
    ):
        fractions = _fractions(errors, bounds)
        if not len(fractions):
            continue
        worst = int(np.argmax(fractions))
        pupil.fraction = max(pupil.fraction, float(fractions[worst]))
        if fractions[worst] > 1:
            pupil.wrong.append(
                f"its {name} before step {worst + 1} is {fractions[worst]:.3g} times the bound "
                f"away from that in float64"
                if np.isfinite(fractions[worst])
                else f"its {name} before step {worst + 1} is not finite"
            )


def _fractions(errors: NDArray[Any], bounds: NDArray[Any]) -> NDArray[Any]:
    """Divide by the bounds, of which zero allows no error and infinity any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fractions = np.where(errors == 0, 0.0, errors / bounds)
    fractions[np.isnan(fractions)] = np.inf
    fractions[np.isinf(bounds)] = 0.0
    return fractions
