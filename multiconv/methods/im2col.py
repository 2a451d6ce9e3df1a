"""The patch matrix times the kernel: one matrix product.

Every patch of the image becomes a column, so that the correlation is ``weight.reshape(O, -1) @
cols`` (Chellapilla, Puri and Simard, 2006). The matrix repeats each pixel up to once per tap; it is
formed in blocks, so that memory stays bounded whatever the image, and a block is still in the cache
when it is multiplied.

With at least as many outputs as taps a block has some of the columns, and gives some of the
outputs. With fewer, as in the gradient with respect to a kernel, it has some of the rows, of all
images at once, and the products of the blocks add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop
from multiconv.core.geometry import Geometry, Window
from multiconv.methods.base import Counts, Method, Problem, per_tap

Box: TypeAlias = tuple[tuple[int, int], ...]  # (start, stop) along every spatial axis

# A product of fewer columns is slower per number: so many are taken where there is room, and images
# with fewer outputs go together.
NARROW = 256
# What blocks may need at most, as a multiple of the image and the result, and so many numbers are
# always within it.
MOST = 3
SMALL = 2**16
# Filters that a product without a patch matrix takes at a time.
_TOGETHER = 4


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel) to (N, G, O, *output)."""
    sizes: tuple[Any, ...] = (*x.shape, *weight.shape, geometry.outputs)
    if backend.is_exporting() or not all(isinstance(size, int) for size in sizes):
        # To cut by size would narrow an open one.
        return _whole(pad_or_crop(x, geometry.pads, backend), weight, geometry.padded(), backend)
    y = backend.product_of_fewer(x, weight, geometry)
    if y is not None:
        return y
    x, geometry = pad_or_crop(x, geometry.pads, backend), geometry.padded()
    if geometry.outputs < geometry.taps:
        return _sum_of_products(x, weight, geometry, backend)
    return _joined_products(x, weight, geometry, backend)


def patches(x: Array, geometry: Geometry, backend: Backend) -> Array:
    """Gather (N, G, C, *padded) into (N, G, C, taps, outputs), in memory of their own."""
    xp = backend.xp
    lead = x.shape[:3]
    if geometry.taps <= geometry.outputs:  # stack whichever is fewer: the result is the same
        shape = (*lead, geometry.outputs)
        return xp.stack([xp.reshape(x[w], shape) for _, w in geometry.tap_windows()], axis=3)
    shape = (*lead, geometry.taps)
    return xp.stack([xp.reshape(x[w], shape) for w in geometry.output_windows()], axis=4)


def _whole(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    xp = backend.xp
    batch, groups, channels = x.shape[:3]
    filters, length = weight.shape[1], channels * geometry.taps
    columns = xp.reshape(patches(x, geometry, backend), (batch, groups, length, geometry.outputs))
    rows = xp.reshape(weight, (groups, filters, length))
    shape = (batch, groups, filters, *geometry.output_size)
    return xp.reshape(backend.matmul(rows, columns), shape)


def _joined_products(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    xp, outputs = backend.xp, geometry.outputs
    batch, groups, channels = x.shape[:3]
    filters, length = weight.shape[1], channels * geometry.taps
    rows = xp.reshape(weight, (groups, filters, length))
    most = _most_columns(x.shape, weight.shape, geometry, backend.block_elements)
    together = max(most // outputs, 1)
    images = [slice(i, min(i + together, batch)) for i in range(0, batch, together)]
    boxes = list(_boxes(geometry.output_size, most))
    is_narrow = _is_narrow(batch, geometry)

    def factors(images: slice, box: Box) -> tuple[Array, Array]:
        window, part = _of_outputs(geometry, box)
        seen = backend.windows(x[images, ...][window], part)
        count = seen.shape[0]
        if not is_narrow:
            return rows, xp.reshape(seen, (count, groups, length, part.outputs))
        behind = tuple(range(3, 3 + 2 * part.axes))
        seen = xp.permute_dims(seen, (1, 2, *behind[: part.axes], 0, *behind[part.axes :]))
        return rows, xp.reshape(seen, (1, groups, length, count * part.outputs))

    grid = [[partial(factors, some, box) for box in boxes] for some in images]
    if is_narrow:
        row = [block for blocks in grid for block in blocks]
        y = backend.products((1, groups, filters, batch * outputs), x, [row])
        y = xp.permute_dims(xp.reshape(y, (groups, filters, batch, outputs)), (2, 0, 1, 3))
    else:
        y = backend.products((batch, groups, filters, outputs), x, grid)
    return xp.reshape(y, (batch, groups, filters, *geometry.output_size))


def _sum_of_products(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    xp, taps = backend.xp, geometry.taps
    batch, groups, channels = x.shape[:3]
    filters, columns = weight.shape[1], batch * geometry.outputs
    most = _most_rows(x.shape, weight.shape, geometry, backend.block_elements)
    together = max(most // taps, 1)
    total = None
    for channel in range(0, channels, together):
        some = slice(channel, min(channel + together, channels))
        for box in _boxes(geometry.kernel_size, most):
            window, part = _of_taps(geometry, box)
            seen = backend.windows(x[:, :, some, ...][window], part)
            length = seen.shape[2] * part.taps
            behind = tuple(range(3, 3 + 2 * part.axes))
            seen = xp.permute_dims(seen, (1, 0, *behind[part.axes :], 2, *behind[: part.axes]))
            second = xp.reshape(seen, (groups, columns, length))
            kernel = weight[(slice(None), slice(None), some, *(slice(*along) for along in box))]
            first = xp.reshape(kernel, (groups, filters, length))
            product = backend.matmul(first, xp.permute_dims(second, (0, 2, 1)))
            total = product if total is None else backend.add(total, product)
    y = xp.reshape(total, (groups, filters, batch, *geometry.output_size))
    return xp.permute_dims(y, (2, 0, 1, *range(3, 3 + geometry.axes)))


def _boxes(size: tuple[int, ...], most: int) -> Iterator[Box]:
    """Cut a grid into boxes of at most ``most`` places, each a range of it in C order."""
    if not size:
        yield ()
        return
    behind = math.prod(size[1:])
    fit = most // behind
    if fit < 1 < behind:
        for place in range(size[0]):
            for rest in _boxes(size[1:], most):
                yield ((place, place + 1), *rest)
        return
    count = -(-size[0] // max(fit, 1))
    step = -(-size[0] // count)  # all boxes about alike
    for start in range(0, size[0], step):
        yield ((start, min(start + step, size[0])), *((0, n) for n in size[1:]))


def _of_outputs(geometry: Geometry, box: Box) -> tuple[Window, Geometry]:
    """Return what the outputs in a box see of the padded image, and their correlation."""
    axes = zip(box, geometry.stride, geometry.span, strict=True)
    seen = [(start * s, (stop - 1) * s + span) for (start, stop), s, span in axes]
    sizes = tuple(stop - start for start, stop in seen)
    return (..., *(slice(*along) for along in seen)), replace(geometry, input_size=sizes)


def _of_taps(geometry: Geometry, box: Box) -> tuple[Window, Geometry]:
    """Return what the taps in a box meet of the padded image, and their correlation."""
    axes = zip(box, geometry.dilation, geometry.stride, geometry.output_size, strict=True)
    met = [(start * d, (stop - 1) * d + (out - 1) * s + 1) for (start, stop), d, s, out in axes]
    part = replace(
        geometry,
        input_size=tuple(stop - start for start, stop in met),
        kernel_size=tuple(stop - start for start, stop in box),
    )
    return (..., *(slice(*along) for along in met)), part


def _is_narrow(batch: int, geometry: Geometry) -> bool:
    return batch > 1 and geometry.outputs < NARROW


def _most_columns(
    image: tuple[int, ...], kernel: tuple[int, ...], geometry: Geometry, block: int
) -> int:
    """Return how many columns of the patch matrix a block has at most."""
    length = math.prod(image[1:3]) * geometry.taps
    result = image[0] * math.prod(kernel[:2]) * geometry.outputs
    return max(min(max(block, length * NARROW), _room(image, result)) // length, 1)


def _most_rows(
    image: tuple[int, ...], kernel: tuple[int, ...], geometry: Geometry, block: int
) -> int:
    """Return how many rows of the patch matrix a block has at most, for each group."""
    width = image[0] * image[1] * geometry.outputs
    return max(min(block, _room(image, width * kernel[1])) // width, 1)


def _room(image: tuple[int, ...], result: int) -> int:
    """Return how many numbers a block may have, beside copies of the result and its parts."""
    return max(MOST * (math.prod(image) + result) - 2 * result, SMALL)


def _workspace(problem: Problem, backend: Backend) -> int:
    """Count the largest block, and partial results, or what there is in place of a block.

    Parts of the result are there twice while they are joined, or a sum and what is added to it.
    """
    geometry = problem.geometry
    images = problem.batch, problem.groups, problem.channels
    fewer = backend.room_for_fewer(images, problem.filters, geometry, problem.dtype)
    if fewer is not None:
        return fewer
    image = (*images, *geometry.padded_size)
    kernel = (problem.groups, problem.filters, problem.channels, *geometry.kernel_size)
    if geometry.outputs < geometry.taps:
        whole, unit = problem.channels * geometry.taps, math.prod(images[:2]) * geometry.outputs
        most = _most_rows(image, kernel, geometry, backend.block_elements)
    else:
        whole, unit = problem.batch * geometry.outputs, math.prod(images[1:]) * geometry.taps
        most = _most_columns(image, kernel, geometry, backend.block_elements)
    border = problem.pixels if any(map(any, geometry.pads)) else 0
    return min(most, whole) * unit + 2 * problem.outputs + border


def _counts(problem: Problem, backend: Backend) -> Counts:
    geometry = problem.geometry
    images = problem.batch, problem.groups, problem.channels
    numbers = (problem.pixels + problem.outputs) * problem.width
    if backend.room_for_fewer(images, problem.filters, geometry, problem.dtype) is not None:
        # A panel is copied once, and multiplied by some filters at a time, all of them there.
        columns = math.prod(images) * geometry.taps * geometry.outputs * problem.width
        filters = -(-problem.filters // _TOGETHER) * _TOGETHER
        return {
            "call": 1,
            "panel group": problem.groups,
            "panel column": columns,
            "panel product": columns * filters,
            "panel number": numbers,
        }
    first = backend.multiplies_first(problem.channels, problem.filters, geometry, problem.dtype)
    # What is repeated for each tap: the pixels, or the results before they are added up.
    each = problem.filters if first else problem.channels
    columns = problem.batch * problem.groups * each * geometry.taps * geometry.outputs
    return {
        "call": 1,
        "column": columns * problem.width,
        "product": problem.multiply_adds * problem.width,
        "number": numbers,
    }


METHOD = Method(
    "im2col", run, operations=per_tap, workspace=_workspace, counts=_counts, takes_border=True
)
