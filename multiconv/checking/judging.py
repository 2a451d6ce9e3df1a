"""Whether what came back is right: numbers within the derived bounds, whole ones exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multiconv.checking.exact import Floats
from multiconv.checking.running.reply import Reply, Result
from multiconv.checking.sum_bounds import elementwise_bound
from multiconv.checking.task import Case, Task, Wanted
from multiconv.core.rounding import unit_roundoff

RESULT = "the result"
ARRAYS = {"numpy": "NumPy array", "torch": "torch.Tensor", "jax": "JAX array"}


@dataclass(frozen=True)
class Verdict:
    """Whether a reply is right, and what strikes the eye where it is not."""

    symptom: str = ""  # empty where it is right
    says: str = ""

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.symptom


@dataclass(frozen=True, eq=False)
class Outcome:
    """A case, what was wanted, what came back, and whether that is right."""

    case: Case
    wanted: tuple[Wanted, ...]
    reply: Reply
    verdict: Verdict

    @property
    def arrays(self) -> list[Floats]:
        """The numbers that came back; none, where something else did."""
        found = [r.values for r in self.reply.results if r.values is not None]
        if self.reply.kind != "returned" or len(found) < len(self.reply.results):
            return []
        return [np.asarray(np.real(values), dtype=np.float64) for values in found]


def judge(task: Task, framework: str, case: Case, reply: Reply) -> Outcome:
    """Compare a reply with what was wanted."""
    wanted = task.wanted(case)
    if reply.kind != "returned":
        verdict = Verdict(reply.kind, _what_happened(reply))
    else:
        verdict = _of_results(task, framework, case, reply, wanted)
    if verdict.is_right and reply.modified:
        verdict = Verdict("modified", f"it changes its input {' and '.join(reply.modified)}")
    if verdict.is_right and reply.refused is not None:
        verdict = Verdict("refused", f"it tries to {reply.refused}")
    return Outcome(case, wanted, reply, verdict)


def _what_happened(reply: Reply) -> str:
    if reply.kind == "raised":
        return f"{reply.error}: {reply.message}" if reply.message else reply.error
    return reply.message


def _of_results(
    task: Task, framework: str, case: Case, reply: Reply, wanted: Sequence[Wanted]
) -> Verdict:
    results = reply.results
    if case.gradient_of is not None and results and results[0].type == "None":
        return Verdict("cut", f"the result does not depend on {case.gradient_of} any more")
    if any(result.type == "None" for result in results):
        return Verdict("none", "it returns None")
    if reply.several != (len(wanted) > 1):
        names = ", ".join(w.name for w in wanted) if len(wanted) > 1 else "one array"
        got = f"a tuple or list of {len(results)}" if reply.several else "one thing"
        return Verdict("count", f"it returns {got}, not {names}")
    if not len(wanted) - task.optional_results <= len(results) <= len(wanted):
        return Verdict("count", f"it returns {len(results)} things, not {len(wanted)}")
    for result, want in zip(results, wanted, strict=False):
        verdict = _of_one(framework, case, result, want)
        if not verdict.is_right:
            return verdict
    return Verdict()


def _of_one(framework: str, case: Case, result: Result, want: Wanted) -> Verdict:
    values, exact = result.values, want.sums.values
    of = "" if want.name == RESULT else f" of {want.name}"
    if result.shape is None:
        return Verdict("type", f"{want.name} is a {result.type}, not a {ARRAYS[framework]}")
    if result.shape != exact.shape:
        return Verdict("shape", f"the shape{of} is {result.shape}, not {exact.shape}")
    if values is None or values.dtype.kind not in "iuf":
        dtype = "unknown" if values is None else values.dtype.name
        return Verdict("dtype", f"the dtype{of} is {dtype}, and numbers are wanted")
    error = np.abs(values.astype(np.float64) - exact)
    count = int(np.count_nonzero(~(error <= _bound(case, want))))
    if count == 0:
        return Verdict()
    if case.gradient_of is not None and not values.any():
        return Verdict("cut", f"{want.name} is zero everywhere")
    if not np.isfinite(values).all():
        return Verdict("not finite", f"nan or infinity{of}")
    return Verdict("values", f"{count} of {values.size} numbers{of} wrong")


def _bound(case: Case, want: Wanted) -> Floats:
    values, magnitudes, products = want.sums
    if want.nearest:  # what is learned need only round to the right numbers
        return np.full(values.shape, 0.5)
    if case.is_whole:  # every order of summation is exact
        return np.zeros(values.shape)
    bound = elementwise_bound(values, magnitudes, products, case.dtype)
    return bound + 2 * unit_roundoff("float64") * np.abs(values)  # of the exact values themselves
