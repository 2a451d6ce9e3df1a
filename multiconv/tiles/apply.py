"""From one file to another: tiles through Dask, and a name only for what is whole."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.numpy import BACKEND
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.core.machine import usable_cpus
from multiconv.core.progress import Progress
from multiconv.planning.choose import MOST_WORKSPACE
from multiconv.planning.options import Options
from multiconv.tiles import array_files, grid
from multiconv.tiles.array_files import ArrayFile
from multiconv.tiles.dask import rounds
from multiconv.tiles.grid import Grid
from multiconv.tiles.unfinished import Unfinished

#: Bytes that a process needs before its first tile: the libraries, and what they keep.
ALONE = 200_000_000


@dataclass(frozen=True)
class Task:
    """A correlation of the images in a file, (..., H, W), into another.

    ``memory`` is how many bytes the process may use. With a ``cluster``, the address of a Dask
    scheduler, its workers compute the tiles; they must see the files under the same names.
    """

    source: str
    out: str
    kernel: NumPyArray
    options: Options
    flips: bool = False
    memory: int = 2**30
    cluster: str | None = None
    anew: bool = False


@dataclass(frozen=True)
class Done:
    """What was done: shapes, the dtype, how many tiles, and how many of them in an earlier run."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    dtype: str
    tiles: int
    earlier: int
    seconds: float


class DiskError(Exception):
    """A result that cannot be written, and what becomes of what is done."""


def opened(task: Task) -> ArrayFile:
    """Return the images, once it is known that they can be correlated."""
    try:
        source = array_files.opened(task.source)
    except ValueError:
        raise
    except Exception as error:  # each library has its own for a damaged file
        raise ValueError(f"{task.source!r} cannot be read: {error}") from error
    if len(source.shape) < 2:
        msg = f"{task.source!r} holds an array of shape {source.shape}, and images have (..., H, W)"
        raise ValueError(msg)
    fitted(task.kernel, source.dtype)
    return source


def apply(task: Task, source: ArrayFile) -> Done:
    """Compute what is not done yet, and give the result its name when it is whole."""
    start = time.monotonic()
    kernel, dtype = fitted(task.kernel, source.dtype)
    geometry, lead = _geometry(task, source), tuple(source.shape[:-2])
    result = Unfinished(task.out, _about(task, source, kernel), anew=task.anew)
    tiling = Grid(lead, geometry, result.side or side(task, source))
    shape, earlier = (*lead, *geometry.output_size), len(result.done)
    try:
        target = result.target(shape, dtype, tiling.tile, tiling.side)
        left = grid.tiles(tiling, task.options, flips=task.flips, done=set(result.done))
        calls = (partial(tile.run, source, kernel, target) for tile in left)
        with Progress("tile", len(tiling)) as progress:
            progress.done = earlier
            for numbers in rounds(calls, task.cluster):
                result.add(numbers)
                for _ in numbers:
                    progress.advance(_time_left(start, len(result.done) - earlier, progress))
        result.finish()
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(result.left(len(tiling))) from stop
    except ValueError:  # no cluster answers, for example
        result.clear()
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise DiskError(f"{reason}: {result.left(len(tiling))}") from error
    seconds = time.monotonic() - start
    return Done(source.shape, shape, dtype.name, len(tiling), earlier, seconds)


def fitted(kernel: NumPyArray, image: np.dtype[Any]) -> tuple[NumPyArray, np.dtype[Any]]:
    """Return a kernel of float64 in the dtype that goes with an image's, and that of the result.

    Whole numbers through whole numbers stay so, in an integer that holds every sum. What is no
    integer keeps the image's precision; of integers, it is computed in float32 where that holds
    them all.
    """
    name = image.name
    if name not in dtypes.SUPPORTED:
        raise ValueError(f"the image has the dtype {name}, which cannot be convolved")
    kind = dtypes.kind(name)
    if kind in ("float", "complex"):
        own = dtypes.with_precision("float64", name)
    elif (np.rint(kernel) == kernel).all():
        top = 1 if kind == "bool" else int(max(abs(np.iinfo(image).min), np.iinfo(image).max))
        own = "int32" if float(np.abs(kernel).sum()) * top < 2**31 else "int64"
    else:
        own = "float32" if dtypes.itemsize(name) <= 2 else "float64"
    result = dtypes.promote(name, own, default_integer=BACKEND.default_integer)
    return kernel.astype(own), np.dtype(result)


def _geometry(task: Task, source: ArrayFile) -> Geometry:
    return task.options.resolve(source.shape[-2:], task.kernel.shape)


def side(task: Task, source: ArrayFile) -> int:
    """Return the side of the tiles that there is memory for."""
    geometry = _geometry(task, source)
    _, result = fitted(task.kernel, source.dtype)
    sums = dtypes.itemsize(BACKEND.accumulator(result.name))
    # What is read, and the padded image and the result with what a method needs beside them.
    each = source.dtype.itemsize + 2 * (1 + MOST_WORKSPACE) * sums
    workers = usable_cpus()
    found = grid.side((task.memory - ALONE) // workers, each, geometry)
    if not found:
        needed = ALONE + workers * grid.least(each, geometry)
        msg = f"that is not enough: {_megabytes(needed)} is, for {workers} processors"
        raise ValueError(msg)
    return found


def _megabytes(count: float) -> str:
    return f"{-(-count // 1e6):.0f}MB"


def _about(task: Task, source: ArrayFile, kernel: NumPyArray) -> dict[str, Any]:
    """Return what decides what the result is, as JSON has it."""
    found = os.stat(task.source)
    return {
        "image": [os.path.realpath(task.source), found.st_size, found.st_mtime_ns],
        "shape": list(source.shape),
        "kernel": hashlib.sha256(kernel.tobytes()).hexdigest() + str(kernel.shape),
        "options": repr(task.options),
        "convolve": task.flips,
    }


def _time_left(start: float, done: int, progress: Progress) -> str:
    seconds = (time.monotonic() - start) / max(done, 1) * (progress.total - progress.done - 1)
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s left" if minutes else f"{rest} s left"
