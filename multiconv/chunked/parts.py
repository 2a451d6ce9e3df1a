"""One block of a result, as a call of its own.

What is here travels to other processes, and so is made of numbers and names.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.chunked.joining import Joins, joined
from multiconv.core.geometry import Geometry
from multiconv.planning.computation import Computation
from multiconv.planning.dispatch import Operation, dispatch, plan_for
from multiconv.planning.frame import planned
from multiconv.planning.operands import Layout, Role, result_dtype
from multiconv.planning.options import Options
from multiconv.planning.plan import Plan


@dataclass(frozen=True)
class Part:
    """A correlation or an adjoint over one block, as `planning.frame.planned` takes it.

    ``is_wide`` leaves the sums in the dtype that they are made in, for those that are added to
    others.
    """

    given: tuple[Role, Role]
    wanted: Role
    layout: Layout
    geometry: Geometry
    options: Options
    flips: bool = False
    is_wide: bool = False


def _plan(backend: Backend, operands: list[Any], part: Any) -> Plan:
    first, second, bias, *border = operands
    if part.is_wide:
        sums = backend.accumulator(result_dtype(first, second, backend))
        first, second = first._replace(dtype=sums), second._replace(dtype=sums)
    asked = Computation(
        dict(zip(part.given, (first, second), strict=True)),
        part.wanted,
        part.layout,
        part.geometry,
        part.options.method,
        part.flips,
    )
    return planned(backend, asked, part.options, border=border, bias=bias)


#: Blocks that are alike are calls of one kind, which is planned once.
_PART = Operation(_plan, ("x", "weight", "bias"), lambda arrays, part: part)


def plan_of(part: Part, backend: Backend, signatures: tuple[Any, ...]) -> Plan:
    """Return the plan of a block whose arrays have these signatures; it says what is refused."""
    return _planned(part, backend, signatures, backend.configuration())


# To plan takes longer than to write down a block's tasks, and a loop makes one graph after another.
@functools.lru_cache(maxsize=1024)
def _planned(
    part: Part, backend: Backend, signatures: tuple[Any, ...], configuration: Hashable
) -> Plan:
    return plan_for(_PART, backend, signatures, part)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Compute:
    """One block: pieces are joined, correlated, and cut to the part that is kept.

    ``first`` and ``second`` say how the pieces of the two arrays lie.
    """

    part: Part
    first: Joins
    second: Joins
    keep: tuple[tuple[int, int], ...] = ()

    def __call__(
        self,
        first: Sequence[Array],
        second: Sequence[Array],
        bias: Array | None,
        border: Array | None = None,
    ) -> Array:
        """Return the block."""
        backend, _ = backend_of({"x": first[0], "weight": second[0]})
        arrays = joined(first, self.first, backend), joined(second, self.second, backend)
        small: list[Array | None] = [bias]
        if border is not None:  # in the image's own dtype, where sums go on in a wider one, too
            small.append(backend.astype(border, backend.dtype_name(arrays[0].dtype)))
        y = dispatch(_PART, (*arrays, *small), (self.part,))
        return y[(..., *(slice(*ends) for ends in self.keep))] if self.keep else y
