"""Learning a kernel on every backend, and whether all take the same way to it.

The way is that of gradient descent in float64, and `bounds.descent_bound` says how far rounding
may lead from it; solving in closed form is judged by the normal equations.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from multiconv.backends.base import Array, Backend
from multiconv.coursework import reference
from multiconv.coursework.bounds import Descent, Moments, descent_bound, moments, stationarity
from multiconv.coursework.cases import Case
from multiconv.coursework.runs import Timing, timed
from multiconv.faces import Face
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning.normal_form import NormalForm, normal_form

#: How many numbers a kernel may have, for the eigenvalues of a matrix of so many rows are computed.
MOST_UNKNOWNS = 1024

_DTYPE = "float32"  # without x64 JAX has no float64
_BLOCK_ELEMENTS = 2**20  # of the patch matrix: 8 MiB


@dataclass(frozen=True, eq=False)
class Lesson:
    """A kernel to be learned back from a picture and what the kernel made of it.

    Parameters
    ----------
    x : ndarray of shape (H, W)
        The picture.
    y : ndarray of shape (H - kh + 1, W - kw + 1)
        Its exact correlation with the kernel, rounded once.
    kernel : ndarray
        The true kernel.
    size : (int, int)
        The size of the kernel that is learned; y has been cut to it.
    bias : bool
        Whether a bias is learned too.
    steps : int
        Number of steps.
    lr : float
        The learning rate.
    loss : {"sum", "mean"}
        As in `learn_kernel`.
    seed : int or None
        Of the start; None starts from zero.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    kernel: NDArray[np.float32]
    size: tuple[int, int]
    bias: bool = False
    steps: int = 10
    lr: float = 3e-2
    loss: str = "sum"
    seed: int | None = None

    @property
    def layer(self) -> LayerArguments:
        """The layer that is learned."""
        return layers.read(self.size, bias=self.bias)

    @property
    def scale(self) -> int:
        """What the sum of squared errors is divided by."""
        return self.y.size if self.loss == "mean" else 1

    @property
    def start(self) -> NDArray[np.float32]:
        """Where the descent starts: the kernel row by row, and the bias last."""
        if self.seed is None:
            return np.zeros(self.layer.fan_in + self.bias, dtype=_DTYPE)
        weight, bias = layers.initial_parameters(self.layer, self.seed)
        return np.concatenate([weight.ravel(), *([] if bias is None else [bias])]).astype(_DTYPE)

    def normal_form(self) -> NormalForm:
        """Return the least squares problem behind the lesson."""
        return normal_form(self.layer, self.x, self.y)

    def moments(self) -> Moments:
        """Return the sums over the patches, for the bounds."""
        return moments(self._blocks())

    @property
    def truth(self) -> NDArray[np.float64] | None:
        """What should be learned, a bias of zero last; None where the true kernel is larger."""
        more = [n - k for n, k in zip(self.size, self.kernel.shape, strict=True)]
        if min(more) < 0:
            return None
        kernel = np.pad(self.kernel.astype(np.float64), [(n // 2, n - n // 2) for n in more])
        return np.concatenate([kernel.ravel(), np.zeros(int(self.bias))])

    def away(self, weight: NDArray[Any]) -> float | None:
        """Return the largest difference from the truth, where there is one to compare with."""
        truth = self.truth
        if truth is None or weight.shape != truth.shape:
            return None
        return float(np.max(abs(weight - truth)))

    def _blocks(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield rows of the patch matrix and of the targets, a few lines of the picture each."""
        patches = sliding_window_view(self.x.astype(np.float64), self.size)
        unknowns = self.layer.fan_in + self.bias
        step = max(1, _BLOCK_ELEMENTS // (unknowns * patches.shape[1]))
        for top in range(0, len(patches), step):
            block = patches[top : top + step].reshape(-1, self.layer.fan_in)
            ones = np.ones((len(block), int(self.bias)))
            yield np.concatenate([block, ones], axis=1), self.y[top : top + step].ravel()


@dataclass(frozen=True, eq=False)
class Solution:
    """What `solve_kernel` gave: the weight as one row, bias last, and what it says of the data."""

    weight: NDArray[Any]
    residual: float
    rank: int
    unknowns: int
    undetermined: NDArray[Any]
    statement: str


@dataclass(eq=False)
class Pupil:
    """What one backend learned.

    ``weights`` has a row for the start and for every step, with the bias last. ``distance`` is the
    largest from the way in float64, and ``fraction`` the largest of that and of the losses' errors
    as a fraction of its bound. ``digest`` is the same for the same bits at every step.
    """

    name: str
    weights: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), _DTYPE))
    losses: NDArray[Any] = field(default_factory=lambda: np.zeros(0, _DTYPE))
    solution: Solution | None = None
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
        return self.weights[-1] if len(self.weights) else np.zeros(0, _DTYPE)


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
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every backend took the exact way, up to rounding."""
        return not self.broken and all(pupil.status == "agrees" for pupil in self.pupils)


def textbook() -> Lesson:
    """Return the textbook's edge detector, to be learned in ten steps from zero."""
    x = np.ones((6, 8), dtype=np.float32)
    x[:, 2:6] = 0
    return of_picture(x, np.array([[1, -1]], dtype=np.float32), (1, 2))


def of_picture(
    x: NDArray[np.float32], kernel: NDArray[np.float32], size: tuple[int, int], **options: Any
) -> Lesson:
    """Return the lesson of a picture and a kernel that fits into it.

    Where the kernel that is learned has another size, both look at the same pixel in their middle
    as far as possible: y is cut at its borders, or the picture is.
    """
    y = reference.exact(Case("picture", x, kernel, is_exact=False))["y"].rounded
    for axis, (true, learned) in enumerate(zip(kernel.shape, size, strict=True)):
        y, x = _aligned(y, x, learned - true, axis)
    return Lesson(x, y, kernel, size, **options)


def _aligned(
    y: NDArray[Any], x: NDArray[Any], more: int, axis: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cut y where the learned kernel is larger by ``more``, x where it is smaller."""
    first = abs(more) // 2
    cut = y if more > 0 else x
    part = np.moveaxis(cut, axis, 0)[first : cut.shape[axis] - abs(more) + first]
    part = np.ascontiguousarray(np.moveaxis(part, 0, axis))
    return (part, x) if more > 0 else (y, part)


def learn(
    faces: Sequence[Face],
    lesson: Lesson,
    *,
    broken: dict[str, str] | None = None,
    repeat: bool = False,
) -> Learning:
    """Learn on every backend; ``repeat`` also takes the time of later runs."""
    start = time.perf_counter()
    system = lesson.moments()
    path = descent_bound(
        system, lesson.start, lesson.lr, lesson.steps, _DTYPE, mean=lesson.loss == "mean"
    )
    pupils = []
    for face in faces:
        pupil = Pupil(face.name)
        try:
            _descend(pupil, face, lesson, path, repeat=repeat)
            _solve(pupil, face, lesson, system)
        except Exception as error:  # whatever a framework raises: it has not learned
            message = str(error).strip().partition("\n")[0]
            pupil.errors.append(f"{type(error).__name__}: {message}")
        pupils.append(pupil)
    compared = int(np.isfinite(path.distances).sum()) - 1
    return Learning(lesson, pupils, broken or {}, compared, time.perf_counter() - start)


def _descend(pupil: Pupil, face: Face, lesson: Lesson, path: Descent, *, repeat: bool) -> None:
    backend = face.backend
    x, y = _data(backend, lesson)
    init = lesson.start[: lesson.layer.fan_in].reshape(lesson.size)
    start: dict[str, Any] = {"seed": lesson.seed}
    if lesson.seed is None:
        start = {"init": backend.from_numpy(init, _DTYPE, x)}
    points: list[tuple[Array, Array | None]] = []

    def run(callback: Callable[..., None] | None = None) -> Any:
        return face.learn_kernel(
            x,
            y,
            lesson.size,
            steps=lesson.steps,
            lr=lesson.lr,
            loss=lesson.loss,
            bias=lesson.bias,
            callback=callback,
            **start,
        )

    def record(step: int, loss: float, weight: Array, bias: Array | None) -> None:
        points.append((weight, bias))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.perf_counter()
        learned = run(record)
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
    pupil.timing = Timing(first, (first, first, first), 1)
    if repeat:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, later = timed(lambda: (run().weight,), backend)
        pupil.timing = Timing(first, later.quartiles, later.calls)


def _solve(pupil: Pupil, face: Face, lesson: Lesson, system: Moments) -> None:
    x, y = _data(face.backend, lesson)
    solved = face.solve_kernel(x, y, lesson.size, bias=lesson.bias)
    weight = _row(face.backend, solved.weight, solved.bias)
    pupil.solution = Solution(
        weight,
        solved.residual,
        solved.rank,
        solved.unknowns,
        solved.undetermined,
        solved.statement,
    )
    if weight.dtype != _DTYPE or weight.shape != lesson.start.shape:
        pupil.wrong.append(f"the solved kernel has {weight.size} numbers of {weight.dtype}")
        return
    gradient, bound = stationarity(system, weight, _DTYPE)
    if not np.all(gradient <= bound):
        times = float(np.max(gradient / np.maximum(bound, np.finfo(np.float64).tiny)))
        pupil.wrong.append(
            f"the solved kernel misses the normal equations by {times:.3g} times the bound"
        )


def _data(backend: Backend, lesson: Lesson) -> tuple[Array, Array]:
    like = backend.asarray([0])
    return backend.from_numpy(lesson.x, _DTYPE, like), backend.from_numpy(lesson.y, _DTYPE, like)


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
        if found.shape != expected or found.dtype != _DTYPE:
            pupil.wrong.append(
                f"its {name} are {found.dtype} of shape {found.shape}, not {_DTYPE} of {expected}"
            )
    if pupil.wrong:
        return
    hashed = hashlib.sha256((weights + np.float32(0)).tobytes() + losses.tobytes())
    pupil.digest = hashed.hexdigest()
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
    fractions = np.zeros(len(errors))
    for i, (error, bound) in enumerate(zip(errors, bounds, strict=True)):
        if np.isinf(bound):
            continue
        if np.isnan(error) or (bound == 0 and error > 0):
            fractions[i] = np.inf
        elif bound > 0:
            fractions[i] = error / bound
    return fractions
