"""NumPy's sums of one multiply-add per tap: the order of their additions, and ways to follow it.

The order is a promise, so that neither Numba nor the number of threads decides about a bit:

* y = 0, then y = y + k[t] * x[...] for every tap t in C order, each operation rounded;
* several channels are taps of their own, before those of space; many are mixed by products of
  matrices (see `channels`), tap by tap;
* where there are fewer outputs than taps, v = 0, then v = v + k[r] * x[...] for every row r of the
  kernel in C order, a vector along the row; then the second half of v is added to the first, until
  one number is left;
* a complex sum is made of four real ones, rr - ii and ri + ir.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import channels, compiled
from multiconv.backends.loops.threads import shared
from multiconv.core.geometry import Geometry

# Numbers of a block that stays in the second-level cache with what it is made of.
_BLOCK = 2**16
# Up to so many products, all of them are formed at once.
_FEW = 2**18
# From so many results on, threads are worth being woken.
_SHARED = 2**18
# Up to so many channels, such as those of a picture, no product of matrices is worth its copies.
_CHANNELS = 4


def sum_of_taps(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, *, fused: bool = False
) -> NumPyArray | None:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel), zeros around, to (N, G, O, *output).

    None where there are many channels, and fewer outputs than taps. Compiled loops may round a
    multiply-add once, ``fused``; then they follow the order, and are promised no bits.
    """
    is_short = geometry.outputs < geometry.taps
    if x.shape[2] == 1:
        return _of_one(x, weight, geometry, is_short=is_short, fused=fused)
    if adds_channels(x.shape[2], weight.shape[1]):
        return _of_few(x, weight, geometry, is_short=is_short, fused=fused)
    return None if is_short else channels.mixed(padded(x, geometry), weight, geometry)


def adds_channels(channels: int, filters: int) -> bool:
    """Tell whether so many channels are added up as taps are."""
    return channels <= _CHANNELS or filters == 1


def _of_few(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, *, is_short: bool, fused: bool
) -> NumPyArray:
    """Add up channels as an axis on which the kernel lies in one place only."""
    count = x.shape[2]
    lifted = replace(
        geometry,
        input_size=(count, *geometry.input_size),
        kernel_size=(count, *geometry.kernel_size),
        stride=(1, *geometry.stride),
        dilation=(1, *geometry.dilation),
        pads=((0, 0), *geometry.pads),
    )
    y = _of_one(x[:, :, None], weight[:, :, None], lifted, is_short=is_short, fused=fused)
    return y.reshape(*y.shape[:3], *geometry.output_size)


def _of_one(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, *, is_short: bool, fused: bool
) -> NumPyArray:
    """Correlate one channel."""
    if x.dtype.kind == "c":
        return _complex(x, weight, geometry, is_short=is_short, fused=fused)
    results = x.shape[0] * weight.shape[0] * weight.shape[1]
    products = results * geometry.taps * geometry.outputs
    if is_short:
        return _few_outputs(padded(x, geometry), weight, geometry, products)
    # A single column would be added up pairwise.
    is_wide = results * geometry.outputs > 1
    fused = fused and x.dtype.kind == "f"
    # Where they round otherwise, that does not depend on what was loaded before.
    loops = compiled.loops(x.dtype, geometry, products, fused=fused, few=not fused)
    if loops is not None:
        return compiled.taps(loops, x, weight, geometry, fused=fused)
    x = padded(x, geometry)
    if products <= _FEW and is_wide:
        return _at_once(x, weight, geometry)
    y = np.zeros((x.shape[0], *weight.shape[:2], *geometry.output_size), x.dtype)
    _in_blocks(x, weight, y, geometry, products)
    return y


def padded(x: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Put zeros around the last axes of x, where there are any."""
    if geometry.input_size == geometry.padded_size:
        return x
    lead = x.ndim - geometry.axes
    result = np.zeros((*x.shape[:lead], *geometry.padded_size), x.dtype)
    middle = (
        slice(low, low + n) for n, (low, _) in zip(x.shape[lead:], geometry.pads, strict=True)
    )
    index: tuple[Any, ...] = (..., *middle)
    result[index] = x
    return result


def _complex(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, *, is_short: bool, fused: bool
) -> NumPyArray:
    real_real, real_imag, imag_real, imag_imag = (
        _of_one(a, b, geometry, is_short=is_short, fused=fused)
        for a, b in itertools.product((x.real, x.imag), (weight.real, weight.imag))
    )
    y = np.empty(real_real.shape, x.dtype)
    np.subtract(real_real, imag_imag, out=y.real)
    np.add(real_imag, imag_real, out=y.imag)
    return y


def _at_once(x: NumPyArray, weight: NumPyArray, geometry: Geometry) -> NumPyArray:
    """Form all products, taps first, and add them up along the taps."""
    if not x.flags.c_contiguous:
        x = np.ascontiguousarray(x)
    batch, (groups, filters) = x.shape[0], weight.shape[:2]
    kernel_size, output_size = geometry.kernel_size, geometry.output_size
    along_kernel = along_output = x.strides[3:]
    if max(*geometry.dilation, *geometry.stride) > 1:
        along_kernel = tuple(s * d for s, d in zip(along_kernel, geometry.dilation, strict=True))
        along_output = tuple(s * d for s, d in zip(along_output, geometry.stride, strict=True))
    ones = (1,) * geometry.axes
    if batch * groups * filters == 1:  # fewer axes cost less
        shape, strides = kernel_size + output_size, along_kernel + along_output
        taps = weight.reshape(kernel_size + ones)
    else:
        shape = (*kernel_size, batch, groups, 1, *output_size)
        strides = along_kernel + x.strides[:3] + along_output
        taps = weight.transpose(*range(3, weight.ndim), 0, 1, 2)
        taps = taps.reshape(*kernel_size, 1, groups, filters, *ones)
    seen: NumPyArray = np.ndarray(shape, x.dtype, x, 0, strides)
    # In the order of memory that adds up tap by tap.
    products = np.multiply(seen, taps, order="C").reshape(geometry.taps, -1)
    y: NumPyArray = np.add.reduce(products, axis=0, dtype=x.dtype, initial=0)
    return y.reshape((batch, groups, filters, *output_size))


def _in_blocks(
    x: NumPyArray, weight: NumPyArray, y: NumPyArray, geometry: Geometry, products: int
) -> None:
    """Add all taps to a block of rows of y before the next, on threads."""
    rows = y.shape[3]
    step = min(rows, max(1, _BLOCK // math.prod(y.shape[4:])))
    is_shared = min(products, y.size) >= _SHARED
    if is_shared:  # some blocks for each thread
        step = min(step, max(1, rows // 8))
    per_image = -(-rows // step)
    windows = [window[1:] for _, window in geometry.tap_windows()]
    kernels = weight.reshape(*weight.shape[:2], geometry.taps)
    stride = geometry.stride[0]

    def work(start: int, stop: int) -> None:
        product = np.empty((step, *y.shape[4:]), y.dtype)
        for number in range(start, stop):
            image, block = divmod(number, per_image)
            n, g, o = np.unravel_index(image, y.shape[:3])
            total, source = y[n, g, o, block * step : (block + 1) * step], x[n, g, 0]
            room = product[: total.shape[0]]
            for window, factor in zip(windows, kernels[g, o], strict=True):
                first = window[0].start + block * step * stride
                behind = slice(first, first + (total.shape[0] - 1) * stride + 1, stride)
                np.multiply(source[(behind, *window[1:])], factor, out=room)
                np.add(total, room, out=total)

    count = math.prod(y.shape[:3]) * per_image
    if is_shared:
        shared(work, count)
    else:
        work(0, count)


def _few_outputs(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, products: int
) -> NumPyArray:
    """Add up the rows of the kernel times what each output sees, then along the rows."""
    batch, (groups, filters) = x.shape[0], weight.shape[:2]
    results, width = batch * groups * filters, geometry.kernel_size[-1]
    y = np.empty((results, geometry.outputs), x.dtype)
    # The vectors of so many outputs at a time take no more than a few images do.
    step = max(1, max(x.size, 2**20) // (results * width))
    loops = compiled.loops(x.dtype, geometry, products)
    add_rows = _add_rows if loops is None else compiled.rows(loops, x, weight, geometry)
    for start in range(0, geometry.outputs, step):
        stop = min(start + step, geometry.outputs)
        vectors = np.zeros((results, stop - start, width), x.dtype)
        add_rows(x, weight, geometry, start, vectors)
        y[:, start:stop] = _halved(vectors)
    return y.reshape(batch, groups, filters, *geometry.output_size)


def _add_rows(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry, start: int, vectors: NumPyArray
) -> None:
    """Add up, for the outputs from ``start`` on, the rows of the kernel times those of x."""
    groups, filters = weight.shape[:2]
    lead, width = geometry.kernel_size[0], geometry.kernel_size[-1]
    stop = start + vectors.shape[1]
    windows = list(itertools.islice(geometry.output_windows(), start, stop))
    step = max(1, _BLOCK * lead // geometry.taps) if geometry.axes > 1 else 1

    def work(first: int, last: int) -> None:
        for number in range(first, last):
            result, place = divmod(number, len(windows))
            n, (g, o) = result // (groups * filters), divmod(result % (groups * filters), filters)
            kernel, seen = weight[g, o, 0], x[n, g, 0][windows[place][1:]]
            total = vectors[result, place]
            if geometry.axes == 1:
                total += kernel * seen
                continue
            for begin in range(0, lead, step):
                part = slice(begin, begin + step)
                products = (kernel[part] * seen[part]).reshape(-1, width)
                products[0] += total
                if width == 1:  # a single column would be added up pairwise
                    products = np.repeat(products, 2, axis=1)
                total[:] = np.add.reduce(products, axis=0, dtype=x.dtype)[:width]

    count = vectors.shape[0] * len(windows)
    if count * geometry.taps < _SHARED:
        work(0, count)
    else:
        shared(work, count)


def _halved(vectors: NumPyArray) -> NumPyArray:
    """Add the second half to the first until one number is left of each vector."""
    rest = vectors.shape[-1]
    while rest > 1:
        half = (rest + 1) // 2
        vectors[..., : rest - half] += vectors[..., half:rest]
        rest = half
    return vectors[..., 0]
