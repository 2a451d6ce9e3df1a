"""Which method runs, and why that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.methods.adjoints import nothing
from multiconv.methods.base import Method, MethodRefusal, Problem
from multiconv.methods.table import FORCED, METHODS

# Above this many taps, multiply-adds over the whole image cost more than a blocked convolution.
_FEW_TAPS = 64
# Below this many outputs, one call of the framework costs less than one per tap.
_FEW_OUTPUTS = 2**13
# A product per output is one call for each of them, which compilers unroll.
_FEW_PRODUCTS = 64


@dataclass(frozen=True)
class Choice:
    """The method that will run, and why that one."""

    method: Method
    reason: str


def _zeros(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    shape = (*x.shape[:2], weight.shape[1], *geometry.output_size)
    return nothing(x, weight, shape, backend)


_NOTHING = Choice(Method("none", _zeros, takes_border=True), "there is nothing to add up: zeros")


def choose(method: str, problem: Problem, backend: Backend) -> Choice:
    """Check that a named method can do the problem, or choose one for ``"auto"``.

    Raises
    ------
    MethodRefusal
        If the named method cannot do it.
    """
    if method != "auto":
        chosen = METHODS[method.removesuffix(FORCED)]
        reason = refusal(chosen, problem, backend, forced=method.endswith(FORCED))
        if reason:
            raise MethodRefusal(method, reason)
        return _NOTHING if problem.is_empty else Choice(chosen, "asked for")
    if problem.is_empty:
        return _NOTHING
    name, reason = _automatic(problem, backend)
    return Choice(METHODS[name], reason)


def refusal(
    method: Method, problem: Problem, backend: Backend, *, forced: bool = False
) -> str | None:
    """Return why a method cannot do a problem, or would take too long; None where it can."""
    reason = method.refusal(problem, backend)
    if reason or forced or method.limit is None:
        return reason
    too_large = method.limit(problem, backend)
    if too_large is None:
        return None
    force = f"method={method.name + FORCED!r}"
    return f"{too_large}; {force} does it all the same, 'auto' is faster"


def _automatic(problem: Problem, backend: Backend) -> tuple[str, str]:
    geometry = problem.geometry
    outputs: Any = geometry.outputs  # an int, or what a framework has for an open one
    has_native = METHODS["native"].refusal(problem, backend) is None
    if backend.is_exporting() or not isinstance(outputs, int):
        return "native" if has_native else "im2col", "sizes are open: no choice by size"
    if outputs < geometry.taps:
        if has_native and outputs > _FEW_PRODUCTS:
            return "native", "fewer outputs than taps, but many: the framework's own convolution"
        return "direct", "fewer outputs than taps: one product per output"
    if dtypes.kind(problem.dtype) == "integer":
        return "direct", "integers are exact in any order, and this needs no large matrix"
    if has_native and outputs < _FEW_OUTPUTS:
        return "native", "a small result: the framework's own convolution in one call"
    if problem.channels == 1 and problem.filters == 1 and geometry.taps <= _FEW_TAPS:
        return "direct", "one channel and few taps: a multiply-add per tap"
    if has_native:
        return "native", "several channels or many taps: the framework's own convolution"
    return "im2col", "several channels or many taps: one matrix product"
