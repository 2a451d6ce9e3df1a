"""The doubly blocked Toeplitz matrix times the image.

Row p of the matrix is the kernel laid on the image at output position p, zero elsewhere. One axis
of the kernel at a time becomes a block row of blocks, without any indexing: a kernel padded to the
length n of the axis, followed by as many zeros as the stride s, and repeated end to end, shows in
its p-th run of n elements the kernel shifted by p s (the period n + s exceeds the run by s).
"""

from __future__ import annotations

import math

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import spread
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Method, Problem

MAXIMUM_ELEMENTS = 2**28  # of the matrix: 1 GiB of float32


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel) to (N, G, O, *output)."""
    xp = backend.xp
    batch, groups = x.shape[:2]
    filters = weight.shape[1]
    matrix = doubly_blocked(weight, geometry, backend)
    _, _, rows, channels, pixels = matrix.shape
    matrix = xp.reshape(matrix, (groups, filters * rows, channels * pixels))
    columns = xp.permute_dims(xp.reshape(x, (batch, groups, channels * pixels)), (1, 2, 0))
    y = xp.permute_dims(backend.matmul(matrix, columns), (2, 0, 1))
    return xp.reshape(y, (batch, groups, filters, *geometry.output_size))


def doubly_blocked(weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Build the matrices of (G, O, C, *kernel): (G, O, outputs, C, pixels)."""
    xp = backend.xp
    axes = geometry.axes
    dilated = spread(weight, geometry.dilation, backend)
    for axis in range(axes):
        # The axes before this one have become two each.
        dilated = shifted(
            dilated,
            3 + 2 * axis,
            geometry.input_size[axis],
            geometry.output_size[axis],
            geometry.stride[axis],
            backend,
        )
    rows = [3 + 2 * axis for axis in range(axes)]
    pixels = [4 + 2 * axis for axis in range(axes)]
    ordered = xp.permute_dims(dilated, (0, 1, *rows, 2, *pixels))
    groups, filters, channels = weight.shape[:3]
    return xp.reshape(
        ordered, (groups, filters, geometry.outputs, channels, math.prod(geometry.input_size))
    )


def refusal(elements: int) -> str | None:
    """Return why a matrix of so many elements is too large."""
    if elements <= MAXIMUM_ELEMENTS:
        return None
    return f"the matrix would have {elements} elements, more than {MAXIMUM_ELEMENTS}"


def shifted(
    kernel: Array, axis: int, size: int, outputs: int, stride: int, backend: Backend
) -> Array:
    """Turn an axis of a kernel into two: the kernel in ``size`` places, once for every output."""
    xp = backend.xp
    before, length, after = kernel.shape[:axis], kernel.shape[axis], kernel.shape[axis + 1 :]
    period = size + stride
    pads = ((0, period - length), *((0, 0),) * len(after))
    padded = xp.expand_dims(backend.pad_zeros(kernel, pads), axis=axis)
    repeated = xp.broadcast_to(padded, (*before, outputs, period, *after))
    run_on = xp.reshape(repeated, (*before, outputs * period, *after))
    inner = (slice(None),) * len(after)
    shifted = run_on[(..., slice(None, -outputs * stride), *inner)]
    return xp.reshape(shifted, (*before, outputs, size, *after))


def _elements(problem: Problem) -> int:
    geometry = problem.geometry
    per_channel = geometry.outputs * math.prod(geometry.padded_size)
    return problem.groups * problem.channels * problem.filters * per_channel


METHOD = Method(
    "toeplitz",
    run,
    limit=lambda problem, backend: refusal(_elements(problem)),
    workspace=lambda problem, backend: 2 * _elements(problem),
)
