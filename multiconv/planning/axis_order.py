"""Arrays whose axes stand in another order: read as views in ours, and the result put back.

A plan for the order that all methods know, (N, C, *spatial) and (O, C/groups, *kernel), is made as
ever; what runs permutes the axes of its arrays first and of its result last. No library copies for
that. PyTorch finds its own channels-last layout in such views, and XLA removes the permutations
around a convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.core import arguments
from multiconv.methods.base import MethodRefusal
from multiconv.planning.dispatch import Operation, Planner
from multiconv.planning.operands import Operand, kernel_letters
from multiconv.planning.operands import spatial as spatial_letters
from multiconv.planning.options import Options
from multiconv.planning.plan import Plan

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

    Images are (N, C, *spatial) or (N, *spatial, C), weights (O, C/groups, *kernel) or
    (*kernel, C/groups, O), whose names are those of `weight_orders`.
    """

    usual: Operation
    #: By whether images have their channels last, and by whether weights have.
    orders: Mapping[tuple[bool, bool], Operation]

    @classmethod
    def of(cls, operation: Operation, takes: Sequence[What], gives: What) -> Ordered:
        """Return the orders of an operation, of what its arrays are and of what it gives.

        The latter is also what a size given to it is of, where that is a whole shape.
        """
        orders = {(False, False): operation}
        for images, weights in ((True, True), (True, False), (False, True)):
            last = _Last(images=images, weights=weights)
            planner = _reordered(operation.planner, takes, gives, last)
            orders[images, weights] = operation._replace(planner=planner)
        return cls(operation, orders)

    def ordered(
        self, channels_last: Any, weight_order: Any = None, axes: Callable[[], int] | int = 0
    ) -> Operation:
        """Return the operation for these arguments; ``axes`` may be a function that counts them."""
        if channels_last is False and weight_order is None:
            return self.usual  # the usual case, on the path of every call
        images = weights = arguments.flag("channels_last", channels_last)
        if weight_order is not None:
            count = axes if isinstance(axes, int) else axes()
            weights = kernel_first(read_weight_order(weight_order, count))
        return self.orders[images, weights]


class _Last(NamedTuple):
    """What has its channels last."""

    images: bool
    weights: bool

    def of(self, what: What) -> What:
        """Return what an array is, None where its order is ours."""
        return what if (self.images if what == "image" else self.weights) else None


def weight_orders(axes: int) -> tuple[str, str]:
    """Return the names of the orders that a weight may have, first ours."""
    letters = {1: "W", 2: "HW", 3: "DHW"}.get(axes, "*")
    return f"OI{letters}", f"{letters}IO"


def read_weight_order(given: Any, axes: int) -> str:
    """Read the order of a weight's axes, None being ours."""
    orders = weight_orders(axes)
    return orders[0] if given is None else arguments.choice("weight_order", given, orders)


def kernel_first(weight_order: str) -> bool:
    """Tell whether a weight of this order is (*kernel, C/groups, O)."""
    return weight_order.endswith("IO")


def _reordered(planner: Planner, takes: Sequence[What], gives: What, last: _Last) -> Planner:
    """Return the planner for arrays of which some have their channels last."""
    moved, back = [last.of(what) for what in takes], last.of(gives)

    def plan(backend: Backend, operands: list[Any], options: Options) -> Plan:
        axes = options.axes
        ranks = [len(o.shape) for o in operands[: len(takes)]]
        if any(what and rank == axes for what, rank in zip(takes, ranks, strict=True)):
            return planner(backend, operands, options)  # an image or a kernel without channels
        orders = tuple(to_first(w, rank, axes) for w, rank in zip(moved, ranks, strict=True))
        given = options.given_size
        if len(given) > axes:
            order = to_first(back, len(given), axes) or range(len(given))
            options = options._replace(given_size=tuple(given[axis] for axis in order))
        rank = _result_rank(gives, operands, axes)
        try:
            return planned(
                backend,
                operands,
                Reordered(orders, _to_last(back, rank, axes)),
                lambda own: planner(backend, own, options),
            )
        except MethodRefusal:
            raise
        except ValueError as error:
            note = _note(axes, last, has_weight="weight" in takes)
            raise ValueError(f"{error}{note}") from None

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


def _note(axes: int, last: _Last, *, has_weight: bool) -> str:
    """Return what to say behind an error about arrays in our order."""
    ours, theirs = weight_orders(axes)
    shown = {
        ours: f"weight (O, C/groups, {kernel_letters(axes)})",
        theirs: f"weight ({kernel_letters(axes)}, C/groups, O)",
    }
    note = ""
    if last.images:
        weight = f" and {shown[theirs if last.weights else ours]}" if has_weight else ""
        other = ours if last.weights else theirs
        advice = f"; weight_order={other!r} takes {shown[other]}" if has_weight else ""
        note = f"with channels_last=True x is (N, {spatial_letters(axes)}, C){weight}{advice}"
    elif has_weight:
        note = f"with weight_order={theirs!r} it takes {shown[theirs]}"
    return f" ({note}; the shapes in this message have the channels first)" if note else ""


def _permuted(operand: Operand | None, order: Order | None) -> Operand | None:
    if operand is None or order is None:
        return operand
    return operand._replace(shape=tuple(operand.shape[axis] for axis in order))


def to_first(what: What, rank: int, axes: int) -> Order | None:
    """Return the permutation into our order; an array of another rank is refused later."""
    lead = rank - axes - 1
    if what is None or lead < 0:
        return None
    if what == "image":
        return (*range(lead), rank - 1, *range(lead, rank - 1))
    return (*range(rank - 1, axes - 1, -1), *range(axes))


def _to_last(what: What, rank: int, axes: int) -> Order | None:
    """Return the permutation back."""
    order = to_first(what, rank, axes)
    return None if order is None else tuple(order.index(axis) for axis in range(rank))


def _result_rank(gives: What, operands: Sequence[Operand | None], axes: int) -> int:
    first = operands[0]
    return axes + 2 if gives == "weight" or first is None else len(first.shape)
