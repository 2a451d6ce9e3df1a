"""A comparison as one JSON document."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from multiconv.coursework.agreement import Agreement
from multiconv.coursework.cases import Case
from multiconv.coursework.compare import Comparison
from multiconv.coursework.learning import Learning, Pupil
from multiconv.coursework.reports import verdict
from multiconv.coursework.runs import Run

_OF_LESSON = ("bias", "steps", "lr", "loss", "seed")
_OF_SOLUTION = ("residual", "rank", "unknowns", "undetermined", "statement")


def in_json(value: Any) -> Any:
    """Return a value in JSON's types; a number that is not finite has no word there and is null."""
    if isinstance(value, np.ndarray):
        numbers = value.astype(object)
        numbers[~np.isfinite(value)] = None
        return numbers.tolist()
    if dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {name: in_json(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [in_json(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def of_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return what ``multiconv compare --json`` prints.

    Times are in seconds, of the runs on the picture. ``fraction`` is the largest error as a
    fraction of its bound.
    """
    return {
        "machine": comparison.machine,
        "backends": comparison.libraries,
        "broken": comparison.broken,
        "cases": [_case(case) for case in comparison.cases],
        "picture": comparison.picture,
        "kernel": comparison.kernel,
        "verdict": verdict.sentence(comparison),
        "problems": [{"where": a, "what": b} for a, b in verdict.problems(comparison)],
        "advice": list(verdict.advice(comparison)),
        "runs": [_run(run) for run in comparison.runs],
        "common_bits": comparison.common_bits,
        "learning": of_learning(comparison.learning),
        "seconds": comparison.seconds,
        "judged": len(comparison.judged),
        "dissenting": len(comparison.dissenting),
        "agree": comparison.agrees,
    }


def of_learning(learning: Learning) -> dict[str, Any]:
    """Return what was learned, step by step."""
    lesson = learning.lesson
    return {
        "image_size": lesson.x.shape,
        "kernel": lesson.kernel,
        "kernel_size": lesson.size,
        **{name: getattr(lesson, name) for name in _OF_LESSON},
        "backends": [_pupil(learning, pupil) for pupil in learning.pupils],
        "broken": learning.broken,
        "compared_steps": learning.compared,
        "agree": learning.agrees,
        "recovered": learning.is_recovered,
        "recovered_within": learning.recovery.within,
    }


def _pupil(learning: Learning, pupil: Pupil) -> dict[str, Any]:
    away, solved = learning.lesson.away, pupil.solution
    return {
        "backend": pupil.name,
        "status": pupil.status,
        "problems": pupil.problems,
        "fraction": pupil.fraction,
        "distance": pupil.distance,
        "sha256": pupil.digest,
        "weights": pupil.weights,
        "losses": pupil.losses,
        "largest_difference": away(pupil.weight),
        "recovered": learning.recovery.is_reached(pupil.weight),
        "notes": pupil.notes,
        "solved": solved
        and {
            "weight": solved.weight,
            **{name: getattr(solved, name) for name in _OF_SOLUTION},
            "largest_difference": away(solved.weight),
        },
        "time": pupil.timing,
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "dtype": case.dtype,
        "image_size": case.x.shape,
        "kernel": case.k,
        "exact": case.is_exact,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "backend": run.configuration.face.name,
        "mode": run.configuration.mode,
        "method": run.configuration.method,
        "chosen": run.chosen,
        "case": run.case.name,
        "image_size": run.case.x.shape,
        "status": run.status,
        "results": {name: _agreement(a) for name, a in run.agreements.items()},
        "times": run.timings,
        "refusals": run.refusals,
        "errors": run.errors,
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "agrees": agreement.problem is None,
        "bit_equal": agreement.is_bit_equal,
        "fraction": agreement.fraction,
        "problem": agreement.problem,
        "sha256": agreement.digest,
    }
