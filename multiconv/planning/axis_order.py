"""Arrays whose axes stand in another order: read as views in ours, and the result put back.

A plan for the order that all methods know, (N, C, *spatial) and (O, C/groups, *kernel), is made as
ever; what runs permutes the axes of its arrays first and of its result last. No library copies for
that. PyTorch finds its own channels-last layout in such views, and XLA removes the permutations
around a convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.core import arguments
from multiconv.methods.base import MethodRefusal
from multiconv.planning.dispatch import Operation, Planner
from multiconv.planning.frame import Plan
from multiconv.planning.operands import Operand, kernel_letters
from multiconv.planning.operands import spatial as spatial_letters
from multiconv.planning.options import Options

Order: TypeAlias = tuple[int, ...]
What: TypeAlias = Literal["image", "weight"] | None


class Reordered(NamedTuple):
    """How the axes of the arrays of a call are permuted, None for one left as it is."""

    orders: tuple[Order | None, ...]
    result: Order | None


def planned(
    backend: Backend,
    operands: Sequence[Operand | None],
    reordered: Reordered,
    plan_of: Callable[[list[Any]], Plan],
) -> Plan:
    """Plan what ``plan_of`` plans for arrays in our order, for arrays in another one."""
    orders = [*reordered.orders, *[None] * (len(operands) - len(reordered.orders))]
    plan = plan_of([_permuted(o, order) for o, order in zip(operands, orders, strict=True)])
    back, permute = reordered.result, backend.xp.permute_dims

    def around(run: Callable[..., Array]) -> Callable[..., Array]:
        def call(*arrays: Array) -> Array:
            own = [
                a if order is None or a is None else permute(a, order)
                for a, order in zip(arrays, orders, strict=False)
            ]
            y = run(*own)
            return y if back is None else permute(y, back)

        return call

    shape = plan.output_shape
    again = plan.unless_finite
    return replace(
        plan,
        run=around(plan.run),
        unless_finite=again and around(again),
        output_shape=shape if back is None else tuple(shape[axis] for axis in back),
        operations=plan.operations + len(orders) + 1,
    )


class Ordered(NamedTuple):
    """An operation in every order of axes.

    Channels last are images (N, *spatial, C) and weights (*kernel, C/groups, O); a layer has images
    like that, and weights in the usual order.
    """

    first: Operation
    last: Operation
    images_last: Operation

    @classmethod
    def of(cls, operation: Operation, takes: Sequence[What], gives: What) -> Ordered:
        """Return the orders of an operation, of what its arrays are and of what it gives.

        The latter is also what a size given to it is of, where that is a whole shape.
        """
        last = operation._replace(planner=_channels_last(operation.planner, takes, gives))
        images: list[What] = [what if what == "image" else None for what in takes]
        images_last = operation._replace(planner=_channels_last(operation.planner, images, gives))
        return cls(operation, last, images_last)

    def ordered(self, channels_last: Any) -> Operation:
        """Return the operation for the argument ``channels_last``."""
        if channels_last is False:  # the usual case, on the path of every call
            return self.first
        return self.last if arguments.flag("channels_last", channels_last) else self.first


def _channels_last(planner: Planner, takes: Sequence[What], gives: What) -> Planner:
    """Return the planner for arrays whose channels are the last axis."""

    def plan(backend: Backend, operands: list[Any], options: Options) -> Plan:
        axes = options.axes
        both = [(what, len(o.shape)) for what, o in zip(takes, operands, strict=False)]
        if any(what and rank == axes for what, rank in both):
            return planner(backend, operands, options)  # an image or a kernel without channels
        orders = tuple(_to_first(what, rank, axes) for what, rank in both)
        given = options.given_size
        if len(given) > axes:
            order = _to_first(gives, len(given), axes) or range(len(given))
            options = options._replace(given_size=tuple(given[axis] for axis in order))
        rank = _result_rank(gives, operands, axes)
        reordered = Reordered(orders, _to_last(gives, rank, axes))
        try:
            return planned(
                backend, operands, reordered, lambda moved: planner(backend, moved, options)
            )
        except MethodRefusal:
            raise
        except ValueError as error:
            raise ValueError(f"{error}{_note(axes, has_weight='weight' in takes)}") from None

    return plan


def spatial_last(
    backend: Backend,
    operands: Sequence[Operand | None],
    axes: tuple[int, ...],
    plan_of: Callable[[list[Any]], Plan],
) -> Plan:
    """Plan what takes an image first whose spatial axes are these, and gives one like it."""
    x = operands[0]
    rank = len(x.shape) if x else 0
    spatial = [axis % rank for axis in axes if -rank <= axis < rank]
    if len(set(spatial)) != len(axes):
        msg = (
            f"axes={axes} must be {len(axes)} different axes of x, whose shape is "
            f"{x.shape if x else ()}; axes={tuple(range(-len(axes), 0))} are the last"
        )
        raise ValueError(msg)
    order = tuple([axis for axis in range(rank) if axis not in spatial] + spatial)
    if order == tuple(range(rank)):
        return plan_of(list(operands))
    back = tuple(order.index(axis) for axis in range(rank))
    return planned(backend, operands, Reordered((order,), back), plan_of)


def _note(axes: int, *, has_weight: bool) -> str:
    """Return what to say behind an error about arrays in our order."""
    weight = f" and weight ({kernel_letters(axes)}, C/groups, O)" if has_weight else ""
    return (
        f" (with channels_last=True x is (N, {spatial_letters(axes)}, C){weight}; the shapes in "
        f"this message have the channels first)"
    )


def _permuted(operand: Operand | None, order: Order | None) -> Operand | None:
    if operand is None or order is None:
        return operand
    return operand._replace(shape=tuple(operand.shape[axis] for axis in order))


def _to_first(what: What, rank: int, axes: int) -> Order | None:
    """Return the permutation into our order; an array of another rank is refused later."""
    lead = rank - axes - 1
    if what is None or lead < 0:
        return None
    if what == "image":
        return (*range(lead), rank - 1, *range(lead, rank - 1))
    return (*range(rank - 1, axes - 1, -1), *range(axes))


def _to_last(what: What, rank: int, axes: int) -> Order | None:
    """Return the permutation back."""
    order = _to_first(what, rank, axes)
    return None if order is None else tuple(order.index(axis) for axis in range(rank))


def _result_rank(gives: What, operands: Sequence[Operand | None], axes: int) -> int:
    first = operands[0]
    return axes + 2 if gives == "weight" or first is None else len(first.shape)
