"""The way to the loops over channels: how a sum is cut into bands, and what the loops are told."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import compiled
from multiconv.backends.loops.exactly.loaded import is_worth_loading
from multiconv.backends.loops.threads import thread_count
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.progress import Progress

_AXES = 3
# Of fewer outputs of an image, most of a tile would go to waste, and BLAS is as fast.
_FEW = 8
# Numbers of a room, which stays in a core's cache; columns of outputs, where a row of the room is
# longer than that; and parts of the work for each thread, where there are not many images.
_ROOM, _COLUMNS, _PARTS = 2**16, 48, 4


def loops(products: int, geometry: Geometry) -> ModuleType | None:
    """Return the loops where they are worth being loaded, or are, and there is Numba."""
    if geometry.axes > _AXES or geometry.outputs < _FEW or not is_worth_loading(products):
        return None
    return _loaded()


def correlation(
    module: ModuleType,
    x: NumPyArray,
    rows: NumPyArray,
    bias: NumPyArray | None,
    error: NumPyArray,
    geometry: Geometry,
    part: int,
    y: NumPyArray,
    unsure: NumPyArray,
) -> tuple[Callable[[int, int], None], int]:
    """Return what correlates some bands of outputs, and how many bands there are.

    Of float32 (N, G, C, *size) with the rows (G, O, C * taps) of kernels; the rounded
    sums go to ``y``, and ``unsure`` is set where they are not certain. ``error`` is (N, G, O),
    ``bias`` (G, O, 1), and ``part`` the length of a part of a sum.
    """
    images, groups, filters = error.shape
    plan = _layout(
        x.shape[2],
        geometry.input_size,
        geometry.kernel_size,
        geometry.output_size,
        geometry.stride,
        geometry.dilation,
        geometry.pads,
        images * groups,
        thread_count(),
        _ROOM,
    )
    work = functools.partial(
        module.correlate,
        compiled.plain(x).reshape(-1),
        plan.image,
        _side_by_side(rows, module.FILTERS),
        (groups, filters, plan.slabs),
        plan.offsets,
        plan.residues,
        plan.steps,
        plan.tile,
        part,
        np.empty(0) if bias is None else bias.reshape(-1),
        error.reshape(-1),
        y.reshape(-1),
        unsure.reshape(-1),
        plan.output,
    )
    return work, images * groups * plan.bands


def _side_by_side(rows: NumPyArray, kinds: tuple[int, ...]) -> NumPyArray:
    """Lay the numbers of as many filters side by side as a tile takes, tile after tile."""
    groups, filters, length = rows.shape
    packed, first = np.empty((groups, filters * length)), 0
    for many in kinds:
        tiles = (filters - first) // many
        last = first + tiles * many
        own = rows[:, first:last].reshape(groups, tiles, many, length)
        target = packed[:, first * length : last * length]
        target.reshape(groups, tiles, length, many)[:] = own.swapaxes(2, 3)
        first = last
    return packed.reshape(-1)


class _Layout(NamedTuple):
    """What the loops are told of sizes, with an axis of one for each missing one."""

    image: tuple[int, ...]
    output: tuple[int, ...]
    slabs: int
    offsets: NumPyArray
    residues: tuple[NumPyArray, NumPyArray]
    steps: tuple[int, ...]
    tile: tuple[int, ...]
    bands: int


@functools.lru_cache(maxsize=256)
def _layout(
    channels: int,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    output: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: Pairs,
    images: int,
    threads: int,
    room: int,
) -> _Layout:
    ones = (1,) * (_AXES - len(size))
    size, kernel, output = (*ones, *size), (*ones, *kernel), (*ones, *output)
    stride, dilation = (*ones, *stride), (*ones, *dilation)
    lows = (*(0 for _ in ones), *(low for low, _ in pads))
    taps = [np.arange(k) * d for k, d in zip(kernel, dilation, strict=True)]
    residues = tuple(np.unique(taps[axis] % stride[axis]) for axis in (1, 2))
    more = [int(taps[axis][-1]) // stride[axis] for axis in (1, 2)]
    planes = channels * kernel[0] * residues[0].size * residues[1].size
    # Some bands for each thread, where there are not many images anyway.
    most = output[1] if threads == 1 else -(-images * output[0] * output[1] // (_PARTS * threads))
    rows, columns = _tile(planes, more, output, most, room)
    tile = (rows, columns, *more)
    pitch = columns + more[1]
    plane = (rows + more[0]) * pitch
    row = np.searchsorted(residues[0], taps[1] % stride[1]) * residues[1].size * plane
    column = np.searchsorted(residues[1], taps[2] % stride[2]) * plane
    volume = residues[0].size * residues[1].size * plane
    offsets: NumPyArray = (
        np.arange(channels * kernel[0]).reshape(-1, 1, 1) * volume
        + (row + taps[1] // stride[1] * pitch)[:, None]
        + (column + taps[2] // stride[2])
    )
    return _Layout(
        (channels, *size),
        output,
        kernel[0],
        offsets.reshape(-1).astype(np.int64),
        (residues[0].astype(np.int64), residues[1].astype(np.int64)),
        (*lows, *stride, dilation[0]),
        tile,
        output[0] * -(-output[1] // rows) * -(-output[2] // columns),
    )


def _tile(
    planes: int, more: list[int], output: tuple[int, ...], most: int, room: int
) -> tuple[int, int]:
    """Return the rows, no more than ``most``, and columns of a band whose room stays in cache."""
    fitting = max(room // (planes * (1 + more[0])) - more[1], _COLUMNS)
    columns = _evenly(output[2], fitting)
    fitting = max(room // (planes * (columns + more[1])) - more[0], 1)
    return _evenly(output[1], min(fitting, most)), columns


def _evenly(count: int, most: int) -> int:
    """Return how many are in a part, where no part has more than ``most``."""
    parts = -(-count // most)
    return -(-count // parts)


@functools.cache
def _loaded() -> ModuleType | None:
    try:
        with Progress("compiling exact loops for channels", 1, coarse=True) as progress:
            progress.advance("(once: they are kept)")
            module = importlib.import_module("multiconv.backends.loops.exactly.tiles.numba")
            one: Any = np.ones((1, 1, 1, 1), np.float32)
            geometry = Geometry((1,), (1,), (1,), (1,), ((0, 0),))
            rows, error = one.reshape(1, 1, 1), np.zeros((1, 1, 1))
            unsure = np.zeros(one.shape, np.bool_)
            given = module, one, rows, None, error, geometry, 1, one.copy(), unsure
            correlation(*given)[0](0, 1)
    except ImportError:
        return None
    return module
