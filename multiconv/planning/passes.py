"""The plan of one correlation after another, along one axis each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from multiconv.backends.base import Array
from multiconv.core.arguments import Pairs
from multiconv.core.dtypes import itemsize
from multiconv.planning.choose import Alternative
from multiconv.planning.plan import Plan


@dataclass(frozen=True)
class Passes(Plan):
    """Plans that are carried out in order, each on the result of the one before.

    Attributes
    ----------
    passes : tuple of Plan
        One for each kernel.
    """

    passes: tuple[Plan, ...] = field(default=(), repr=False)

    @property
    def pads(self) -> Pairs:
        """The (low, high) pads of every axis, in the order of the kernels."""
        return tuple(pair for each in self.passes for pair in each.pads)

    @property
    def method(self) -> str:
        """The name of the method, or the names in the order of the kernels."""
        return self._once([each.method for each in self.passes], ", then ")

    @property
    def reason(self) -> str:
        """Why that method, or those."""
        return self._once([each.reason for each in self.passes], "; then ")

    @property
    def workspace_bytes(self) -> int | None:
        """What the largest pass needs, beside it the results that are neither x nor y."""
        kept = [math.prod(each.output_shape) * itemsize(each.dtype) for each in self.passes]
        kept[-1] = 0
        needed = [each.workspace_bytes for each in self.passes]
        if None in needed:
            return None
        before = [0, *kept]
        return max((n or 0) + b + k for n, b, k in zip(needed, before, kept, strict=False))

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """None of the whole: each of the passes has its own."""
        return ()

    @property
    def error_bound(self) -> float:
        """The factor of the error's bound: each pass adds its own, also to the errors before."""
        return math.prod(1 + each.error_bound for each in self.passes) - 1

    @staticmethod
    def _once(texts: list[str], between: str) -> str:
        return texts[0] if len(set(texts)) == 1 else between.join(texts)


def in_passes(passes: tuple[Plan, ...], run: Callable[..., Array]) -> Passes:
    """Return the plan of a function that is carried out in these."""
    choices = [each.choice for each in passes if each.choice is not None]
    return Passes(
        run=run,
        output_shape=passes[-1].output_shape,
        dtype=passes[-1].dtype,
        operations=sum(each.operations for each in passes),
        elements=tuple(n for each in passes for n in each.elements),
        geometry=passes[0].geometry,
        # Of a bound in norm the whole has one in norm.
        choice=next((one for one in choices if one.method.error == "norm"), None),
        multiply_adds=sum(each.multiply_adds for each in passes),
        passes=passes,
    )
