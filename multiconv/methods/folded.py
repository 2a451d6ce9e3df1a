"""Columns folded into channels: the Toeplitz matrix of a short piece of a row, as one convolution.

An image with few channels leaves a machine's matrix units empty. So B neighbouring columns become
channels, which for a row-major image is another way to read the same memory; the kernel becomes a
bank of B filters, each the kernel in its place among zeros, and the framework's convolution of many
channels, or one matrix product per kernel row, does the rest. The zeros cost less than the slow
path; the products of one output are the same, in the same order.

With a stride s the B columns give b = B / s outputs, and a kernel that covers ``span`` columns
reaches over q = ceil((s (b - 1) + span) / B) blocks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Counts, Method, Problem
from multiconv.methods.toeplitz import shifted

COLUMNS = 16  # that are folded, or as many as there are: as wide as the frameworks' kernels


class _Fold(NamedTuple):
    """How the last axis is folded: ``columns`` of it give ``outputs``, and there are ``blocks``.

    The kernel reaches over ``reach`` blocks.
    """

    columns: int
    outputs: int
    blocks: int
    reach: int

    @property
    def width(self) -> int:
        """Return how much of the axis the blocks reach over."""
        return (self.blocks + self.reach - 1) * self.columns


def _fold(geometry: Geometry) -> _Fold:
    stride, span, outputs = geometry.stride[-1], geometry.span[-1], geometry.output_size[-1]
    each = max(1, min(COLUMNS // stride, outputs))
    columns = stride * each
    reach = -(-(stride * (each - 1) + span) // columns)
    return _Fold(columns, each, -(-outputs // each), reach)


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel) to (N, G, O, *output)."""
    xp, fold = backend.xp, _fold(geometry)
    batch, groups = x.shape[:2]
    filters = weight.shape[1]
    y = backend.correlate_last(
        _folded_image(x, geometry, fold, backend),
        _folded_kernel(weight, geometry, fold, backend),
        stride=(*geometry.stride[:-1], 1),
        dilation=(*geometry.dilation[:-1], 1),
        groups=groups,
    )
    lead = geometry.output_size[:-1]
    y = xp.reshape(y, (batch, *lead, fold.blocks, groups, filters, fold.outputs))
    if groups * filters > 1:
        axes = len(lead)
        order = (0, axes + 2, axes + 3, *range(1, axes + 2), axes + 4)
        y = xp.permute_dims(y, order)
    y = xp.reshape(y, (batch, groups, filters, *lead, fold.blocks * fold.outputs))
    return y[..., : geometry.output_size[-1]]


def _folded_image(x: Array, geometry: Geometry, fold: _Fold, backend: Backend) -> Array:
    """Read (N, G, C, *size) as (N, *lead, width / B, G * C * B), with its border."""
    xp = backend.xp
    batch, groups, channels = x.shape[:3]
    low, _ = geometry.pads[-1]
    high = fold.width - low - geometry.input_size[-1]
    x = pad_or_crop(x, (*geometry.pads[:-1], (low, high)), backend)
    lead = geometry.padded_size[:-1]
    x = xp.reshape(x, (batch, groups, channels, *lead, -1, fold.columns))
    if groups * channels > 1:
        axes = len(lead)
        x = xp.permute_dims(x, (0, *range(3, axes + 4), 1, 2, axes + 4))
    return xp.reshape(x, (batch, *lead, -1, groups * channels * fold.columns))


def _folded_kernel(weight: Array, geometry: Geometry, fold: _Fold, backend: Backend) -> Array:
    """Build (G * O * b, *lead, q, C * B) of (G, O, C, *kernel)."""
    xp, axes = backend.xp, geometry.axes
    groups, filters, channels = weight.shape[:3]
    lead = geometry.kernel_size[:-1]
    dilated = spread(weight, (*(1,) * (axes - 1), geometry.dilation[-1]), backend)
    placed = shifted(
        dilated, 2 + axes, fold.reach * fold.columns, fold.outputs, geometry.stride[-1], backend
    )
    placed = xp.reshape(
        placed, (groups, filters, channels, *lead, fold.outputs, fold.reach, fold.columns)
    )
    spatial = tuple(range(3, 2 + axes))
    ordered = xp.permute_dims(placed, (0, 1, 2 + axes, *spatial, 3 + axes, 2, 4 + axes))
    return xp.reshape(
        ordered,
        (groups * filters * fold.outputs, *lead, fold.reach, channels * fold.columns),
    )


def _workspace(problem: Problem) -> int:
    """Count the folded image and kernel, and the result before what sticks out of it is cut."""
    geometry, fold = problem.geometry, _fold(problem.geometry)
    images = problem.batch * problem.groups * problem.channels
    pixels = images * math.prod(geometry.padded_size[:-1]) * fold.width
    taps = math.prod(geometry.kernel_size[:-1]) * fold.reach * fold.columns * fold.outputs
    kernels = problem.groups * problem.filters * problem.channels * taps
    filters = problem.batch * problem.groups * problem.filters
    outputs = filters * math.prod(geometry.output_size[:-1]) * fold.blocks * fold.outputs
    return pixels + 2 * kernels + outputs


def _counts(problem: Problem, backend: Backend) -> Counts:
    geometry, fold = problem.geometry, _fold(problem.geometry)
    lead = math.prod(geometry.output_size[:-1])
    outputs = problem.batch * problem.groups * problem.filters * lead * fold.blocks * fold.outputs
    taps = math.prod(geometry.kernel_size[:-1]) * fold.reach * fold.columns * problem.channels
    return {
        "call": 1,
        "number": (problem.pixels + problem.outputs) * problem.width,
        "product": outputs * taps * problem.width,
    }


METHOD = Method(
    "folded",
    run,
    counts=_counts,
    operations=lambda geometry: 20 + 2 * math.prod(geometry.kernel_size[:-1]),
    workspace=_workspace,
    takes_border=True,
    spreads=True,
)
