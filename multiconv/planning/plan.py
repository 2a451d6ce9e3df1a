"""What is known of a call before it runs, and the function that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from multiconv.core import dtypes
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.rounding import fft_factor, narrowing, summing_factor, unit_roundoff
from multiconv.methods.base import Problem
from multiconv.planning.choose import Alternative, Choice, said
from multiconv.planning.memory import bytes_as_said


@dataclass(frozen=True)
class Plan:
    """A function of the arrays, and what is known of it before it runs.

    Attributes
    ----------
    run : callable
        The function.
    output_shape, dtype : tuple of int, str
        Of its result.
    operations : int
        How many operations it asks of the framework, one after another, roughly.
    is_compiled : bool
        False where it makes something that is no array.
    elements : tuple of int
        How many numbers its largest arrays have.
    geometry, problem, choice, multiply_adds
        Of what is correlated, where a method is chosen for it.
    workspace : callable
        Counts the numbers that the method needs beside them; None where the framework does not say.
    unless_finite : callable, optional
        The function to use where the result of the first is not finite.
    """

    run: Callable[..., Any] = field(repr=False)
    output_shape: tuple[int, ...]
    dtype: str
    operations: int = 10
    is_compiled: bool = True
    elements: tuple[int, ...] = ()
    geometry: Geometry | None = None
    problem: Problem | None = None
    choice: Choice | None = None
    multiply_adds: int = 0
    workspace: Callable[[], int | None] = field(default=lambda: None, repr=False)
    unless_finite: Callable[..., Any] | None = field(default=None, repr=False)

    @property
    def pads(self) -> Pairs:
        """The (low, high) pads of every spatial axis."""
        return self.geometry.pads if self.geometry else ()

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.choice.method.name if self.choice else "none"

    @property
    def reason(self) -> str:
        """Why that method."""
        return self.choice.reason if self.choice else ""

    @property
    def workspace_bytes(self) -> int | None:
        """What is needed beside arguments and result, in bytes; None where nobody says."""
        if self.problem is None or self.choice is None:
            return None
        elements = self.workspace()
        if elements is None:
            return None
        has_constant = self.geometry is not None and self.geometry.padding_mode == "constant"
        has_border = any(map(any, self.problem.geometry.pads))
        if has_constant or (has_border and not self.choice.method.takes_border):
            elements += self.problem.pixels
        return elements * dtypes.itemsize(self.problem.dtype)

    @property
    def error_bound(self) -> float:
        """The factor of the error's bound: of ``sum |x| |w|``.

        Of the norms under ``fft``, and of the result itself under ``exact``.
        """
        if self.problem is None or self.choice is None:
            return 0.0
        if dtypes.kind(self.problem.dtype) == "integer":
            return 0.0
        if self.choice.method.error == "rounded":
            return unit_roundoff(self.dtype)
        if self.choice.method.error == "norm":
            lengths = (2 * n for n in self.problem.geometry.padded_size)
            factor = fft_factor(lengths, self.problem.channels, self.dtype)
        else:
            factor = summing_factor(self.problem.products, self.dtype)
        return factor + narrowing(self.dtype)

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The methods that ``auto`` considered: their estimated seconds, or why not."""
        return self.choice.alternatives if self.choice else ()

    def __repr__(self) -> str:
        return f"Plan(output_shape={self.output_shape}, dtype={self.dtype!r}, {self.method!r})"

    def __str__(self) -> str:
        mode = self.geometry.padding_mode if self.geometry else ""
        space = self.workspace_bytes
        of = {"norm": "sum ||x|| ||w|| in norm", "rounded": "|y|, the exact y rounded once"}.get(
            self.choice.method.error if self.choice else "", "sum |x| |w|"
        )
        rows = {
            "output": f"{self.output_shape} {self.dtype}",
            "padding": f"{self.pads} {mode}",
            "method": f"{self.method}: {self.reason}",
            "others": self._others(),
            "multiply-adds": f"{self.multiply_adds:,}",
            "workspace": "the framework's own affair" if space is None else bytes_as_said(space),
            "error": f"at most {self.error_bound:.3g} * {of}"
            if self.error_bound
            else f"none: exact modulo 2**{8 * dtypes.itemsize(self.dtype)}",
        }
        return "\n".join(f"{name:<13}  {text}" for name, text in rows.items() if text)

    def _others(self) -> str:
        """Return the estimates of the other methods, the fastest first."""
        timed = [(a.seconds, a.method) for a in self.alternatives if a.seconds is not None]
        others = [f"{name} {said(time)}" for time, name in sorted(timed) if name != self.method]
        return ", ".join(others)


def ignoring_last(plan: Plan) -> Plan:
    """Return the plan for arrays behind which a border follows that does not matter."""
    run, again = plan.run, plan.unless_finite
    return replace(
        plan,
        run=lambda *arrays: run(*arrays[:-1]),
        unless_finite=again and (lambda *arrays: again(*arrays[:-1])),
    )
