"""A comparison as one JSON document."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import multiconv
from multiconv.coursework.agreement import Agreement
from multiconv.coursework.cases import Case
from multiconv.coursework.compare import Comparison
from multiconv.coursework.environment import BackendState
from multiconv.coursework.learning import Learning, Pupil, Solution
from multiconv.coursework.runs import Run, Timing


def of_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return what ``multiconv compare --json`` prints, made of JSON's types alone.

    Times are in seconds. ``fraction`` is the largest error as a fraction of its bound.
    """
    return {
        "multiconv": multiconv.__version__,
        "machine": dataclasses.asdict(comparison.machine),
        "backends": [dataclasses.asdict(library) for library in comparison.libraries],
        "broken": comparison.broken,
        "cases": [_case(case) for case in comparison.cases],
        "kernel": comparison.kernel,
        "runs": [_run(run) for run in comparison.runs],
        "learning": of_learning(comparison.learning),
        "seconds": comparison.seconds,
        "judged": len(comparison.judged),
        "dissenting": len(comparison.dissenting),
        "agree": comparison.agrees,
    }


def of_learning(learning: Learning) -> dict[str, Any]:
    """Return what was learned, step by step; a number that is not finite is null."""
    lesson = learning.lesson
    return {
        "image_size": list(lesson.x.shape),
        "kernel": lesson.kernel.tolist(),
        "kernel_size": list(lesson.size),
        "bias": lesson.bias,
        "steps": lesson.steps,
        "lr": lesson.lr,
        "loss": lesson.loss,
        "seed": lesson.seed,
        "backends": [_pupil(learning, pupil) for pupil in learning.pupils],
        "broken": learning.broken,
        "compared_steps": learning.compared,
        "agree": learning.agrees,
        "recovered": learning.is_recovered,
        "recovered_within": _finite(learning.recovery.within),
    }


def _pupil(learning: Learning, pupil: Pupil) -> dict[str, Any]:
    away = learning.lesson.away
    return {
        "backend": pupil.name,
        "status": pupil.status,
        "problems": pupil.problems,
        "fraction": _finite(pupil.fraction),
        "distance": _finite(pupil.distance),
        "sha256": pupil.digest,
        "weights": _numbers(pupil.weights),
        "losses": _numbers(pupil.losses),
        "largest_difference": _finite(away(pupil.weight)),
        "recovered": learning.recovery.is_reached(pupil.weight),
        "notes": pupil.notes,
        "solved": None if pupil.solution is None else _solution(pupil.solution, away),
        "time": None if pupil.timing is None else _timing(pupil.timing),
    }


def _solution(solution: Solution, away: Callable[..., float | None]) -> dict[str, Any]:
    return dataclasses.asdict(solution) | {
        "weight": _numbers(solution.weight),
        "largest_difference": _finite(away(solution.weight)),
        "undetermined": solution.undetermined.tolist(),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _numbers(array: NDArray[Any]) -> Any:
    """Return nested lists, which may not hold what JSON has no word for."""
    numbers = array.astype(object)
    numbers[~np.isfinite(array)] = None
    return numbers.tolist()


def of_backends(states: list[BackendState]) -> dict[str, Any]:
    """Return what ``multiconv backends --json`` prints."""
    return {
        "multiconv": multiconv.__version__,
        "backends": [dataclasses.asdict(state) for state in states],
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "dtype": case.dtype,
        "image_size": list(case.x.shape),
        "kernel": case.k.tolist(),
        "exact": case.is_exact,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "backend": run.configuration.face.name,
        "mode": run.configuration.mode,
        "method": run.configuration.method,
        "chosen": run.chosen,
        "case": run.case.name,
        "image_size": list(run.case.x.shape),
        "status": run.status,
        "results": {name: _agreement(a) for name, a in run.agreements.items()},
        "times": {stage: _timing(timing) for stage, timing in run.timings.items()},
        "refusals": run.refusals,
        "errors": run.errors,
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "agrees": agreement.problem is None,
        "bit_equal": agreement.is_bit_equal,
        "fraction": _finite(agreement.fraction),
        "problem": agreement.problem,
        "sha256": agreement.digest,
    }


def _timing(timing: Timing) -> dict[str, Any]:
    low, median, high = timing.quartiles
    return {
        "first": timing.first,
        "warm": median,
        "quartiles": [low, high],
        "calls": timing.calls,
    }
