"""The one frame around every computation: cast, group, run, add a bias, ungroup, cast back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.exact.description import Sum
from multiconv.methods.adjoints import correlation, input_adjoint, weight_adjoint
from multiconv.methods.base import Method, Problem
from multiconv.methods.table import FORCED
from multiconv.planning import constant_border, rounded_once
from multiconv.planning.choose import choose
from multiconv.planning.computation import Computation
from multiconv.planning.constant_border import Constant
from multiconv.planning.operands import Layout, Operand, check_bias
from multiconv.planning.options import Options
from multiconv.planning.plan import Plan, ignoring_last
from multiconv.planning.sharding import on_shards
from multiconv.planning.spread import where_they_lie

_WORK = {"y": correlation, "x": input_adjoint, "weight": weight_adjoint}


def framed(
    backend: Backend,
    compute: Callable[..., Array],
    given: Sequence[tuple[tuple[int, ...], tuple[int, ...], str]],
    shape: tuple[int, ...],
    result: str,
    *,
    made: tuple[int, ...] | None = None,
    bias_shape: tuple[int, ...] | None = (),
    bias_dtype: str | None = None,
) -> Callable[..., Array]:
    """Return ``compute``, over arrays in the dtype of the sums, framed.

    ``given`` are the shapes of its arrays, as they come and as it takes them, and their dtypes;
    ``made`` is that of its result, where it is known, and ``shape`` that which is returned. A bias
    of the dtype ``bias_dtype`` or None may follow the arrays. It is added in the dtype of the sums,
    in the shape ``bias_shape``; where that is None, ``compute`` takes the bias itself.
    """
    reshape, sums = backend.reshape, backend.accumulator(result)
    dtype, narrows = backend.dtype(sums), sums != result
    # What has its shape and dtype already is left alone: small calls are made of such trifles.
    sizes = [None if has == takes else takes for has, takes, _ in given]
    count, is_shaped = len(sizes), made == shape
    casts_all = not backend.leaves_dtypes
    has_sums = {*(name for _, _, name in given), bias_dtype or sums} == {sums}
    is_bare = bias_shape is None and is_shaped and not narrows and sizes == [None] * count
    if is_bare and has_sums and backend.names_tell_dtypes:
        return compute  # nothing is left to be done

    def fitted(array: Array, size: tuple[int, ...] | None) -> Array:
        # The dtype and not its name: NumPy's may be in the other byte order.
        if casts_all or array.dtype != dtype:
            array = backend.astype(array, sums)
        return array if size is None else reshape(array, size)

    def run(*arrays: Array) -> Array:
        own = [fitted(a, size) for a, size in zip(arrays, sizes, strict=False)]
        bias = arrays[count] if len(arrays) > count else None
        if bias_shape is None:
            y = compute(*own, None if bias is None else fitted(bias, None))
        else:
            y = compute(*own)
            if bias is not None:
                y = y + fitted(bias, bias_shape)
        if not is_shaped:
            y = reshape(y, shape)
        return backend.astype(y, result) if narrows else y

    return run


def planned(
    backend: Backend,
    asked: Computation,
    options: Options,
    *,
    border: Sequence[Operand] = (),
    bias: Operand | None = None,
) -> Plan:
    """Plan a correlation or an adjoint: the one of x, weight and y that is wanted, of two.

    A constant border that is an array is ``border``, and follows the other arrays of the call.
    """
    given, wanted, layout, geometry, _, flips = asked
    if geometry.padding_mode != "constant":
        return _planned(backend, asked, bias=bias)
    if wanted == "x":  # a border that does not depend on the image has no part in its gradient
        without = asked._replace(geometry=constant_border.without(geometry))
        plan = _planned(backend, without, bias=bias)
        return ignoring_last(plan) if border else plan

    def plan_of(x: Operand) -> Plan:
        padded = asked._replace(given={**given, "x": x}, geometry=geometry.padded())
        return _planned(backend, padded, bias=bias)

    plan = bordered(backend, options, given["x"], layout, geometry, border, plan_of)
    is_exact = plan.choice is not None and plan.choice.method.rounds_once
    if plan.problem is not None and plan.problem.is_spread and not border and not is_exact:
        constant = Constant(options.padding_value, given["x"].dtype)
        return where_they_lie(plan, _planned, backend, asked, border=constant)
    if not border or not is_exact or dtypes.kind(plan.dtype) == "integer":
        return plan
    # The gradient of the border is a sum of its own, which is to be rounded once.
    sizes = {role: o.shape[-geometry.axes :] for role, o in given.items()}
    total = Sum(wanted, geometry, layout.groups, geometry.output_size, plan.dtype)
    own_shapes = [layout.ungrouped(role, sizes[role]) for role in given]
    run = rounded_once.sums_in_border(
        total, own_shapes, plan.output_shape, given["x"].dtype, backend, flips=flips
    )
    return replace(plan, run=run)


def bordered(
    backend: Backend,
    options: Options,
    x: Operand,
    layout: Layout,
    geometry: Geometry,
    border: Sequence[Operand],
    plan_of: Callable[[Operand], Plan],
) -> Plan:
    """Plan what takes an image first, with a constant border around it.

    ``plan_of`` plans the same of an image that carries its border already.
    """
    value = next(iter(border), None)
    constant_border.check(options, x, layout, value)
    constant = Constant(options.padding_value, x.dtype)
    padded, surround = constant_border.around(constant, x, geometry, backend)
    is_recorded = x.is_recorded or (value is not None and value.is_recorded)
    plan = plan_of(padded._replace(is_recorded=is_recorded))

    def after(run: Callable[..., Array]) -> Callable[..., Array]:
        if value is None:
            return lambda image, *rest: run(surround(image, None), *rest)
        return lambda image, *rest: run(surround(image, rest[-1]), *rest[:-1])

    again = plan.unless_finite
    return replace(
        plan,
        run=after(plan.run),
        unless_finite=again and after(again),
        geometry=geometry,
        operations=plan.operations + 4 * geometry.axes,
    )


def _planned(backend: Backend, asked: Computation, *, bias: Operand | None = None) -> Plan:
    """Plan without a constant border."""
    given, wanted, layout, geometry, method, flips = asked
    # A sum that is divided would be rounded more than once.
    is_whole = method.removesuffix(FORCED) == "exact" and backend.gathers_shards
    if any(operand.placement for operand in given.values()) and not is_whole:
        return on_shards(_planned, backend, asked, bias=bias)
    first, second = given.values()
    result = asked.dtype(backend)
    size = geometry.size_of(wanted)
    shape, grouped = asked.shape, layout.grouped(wanted, size)
    check_bias(bias, asked.filters, result)

    work = _WORK[wanted](geometry)
    sums = backend.accumulator(result)
    is_float = dtypes.kind(result) != "integer"
    recorded = first.is_recorded or second.is_recorded
    problem = Problem(
        work.geometry,
        *layout.exchanged(wanted),
        sums,
        first.device,
        work.repeats,
        recorded,
        first.is_spread or second.is_spread,
    )
    choice = choose(method, problem, backend)
    sizes = {role: o.shape[-geometry.axes :] for role, o in given.items()}

    def by(method: Method) -> Callable[..., Array]:
        if method.rounds_once and is_float:
            y_size = sizes.get("y", geometry.output_size)
            total = Sum(wanted, geometry, layout.groups, y_size, result)
            own_shapes = [layout.ungrouped(role, sizes[role]) for role in given]
            return rounded_once.sums(total, own_shapes, shape, backend, flips=flips)
        # The result given may be smaller than that of the convolution (see `conv_transpose`).
        is_whole = wanted != "x" or sizes["y"] == geometry.output_size
        own = (
            method.ungrouped(wanted, geometry, layout.groups, problem, backend)
            if method.ungrouped and is_whole
            else None
        )
        arrange = layout.ungrouped if own else layout.grouped
        compute = own or work.prepare(method, backend)
        if flips:
            compute = rounded_once.flipping(compute, geometry.axes, backend)
        return framed(
            backend,
            compute,
            [(o.shape, arrange(role, sizes[role]), o.dtype) for role, o in given.items()],
            shape,
            result,
            made=arrange(wanted, size),
            bias_shape=None if own else (1, *grouped[1:3], *(1,) * geometry.axes),
            bias_dtype=None if bias is None else bias.dtype,
        )

    plan = Plan(
        by(choice.method),
        shape,
        result,
        choice.method.operations(work.geometry),
        elements=(problem.pixels, problem.outputs, math.prod(shape)),
        geometry=geometry,
        problem=problem,
        choice=choice,
        workspace=partial(choice.method.workspace, problem, backend),
        multiply_adds=math.prod(layout.exchanged("y")) * geometry.taps * geometry.outputs,
        unless_finite=by(choice.unless_finite) if choice.unless_finite and is_float else None,
    )
    if not problem.is_spread or choice.method.rounds_once:
        return plan
    return where_they_lie(plan, _planned, backend, asked)
