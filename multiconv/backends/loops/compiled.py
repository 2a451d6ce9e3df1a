"""The way to the compiled loops: whether there are any, and what they are handed."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import os
import platform
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import pages
from multiconv.backends.loops.threads import shared, thread_count
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.progress import Progress

# From so many products on, compiled loops are worth being loaded, and threads being woken.
_LOADED, _SHARED = 2**14, 2**22
# Rows and columns of a tile: what it reads stays in cache.
_ROWS, _COLUMNS = 32, 1024
# Numbers of the rows of an image and a kernel that stay in cache for all outputs.
_ROWS_IN_CACHE = 2**16
_AXES = 3
# Of so many bytes a copy takes no longer than another view.
_COPIED = 2**14


@functools.cache
def is_installed() -> bool:
    """Tell whether there is Numba, without importing it, and whether it may compile."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return False  # Python cannot run what is written in LLVM's vectors
    try:
        return importlib.util.find_spec("numba") is not None
    except ValueError:  # what stands in for it is no module
        return False


def loops(
    dtype: np.dtype[Any],
    geometry: Geometry,
    products: int,
    *,
    fused: bool = False,
    few: bool = False,
) -> ModuleType | None:
    """Return the compiled loops where they are worth their while, and there is Numba.

    They are for ``few`` products, too, where a call before has loaded them.
    """
    if geometry.axes > _AXES:
        return None
    if products < _LOADED:
        return _loaded.get((dtype.str, fused)) if few else None
    return _loops_of(dtype.str, fused) if is_installed() else None


_loaded: dict[tuple[str, bool], ModuleType] = {}


@functools.cache
def fuses() -> bool:
    """Tell whether the processor fuses a multiply-add: else it is a call of a function for each."""
    if any(os.environ.get(name) for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")):
        return False  # another processor is meant, which need not
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        features = importlib.import_module("llvmlite.binding").get_host_cpu_features()
    except (ImportError, RuntimeError):  # LLVM does not know of this system's processors
        return False
    return bool(features.get("fma"))


@functools.cache
def _loops_of(dtype: str, fused: bool) -> ModuleType | None:
    """Load the loops, and compile them for a dtype unless an earlier run has."""
    try:
        with Progress(f"compiling loops for {np.dtype(dtype).name}", 1, coarse=True) as progress:
            progress.advance("(once: they are kept)")
            module = importlib.import_module("multiconv.backends.loops.numba")
            ones = np.ones((1, 1, 1, 4), _signed(np.dtype(dtype)))
            geometry = Geometry((4,), (1,), (1,), (1,), ((0, 0),))
            taps(module, ones, ones[..., :1], geometry, fused=fused)
            if not fused:
                geometry = Geometry((4,), (4,), (1,), (1,), ((0, 0),))
                rows(module, ones, ones, geometry)(ones, ones, geometry, 0, np.zeros_like(ones[0]))
    except ImportError:
        return None
    _loaded[dtype, fused] = module
    return module


def taps(
    module: ModuleType,
    x: NumPyArray,
    weight: NumPyArray,
    geometry: Geometry,
    y: NumPyArray | None = None,
    *,
    threads: int | None = None,
    fused: bool = False,
) -> NumPyArray:
    """Correlate (N, G, 1, *size) with (G, O, 1, *kernel), zeros around, tap by tap.

    The result is written to ``y``, if given; a ``fused`` multiply-add is rounded once.
    """
    plan = _layout(
        x.shape,
        weight.shape,
        geometry.output_size,
        geometry.stride,
        geometry.dilation,
        geometry.pads,
    )
    if y is None:
        y = pages.empty(plan.y, x.dtype)
    if plan.products < _SHARED:
        threads = 1
    elif threads is None:
        threads = thread_count()
    # Some bands of rows for each thread, where there are not many images anyway.
    rows = min(_ROWS, max(1, plan.height * plan.results // (4 * threads)), plan.height)
    arguments = (
        plain(x).reshape(plan.x),
        plain(weight).reshape(plan.weight),
        written(y).reshape(plan.y),
        *plan.steps,
        (rows, _COLUMNS),
    )
    add = module.add_taps_fused if fused else module.add_taps
    bands = plan.results * -(-plan.height // rows)
    if threads == 1:
        add(*arguments, 0, bands)
    else:
        shared(lambda start, stop: add(*arguments, start, stop), bands, threads)
    return y.reshape(plan.shape)


class _Layout(NamedTuple):
    """What the loops are told of arrays: their shapes, with an axis of one for each missing one.

    ``steps`` are the kernel's size, the zeros in front of the image, the strides and the dilations;
    ``results`` are the images of ``height`` rows, and ``shape`` that of the result.
    """

    x: tuple[int, ...]
    weight: tuple[int, ...]
    y: tuple[int, ...]
    shape: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]
    height: int
    results: int
    products: int


@functools.lru_cache(maxsize=1024)
def _layout(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    output_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: Pairs,
) -> _Layout:
    # Sizes, and no geometry: to tell that one is known takes longer than to look these up.
    missing = (1,) * (_AXES - len(output_size))
    shape = (x[0], *weight[:2], *output_size)
    y, taps = (*shape[:3], *missing, *output_size), math.prod(weight[3:])
    return _Layout(
        (*x[:2], *missing, *x[3:]),
        (*weight[:2], taps),
        y,
        shape,
        (
            (*missing, *weight[3:]),
            (*(0 for _ in missing), *(low for low, _ in pads)),
            (*missing, *stride),
            (*missing, *dilation),
        ),
        y[-2],
        math.prod(y[:2]) * y[3],
        math.prod(y) * taps,
    )


def rows(
    module: ModuleType, x: NumPyArray, weight: NumPyArray, geometry: Geometry
) -> Callable[[NumPyArray, NumPyArray, Geometry, int, NumPyArray], None]:
    """Return the compiled way to add up the rows of a kernel, for an x with its border.

    Columns that a dilation takes together are laid side by side first.
    """
    step = geometry.dilation[-1]
    batch, groups, _, *size = x.shape
    filters = weight.shape[1]
    wide = -(-size[-1] // step)
    if step > 1:
        apart = np.zeros((*x.shape[:-1], wide * step), x.dtype)
        apart[..., : size[-1]] = x
        x = apart.reshape(*x.shape[:-1], wide, step).swapaxes(-1, -2)
    flat = plain(x).reshape(-1)
    lines = [wide * step * math.prod(size[axis + 1 : -1]) for axis in range(len(size) - 1)]
    offsets = all_sums(
        [
            np.arange(k) * d * line
            for k, d, line in zip(geometry.kernel_size[:-1], geometry.dilation, lines, strict=False)
        ]
    )
    column = np.arange(geometry.output_size[-1]) * geometry.stride[-1]
    places = all_sums(
        [
            *(
                np.arange(n) * s * line
                for n, s, line in zip(
                    geometry.output_size[:-1], geometry.stride, lines, strict=False
                )
            ),
            column % step * wide + column // step,
        ]
    )
    results = np.arange(batch * groups * filters)
    per_image = math.prod(size[:-1]) * wide * step
    images = results // filters * per_image
    kernels = plain(weight).reshape(groups * filters, -1, geometry.kernel_size[-1])
    kernels = np.ascontiguousarray(np.broadcast_to(kernels, (batch, *kernels.shape))).reshape(
        results.size, *kernels.shape[1:]
    )
    chunk = max(1, _ROWS_IN_CACHE // geometry.kernel_size[-1])
    parts = 1 if results.size >= thread_count() else thread_count()
    # Whole vectors to each part.
    edges = np.minimum(
        np.arange(parts + 1) * -(-geometry.kernel_size[-1] // (parts * 64)) * 64,
        geometry.kernel_size[-1],
    )

    def add(
        x: NumPyArray, weight: NumPyArray, geometry: Geometry, start: int, vectors: NumPyArray
    ) -> None:
        arguments = (
            flat,
            images,
            kernels,
            places[start : start + vectors.shape[1]],
            offsets,
            written(vectors),
            edges,
            chunk,
        )
        work = functools.partial(module.add_rows, *arguments)
        count = results.size * parts
        if vectors.shape[1] * kernels.size < _SHARED:
            work(0, count)
        else:
            shared(work, count)

    return add


def all_sums(terms: Sequence[NumPyArray]) -> NumPyArray:
    """Return all sums of one number of each, in C order."""
    total = np.zeros(1, np.int64)
    for term in terms:
        total = (total[:, None] + term.astype(np.int64)).reshape(-1)
    return total


def _signed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the signed integers of the same bits, which wrap alike."""
    return np.dtype(f"i{dtype.itemsize}") if dtype.kind == "u" else dtype


def written(array: NumPyArray) -> NumPyArray:
    """Return the same memory as the loops write to it."""
    return array.view(_signed(array.dtype)) if array.dtype.kind == "u" else array


def plain(array: NumPyArray) -> NumPyArray:
    """Return a contiguous, aligned array that may be written to, though nobody does."""
    if type(array) is not np.ndarray or not array.flags.carray:
        array = np.ascontiguousarray(array)
        if not array.flags.carray:
            is_large = array.nbytes > _COPIED and array.flags.aligned
            array = np.asarray(_Writeable(array)) if is_large else array.copy()
    return written(array)


class _Writeable:
    """The memory of a read-only array, such as another library's, which this keeps alive."""

    def __init__(self, array: NumPyArray) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
