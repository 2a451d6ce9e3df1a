"""The way to the compiled products: images with their border, and where all numbers lie."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import pages
from multiconv.backends.loops.compiled import all_sums, is_installed
from multiconv.backends.loops.threads import shared, thread_count
from multiconv.core.geometry import Geometry
from multiconv.core.progress import Progress

# From so many products on, compiled loops are worth being loaded, and threads being woken.
_LOADED, _SHARED = 2**18, 2**21
# Rows of a block of the patch matrix, and how many panels of its columns at most are multiplied by
# all of a kernel one after another: some 200 KB, which stay in the second cache.
BLOCK, TOGETHER = 256, 4
# Parts of the columns for each thread, where there are so many.
_PARTS = 4
# So many numbers of a kernel are copied at a time.
SLICE = 2**18
# With fewer rows a tile is mostly empty.
_FILTERS = 3
# So many more filters than columns of the patch matrix: to copy it is less than to pack the kernel.
_MOSTLY_KERNEL = 2
_AXES = 3
# Numbers of a row of a panel, and rows of a tile: no more than that on any processor.
_WIDEST, _TALLEST = 48, 8


def takes(dtype: str, image: tuple[int, ...], filters: int, geometry: Geometry) -> bool:
    """Tell whether images (N, G, C, ...) make a product that is worth it, and there is Numba."""
    sizes: tuple[Any, ...] = (*image[:3], filters, geometry.outputs, geometry.taps)
    if not all(isinstance(size, int) for size in sizes) or dtype not in ("float32", "float64"):
        return False
    if geometry.axes > _AXES or filters < _FILTERS:
        return False
    if filters >= _MOSTLY_KERNEL * image[0] * geometry.outputs:
        return False
    return math.prod(sizes) >= _LOADED and is_installed()


def workspace(image: tuple[int, ...], filters: int, geometry: Geometry) -> int:
    """Count the numbers that `correlate` needs for images (N, G, C, ...), beside its arrays."""
    length, width = image[2] * geometry.taps, image[0] * geometry.outputs
    kernel = _panels(filters) * min(_rows_at_a_time(filters), length)
    parts = min(thread_count(), -(-width // (TOGETHER * _WIDEST // 2)))
    panels = parts * TOGETHER * BLOCK * _WIDEST
    # Places are whole numbers of eight bytes.
    pixels = math.prod(image) * math.prod(geometry.padded_size)
    return pixels + kernel + panels + 2 * (length + width)


def correlate(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, *, threads: int | None = None
) -> NumPyArray | None:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel), zeros around, to (N, G, O, *output).

    None where the loops cannot be loaded after all.
    """
    module = _loaded(x.dtype.str)
    if module is None:
        return None
    return _correlated(module, x, weight, geometry, threads)


@functools.cache
def _loaded(dtype: str) -> ModuleType | None:
    """Load the loops, and compile them for a dtype unless an earlier run has."""
    try:
        with Progress(f"compiling products of {np.dtype(dtype).name}", 1, coarse=True) as progress:
            progress.advance("(once: they are kept)")
            module = importlib.import_module("multiconv.backends.loops.products.numba")
            ones = np.ones((1, 1, 1, 4), dtype)
            for taps in (2, 3):
                geometry = Geometry((4,), (taps,), (1,), (1,), ((0, 0),))
                _correlated(module, ones, ones[..., :taps], geometry, 1)
    except ImportError:
        return None
    return module


class _Places(NamedTuple):
    """Where the numbers of a patch matrix lie in images laid out for it, and those of its product.

    ``rows`` are those of a channel and a tap, ``columns`` those of an image of the batch and an
    output, for the first group; ``group`` is the step to the next. ``result`` says the same of
    columns and rows of the product (see `multiply`).
    """

    rows: NumPyArray
    columns: NumPyArray
    group: int
    result: tuple[int, int, int]


def _correlated(
    module: ModuleType,
    x: NumPyArray,
    weight: NumPyArray,
    geometry: Geometry,
    threads: int | None,
) -> NumPyArray:
    batch, groups, channels = x.shape[:3]
    filters, outputs = weight.shape[1], geometry.outputs
    if batch * groups * channels * filters * outputs * geometry.taps < _SHARED:
        threads = 1
    elif threads is None:
        threads = thread_count()
    full = _with_all_axes(geometry)
    if outputs < geometry.taps:
        laid, places = _laid_deep(module, x, full, threads)
        y = np.empty((groups, filters, *geometry.output_size, batch), x.dtype)
        next_group = filters * outputs * batch
    else:
        laid, places = _laid_wide(module, x, full, threads, filters)
        y = pages.empty((batch, groups, filters, *geometry.output_size), x.dtype)
        next_group = filters * outputs
    if not weight[0, 0, 0].flags.c_contiguous:
        weight = np.ascontiguousarray(weight)
    kernel, steps = _flat(weight)
    taps = all_sums([np.arange(channels) * steps[2], np.arange(geometry.taps)])
    result = y.reshape(-1)
    step = _rows_at_a_time(filters)
    a = np.empty(_panels(filters) * min(step, taps.size), x.dtype)
    panels = -(-places.columns.size // (module.VECTORS * module.BYTES // x.itemsize))
    together = min(max(panels // (_PARTS * threads), 1), TOGETHER)
    for g in range(groups):
        for k in range(0, taps.size, step):
            some, rows = taps[k : k + step], places.rows[k : k + step]
            packed = (kernel, g * steps[0], steps[1], some, filters, BLOCK, a)
            shared(functools.partial(module.pack, *packed), -(-some.size // BLOCK), threads)
            seen = (laid, g * places.group, rows, places.columns, a, filters)
            onto = (result, g * next_group, places.result, k > 0, (BLOCK, together))
            shared(
                functools.partial(module.multiply, *seen, *onto), -(-panels // together), threads
            )
    return np.moveaxis(y, -1, 0) if outputs < geometry.taps else y


def _panels(filters: int) -> int:
    """Return how many rows the panels of a kernel have, at most: those of whole tiles."""
    return -(-filters // _TALLEST) * _TALLEST


def _rows_at_a_time(filters: int) -> int:
    """Return how many rows of the patch matrix are multiplied at a time, whole blocks."""
    return max(BLOCK, SLICE // _panels(filters) // BLOCK * BLOCK)


def _laid_wide(
    module: ModuleType, x: NumPyArray, geometry: Geometry, threads: int | None, filters: int
) -> tuple[NumPyArray, _Places]:
    """Lay images out so that neighbouring outputs of a row see neighbours."""
    batch, groups, channels = x.shape[:3]
    (deep, high, wide), stride = geometry.padded_size, geometry.stride[-1]
    columns = -(-wide // stride)
    steps = (high * stride * columns, stride * columns)
    channel, images = deep * steps[0], batch * groups * channels
    if _lies_so(x, geometry):
        laid, _ = _flat(x)
    else:
        out = pages.empty((images, deep, high, stride, columns), x.dtype)
        pixels, apart = _flat(x)
        counts, apart = _six(x.shape, 1), _six(apart, 0)
        lows = tuple(low for low, _ in geometry.pads)
        lay = functools.partial(module.lay_wide, pixels, counts, apart, lows, stride, out)
        shared(lay, images, threads)
        laid = out.reshape(-1)
    across = np.arange(geometry.kernel_size[-1]) * geometry.dilation[-1]
    rows = [
        np.arange(channels) * channel,
        *_along(geometry.kernel_size, geometry.dilation, steps),
        across % stride * columns + across // stride,
    ]
    seen = [
        np.arange(batch) * (groups * channels * channel),
        *_along(geometry.output_size, geometry.stride, steps),
        np.arange(geometry.output_size[-1]),
    ]
    result = (geometry.outputs, groups * filters * geometry.outputs, geometry.outputs)
    return laid, _Places(all_sums(rows), all_sums(seen), channels * channel, result)


def _lies_so(x: NumPyArray, geometry: Geometry) -> bool:
    """Tell whether images without a border lie as they should already."""
    return x.flags.c_contiguous and geometry.stride[-1] == 1 and not any(map(any, geometry.pads))


def _laid_deep(
    module: ModuleType, x: NumPyArray, geometry: Geometry, threads: int | None
) -> tuple[NumPyArray, _Places]:
    """Lay images out so that the batch lies side by side, for results of few numbers each.

    As those of a gradient with respect to a kernel, whose batch are the channels.
    """
    batch, groups, channels = x.shape[:3]
    deep, high, wide = geometry.padded_size
    steps = (high * wide * batch, wide * batch, batch)
    channel = deep * steps[0]
    out = pages.empty((groups * channels, deep, high, wide, batch), x.dtype)
    pixels, apart = _flat(x)
    counts, apart = _six(x.shape, 1), _six(apart, 0)
    lows = tuple(low for low, _ in geometry.pads)
    lay = functools.partial(module.lay_deep, pixels, counts, apart, lows, out)
    shared(lay, groups * channels * deep * high, threads)
    laid = out.reshape(-1)
    rows = [
        np.arange(channels) * channel,
        *_along(geometry.kernel_size, geometry.dilation, steps),
    ]
    seen = [*_along(geometry.output_size, geometry.stride, steps), np.arange(batch)]
    width = geometry.outputs * batch
    return laid, _Places(all_sums(rows), all_sums(seen), channels * channel, (width, 0, width))


def _with_all_axes(geometry: Geometry) -> Geometry:
    """Put axes of one in front."""
    missing = _AXES - geometry.axes
    ones = (1,) * missing
    return Geometry(
        (*ones, *geometry.input_size),
        (*ones, *geometry.kernel_size),
        (*ones, *geometry.stride),
        (*ones, *geometry.dilation),
        (*((0, 0),) * missing, *geometry.pads),
    )


def _six(numbers: Sequence[int], missing: int) -> tuple[int, ...]:
    """Return the numbers of three axes of images and three of space."""
    return (*numbers[:3], *(missing,) * (6 - len(numbers)), *numbers[3:])


def _flat(array: NumPyArray) -> tuple[NumPyArray, tuple[int, ...]]:
    """Return the memory from an array's first number on, and the steps along its axes.

    An array of another kind is copied, so that the loops are compiled once.
    """
    is_forward = all(step >= 0 and step % array.itemsize == 0 for step in array.strides)
    if not (is_forward and array.flags.aligned and array.flags.writeable):
        array = np.array(array, order="C", copy=True, subok=False)
    steps = tuple(step // array.itemsize for step in array.strides)
    if 0 in array.shape:
        return array.reshape(-1), steps
    last = sum((n - 1) * step for n, step in zip(array.shape, steps, strict=True))
    flat = np.lib.stride_tricks.as_strided(array, (last + 1,), (array.itemsize,), subok=False)
    return flat, steps


def _along(sizes: Sequence[int], apart: Sequence[int], steps: Sequence[int]) -> list[NumPyArray]:
    """Return where the numbers of each axis lie, of those that have a step."""
    return [np.arange(n) * d * step for n, d, step in zip(sizes, apart, steps, strict=False)]
