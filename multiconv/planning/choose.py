"""Which method runs, and why that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multiconv.backends.base import Array, Backend, Work
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.methods.adjoints import nothing
from multiconv.methods.base import Method, MethodRefusal, Problem
from multiconv.methods.table import FORCED, METHODS
from multiconv.planning.constants import Constants, constants_for

# Above this many taps, multiply-adds over the whole image cost more than a blocked convolution.
_FEW_TAPS = 64
# Below this many outputs, one call of the framework costs less than one per tap.
_FEW_OUTPUTS = 2**13
# A product per output is one call for each of them, which compilers unroll.
_FEW_PRODUCTS = 64
# What a method may need beside its arrays, as a multiple of input and output, and so many numbers
# are always within it.
MOST_WORKSPACE = 3
_SMALL = 2**19
# A bound in norm is worth less than one for every element: the gain has to be large.
FFT_MUST_GAIN = 4


@dataclass(frozen=True)
class Alternative:
    """A method that was considered: its estimated time, or why it is out of the question."""

    method: str
    seconds: float | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Choice:
    """The method that will run, and why that one.

    ``unless_finite`` is what runs again where the result is not finite: what is not spreads over
    all that a transform or a folded row has to do with it.
    """

    method: Method
    reason: str
    alternatives: tuple[Alternative, ...] = ()
    unless_finite: Method | None = None


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
        if problem.is_empty:
            return _NOTHING
        return Choice(chosen, "asked for", unless_finite=_unless_finite(chosen))
    if problem.is_empty:
        return _NOTHING
    if backend.is_tracing() or backend.is_exporting() or not isinstance(problem.outputs, int):
        name, reason = _by_rule(problem, backend)
        return Choice(METHODS[name], reason)
    return _by_cost(problem, backend)


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


def _by_cost(problem: Problem, backend: Backend) -> Choice:
    """Choose the method that is estimated to be fastest, of those that keep the bound."""
    kind = backend.speed(problem.device, recorded=problem.is_recorded)
    constants = constants_for(backend.name, kind) or {}
    considered = [_considered(m, problem, backend, constants) for m in METHODS.values()]
    times = {a.method: a.seconds for a in considered if a.seconds is not None}
    exact = {name: t for name, t in times.items() if METHODS[name].error == "elementwise"}
    if not exact:
        name, reason = _by_rule(problem, backend)
        return Choice(METHODS[name], reason, tuple(considered))
    best = min(exact, key=exact.__getitem__)
    for name, seconds in times.items():
        if METHODS[name].error == "norm" and FFT_MUST_GAIN * seconds <= exact[best]:
            reason = f"about {said(seconds)}, at least {FFT_MUST_GAIN} times faster than {best}"
            again = _unless_finite(METHODS[best]) or METHODS[best]
            return Choice(METHODS[name], reason, tuple(considered), again)
    reason = f"about {said(exact[best])}, the fastest within the element-wise bound"
    chosen = METHODS[best]
    return Choice(chosen, reason, tuple(considered), _unless_finite(chosen))


def _unless_finite(method: Method) -> Method | None:
    return METHODS["direct"] if method.spreads else None


def _considered(
    method: Method, problem: Problem, backend: Backend, constants: Constants
) -> Alternative:
    why = refusal(method, problem, backend)
    if why:
        return Alternative(method.name, refusal=why)
    if problem.is_spread and not method.keeps_shards:
        return Alternative(method.name, refusal="a compiler would gather what is divided")
    on = runner(method, problem, backend)
    counts, known = method.counts(problem, on), constants.get(method.name)
    if counts is None or known is None or not counts.keys() <= known.keys():
        return Alternative(method.name, refusal="it is not measured here")
    space = method.workspace(problem, on)
    if space is None:  # the framework's own affair, and sometimes a very large one
        columns = problem.outputs // max(problem.filters, 1) * problem.products
        space = backend.native_elements(problem.dtype, problem.device, columns)
    room = MOST_WORKSPACE * (problem.pixels + problem.outputs)
    if space is not None and space > max(room, _SMALL):
        return Alternative(method.name, refusal=f"it needs {space / room:.2g} times the room")
    seconds = problem.repeats * sum(known[unit] * count for unit, count in counts.items())
    return Alternative(method.name, seconds)


def runner(method: Method, problem: Problem, backend: Backend) -> Backend:
    """Return the backend that a method is planned for, perhaps another one on the same memory."""
    if problem.is_recorded or problem.is_spread or problem.is_empty:
        return backend
    products = problem.repeats * problem.multiply_adds
    sizes = problem.channels, problem.filters, products, problem.repeats
    return backend.runner(Work(method.name, problem.dtype, problem.device, *sizes))


def said(seconds: float) -> str:
    """Return a time as people say it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _by_rule(problem: Problem, backend: Backend) -> tuple[str, str]:
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
