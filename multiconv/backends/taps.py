"""NumPy's sums of a multiply-add per tap: the order of their additions, and ways to follow it.

The order is a promise, so that neither Numba nor the number of threads decides about a bit:

* y = 0, then y = y + k[t] * x[...] for every tap t in C order, each operation rounded;
* where there are fewer outputs than taps, v = 0, then v = v + k[r] * x[...] for every row r of the
  kernel in C order, a vector along the row; then the second half of v is added to the first, until
  one number is left;
* a complex sum is made of four real ones, rr - ii and ri + ir.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from multiconv.backends.threads import shared, thread_count
from multiconv.core.geometry import Geometry
from multiconv.core.progress import Progress

NumPyArray = np.ndarray[Any, Any]

# Numbers of a block that stays in the second-level cache with what it is made of.
_BLOCK = 2**16
# Up to so many products, all of them are formed at once.
_FEW = 2**12
# From so many products on, compiled loops are worth being loaded, and threads being woken.
_LOADED, _SHARED = 2**16, 2**20
_MOST_COLUMNS = 2048
_MOST_COMPILED_AXES = 3


def sum_of_taps(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, pad: Callable[..., Any]
) -> NumPyArray:
    """Correlate (N, G, 1, *size) with (G, O, 1, *kernel), zeros around, to (N, G, O, *output)."""
    if x.dtype.kind == "c":
        return _complex(x, weight, geometry, pad)
    taps, outputs = geometry.taps, geometry.outputs
    products = x.shape[0] * weight.size * outputs
    if products <= _FEW and outputs >= taps and outputs > 1:
        return _at_once(pad(x, geometry.pads), weight, geometry)
    loops = _loops() if products >= _LOADED and geometry.axes <= _MOST_COMPILED_AXES else None
    if outputs < taps:
        sums = _few_outputs if loops is None else functools.partial(_compiled_few, loops)
        return sums(pad(x, geometry.pads), weight, geometry)
    if loops is not None:
        return _compiled(loops, x, weight, geometry, products)
    y = np.zeros((x.shape[0], *weight.shape[:2], *geometry.output_size), x.dtype)
    _in_blocks(pad(x, geometry.pads), weight, y, geometry, products)
    return y


def _complex(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, pad: Callable[..., Any]
) -> NumPyArray:
    parts = [
        sum_of_taps(a, b, geometry, pad)
        for a, b in itertools.product((x.real, x.imag), (weight.real, weight.imag))
    ]
    real_real, real_imag, imag_real, imag_imag = parts
    y = np.empty(real_real.shape, x.dtype)
    np.subtract(real_real, imag_imag, out=y.real)
    np.add(real_imag, imag_real, out=y.imag)
    return y


def _at_once(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Form all products, taps first, and add them up along the taps."""
    x = np.ascontiguousarray(x)
    g = geometry
    view, strides = _strides(
        x.shape, x.itemsize, g.kernel_size, g.output_size, g.stride, g.dilation
    )
    seen: NumPyArray = np.ndarray(view, x.dtype, x, 0, strides)
    # Products in the order of memory that is added up tap by tap.
    if weight.size == geometry.taps:  # one kernel for all
        taps = weight.reshape(geometry.taps, 1)
        products = np.multiply(seen.reshape(geometry.taps, -1), taps, order="C")
    else:
        axes = geometry.axes
        taps = weight.transpose(*range(3, 3 + axes), 0, 1, 2)
        taps = taps.reshape(*geometry.kernel_size, 1, *weight.shape[:2], *(1,) * axes)
        products = np.multiply(seen, taps, order="C").reshape(geometry.taps, -1)
    y: NumPyArray = np.add.reduce(products, axis=0, initial=0, dtype=x.dtype)
    return y.reshape(x.shape[0], *weight.shape[:2], *geometry.output_size)


@functools.lru_cache(4096)
def _strides(
    shape: tuple[int, ...],
    itemsize: int,
    kernel_size: tuple[int, ...],
    output_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return shape and strides of what the taps see of (N, G, 1, *size): taps, N, G, 1, outputs."""
    steps = [itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    along_kernel = (s * d for s, d in zip(steps[3:], dilation, strict=True))
    along_output = (s * d for s, d in zip(steps[3:], stride, strict=True))
    view = (*kernel_size, *shape[:2], 1, *output_size)
    return view, (*along_kernel, *steps[:3], *along_output)


def _in_blocks(
    x: NumPyArray, weight: NumPyArray, y: NumPyArray, geometry: Geometry, products: int
) -> None:
    """Add all taps to a block of rows of y before the next, on threads."""
    row = y[0, 0, 0, :1].size
    step = max(1, _BLOCK // max(row, 1))
    per_image = -(-y.shape[3] // step)
    windows = [
        [slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, s, n in zip(*along, strict=True)]
        for along in (
            (tap, geometry.dilation, geometry.stride, geometry.output_size)
            for tap in itertools.product(*map(range, geometry.kernel_size))
        )
    ]
    kernels = weight.reshape(*weight.shape[:2], geometry.taps)
    stride = geometry.stride[0]

    def work(start: int, stop: int) -> None:
        product = np.empty((min(step, y.shape[3]), *y.shape[4:]), y.dtype)
        for number in range(start, stop):
            image, block = divmod(number, per_image)
            n, g, o = np.unravel_index(image, y.shape[:3])
            rows = slice(block * step, min((block + 1) * step, y.shape[3]))
            total, source = y[n, g, o, rows], x[n, g, 0]
            room = product[: total.shape[0]]
            for window, factor in zip(windows, kernels[g, o], strict=True):
                first = window[0].start + rows.start * stride
                behind = slice(first, first + (total.shape[0] - 1) * stride + 1, stride)
                np.multiply(source[behind, *window[1:]], factor, out=room)
                np.add(total, room, out=total)

    count = math.prod(y.shape[:3]) * per_image
    if products < _SHARED:
        work(0, count)
    else:
        shared(work, count)


def _few_outputs(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Add up the rows of the kernel times what each output sees, then along the rows."""
    batch, (groups, filters) = x.shape[0], weight.shape[:2]
    y = np.empty((batch, groups, filters, geometry.outputs), x.dtype)
    width = geometry.kernel_size[-1]
    # One column would be added up pairwise.
    columns = max(width, 2)
    lead = geometry.kernel_size[0]
    step = max(1, _BLOCK // max(geometry.taps // lead, 1))
    behind = geometry.kernel_size[1:-1] if geometry.axes > 1 else ()
    if geometry.axes == 1:
        lead, step = 1, 1
    rows_per_step = step * math.prod(behind)
    room = np.zeros((rows_per_step + 1, columns), x.dtype)
    windows = list(geometry.output_windows())
    for n, g, o in itertools.product(range(batch), range(groups), range(filters)):
        kernel = weight[g, o, 0].reshape(lead, *behind, width)
        for number, window in enumerate(windows):
            seen = x[n, g, 0][window[1:]].reshape(lead, *behind, width)
            room[0] = 0
            for first in range(0, lead, step):
                part = slice(first, min(first + step, lead))
                rows = 1 + (part.stop - first) * math.prod(behind)
                target = room[1:rows].reshape(-1, *behind, columns)[..., :width]
                np.multiply(seen[part], kernel[part], out=target)
                room[0] = np.add.reduce(room[:rows], axis=0)
            y[n, g, o, number] = _halved(room[0, :width].copy())
    return y.reshape(batch, groups, filters, *geometry.output_size)


def _halved(v: NumPyArray) -> Any:
    n = v.size
    while n > 1:
        half = (n + 1) // 2
        v[: n - half] += v[half:n]
        n = half
    return v[0]


@functools.cache
def _loops() -> ModuleType | None:
    """Return the compiled loops, None where there is no Numba; the first call loads it."""
    try:
        with Progress("loading compiled loops", 1, coarse=True):
            from multiconv.backends import numba
    except ImportError:
        return None
    return numba


def _compiled(
    loops: ModuleType, x: NumPyArray, weight: NumPyArray, geometry: Geometry, products: int
) -> NumPyArray:
    missing = (1,) * (_MOST_COMPILED_AXES - geometry.axes)
    y = np.empty((x.shape[0], *weight.shape[:2], *missing, *geometry.output_size), x.dtype)
    x = x.reshape(*x.shape[:2], *missing, *x.shape[3:])
    weight = np.ascontiguousarray(weight).reshape(
        *weight.shape[:2], *missing, *geometry.kernel_size
    )
    height, width = y.shape[-2:]
    columns = min(width, _MOST_COLUMNS)
    rows = min(height, max(_BLOCK // columns, 1))
    tiles = math.prod(y.shape[:2]) * y.shape[3] * -(-height // rows) * -(-width // columns)
    threads = thread_count() if products >= _SHARED else 1
    if tiles < threads:  # smaller tiles, one for each
        rows = max(1, -(-height // threads))
        tiles = math.prod(y.shape[:2]) * y.shape[3] * -(-height // rows) * -(-width // columns)
    lows = (*(0,) * len(missing), *(low for low, _ in geometry.pads))
    arguments = (
        x,
        weight,
        y,
        lows,
        (*missing, *geometry.stride),
        (*missing, *geometry.dilation),
        (rows, columns),
    )

    def work(start: int, stop: int) -> None:
        loops.add_taps(*arguments, start, stop)

    if threads == 1:
        work(0, tiles)
    else:
        shared(work, tiles)
    return y.reshape(*y.shape[:3], *geometry.output_size)


def _compiled_few(
    loops: ModuleType, x: NumPyArray, weight: NumPyArray, geometry: Geometry
) -> NumPyArray:
    missing = (1,) * (_MOST_COMPILED_AXES - geometry.axes)
    y = np.empty((x.shape[0], *weight.shape[:2], *missing, *geometry.output_size), x.dtype)
    x = x.reshape(*x.shape[:2], *missing, *x.shape[3:])
    weight = weight.reshape(*weight.shape[:2], *missing, *geometry.kernel_size)
    arguments = x, weight, y, (*missing, *geometry.stride), (*missing, *geometry.dilation)
    shared(lambda start, stop: loops.add_rows(*arguments, start, stop), geometry.outputs)
    return y.reshape(*y.shape[:3], *geometry.output_size)
