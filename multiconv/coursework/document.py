"""A comparison as one JSON document."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import multiconv
from multiconv.coursework.agreement import Agreement
from multiconv.coursework.cases import Case
from multiconv.coursework.compare import Comparison
from multiconv.coursework.environment import BackendState
from multiconv.coursework.learning import Learning, Lesson, Pupil, Solution
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
        "backends": [_pupil(lesson, pupil) for pupil in learning.pupils],
        "broken": learning.broken,
        "compared_steps": learning.compared,
        "agree": learning.agrees,
    }


def _pupil(lesson: Lesson, pupil: Pupil) -> dict[str, Any]:
    return {
        "backend": pupil.name,
        "status": pupil.status,
        "problems": pupil.problems,
        "fraction": _finite(pupil.fraction),
        "distance": _finite(pupil.distance),
        "sha256": pupil.digest,
        "weights": _numbers(pupil.weights),
        "losses": _numbers(pupil.losses),
        "largest_difference": _finite(lesson.away(pupil.weight)),
        "notes": pupil.notes,
        "solved": None if pupil.solution is None else _solution(lesson, pupil.solution),
        "time": None if pupil.timing is None else _timing(pupil.timing),
    }


def _solution(lesson: Lesson, solution: Solution) -> dict[str, Any]:
    return {
        "weight": _numbers(solution.weight),
        "largest_difference": _finite(lesson.away(solution.weight)),
        "residual": solution.residual,
        "rank": solution.rank,
        "unknowns": solution.unknowns,
        "undetermined": solution.undetermined.tolist(),
        "statement": solution.statement,
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
    fraction = agreement.fraction
    return {
        "agrees": agreement.problem is None,
        "bit_equal": agreement.is_bit_equal,
        "fraction": fraction if fraction is not None and math.isfinite(fraction) else None,
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
