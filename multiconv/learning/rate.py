"""The learning rate: read, judged before the descent, and explained after it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from multiconv.core.callers import callers_level
from multiconv.learning import momentum as heavy_ball
from multiconv.learning.normal_form import FloatArray, NormalForm
from multiconv.learning.problem import Problem


def read(lr: Any) -> float:
    """Read a positive number: Python's, or an array without axes."""
    value = _number("lr", lr, "3e-2")
    if not (math.isfinite(value) and value > 0):
        msg = f"lr must be a positive, finite number such as 3e-2, got {value}"
        raise ValueError(msg)
    return value


def read_momentum(momentum: Any) -> float:
    """Read a number from 0 to 1, without 1."""
    value = _number("momentum", momentum, "0.9")
    if not 0 <= value < 1:
        msg = f"momentum must be at least 0 and less than 1, such as 0.9, got {value}"
        raise ValueError(msg)
    return value


def _number(name: str, given: Any, example: str) -> float:
    kind = str(getattr(given, "dtype", type(given).__name__))
    is_other = isinstance(given, (str, bytes)) or "bool" in kind or "complex" in kind
    try:
        if is_other or len(getattr(given, "shape", "")):
            raise TypeError
        return float(given)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, RuntimeError) as error:  # under a compiler, none has a value
        msg = (
            f"{name} must be a number such as {example}, with a value here; got {given!r} of type "
            f"{kind}"
        )
        raise TypeError(msg) from error


def warn_if_divergent(problem: Problem, lr: float, momentum: float, scale: int) -> None:
    """Warn where the loss must grow; the normal form is computed only then, for the advice."""
    reach = scale * (1 + momentum)  # over the eigenvalue, the largest rate
    largest = problem.eigenvalue_beyond(reach / lr)
    if largest is None:
        return
    best = heavy_ball.best_rate(problem.normal_form, scale, momentum)
    of = f" with momentum={momentum:g}" if momentum else ""
    msg = (
        f"lr={lr:g} must diverge: the largest eigenvalue of the patch matrix's A^T A is "
        f"{largest:.4g}, so the loss grows beyond lr={reach / largest:.4g}{of}; "
        f"lr={best:.2g} is the fastest that converges"
    )
    warnings.warn(msg, RuntimeWarning, stacklevel=callers_level())


def explain(
    problem: Problem, losses: FloatArray, lr: float, momentum: float, scale: int
) -> list[str]:
    """Say whether the loss diverged or stalled, and why."""
    verdict = judged(losses, steady=not momentum)
    if not verdict:
        return []
    system, (first, last) = problem.normal_form, losses[[0, -1]].tolist()
    best = heavy_ball.best_rate(system, scale, momentum)
    if verdict == "grew":
        return [
            f"the loss grew from {first:.4g} to {last:.4g}: the learning rate is too large, "
            f"lr={lr:g} where lr={best:.2g} converges fastest"
        ]
    minimum = system.residual / scale
    if last <= 1.01 * minimum:
        return [_least(last)]
    factor = float(np.max(heavy_ball.shrink(2 * lr * system.eigenvalues / scale, momentum)))
    steps = math.ceil(math.log(100) / (-2 * math.log(factor))) if 0 < factor < 1 else None
    more = f"about {steps} steps a hundredfold" if steps else "ever more steps"
    advice = (
        f"that rate is small for these data, and lr={best:.2g} converges fastest"
        if lr < 0.9 * best
        else f"no rate is much faster for these data; {_faster(system, momentum, scale)}"
        f"solve_kernel needs no steps"
    )
    return [
        f"the loss has stalled at {last:.4g}, far from its least, {minimum:.4g}: with lr={lr:g} "
        f"the slowest direction takes {more}; {advice}"
    ]


def _faster(system: NormalForm, momentum: float, scale: int) -> str:
    best = heavy_ball.best(system)
    rate = heavy_ball.best_rate(system, scale, best)
    return f"momentum={best:.3g} with lr={rate:.3g} is, and " if best > momentum else ""


def explain_optimizer(problem: Problem, losses: FloatArray, scale: int) -> list[str]:
    """Say the same of another way down, of whose steps nothing is known."""
    verdict = judged(losses, steady=False)
    if not verdict:
        return []
    first, last = losses[[0, -1]].tolist()
    if verdict == "grew":
        return [f"the loss grew from {first:.4g} to {last:.4g}: the optimizer's rate is too large"]
    minimum = problem.normal_form.residual / scale
    if last <= 1.01 * minimum:
        return [_least(last)]
    return [
        f"the loss has stalled at {last:.4g}, far from its least, {minimum:.4g}: the optimizer "
        f"needs more steps or another rate; solve_kernel needs none"
    ]


def judged(losses: FloatArray, *, steady: bool) -> str:
    """Return whether the loss ``"grew"`` or ``"stalled"``, else nothing.

    It has stalled where the last step has gained less than a twentieth; or the last tenth of all
    steps, where a step need not be downwards.
    """
    if len(losses) < 2:
        return ""
    first, last = losses[[0, -1]].tolist()
    if not math.isfinite(last) or last > first:
        return "grew"
    recent = 1 if steady else math.ceil(len(losses) / 10)
    least = float(np.min(losses[-recent:]))
    gained = float(np.min(losses[:-recent])) - least > 0.05 * least
    return "" if gained or last <= 1e-6 * first else "stalled"


def _least(loss: float) -> str:
    return (
        f"the loss has stalled at {loss:.4g}, the least that a kernel of this size can reach: "
        f"a larger kernel or a bias may fit better"
    )
