"""The patch matrix times the kernel: one matrix product.

Every patch of the image becomes a column, so that the correlation is ``weight.reshape(O, -1) @
cols`` (Chellapilla, Puri and Simard, 2006). The matrix repeats each pixel up to once per tap; it is
formed in blocks of output rows so that memory stays bounded whatever the image.
"""

from __future__ import annotations

import math
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Counts, Method, Problem, per_tap

MAXIMUM_ELEMENTS = 2**26  # of one block of the patch matrix: 256 MiB of float32


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel) to (N, G, O, *output)."""
    rows = geometry.output_size[0]
    step = _rows_per_block(math.prod(x.shape[:3]), geometry)
    if backend.is_exporting() or step >= rows:
        return _block(x, weight, geometry, backend)
    blocks = []
    for start in range(0, rows, step):
        slab, part = geometry.part(0, start, min(start + step, rows))
        behind = (slice(None),) * (geometry.axes - 1)
        blocks.append(_block(x[(..., slab, *behind)], weight, part, backend))
    return backend.xp.concat(blocks, axis=3)


def patches(x: Array, geometry: Geometry, backend: Backend) -> Array:
    """Gather (N, G, C, *padded) into (N, G, C, taps, outputs)."""
    xp = backend.xp
    lead = x.shape[:3]
    if geometry.taps <= geometry.outputs:  # stack whichever is fewer: the result is the same
        shape = (*lead, geometry.outputs)
        return xp.stack([xp.reshape(x[w], shape) for _, w in geometry.tap_windows()], axis=3)
    shape = (*lead, geometry.taps)
    return xp.stack([xp.reshape(x[w], shape) for w in geometry.output_windows()], axis=4)


def _block(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    xp = backend.xp
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    length = channels * geometry.taps
    columns = xp.reshape(patches(x, geometry, backend), (batch, groups, length, geometry.outputs))
    rows = xp.reshape(weight, (groups, filters, length))
    return xp.reshape(
        backend.matmul(rows, columns), (batch, groups, filters, *geometry.output_size)
    )


def _rows_per_block(images: int, geometry: Geometry) -> int:
    per_row: Any = images * geometry.taps * math.prod(geometry.output_size[1:])
    if not isinstance(per_row, int):
        return MAXIMUM_ELEMENTS  # sizes are open: one block
    return max(1, MAXIMUM_ELEMENTS // max(per_row, 1))


def _workspace(problem: Problem) -> int:
    """Count a block of the patch matrix, and the blocks of the result before they are joined."""
    images = problem.batch * problem.groups * problem.channels
    geometry = problem.geometry
    rows = geometry.output_size[0]
    step = min(_rows_per_block(images, geometry), rows)
    columns = images * geometry.taps * step * math.prod(geometry.output_size[1:])
    return columns + (problem.outputs if step < rows else 0)


def _counts(problem: Problem, backend: Backend) -> Counts:
    geometry = problem.geometry
    images = problem.batch * problem.groups * problem.channels
    columns = images * geometry.taps * geometry.outputs
    return {
        "call": 1,
        "column": columns * problem.width,
        "product": problem.multiply_adds * problem.width,
        "number": (problem.pixels + problem.outputs) * problem.width,
    }


METHOD = Method("im2col", run, operations=per_tap, workspace=_workspace, counts=_counts)
