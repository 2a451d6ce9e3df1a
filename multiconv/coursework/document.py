"""A comparison as one JSON document."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from multiconv.coursework.agreement import Agreement
from multiconv.coursework.cases import Case
from multiconv.coursework.compare import Comparison
from multiconv.coursework.learning_document import of_learning
from multiconv.coursework.reports import verdict
from multiconv.coursework.runs import Run


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
        "exact_mode": _exact(comparison),
        "learning": of_learning(comparison.learning),
        "seconds": comparison.seconds,
        "judged": len(comparison.judged),
        "dissenting": len(comparison.dissenting),
        "agree": comparison.agrees,
    }


def _exact(comparison: Comparison) -> dict[str, Any] | None:
    found = comparison.exact_mode
    if found is None:
        return None
    return {"sentence": found.sentence, "one": found.is_one, "hashes": found.hashes}


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
