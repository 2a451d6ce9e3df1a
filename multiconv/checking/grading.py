"""Running all cases of a task, and finding out what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from multiconv.checking import descents
from multiconv.checking.complaints import Diagnosis
from multiconv.checking.diagnosis import diagnose
from multiconv.checking.exact import Floats
from multiconv.checking.judging import Outcome, judge
from multiconv.checking.report import Report
from multiconv.checking.running.reply import Reply
from multiconv.checking.shrinking import shrink
from multiconv.checking.source import Source
from multiconv.checking.task import Case, Task
from multiconv.core.progress import Progress


class Runs(Protocol):
    """What runs a function on a case."""

    def call(self, case: Case) -> Reply:
        """Run the function."""


def grade(source: Source, task: Task, runs: Runs, seed: int, protection: str) -> Report:
    """Run the function on all cases of the task, and look for what is wrong."""
    cases = task.cases(np.random.default_rng(seed), source.framework)

    def run(case: Case) -> Outcome:
        return judge(task, source.framework, case, runs.call(case))

    outcomes = []
    with Progress("checking", len(cases)) as progress:
        for case in cases:
            outcomes.append(run(case))
            progress.advance(case.title)
        found = diagnose(task, outcomes)
        if found is not None and task.is_descent and found.key in ("values", "not finite"):
            found = descents.diagnose(cases[0], lambda case: _learned(run(case))) or found
        smallest = None
        if found is not None and _depends_on_the_case(task, outcomes, found):
            smallest = _smallest(task, outcomes, found, run)
    return Report(source, task, tuple(outcomes), found, smallest, seed, protection)


def _learned(outcome: Outcome) -> Floats | None:
    return outcome.arrays[0] if outcome.arrays else None


def _depends_on_the_case(task: Task, outcomes: list[Outcome], found: Diagnosis) -> bool:
    """Tell whether a case shows anything: an error that all raise is read where it stands."""
    if task.is_descent or found.key in ("none", "signature", "type", "dtype", "count"):
        return False
    return any(o.verdict.is_right or o.verdict.symptom != "raised" for o in outcomes)


def _smallest(
    task: Task, outcomes: list[Outcome], found: Diagnosis, run: Callable[[Case], Outcome]
) -> Outcome | None:
    """Return the first failed case that shows what is wrong, made smaller; None after an end."""
    failed = [o for o in outcomes if not o.verdict.is_right and o.case.gradient_of is None]
    if found.mistake is not None:
        failed = [o for o in failed if o.arrays and found.mistake.gives(o.case) is not None]
    shown = [o for o in failed if o.reply.kind in ("returned", "raised")]
    return shrink(task, shown[0], found, run) if shown else None
