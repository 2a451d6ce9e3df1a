"""One run after the other: a backend, a method, eager or compiled, on one case."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from multiconv.backends.base import Array, Backend
from multiconv.core import geometry, timing
from multiconv.core.progress import Progress
from multiconv.core.quiet import until_quiet
from multiconv.core.timing import Timed
from multiconv.coursework import reference
from multiconv.coursework.agreement import Agreement, judge
from multiconv.coursework.cases import Case
from multiconv.coursework.common_bits import Window
from multiconv.coursework.differentiation import table as differentiate
from multiconv.faces import Face
from multiconv.methods import adjoints
from multiconv.methods.base import Method, MethodRefusal, Problem
from multiconv.planning.choose import choose

# Of the Toeplitz matrix, whose gradients need several times as much: 16 MiB of float32.
_MATRIX_ELEMENTS = 2**22
# Compilers take minutes for more operations than this.
_OPERATIONS_JITTED = 1024

# Of the middle of the picture, whose results are kept to count their common bits.
_OUTPUTS_KEPT = 2**16

# Of all turns together, after the three that everything has.
_SECONDS_OF_TURNS = 5.0
_SECONDS_OF_REPEATING = 0.1
_LEAST_CALLS, _MOST_CALLS = 3, 21


@dataclass(frozen=True)
class Configuration:
    """What computes: a method of a backend, eager or compiled."""

    face: Face
    method: str
    jitted: bool

    @property
    def mode(self) -> str:
        """The word for ``jitted``."""
        return "jit" if self.jitted else "eager"

    @property
    def how(self) -> differentiate.Differentiation:
        """How the backend is compiled and differentiated."""
        return differentiate.of(self.face.name)

    def __str__(self) -> str:
        return f"{self.face.name} {self.mode} {self.method}"


@dataclass(frozen=True)
class Timing:
    """Seconds: of the first call, and the median and the quartiles of ``calls`` later samples."""

    first: float
    warm: float
    quartiles: tuple[float, float]
    calls: int


@dataclass
class Run:
    """What came out of a configuration on a case.

    ``agreements`` has the results ``y``, ``dx`` and ``dk`` as far as there are any; ``timings`` the
    stages ``forward`` and ``gradients``. ``refusals`` and ``errors`` say for a stage why there is
    none: because the method is not for such inputs, or because something is broken. ``turns`` are
    the calls whose time is taken, those on the picture, and ``window`` is the middle of its ``y``.
    """

    configuration: Configuration
    case: Case
    chosen: str | None = None
    agreements: dict[str, Agreement] = field(default_factory=dict)
    timings: dict[str, Timing] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    turns: dict[str, Timed] = field(default_factory=dict)
    window: Window | None = None

    @property
    def status(self) -> str:
        """``"agrees"``, ``"disagrees"``, ``"failed"`` or ``"unavailable"``."""
        if self.errors:
            return "failed"
        if any(a.problem for a in self.agreements.values()):
            return "disagrees"
        return "agrees" if self.agreements else "unavailable"

    @property
    def problems(self) -> list[str]:
        """What is wrong, a line for each result or stage."""
        wrong = [f"{name}: {a.problem}" for name, a in self.agreements.items() if a.problem]
        return [*wrong, *(f"{stage}: {error}" for stage, error in self.errors.items())]


def run_all(cases: Sequence[Case], chosen: Sequence[Configuration]) -> list[Run]:
    """Run every configuration on every case, and then all of the picture in turns."""
    exact: dict[tuple[str, tuple[int, ...]], dict[str, reference.Exact]] = {}
    runs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # compilers, about themselves
        with Progress("comparing", len(chosen) * len(cases), coarse=True) as progress:
            for configuration, case in itertools.product(chosen, cases):
                progress.advance(f"{configuration}, {case.name}")
                part = _affordable(case, configuration)
                key = (part.name, part.x.shape)
                if key not in exact:
                    exact[key] = reference.exact(part)
                runs.append(_run(configuration, part, exact[key]))
        _take_turns(runs)
    return runs


def _take_turns(runs: Sequence[Run]) -> None:
    """Take the times of later calls, of all in turns, so that what disturbs disturbs everybody."""
    turns = [(run, stage, timed) for run in runs for stage, timed in run.turns.items()]
    with Progress("taking times, turn", timing.MOST_ROUNDS * len(turns)) as progress:

        def rest() -> None:
            progress.advance()
            until_quiet()

        timing.interleave([timed for *_, timed in turns], _SECONDS_OF_TURNS, rest=rest)
    for run, stage, timed in turns:
        spread = timing.spread(timed.samples)
        run.timings[stage] = Timing(
            timed.cold, spread.median, (spread.low, spread.high), len(timed.samples)
        )
        timed.call = _nothing  # which held arrays and compiled functions


def _nothing() -> None:
    """Stand for a call that is over."""


def _affordable(case: Case, configuration: Configuration) -> Case:
    """Return the middle of the image where the whole would take minutes or gigabytes."""
    if configuration.method == "toeplitz":
        return case.middle(case.x.size, _MATRIX_ELEMENTS)
    if configuration.method == "loop":
        how = configuration.how
        return case.middle(how.loop_outputs_jitted if configuration.jitted else how.loop_outputs)
    return case


def _run(configuration: Configuration, case: Case, exact: dict[str, reference.Exact]) -> Run:
    run = Run(configuration, case)
    face, how = configuration.face, configuration.how
    try:
        like = face.backend.asarray([0])
        x, k, g = (face.backend.from_numpy(a, case.dtype, like) for a in (case.x, case.k, case.g))
        used = _methods_used(configuration, case, x)
        run.chosen = used["y"]
        forward, backward = how.differentiate(
            face, configuration.method, jitted=configuration.jitted
        )
    except Exception as error:
        _note(run, "forward", error)
        return run

    def check(stage: str, names: Sequence[str], call: Callable[[], Any]) -> None:
        timed = Timed(lambda: _finished(call(), face.backend))
        try:
            start = time.perf_counter()
            results = timed.call()
            timed.cold = time.perf_counter() - start
            for name, result in zip(names, results, strict=True):
                agreement = _judged(result, face.backend, case, exact[name], used[name])
                before = run.agreements.get(name, agreement)
                run.agreements[name] = max(before, agreement, key=lambda a: a.severity)
            if not case.is_exact:
                run.window = run.window or _window(face.backend.to_numpy(results[0]), case)
                timing.warm_up(timed)
                run.turns[stage] = timed
        except Exception as error:
            _note(run, stage, error)

    check("forward", ["y"], lambda: (forward(x, k),))
    if run.agreements and (exact["y"].bound is not None or not how.has_autodiff):
        check("gradients", ["y", "dx", "dk"], lambda: backward(x, k, g))
    return run


def _finished(results: Sequence[Array], backend: Backend) -> Sequence[Array]:
    for result in results:
        backend.synchronize(result)
    return results


def _window(y: NDArray[Any], case: Case) -> Window | None:
    """Return the middle of a result of the right shape and dtype."""
    if y.shape != case.output_size or y.dtype != case.dtype:
        return None
    part = case.middle(_OUTPUTS_KEPT)
    rows, columns = (
        slice(a - b, a - b + size)
        for a, b, size in zip(part.offset, case.offset, part.output_size, strict=True)
    )
    return Window(part.offset, y[rows, columns].copy())


def _note(run: Run, stage: str, error: Exception) -> None:
    """Tell a refusal, which the package words in one way, from an error."""
    if isinstance(error, MethodRefusal):
        run.refusals[stage] = error.reason
    else:
        message = str(error).strip().partition("\n")[0]
        run.errors[stage] = f"{type(error).__name__}: {message}"


def _methods_used(configuration: Configuration, case: Case, x: Array) -> dict[str, str]:
    """Return the method behind each result; what autodiff makes of a method counts as the same."""
    backend, name = configuration.face.backend, configuration.method
    resolved = geometry.resolve(case.x.shape, case.k.shape, (1, 1), (1, 1), ((0, 0), (0, 0)))
    device, sums = backend.signature(x)[2], backend.accumulator(case.dtype)

    def chosen(work: adjoints.Work) -> Method:
        return choose(name, Problem(work.geometry, 1, 1, 1, 1, sums, device), backend).method

    method = chosen(adjoints.correlation(resolved))
    operations = method.operations(resolved)
    if configuration.jitted and operations > _OPERATIONS_JITTED:
        raise MethodRefusal(
            name,
            f"it unrolls into {operations} operations, more than the {_OPERATIONS_JITTED} that are "
            f"compiled here",
        )
    used = dict.fromkeys(("y", "dx", "dk"), method.name)
    if name == "auto" and not configuration.how.has_autodiff:
        used["dx"] = chosen(adjoints.input_adjoint(resolved)).name
        used["dk"] = chosen(adjoints.weight_adjoint(resolved)).name
    return used


def _judged(
    result: Array, backend: Backend, case: Case, exact: reference.Exact, method: str
) -> Agreement:
    if not backend.owns(result):
        return Agreement(f"a {type(result).__name__} came back, no {backend.name} array")
    if (dtype := backend.dtype_name(result.dtype)) != case.dtype:
        return Agreement(f"its dtype is {dtype}, not {case.dtype}")
    return judge(
        backend.to_numpy(result),
        exact,
        in_norm=method == "fft",
        must_be_equal=case.is_exact or method == "exact",
    )


def timed(call: Callable[[], Any], backend: Backend) -> tuple[Any, Timing]:
    """Return the results of the first call, and the times of all."""

    def once() -> tuple[Any, float]:
        start = time.perf_counter()
        results = _finished(call(), backend)
        return results, time.perf_counter() - start

    results, first = once()
    later: list[float] = []
    while len(later) < _LEAST_CALLS or (
        len(later) < _MOST_CALLS and sum(later) < _SECONDS_OF_REPEATING
    ):
        later.append(once()[1])
        if sum(later) > 10 * _SECONDS_OF_REPEATING:
            break  # three calls of the slowest would take too long
    spread = timing.spread(later)
    return results, Timing(first, spread.median, (spread.low, spread.high), len(later))
