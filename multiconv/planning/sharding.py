"""A plan for arrays on a mesh: which axis of it divides what, and what each shard computes.

An axis of the mesh divides one thing: the batch, the groups, the channels, the filters or a spatial
axis. The local computation is a plan like any other, of a slab that carries its border (see
`core.shards`); what is divided and summed over is added up over the shards once. So every method,
border and dtype is the same as on one device, and so is the order of the sums along what is not
divided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import surround
from multiconv.backends.sharded.halos import block_of, slab_of
from multiconv.core.geometry import Geometry
from multiconv.core.shards import Exchange, Names, Parts, Piece, Placement, exchange
from multiconv.methods.base import MethodRefusal
from multiconv.methods.borders import pixel_of_border
from multiconv.methods.table import FORCED
from multiconv.planning.computation import Computation
from multiconv.planning.constant_border import Constant
from multiconv.planning.operands import Layout, Operand, Role, check_bias
from multiconv.planning.plan import Plan

#: What an axis of an array stands for, with a number where there are several; None is not divided.
Dimension: TypeAlias = tuple[str, int] | None

#: What plans a computation (see `frame`).
Planned: TypeAlias = Callable[[Backend, Computation], Plan]

_GROUP, _CHANNEL, _FILTER = ("group", 0), ("channel", 0), ("filter", 0)


def on_shards(
    planned: Planned, backend: Backend, asked: Computation, *, bias: Operand | None = None
) -> Plan:
    """Plan what `frame.planned` does, for arrays of which some are divided over a mesh."""
    if asked.method.removesuffix(FORCED) == "exact":
        place = next(o for o in asked.given.values() if o.placement)
        gathered = f"{place.name}={place.name}.full_tensor()"
        raise MethodRefusal(
            asked.method,
            "sums over parts of an array would be rounded more than once; gather it first, "
            f"with {gathered}, or use another method",
        )
    result = asked.dtype(backend)
    check_bias(bias, asked.filters, result)
    parts, local = parted(planned, backend, asked, bias=bias and bias.shape)

    def by(run: Callable[..., Array]) -> Callable[..., Array]:
        body = parts.body(run)
        return backend.on_shards(body, parts.placement, parts.given, parts.result)

    return replace(
        local,
        run=by(local.run),
        output_shape=parts.result.shape,
        dtype=result,
        geometry=asked.geometry,
        multiply_adds=local.multiply_adds * parts.shards,
        unless_finite=by(local.unless_finite) if local.unless_finite else None,
    )


def parted(
    planned: Planned,
    backend: Backend,
    asked: Computation,
    *,
    bias: tuple[int, ...] | None = None,
    border: Constant | None = None,
) -> tuple[Parts, Plan]:
    """Return the parts of a computation, of arrays on a mesh, and the plan of one of them.

    ``bias`` is the shape of that, if there is one, ``border`` the constant around the image.
    """
    result = asked.dtype(backend)
    division = _divided(asked, backend)
    if border is not None:
        division = replace(division, local=division.local.padded(), border=border)
    own = division.layout
    sums = backend.accumulator(result)
    operands = {
        role: Operand(o.name, own.whole(role, division.slab(role)), sums, o.device, o.is_recorded)
        for role, o in asked.given.items()
    }
    local = planned(backend, asked._replace(given=operands, layout=own, geometry=division.local))
    pieces = [division.piece(role, o.shape) for role, o in asked.given.items()]
    piece = division.piece(asked.wanted, asked.shape)
    if bias is not None:
        channels = -asked.geometry.axes - 1
        names = piece.spec[channels]
        after = tuple(n for d in piece.spec for n in d if n not in names)
        pieces.append(Piece((names,), bias, (piece.whole[channels],), after))

    def body(run: Callable[..., Array]) -> Callable[..., Array]:
        return division.body(run, sums, result, backend)

    parts = Parts(body, division.placement, tuple(pieces), piece, division.shards)
    return parts, local


@dataclass(frozen=True)
class _Division:
    """Which axes of the mesh divide what, and what each shard has then.

    ``layout`` and ``local`` are those of a shard.
    """

    asked: Computation
    placement: Placement
    names: Mapping[Dimension, Names]
    layout: Layout
    local: Geometry
    exchanges: Mapping[int, Exchange]
    border: Constant | None = None

    @property
    def shards(self) -> int:
        """Return how many parts the work is in."""
        return self.placement.shards(tuple(n for names in self.names.values() for n in names))

    def slab(self, role: Role) -> tuple[int, ...]:
        """Return the spatial size of what a local computation takes."""
        return self.local.size_of(role)

    def piece(self, role: Role, shape: tuple[int, ...]) -> Piece:
        """Return how an array is divided, and its shape where all shards are alike."""
        axes = self.asked.geometry.axes
        dimensions = named_axes(role, self.asked.layout, axes)
        spec = tuple(self.names.get(dimension, ()) for dimension in dimensions)
        counts = [self.placement.shards(names) for names in spec]
        whole = [-(-n // count) * count for n, count in zip(shape, counts, strict=True)]
        if role != "weight":
            for axis, own in self.exchanges.items():
                each = own.block if role == "x" else own.outputs
                whole[axis - axes] = each * counts[axis - axes]
        used = {name for names in self.names.values() for name in names}
        shared = tuple(sorted(used.difference(*spec), key=str))
        return Piece(spec, shape, tuple(whole), shared)

    def body(
        self, run: Callable[..., Array], sums: str, result: str, backend: Backend
    ) -> Callable[..., Array]:
        """Return what runs on every shard, of its part of the arrays and of a bias."""
        roles, wanted, layout, geometry, *_ = self.asked
        axes, exchanges = geometry.axes, self.exchanges
        kept = named_axes(wanted, layout, axes)
        summed = tuple(n for d, names in self.names.items() if d not in kept for n in names)
        # Sums are rounded to the dtype of the result after the last of them.
        narrows = sums != result

        def slab(array: Array, shards: Any) -> Array:
            for axis, own in exchanges.items():
                array = slab_of(array, axis - axes, own, shards(own.names))
            return array if self.border is None else self._bordered(array, shards, backend)

        def computed(shards: Any, *arrays: Array) -> Array:
            wide = [backend.astype(array, sums) for array in arrays]
            local = [slab(a, shards) if r == "x" else a for r, a in zip(roles, wide, strict=False)]
            y = run(*local)
            if wanted == "x":
                for axis, own in reversed(list(exchanges.items())):
                    y = block_of(y, axis - axes, own, shards(own.names))
            if summed:
                y = shards(summed).sum(y)
            if len(wide) > len(roles):
                y = y + backend.xp.reshape(wide[-1], (-1, *(1,) * axes))
            return backend.astype(y, result) if narrows else y

        return computed

    def _bordered(self, slab: Array, shards: Any, backend: Backend) -> Array:
        """Put the constant border around a slab, of which divided axes have zeros for it."""
        border, geometry = self.border, self.asked.geometry
        assert border is not None
        xp, axes = backend.xp, geometry.axes
        names = self.names.get(_GROUP) or self.names.get(_CHANNEL)
        shown = border.widened(slab, axes, backend)
        if names and isinstance(border.numbers, tuple):
            count = self.placement.shards(names)
            each = len(border.numbers) // count
            start = shards(names).own(np.arange(count) * each)
            shown = shards(names).window(shown, start, each, 0)
        pads = enumerate(geometry.pads)
        rest = tuple((0, 0) if axis in self.exchanges else own for axis, own in pads)
        slab = surround(slab, rest, shown, backend)
        for axis, own in self.exchanges.items():
            first = shards(own.names).own(np.array(own.firsts))
            place = first + xp.arange(own.rows)
            outside = (place < 0) | (place >= geometry.input_size[axis])
            outside = xp.reshape(outside, (-1, *(1,) * (axes - axis - 1)))
            slab = xp.where(outside, shown, slab)
        return slab


def _divided(asked: Computation, backend: Backend) -> _Division:
    given, layout, geometry = asked.given, asked.layout, asked.geometry
    placement = next(o.placement for o in given.values() if o.placement)
    axes = geometry.axes
    names = _names(asked, backend)
    parts = {dimension: placement.shards(found) for dimension, found in names.items()}
    y = given.get("y")
    outputs = geometry.output_size if y is None else y.shape[-axes:]
    mode = geometry.padding_mode
    exchanges = {}
    for axis in range(axes):
        found = names.get(("space", axis))
        if found:
            border = pixel_of_border(geometry.input_size[axis], *geometry.pads[axis], mode)
            pixels: list[int] = border.tolist()
            shards = placement.shards(found)
            exchanges[axis] = exchange(geometry, axis, outputs[axis], shards, found, pixels)
    own = layout._replace(
        lead=tuple(-(-n // parts.get(("lead", i), 1)) for i, n in enumerate(layout.lead)),
        groups=layout.groups // parts.get(_GROUP, 1),
        channels=-(-layout.channels // parts.get(_CHANNEL, 1)),
        filters=-(-layout.filters // parts.get(_FILTER, 1)),
    )
    local = _with_borders(geometry, exchanges)
    return _Division(asked, placement, names, own, local, exchanges)


def _with_borders(geometry: Geometry, exchanges: Mapping[int, Exchange]) -> Geometry:
    """Return the correlation of slabs, which carry their border along the divided axes."""
    size, pads = list(geometry.input_size), list(geometry.pads)
    for axis, own in exchanges.items():
        size[axis], pads[axis] = own.rows, (0, 0)
    mode = geometry.padding_mode if any(map(any, pads)) else "zeros"
    return replace(geometry, input_size=tuple(size), pads=tuple(pads), padding_mode=mode)


def _names(asked: Computation, backend: Backend) -> dict[Dimension, Names]:
    """Return what each axis of the mesh divides: as the images have it, then as the weight has."""
    layout = asked.layout
    found: dict[Dimension, Names] = {}
    taken: set[Any] = set()
    for role, operand in sorted(asked.given.items(), key=lambda item: item[0] == "weight"):
        if operand.placement is None:
            continue
        dimensions = named_axes(role, layout, asked.geometry.axes)
        for dimension, names in zip(dimensions, operand.placement.spec, strict=True):
            if not names or dimension is None or dimension in found or taken & set(names):
                continue
            if dimension == _GROUP and layout.groups % operand.placement.shards(names):
                if role == "weight":  # which is small: every shard has all of it
                    continue
                raise ValueError(_undivided(operand, operand.placement, layout, names, backend))
            found[dimension] = names
            taken |= set(names)
    return found


def named_axes(role: Role, layout: Layout, axes: int) -> tuple[Dimension, ...]:
    """Return what the axes of an array stand for. Groups are divided as a whole."""
    grouped = layout.groups > 1
    if role == "weight":
        kernel: tuple[Dimension, ...] = (None,) * axes
        if layout.is_image:
            return kernel
        return (_GROUP, None, *kernel) if grouped else (_FILTER, _CHANNEL, *kernel)
    own = _GROUP if grouped else _CHANNEL if role == "x" else _FILTER
    return (
        *(("lead", i) for i in range(len(layout.lead))),
        *(() if layout.is_image else (own,)),
        *(("space", i) for i in range(axes)),
    )


def _undivided(
    operand: Operand, placement: Placement, layout: Layout, names: Names, backend: Backend
) -> str:
    """Say that shards would have parts of groups, and which axis they may divide instead."""
    channel = len(layout.lead)
    shards = placement.shards(names)
    spec = list(placement.spec)
    spec[channel] = ()
    free = [a for a, n in enumerate(operand.shape) if a != channel and not spec[a]]
    if fit := [a for a in free if operand.shape[a] % shards == 0]:
        spec[fit[0]] = names
    other = backend.placed(operand.name, placement._replace(spec=tuple(spec)))
    return (
        f"the {operand.shape[channel]} channels of {operand.name} are {layout.groups} groups, and "
        f"lie on {shards} shards, which do not divide the groups: divide another axis, with "
        f"{operand.name}={other}"
    )
