"""The algorithms, one file each, and the choice among them.

Every method is ``run(x, weight, geometry, backend)`` over grouped arrays in the dtype of the sums:
x is (N, G, C, *size), weight (G, O, C, *kernel) and the result (N, G, O, *output), for G groups of
C input and O output channels. All but ``native`` take x with its border already around it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.core import arguments, dtypes
from multiconv.core.geometry import Geometry
from multiconv.methods import direct, fft, im2col, loop, native, toeplitz
from multiconv.methods.borders import extend

METHODS = {
    "loop": loop.run,
    "direct": direct.run,
    "im2col": im2col.run,
    "toeplitz": toeplitz.run,
    "fft": fft.run,
    "native": native.run,
}
NAMES = (*METHODS, "auto")

FORCED = "!"  # method="loop!" and "toeplitz!" do what they would refuse for its size

# Above this many taps, multiply-adds over the whole image cost more than a blocked convolution.
_FEW_TAPS = 64
# Below this many outputs, one call of the framework costs less than one per tap.
_FEW_OUTPUTS = 2**13
# A product per output is one call for each of them, which compilers unroll.
_FEW_PRODUCTS = 64


@dataclass(frozen=True)
class Problem:
    """A correlation of grouped arrays, as far as the choice of a method depends on it."""

    geometry: Geometry
    batch: int
    groups: int
    channels: int
    filters: int
    dtype: str
    device: Hashable


@dataclass(frozen=True)
class Choice:
    """The method that will run, and why that one."""

    method: str
    reason: str


def parse(method: object) -> str:
    """Read the argument ``method``."""
    if isinstance(method, str) and method.removesuffix(FORCED) in ("loop", "toeplitz"):
        return method
    return arguments.choice("method", method, NAMES, aliases={"naive": "loop", "matmul": "im2col"})


def choose(method: str, problem: Problem, backend: Backend) -> Choice:
    """Check that a named method can do the problem, or choose one for ``"auto"``."""
    if method == "auto":
        return _automatic(problem, backend)
    name = method.removesuffix(FORCED)
    refusal = _refusal(name, problem, backend, forced=method.endswith(FORCED))
    if refusal:
        msg = f"method={method!r} cannot be used here: {refusal}"
        raise ValueError(msg)
    if _is_degenerate(problem):
        return Choice(
            "im2col", "there is nothing to add up: a matrix product gives the right zeros"
        )
    return Choice(name, "asked for")


def prepare(method: str, geometry: Geometry, backend: Backend) -> Callable[[Array, Array], Array]:
    """Return a chosen method as a function of (N, G, C, *size) and (G, O, C, *kernel)."""
    run = METHODS[method]
    if method == "native" and geometry.padding_mode == "zeros":
        return lambda x, weight: run(x, weight, geometry, backend)
    padded = geometry.padded()
    return lambda x, weight: run(extend(x, geometry, backend), weight, padded, backend)


def unrolled(method: str, geometry: Geometry) -> int:
    """Estimate how many operations a method asks of the framework, one after another."""
    if method == "loop":
        return 3 * geometry.outputs
    if method in ("direct", "im2col") and isinstance(geometry.outputs, int):
        return 2 * min(geometry.taps, geometry.outputs)
    return 10


def _is_symbolic(geometry: Geometry, backend: Backend) -> bool:
    """Tell whether the sizes stand for a range, as in an exported program."""
    outputs: Any = geometry.outputs  # an int, or what a framework has for an open one
    return backend.is_exporting() or not isinstance(outputs, int)


def _is_degenerate(problem: Problem) -> bool:
    return problem.batch == 0 or problem.channels == 0


def _refusal(name: str, problem: Problem, backend: Backend, *, forced: bool) -> str | None:
    refusal: str | None = None
    if name == "fft" and dtypes.kind(problem.dtype) == "integer":
        return (
            f"integers ({problem.dtype}) never pass through floating point; "
            f"method='direct' or 'auto' is exact, or cast x and weight to a float"
        )
    if name == "fft" and not hasattr(backend.xp, "fft"):
        return f"the {backend.name} backend has no Fourier transforms; method='auto' works"
    if name == "native":
        refusal = backend.native_refusal(problem.dtype, problem.device, problem.geometry.axes)
        return refusal and f"{refusal}; method='auto' works on every input"
    if forced:
        return None
    if name == "loop":
        refusal = loop.refusal(problem.geometry, backend.loop_limit)
    elif name == "toeplitz":
        refusal = toeplitz.refusal(
            problem.geometry, problem.channels, problem.filters, problem.groups
        )
    return refusal and f"{refusal}; method={name + FORCED!r} does it all the same, 'auto' is faster"


def _automatic(problem: Problem, backend: Backend) -> Choice:
    geometry = problem.geometry
    if _is_degenerate(problem):
        return Choice(
            "im2col", "there is nothing to add up: a matrix product gives the right zeros"
        )
    has_native = backend.native_refusal(problem.dtype, problem.device, geometry.axes) is None
    if _is_symbolic(geometry, backend):
        return Choice("native" if has_native else "im2col", "sizes are open: no choice by size")
    if geometry.outputs < geometry.taps:
        if has_native and geometry.outputs > _FEW_PRODUCTS:
            return Choice("native", "fewer outputs than taps, but many: the framework's own")
        return Choice("direct", "fewer outputs than taps: one product per output")
    if dtypes.kind(problem.dtype) == "integer":
        return Choice("direct", "integers are exact in any order, and this needs no large matrix")
    if has_native and geometry.outputs < _FEW_OUTPUTS:
        return Choice("native", "a small result: the framework's own convolution in one call")
    if problem.channels == 1 and problem.filters == 1 and geometry.taps <= _FEW_TAPS:
        return Choice("direct", "one channel and few taps: a multiply-add per tap")
    if has_native:
        return Choice("native", "several channels or many taps: the framework's own convolution")
    return Choice("im2col", "several channels or many taps: one matrix product")
