"""The plan of a computation: of arrays in one piece, or of arrays in chunks, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Method, Problem
from multiconv.methods.table import FORCED, METHODS
from multiconv.planning import frame
from multiconv.planning.choose import Choice
from multiconv.planning.frame import Plan
from multiconv.planning.operands import Layout, Operand, Role, check_bias, result_dtype
from multiconv.planning.options import Options

_SPATIAL = {"x": "input_size", "weight": "kernel_size", "y": "output_size"}


def planned(
    backend: Backend,
    given: Mapping[Role, Operand],
    wanted: Role,
    layout: Layout,
    geometry: Geometry,
    options: Options,
    *,
    border: Sequence[Operand] = (),
    bias: Operand | None = None,
    flips: bool = False,
) -> Plan:
    """Plan a correlation or an adjoint, as `planning.frame.planned` does.

    Of arrays in chunks, the result is another such array; each of its blocks is planned where it is
    computed, by the backend of the chunks.
    """
    return frame.planned(
        backend,
        given,
        wanted,
        layout,
        geometry,
        options,
        border=border,
        bias=bias,
        flips=flips,
        within=_in_blocks if backend.is_chunked else None,
    )


def _in_blocks(
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
    # Late, so that a process without chunks does without all of it.
    from multiconv.chunked.build import build
    from multiconv.chunked.parts import Part

    first, second = given.values()
    result = result_dtype(first, second, backend)
    groups, filters = layout.grouped(wanted, ())[1:3]
    check_bias(bias, groups * filters, result)
    part = Part((*given,), wanted, layout, geometry, method, flips)  # type: ignore[arg-type]

    def run(x: Array, weight: Array, bias: Array | None = None) -> Any:
        return build(part, x, weight, bias)

    return Plan(
        run,
        layout.whole(wanted, getattr(geometry, _SPATIAL[wanted])),
        result,
        is_compiled=False,
        geometry=geometry,
        problem=Problem(geometry, *layout.exchanged(wanted), result, first.device),
        choice=_choice(method),
        multiply_adds=_multiply_adds(layout, geometry),
    )


def _choice(method: str) -> Choice:
    if method == "auto":
        return Choice(Method("auto", _elsewhere), "each block chooses by its own size")
    return Choice(METHODS[method.removesuffix(FORCED)], "asked for, in each block")


def _elsewhere(*arguments: Any) -> Any:
    raise NotImplementedError("blocks are computed by the backend of the chunks")


def _multiply_adds(layout: Layout, geometry: Geometry) -> int:
    batch, groups, channels, filters = layout.exchanged("y")
    return batch * groups * channels * filters * geometry.taps * geometry.outputs
