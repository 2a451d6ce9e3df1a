"""Pixels folded into channels: the Toeplitz matrix of a small block, as one convolution.

An image with few channels leaves a machine's matrix units empty. So the pixels of a block, such as
4 x 4 neighbours or 16 columns, become channels; the kernel becomes a bank of filters, each the
kernel in its place among zeros, and the framework's convolution of many channels, or one matrix
product per tap, does the rest. The zeros cost less than the slow path; the products of one output
are the same.

Along an axis of stride s, blocks of ``B = s b`` pixels give b outputs, and a kernel that covers
``span`` pixels reaches over ``q = ceil((s (b - 1) + span) / B)`` blocks: B q products for an output
instead of k. Square blocks have the fewest zeros. Blocks of one row are another way to read the
same memory, others are gathered and scattered first.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Counts, Method, Problem
from multiconv.methods.toeplitz import shifted

CHANNELS = 16  # that folding aims at: as wide as the frameworks' kernels


class Fold(NamedTuple):
    """How an axis is folded: ``pixels`` of it give ``outputs``, and there are ``blocks``.

    The kernel reaches over ``reach`` blocks, ``dilation`` apart.
    """

    pixels: int
    outputs: int
    blocks: int
    reach: int
    stride: int = 1
    dilation: int = 1

    @property
    def has_blocks(self) -> bool:
        """Tell whether the axis is folded at all."""
        return self.pixels > 1

    @property
    def products(self) -> int:
        """Return the number of products along the axis in one output, zeros included."""
        return self.pixels * self.reach


def folds(geometry: Geometry, channels: int, filters: int, most_axes: int) -> tuple[Fold, ...]:
    """Choose the blocks: those of the fewest products, among the sizes that fill the channels."""
    axes, stride = geometry.axes, geometry.stride
    free = range(max(0, axes - most_axes), axes)
    wide = max(channels * math.prod([stride[axis] for axis in free]), filters)
    fill = max(1, CHANNELS // wide)
    if fill == 1:  # there are channels enough, and zeros would be all that folding adds
        free = range(0)
    best: tuple[Fold, ...] = ()
    for sizes in _factorizations(fill, len(free)):
        each = (*(1,) * (axes - len(free)), *sizes)
        found = tuple([_fold(geometry, axis, each[axis], axis in free) for axis in range(axes)])
        # The first of equals: folding the last axis alone moves no memory.
        if not best or _cost(found, fill) < _cost(best, fill):
            best = found
    return best


def _factorizations(product: int, count: int) -> list[tuple[int, ...]]:
    """List the tuples of powers of two with about that product, the largest last ones first."""
    powers = [2**i for i in range(product.bit_length())]
    found = itertools.product(powers, repeat=count)
    return [sizes for sizes in found if math.prod(sizes) == powers[-1]]


def _fold(geometry: Geometry, axis: int, wanted: int, is_free: bool) -> Fold:
    stride, span, outputs = geometry.stride[axis], geometry.span[axis], geometry.output_size[axis]
    each = max(1, min(wanted, outputs))
    pixels = stride * each
    if pixels == 1 or not is_free:
        kernel, dilation = geometry.kernel_size[axis], geometry.dilation[axis]
        return Fold(1, 1, outputs, kernel, stride, dilation)
    return Fold(pixels, each, -(-outputs // each), -(-(stride * (each - 1) + span) // pixels))


def _cost(found: tuple[Fold, ...], fill: int) -> int:
    """Count the products of all blocks; one that fills few channels costs what a full one does."""
    pixels = math.prod([fold.pixels for fold in found])
    return max(pixels, fill) * math.prod([fold.reach * fold.blocks for fold in found])


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel) to (N, G, O, *output)."""
    xp, axes = backend.xp, geometry.axes
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    # Sizes are tensors under torch.jit.trace, and only whole numbers have powers of two.
    found = folds(geometry, int(channels), int(filters), backend.folded_axes)
    y = backend.correlate_last(
        _folded_image(x, geometry, found, backend),
        _folded_kernel(weight, geometry, found, backend),
        stride=tuple([fold.stride for fold in found]),
        dilation=tuple([fold.dilation for fold in found]),
        groups=groups,
    )
    blocks, outputs = [fold.blocks for fold in found], [fold.outputs for fold in found]
    y = xp.reshape(y, (batch, *blocks, groups, filters, *outputs))
    inner = [(1 + axis, 3 + axes + axis) for axis in range(axes)]
    y = _permuted(y, (0, 1 + axes, 2 + axes, *[i for pair in inner for i in pair]), backend)
    whole = [fold.blocks * fold.outputs for fold in found]
    y = xp.reshape(y, (batch, groups, filters, *whole))
    return backend.contiguous(y[(..., *[slice(0, size) for size in geometry.output_size])])


def _folded_image(x: Array, geometry: Geometry, found: tuple[Fold, ...], backend: Backend) -> Array:
    """Read (N, G, C, *size) as (N, *blocks, G * C * pixels of a block), with its border."""
    xp, axes = backend.xp, geometry.axes
    batch, groups, channels = x.shape[:3]
    widths = _widths(geometry, found)
    pads = tuple(
        (low, width - low - size)
        for width, (low, _), size in zip(widths, geometry.pads, geometry.input_size, strict=True)
    )
    x = pad_or_crop(x, pads, backend)
    cut = [(width // fold.pixels, fold.pixels) for width, fold in zip(widths, found, strict=True)]
    x = xp.reshape(x, (batch, groups, channels, *[n for pair in cut for n in pair]))
    blocks, pixels = range(3, 3 + 2 * axes, 2), range(4, 4 + 2 * axes, 2)
    x = _permuted(x, (0, *blocks, 1, 2, *pixels), backend)
    counts = [width // fold.pixels for width, fold in zip(widths, found, strict=True)]
    depth = groups * channels * math.prod([fold.pixels for fold in found])
    return xp.reshape(x, (batch, *counts, depth))


def _folded_kernel(
    weight: Array, geometry: Geometry, found: tuple[Fold, ...], backend: Backend
) -> Array:
    """Build (G * O * outputs of a block, *reach, C * pixels of a block) of (G, O, C, *kernel)."""
    xp, axes = backend.xp, geometry.axes
    groups, filters, channels = weight.shape[:3]
    apart = tuple(
        d if fold.has_blocks else 1 for d, fold in zip(geometry.dilation, found, strict=True)
    )
    placed = spread(weight, apart, backend)
    for axis, fold in enumerate(found):
        at = 3 + 3 * axis  # The axes before this one have become three each.
        if fold.has_blocks:
            stride = geometry.stride[axis]
            placed = shifted(placed, at, fold.products, fold.outputs, stride, backend)
        after = placed.shape[at + 1 + fold.has_blocks :]
        three = (fold.outputs, fold.reach, fold.pixels)
        placed = xp.reshape(placed, (*placed.shape[:at], *three, *after))
    outputs, reach, pixels = (range(first, 3 + 3 * axes, 3) for first in (3, 4, 5))
    ordered = _permuted(placed, (0, 1, *outputs, *reach, 2, *pixels), backend)
    bank = groups * filters * math.prod([fold.outputs for fold in found])
    depth = channels * math.prod([fold.pixels for fold in found])
    return xp.reshape(ordered, (bank, *[fold.reach for fold in found], depth))


def _permuted(x: Array, order: tuple[int, ...], backend: Backend) -> Array:
    """Permute the axes behind the first, unless only some of one element would move."""
    moved = [axis for axis in order[1:] if x.shape[axis] != 1]
    return x if moved == sorted(moved) else backend.xp.permute_dims(x, order)


def _widths(geometry: Geometry, found: tuple[Fold, ...]) -> list[int]:
    """Return how much of each axis is read, the whole blocks of those that have them."""
    return [
        (fold.blocks + fold.reach - 1) * fold.pixels if fold.has_blocks else size
        for fold, size in zip(found, geometry.padded_size, strict=True)
    ]


def _workspace(problem: Problem, backend: Backend) -> int:
    """Count the folded image and kernel, and the result before what sticks out of it is cut."""
    return _elements(problem, backend.folded_axes)


def _elements(problem: Problem, most_axes: int) -> int:
    geometry = problem.geometry
    found = folds(geometry, problem.channels, problem.filters, most_axes)
    images = problem.batch * problem.groups * problem.channels
    kernels = problem.groups * problem.filters * problem.channels
    results = problem.batch * problem.groups * problem.filters
    return (
        images * math.prod(_widths(geometry, found))
        + 2 * kernels * math.prod([fold.products * fold.outputs for fold in found])
        + results * math.prod([fold.blocks * fold.outputs for fold in found])
    )


def _counts(problem: Problem, backend: Backend) -> Counts | None:
    geometry = problem.geometry
    if backend.folded_dtypes is not None and problem.dtype not in backend.folded_dtypes:
        return None
    is_grouped = problem.groups > 1 and max(problem.channels, problem.filters) > CHANNELS // 4
    if geometry.outputs < geometry.taps or is_grouped:
        return None  # there is little to fold
    found = folds(geometry, problem.channels, problem.filters, backend.folded_axes)
    results = problem.batch * problem.groups * problem.filters
    blocks = results * math.prod([fold.blocks * fold.outputs for fold in found])
    taps = problem.channels * math.prod([fold.products for fold in found])
    # A product of fewer columns takes as long as one that fills the frameworks' kernels.
    wide = max(1, CHANNELS / (problem.filters * math.prod([fold.outputs for fold in found])))
    if problem.groups > 1:
        moved = "moved of groups"
    else:
        moved = "number" if problem.channels * problem.filters == 1 else "moved"
    return {
        "call": 1,
        "tap": math.prod(fold.reach for fold in found),
        moved: (problem.pixels + problem.outputs) * problem.width,
        "product" if geometry.axes > 1 else "product of a line": (
            blocks * taps * wide * problem.width
        ),
    }


METHOD = Method(
    "folded",
    run,
    counts=_counts,
    spreads=True,
    operations=lambda geometry: 20 + 2 * math.prod(geometry.kernel_size[:-1]),
    workspace=_workspace,
    takes_border=True,
)
