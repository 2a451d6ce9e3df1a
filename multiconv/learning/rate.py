"""The learning rate: read, judged before the descent, and explained after it."""

from __future__ import annotations

import math
import sys
import warnings
from typing import Any

import numpy as np

from multiconv.learning.normal_form import FloatArray, eigenvalue_beyond
from multiconv.learning.problem import Problem


def read(lr: Any) -> float:
    """Read a positive number: Python's, or an array without axes."""
    kind = str(getattr(lr, "dtype", type(lr).__name__))
    is_other = isinstance(lr, (str, bytes)) or "bool" in kind or "complex" in kind
    try:
        if is_other or len(getattr(lr, "shape", "")):
            raise TypeError
        value = float(lr)
    except OverflowError:
        value = math.inf
    except (TypeError, ValueError, RuntimeError) as error:  # under a compiler, none has a value
        msg = f"lr must be a number such as 3e-2, with a value here; got {lr!r} of type {kind}"
        raise TypeError(msg) from error
    if not (math.isfinite(value) and value > 0):
        msg = f"lr must be a positive, finite number such as 3e-2, got {value}"
        raise ValueError(msg)
    return value


def warn_if_divergent(problem: Problem, lr: float, scale: int) -> None:
    """Warn where the loss must grow; the normal form is computed only then, for the advice."""
    largest = eigenvalue_beyond(scale / lr, problem.layer, problem.images, problem.targets)
    if largest is None:
        return
    msg = (
        f"lr={lr:g} must diverge: the largest eigenvalue of the patch matrix's A^T A is "
        f"{largest:.4g}, so the loss grows beyond lr={scale / largest:.4g}; "
        f"lr={problem.normal_form.best_rate(scale):.2g} is the fastest that converges"
    )
    warnings.warn(msg, RuntimeWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """Return the stack level of the first caller outside this package, for a warning."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("multiconv."):
        level, frame = level + 1, frame.f_back
    return level


def explain(problem: Problem, losses: FloatArray, lr: float, scale: int) -> list[str]:
    """Say whether the loss diverged or stalled, and why."""
    if len(losses) < 2:
        return []
    first, before, last = losses[[0, -2, -1]].tolist()
    grew = not math.isfinite(last) or last > first
    # The last step has gained a twentieth, or there is nothing left to gain.
    if not grew and (before - last > 0.05 * last or last <= 1e-6 * first):
        return []
    system = problem.normal_form
    minimum, best = system.residual / scale, system.best_rate(scale)
    if grew:
        return [
            f"the loss grew from {first:.4g} to {last:.4g}: the learning rate is too large, "
            f"and lr={best:.2g} converges fastest"
        ]
    if last <= 1.01 * minimum:
        return [
            f"the loss has stalled at {last:.4g}, the least that a kernel of this size can reach: "
            f"a larger kernel or a bias may fit better"
        ]
    shrink = float(np.max(np.abs(1 - 2 * lr * system.eigenvalues / scale)))  # the error, least
    steps = math.ceil(math.log(100) / (-2 * math.log(shrink))) if 0 < shrink < 1 else None
    more = f"about {steps} steps a hundredfold" if steps else "ever more steps"
    advice = (
        f"that rate is small for these data, and lr={best:.2g} converges fastest"
        if lr < 0.9 * best
        else "no rate is much faster for these data; solve_kernel needs no steps"
    )
    return [
        f"the loss has stalled at {last:.4g}, far from its least, {minimum:.4g}: with lr={lr:g} "
        f"the slowest direction takes {more}; {advice}"
    ]
