"""Timing every method on every case, and what follows from it for `auto`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.transfer import made
from multiconv.core.progress import Progress
from multiconv.core.quiet import until_quiet
from multiconv.functions.conv import CONV
from multiconv.functions.images import CORR2D
from multiconv.methods.base import Counts, Method, MethodRefusal, uncounted
from multiconv.methods.table import METHODS
from multiconv.planning.choose import runner
from multiconv.planning.constants import Constants
from multiconv.planning.dispatch import plan_for, ready
from multiconv.tuning.cases import Case, cases
from multiconv.tuning.fit import undisturbed

_LONGEST = 0.3  # seconds: no more is asked of a method than what took it so long
_ROUNDS = 4
_REPEATED = 0.02  # seconds that calls are repeated for, at least


@dataclass
class Measured:
    """The samples of a backend: counts and seconds, by method and number of the case."""

    samples: dict[str, dict[int, tuple[Counts, float]]] = field(default_factory=dict)

    def constants(self) -> Constants:
        """Return seconds by method and unit."""
        return {name: undisturbed([*found.values()]) for name, found in self.samples.items()}


def measured(
    backend: Backend, work: Sequence[Case] | None = None, *, recorded: bool = False
) -> Measured:
    """Time the methods that count, in float32, on the backend's default device.

    ``recorded`` times results and gradients together, where the framework records them, or what a
    compiled program does, where an eager call does something else.
    """
    result = Measured()
    work = list(cases()) if work is None else work
    if recorded:
        if backend.with_gradients(len, ()) is not None:
            work = [case for case in work if case.operation in (CORR2D, CONV)]
        elif backend.as_recorded(backend.signature(backend.asarray([0.0]))) is None:
            return result
    methods = [method for method in METHODS.values() if method.counts is not uncounted]
    too_large: dict[str, float] = {}
    with Progress(f"measuring {backend.name}", len(work)) as progress:
        for number, case in enumerate(work):
            _measure(number, case, methods, backend, result, too_large, recorded)
            progress.advance()
    return result


def _measure(
    number: int,
    case: Case,
    methods: list[Method],
    backend: Backend,
    result: Measured,
    too_large: dict[str, float],
    recorded: bool,
) -> None:
    rng = np.random.default_rng(0)
    arrays = [
        made(rng.standard_normal(shape, np.float32), "float32", backend) for shape in case.shapes
    ]
    calls: dict[str, Callable[[], object]] = {}
    counted: dict[str, Counts] = {}
    for method in methods:
        try:
            call, counts, size = _prepared(case, arrays, method, backend, recorded=recorded)
            if recorded:
                call = backend.with_gradients(call, arrays) or call
        except MethodRefusal:
            continue
        if counts is None or size >= too_large.get(method.name, math.inf):
            continue
        call()  # compiled, loaded, and its memory mapped
        start = time.perf_counter()
        call()
        if time.perf_counter() - start > _LONGEST:
            too_large[method.name] = size
        calls[method.name], counted[method.name] = call, counts
    for name, seconds in _fastest(calls).items():
        result.samples.setdefault(name, {})[number] = counted[name], seconds


def _prepared(
    case: Case, arrays: list[Array], method: Method, backend: Backend, *, recorded: bool
) -> tuple[Callable[..., Any], Counts | None, int]:
    options = case.operation.read(arrays, *case.given, method.name)
    given = [*arrays, *[None] * (len(case.operation.names) - len(arrays))]
    own = [None if a is None else backend.signature(a) for a in given]
    signatures = tuple((s and (backend.as_recorded(s) if recorded else None)) or s for s in own)
    plan = plan_for(case.operation, backend, signatures, options)
    run = ready(plan, signatures, backend)
    counts = None
    if plan.problem is not None:
        counts = method.counts(plan.problem, runner(method, plan.problem, backend))
    if counts is not None and plan.problem is not None:
        counts = {unit: count * plan.problem.repeats for unit, count in counts.items()}

    def call(*others: Array) -> object:
        y = run(*(others or arrays), *given[len(arrays) :])
        backend.synchronize(y)
        return y

    return call, counts, plan.multiply_adds


def _fastest(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least seconds per call of each, all taking turns."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            until_quiet()
            count, start = 0, time.perf_counter()
            while True:
                call()
                count += 1
                now = time.perf_counter()
                if now - start > _REPEATED:
                    break
            best[name] = min(best[name], (now - start) / count)
    return best
