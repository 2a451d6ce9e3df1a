"""A small case in which something is wrong in the same way, for a person to look at."""

from __future__ import annotations

import time
from collections.abc import Callable

from multiconv.checking.complaints import Diagnosis
from multiconv.checking.diagnosis import explains
from multiconv.checking.judging import Outcome
from multiconv.checking.task import Case, Task

_SECONDS = 5.0
_CALLS = 400


def shrink(
    task: Task, outcome: Outcome, found: Diagnosis, run: Callable[[Case], Outcome]
) -> Outcome:
    """Make a failed case smaller, step by step, as long as it fails in the same way."""
    end, calls = time.monotonic() + _SECONDS, 0
    while True:
        for case in task.smaller(outcome.case):
            if outcome.verdict.symptom != "values" and _sizes(case) == _sizes(outcome.case):
                continue  # simpler numbers show nothing
            calls += 1
            if calls > _CALLS or time.monotonic() > end:
                return outcome
            smaller = run(case)
            if smaller.reply.kind in ("hung", "died", "not run"):
                return outcome
            if _is_alike(smaller, outcome, found):
                outcome = smaller
                break
        else:
            return outcome


def _is_alike(smaller: Outcome, larger: Outcome, found: Diagnosis) -> bool:
    if smaller.verdict.is_right or smaller.reply.error != larger.reply.error:
        return False
    if found.mistake is not None:
        return bool(smaller.arrays) and explains(found.mistake, smaller)
    return smaller.verdict.symptom == larger.verdict.symptom


def _sizes(case: Case) -> list[tuple[int, ...]]:
    return [case.size(name) for name in case.inputs]
