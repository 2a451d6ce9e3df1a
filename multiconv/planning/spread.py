"""A plan for arrays that lie on a mesh, a compiler alone knows how.

While a program is traced, nobody knows what divides its arrays. The compiler decides, and asks
then: each shard does what it would on a mesh that is known (see `sharding`), with the halos of its
neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry
from multiconv.core.shards import Names, Parts, Placement
from multiconv.planning.operands import Layout, Operand, Role
from multiconv.planning.sharding import Dimension, Planned, named_axes, parted

if TYPE_CHECKING:
    from multiconv.planning.frame import Plan


def where_they_lie(
    plan: Plan,
    derived: Callable[..., Array],
    planned: Planned,
    backend: Backend,
    given: Mapping[Role, Operand],
    wanted: Role,
    layout: Layout,
    geometry: Geometry,
    method: str,
    *,
    bias: Operand | None = None,
    flips: bool = False,
) -> Plan:
    """Return a plan that runs in parts where the compiler divides something.

    ``derived`` is another way to the same result, which the compiler divides by itself: that of the
    derivatives.
    """
    result = named_axes(wanted, layout, geometry.axes)
    axes = [named_axes(role, layout, geometry.axes) for role in given]
    operands = list(given.values())
    if bias is not None:
        axes.append((result[-geometry.axes - 1],))
        operands.append(bias)

    def parts(placements: Sequence[Placement]) -> tuple[Parts, Callable[..., Array]] | None:
        """Return what each shard does, None where nothing is divided that can be."""
        specs = [_even(p, o.shape) for p, o in zip(placements, operands, strict=True)]
        while any(map(any, specs[: len(given)])):
            known = {
                role: o._replace(placement=place._replace(spec=spec), is_spread=False)
                for (role, o), place, spec in zip(given.items(), placements, specs, strict=False)
            }
            arguments = wanted, layout, geometry, method
            own = bias and bias.shape
            try:
                found, local = parted(planned, backend, known, *arguments, bias=own, flips=flips)
            except ValueError:  # parts of groups, or what the method cannot do
                return None
            uneven = _uneven(found, [*axes, result])
            if not uneven:
                return found, local.run
            specs = [
                tuple(() if d in uneven else n for d, n in zip(own_axes, spec, strict=True))
                for own_axes, spec in zip(axes, specs, strict=True)
            ]
        return None

    described = repr((wanted, layout, geometry, method, flips, plan.dtype))
    run = backend.where_they_lie(plan.run, derived, [*axes, result], parts, described)
    return replace(plan, run=run)


def _even(placement: Placement, shape: tuple[int, ...]) -> tuple[Names, ...]:
    """Return what divides an array into parts that are alike."""
    pairs = zip(placement.spec, shape, strict=True)
    return tuple(names if n % placement.shards(names) == 0 else () for names, n in pairs)


def _uneven(parts: Parts, axes: Sequence[Sequence[Dimension]]) -> set[Dimension]:
    """Return what shards would not have alike parts of, which a compiler cannot be told."""
    return {
        dimension
        for piece, own in zip((*parts.given, parts.result), axes, strict=True)
        for dimension, n, whole in zip(own, piece.shape, piece.whole, strict=True)
        if n != whole
    }
