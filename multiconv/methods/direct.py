"""One multiply-add per kernel tap, over the view of the image that the tap meets.

Where there are fewer outputs than taps (a kernel about as large as its image, and every gradient
with respect to a kernel) the roles change: the loop over outputs is the shorter one.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop
from multiconv.core.geometry import Geometry
from multiconv.methods import folded, loop
from multiconv.methods.base import Counts, Method, Problem, per_tap

# From so many products on, a gradient with respect to the kernel is worth its compilation.
# That with respect to the image is left: folded, a number that is not finite would spread there.
_FOLDED_BACK = 2**16


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel) to (N, G, O, *output)."""
    if not backend.derives_apart or not _is_folded_back(x, weight, geometry, backend):
        return _summed(x, weight, geometry, backend)
    ways = (partial(way, geometry=geometry, backend=backend) for way in (_summed, folded.run))
    return backend.derived(*ways)(x, weight)


def _is_folded_back(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> bool:
    """Tell whether it is a sum over many outputs for each tap that a gradient is made of."""
    sizes: tuple[Any, ...] = (*x.shape, *weight.shape, geometry.outputs)
    if x.shape[2] != 1 or not all(isinstance(size, int) for size in sizes):
        return False
    if backend.dtype_name(x.dtype) not in ("float32", "float64"):
        return False
    results = math.prod(x.shape[:2]) * weight.shape[1] * geometry.outputs
    return geometry.outputs >= geometry.taps > 1 and results * geometry.taps >= _FOLDED_BACK


def _summed(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    y = backend.sum_of_taps(x, weight, geometry)
    if y is not None:
        return y
    x = pad_or_crop(x, geometry.pads, backend)
    geometry = geometry.padded()
    if geometry.outputs < geometry.taps:
        return loop.run(x, weight, geometry, backend)
    if x.shape[2] == 1:
        return _per_tap(x, weight, geometry, backend)
    return _per_tap_mixing_channels(x, weight, geometry, backend)


def _per_tap(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    # A single input channel broadcasts over the filters.
    tail = (1,) * geometry.axes
    groups, filters = weight.shape[:2]
    shape = (x.shape[0], groups, filters, *geometry.output_size)
    total = backend.zeros(shape, x)
    weight = backend.xp.reshape(weight, (1, groups, filters, geometry.taps, *tail))
    for number, (_, window) in enumerate(geometry.tap_windows()):
        total = total + x[window] * weight[:, :, :, number, ...]
    return total


def _per_tap_mixing_channels(
    x: Array, weight: Array, geometry: Geometry, backend: Backend
) -> Array:
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    total = backend.zeros((batch, groups, filters, geometry.outputs), x)
    for tap, window in geometry.tap_windows():
        pixels = backend.xp.reshape(x[window], (batch, groups, channels, geometry.outputs))
        total = total + backend.matmul(weight[(..., *tap)], pixels)
    return backend.xp.reshape(total, (batch, groups, filters, *geometry.output_size))


def _workspace(problem: Problem, backend: Backend) -> int:
    """Count a product, and the pixels it is made of where channels are mixed."""
    if backend.adds_channels(problem.channels, problem.filters):
        return problem.outputs
    mixed = problem.batch * problem.groups * problem.channels * problem.geometry.outputs
    return problem.outputs + mixed


def _counts(problem: Problem, backend: Backend) -> Counts | None:
    geometry = problem.geometry
    is_short = geometry.outputs < geometry.taps
    steps = min(geometry.taps, geometry.outputs)
    if backend.most_taps is not None and steps > backend.most_taps:
        return None
    products = problem.multiply_adds * problem.width
    if backend.adds_channels(problem.channels, problem.filters):
        numbers = (problem.pixels + problem.outputs) * problem.width
        if is_short:
            # A row that is no longer than a vector costs as much as one that fills it.
            rows = problem.outputs * problem.products / geometry.kernel_size[-1]
            return {
                "call": 1,
                "output": steps,
                "multiply_add of few": products,
                "row of few": rows,
                "number": numbers,
            }
        # Rows that see the same pixels may be added up together.
        is_line = geometry.axes == 1 and problem.channels == 1
        is_line |= geometry.axes > 1 and (geometry.stride[-2], geometry.dilation[-2]) != (1, 1)
        kind = "multiply_add of a line" if is_line else "multiply_add"
        images = problem.batch * problem.groups * problem.filters
        taps = steps * problem.channels
        return {"call": 1, "image": images, "tap": taps, kind: products, "number": numbers}
    # What a tap or an output meets is copied, and its product added.
    images = problem.batch * problem.groups * problem.channels
    moved = (images * geometry.outputs + problem.outputs) * geometry.taps * problem.width
    if is_short:
        return {"call": 1, "product of few": steps, "copy of few": moved}
    return {"call": 1, "product": steps, "channel multiply_add": products, "copy": moved}


METHOD = Method(
    "direct",
    run,
    operations=per_tap,
    workspace=_workspace,
    counts=_counts,
    takes_border=True,
    keeps_shards=True,
)
