"""A plan for arrays that lie on a mesh, a compiler alone knows how.

While a program is traced, nobody knows what divides its arrays. The compiler decides, and asks
then: each shard does what it would on a mesh that is known (see `sharding`), with the halos of its
neighbours. The three of image, kernel and result are linear in each other, so that derivatives are
computations of the same kind, and so is a batch of them (see `mapped`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import surround
from multiconv.core.geometry import Geometry
from multiconv.core.shards import Names, Parts, Placement
from multiconv.planning import constant_border
from multiconv.planning.computation import Computation
from multiconv.planning.constant_border import Constant
from multiconv.planning.mapped import Folding, folding
from multiconv.planning.operands import Layout, Operand, Role
from multiconv.planning.plan import Plan
from multiconv.planning.sharding import Dimension, Planned, named_axes, parted

_GIVEN: Mapping[Role, tuple[Role, Role]] = {
    "y": ("x", "weight"),
    "x": ("y", "weight"),
    "weight": ("x", "y"),
}


@dataclass(frozen=True)
class Spread:
    """A correlation or an adjoint of two arrays, in the dtype of the sums.

    ``border`` is the constant around the image, if there is one.
    """

    planned: Planned
    backend: Backend
    wanted: Role
    layout: Layout
    geometry: Geometry
    method: str
    dtype: str
    is_recorded: bool
    border: Constant | None = None

    @property
    def given(self) -> tuple[Role, Role]:
        """The roles of the two arrays."""
        return _GIVEN[self.wanted]

    @property
    def given_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the two arrays."""
        return tuple(self._shape(role) for role in self.given)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self._shape(self.wanted)

    @property
    def axes(self) -> list[tuple[Dimension, ...]]:
        """What the axes of the two arrays stand for, and those of the result."""
        roles = (*self.given, self.wanted)
        return [named_axes(role, self.layout, self.geometry.axes) for role in roles]

    @property
    def description(self) -> str:
        """What tells it from every other."""
        own = self.wanted, self.layout, self.geometry, self.method, self.dtype, self.border
        return repr((*own, self.is_recorded))

    def __call__(self, *arrays: Array) -> Array:
        """Compute it of whole arrays."""
        return self._whole(*arrays)

    @cached_property
    def _whole(self) -> Callable[..., Array]:
        given, geometry = self._operands(), self.geometry
        if self.border is None:
            return self._plan_of(given, geometry).run
        border, axes, backend = self.border, geometry.axes, self.backend
        x = given["x"]
        padded = x._replace(shape=(*x.shape[:-axes], *geometry.padded_size))
        run = self._plan_of({**given, "x": padded}, geometry.padded()).run

        def whole(image: Array, other: Array) -> Array:
            shown = border.widened(image, axes, backend)
            return run(surround(image, geometry.pads, shown, backend), other)

        return whole

    def _plan_of(self, given: Mapping[Role, Operand], geometry: Geometry) -> Plan:
        return self.planned(self.backend, self._asked(given, geometry))

    def _asked(self, given: Mapping[Role, Operand], geometry: Geometry) -> Computation:
        return Computation(given, self.wanted, self.layout, geometry, self.method)

    def _shape(self, role: Role) -> tuple[int, ...]:
        return self.layout.whole(role, self.geometry.size_of(role))

    def _operands(
        self, placements: Sequence[Placement | None] = (None, None)
    ) -> dict[Role, Operand]:
        pairs = zip(self.given, placements, strict=True)
        return {
            role: Operand(role, self._shape(role), self.dtype, None, self.is_recorded, place)
            for role, place in pairs
        }

    def parts(self, placements: Sequence[Placement]) -> tuple[Parts, Callable[..., Array]] | None:
        """Return what each shard does, None where nothing is divided that can be."""
        *axes, result = self.axes
        specs = [_even(p, shape) for p, shape in zip(placements, self.given_shapes, strict=True)]
        while any(map(any, specs)):
            places = [p._replace(spec=s) for p, s in zip(placements, specs, strict=True)]
            asked = self._asked(self._operands(places), self.geometry)
            try:
                found, local = parted(self.planned, self.backend, asked, border=self.border)
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

    @property
    def by_sums(self) -> Spread:
        """What a compiler divides on its own: sums over the taps of the kernel."""
        return replace(self, method="direct")

    @property
    def without_border(self) -> Spread:
        """What a change of the image is worth: a constant border does not change."""
        geometry = constant_border.without(self.geometry) if self.border else self.geometry
        return replace(self, geometry=geometry, border=None)

    def adjoint(self, place: int) -> Spread:
        """Return what gives the array at a place, of the other one and what the result was."""
        role = self.given[place]
        own = self.without_border if role == "x" else self
        return replace(own, wanted=role)

    def mapped(self, size: int, mapped: Collection[Role]) -> tuple[Spread, Folding]:
        """Return what computes it for ``size`` arrays at once, where those have an axis more."""
        folds = folding(self.layout, self.geometry.axes, size, (*mapped, self.wanted), self.backend)
        border = self.border
        if border and isinstance(border.numbers, tuple):
            more = folds.layout.groups * folds.layout.channels // len(border.numbers)
            border = border._replace(numbers=border.numbers * more)
        return replace(self, layout=folds.layout, border=border), folds


def where_they_lie(
    plan: Plan,
    planned: Planned,
    backend: Backend,
    asked: Computation,
    *,
    border: Constant | None = None,
) -> Plan:
    """Return a plan that runs in parts where the compiler divides something."""
    given, wanted, layout, geometry, method, flips = asked
    if "y" in given and given["y"].shape[-geometry.axes :] != geometry.output_size:
        return plan  # of a smaller result (see `conv_transpose`)
    sums = backend.accumulator(plan.dtype)
    recorded = any(operand.is_recorded for operand in given.values())
    arguments = wanted, layout, geometry, method, sums, recorded, border
    divided = backend.where_they_lie(Spread(planned, backend, *arguments))
    if divided is None:
        return plan
    spatial = tuple(range(-geometry.axes, 0))

    def run(first: Array, second: Array, *bias: Array | None) -> Array:
        wide = [backend.astype(array, sums) for array in (first, second)]
        if flips:
            wide[1] = backend.xp.flip(wide[1], axis=spatial)
        y = divided(*wide)
        if y is None:
            return plan.run(first, second, *bias)
        for own in bias:
            if own is not None:
                each = backend.xp.reshape(backend.astype(own, sums), (-1, *(1,) * geometry.axes))
                y = y + each
        return backend.astype(y, plan.dtype)

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
