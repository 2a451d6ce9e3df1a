"""The plan of a computation: of arrays in one piece, or of arrays in chunks, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Method, Problem
from multiconv.methods.table import FORCED, METHODS
from multiconv.planning import constant_border, frame
from multiconv.planning.choose import Choice
from multiconv.planning.computation import Computation
from multiconv.planning.operands import Layout, Operand, check_bias
from multiconv.planning.options import Options
from multiconv.planning.plan import Plan


def planned(
    backend: Backend,
    asked: Computation,
    options: Options,
    *,
    border: Sequence[Operand] = (),
    bias: Operand | None = None,
) -> Plan:
    """Plan a correlation or an adjoint, as `planning.frame.planned` does.

    Of arrays in chunks, the result is another such array; each of its blocks is planned where it is
    computed, by the backend of the chunks.
    """
    if not backend.is_chunked:
        return frame.planned(backend, asked, options, border=border, bias=bias)
    # Late, so that a process without chunks does without all of it.
    from multiconv.chunked.build import build
    from multiconv.chunked.parts import Part

    given, wanted, layout, geometry, _, flips = asked
    device, result = next(iter(given.values())).device, asked.dtype(backend)
    check_bias(bias, asked.filters, result)
    if geometry.padding_mode == "constant":
        if wanted == "x":  # whose gradient does not see a border that is not the image's
            geometry, border = constant_border.without(geometry), ()
        else:
            constant_border.check(options, given["x"], layout, next(iter(border), None))
    part = Part((*given,), wanted, layout, geometry, options, flips)  # type: ignore[arg-type]
    has_bias, has_border = bias is not None, bool(border)

    def run(x: Array, weight: Array, *small: Array | None) -> Any:
        around = small[-1] if has_border else None
        return build(part, x, weight, small[0] if has_bias else None, around)

    return Plan(
        run,
        asked.shape,
        result,
        is_compiled=False,
        geometry=geometry,
        problem=Problem(geometry, *layout.exchanged(wanted), result, device),
        choice=_choice(options.method),
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
