r"""Sums with channels, float32 to float32, by products in float64 of blocks that stay in cache.

Compiled loops add them up in registers (`tiles`). Where there are none, a block of the patch matrix
is multiplied, certified and rounded before the next. Sums of more than a few hundred products are
added up in parts, those in twice the precision, so that their bound

.. math:: \delta = (n + 12) u S

has the length n of a part (see `multiconv.exact.floating`).
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import pages
from multiconv.backends.loops.exactly.certificates import certify, certify_twice
from multiconv.backends.loops.exactly.patches import patches
from multiconv.backends.loops.exactly.products import product
from multiconv.backends.loops.exactly.tiles import calls as tiles
from multiconv.backends.loops.threads import shared
from multiconv.core.geometry import Geometry

_U = 2.0**-53
# So many products are a part of a sum; of so many parts there are no more, but longer ones.
_PART, _PARTS = 512, 32
# From so many products on, threads are worth being woken.
_SHARED = 2**20


def correlated(
    x: NumPyArray,
    weight: NumPyArray,
    bias: NumPyArray | None,
    geometry: Geometry,
    *,
    is_exact: bool = False,
) -> tuple[NumPyArray, NumPyArray]:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel), zeros around, rounded once.

    Returns the result, and where it is not certain: nowhere, where all sums are known to be exact.
    """
    groups, filters = weight.shape[:2]
    x = np.asarray(x, np.float32)
    length = x.shape[2] * geometry.taps
    rows = np.asarray(weight, np.float32).reshape(groups, filters, length)
    step = length if is_exact else max(_PART, -(-length // _PARTS))
    parts = range(0, length, step)
    sizes = _tops(x)[:, :, None] * np.abs(rows).sum(-1, dtype=np.float64)
    error = (min(step, length) + 12) * _U * sizes
    if len(parts) > 1:
        error += 2 * len(parts) ** 2 * _U * _U * sizes
    offset = None
    if bias is not None:
        offset = bias.reshape(groups, filters, 1).astype(np.float64)
        error = error + 16 * _U * np.abs(offset[..., 0])
    if is_exact:
        error = np.zeros_like(error)
    shape = (x.shape[0], groups, filters, *geometry.output_size)
    y, unsure = pages.empty(shape, np.dtype(np.float32)), np.zeros(shape, np.bool_)
    module = tiles.loops(y.size * length, geometry)
    given = x, rows, offset, error, geometry, step, y, unsure
    work, count = _by_products(*given) if module is None else tiles.correlation(module, *given)
    _share(work, count, y.size * length)
    return y, unsure


def _by_products(
    x: NumPyArray,
    rows: NumPyArray,
    offset: NumPyArray | None,
    error: NumPyArray,
    geometry: Geometry,
    step: int,
    y: NumPyArray,
    unsure: NumPyArray,
) -> tuple[Callable[[int, int], None], int]:
    """Return what `tiles.calls.correlation` does, of blocks of the patch matrix."""
    blocks, rows = patches(x, geometry), rows.astype(np.float64)
    filters, parts = rows.shape[1], range(0, blocks.length, step)
    flat = (*y.shape[:3], geometry.outputs)
    into, where = y.reshape(flat), unsure.reshape(flat)

    def work(start: int, stop: int) -> None:
        room = np.empty(blocks.length * blocks.widest)
        high = np.empty((3 if len(parts) > 1 else 1, filters * blocks.widest))
        with np.errstate(all="ignore"):
            for number in range(start, stop):
                n, g, columns = blocks.place(number)
                block = blocks.copy(number, room)
                own = high[:, : filters * block.shape[1]].reshape(-1, filters, block.shape[1])
                _multiply(rows[g], block, parts, step, own)
                ends = into[n, g, :, columns], where[n, g, :, columns]
                if len(parts) > 1:
                    if offset is not None:
                        _add_twice(own[0], own[1], offset[g])
                    certify_twice(own[0], own[1], error[n, g, :, None], *ends)
                    continue
                if offset is not None:
                    own[0] += offset[g]
                certify(own[0], error[n, g, :, None], *ends)

    return work, blocks.blocks


def _multiply(
    rows: NumPyArray, block: NumPyArray, parts: range, step: int, own: NumPyArray
) -> None:
    """Put the product into the first of ``own``, in two numbers if it has parts."""
    product(rows[:, :step], block[:step], own[0])
    if len(parts) == 1:
        return
    high, low, term = own
    low[:] = 0
    for start in parts[1:]:
        product(rows[:, start : start + step], block[start : start + step], term)
        _add_twice(high, low, term)


def _add_twice(high: NumPyArray, low: NumPyArray, term: NumPyArray) -> None:
    """Add numbers to sums in two parts (Knuth's TwoSum)."""
    total = high + term
    other = total - high
    low += (high - (total - other)) + (term - other)
    high[:] = total


def image_gradient(
    grad: NumPyArray, weight: NumPyArray, geometry: Geometry, *, is_exact: bool = False
) -> tuple[NumPyArray, NumPyArray]:
    """Return what `correlated` does, of the adjoint with respect to x, for a stride of 1.

    It correlates the gradient (N, G, O, *output) with the kernel turned around.
    """
    spans = zip(geometry.span, geometry.pads, geometry.input_size, grad.shape[3:], strict=True)
    pads = tuple((span - 1 - low, n + low - have) for span, (low, _), n, have in spans)
    inner = Geometry(grad.shape[3:], geometry.kernel_size, geometry.stride, geometry.dilation, pads)
    turned = np.flip(weight, tuple(range(3, weight.ndim))).swapaxes(1, 2)
    return correlated(grad, turned, None, inner, is_exact=is_exact)


def weight_gradient(
    x: NumPyArray, grad: NumPyArray, geometry: Geometry, *, is_exact: bool = False
) -> tuple[NumPyArray, NumPyArray]:
    """Return what `correlated` does, of the adjoint with respect to the weight.

    A block of the patch matrix is a part of all sums.
    """
    x = np.asarray(x, np.float32)
    blocks = patches(x, geometry)
    groups, channels, filters = *x.shape[1:3], grad.shape[2]
    flat = grad.reshape(*grad.shape[:3], geometry.outputs)
    shape = (groups, filters, blocks.length)
    found: list[tuple[NumPyArray, NumPyArray]] = []
    lock = Lock()

    def work(start: int, stop: int) -> None:
        room = np.empty(blocks.length * blocks.widest)
        high, low = np.zeros(shape), np.zeros(shape)
        term = np.empty(shape[1:])
        with np.errstate(all="ignore"):
            for number in range(start, stop):
                n, g, columns = blocks.place(number)
                block = blocks.copy(number, room)
                product(flat[n, g, :, columns].astype(np.float64), block.T, term)
                _add_twice(high[g], low[g], term)
        with lock:
            found.append((high, low))

    _share(work, blocks.blocks, flat.size * blocks.length)
    high, low = found[0]
    for more, lower in found[1:]:
        _add_twice(high, low, more)
        low += lower
    norms = _norms(x)[:, None, :] * _norms(grad)[:, :, None]
    additions = (2 * blocks.blocks + 8) ** 2 * _U
    error = np.repeat((blocks.widest + 12 + 2 * additions) * _U * norms, geometry.taps, axis=-1)
    if is_exact:
        error[:] = 0
    y, unsure = pages.empty(shape, np.dtype(np.float32)), np.zeros(shape, np.bool_)
    with np.errstate(all="ignore"):
        certify_twice(high, low, error, y, unsure)
    whole = (groups, filters, channels, *geometry.kernel_size)
    return y.reshape(whole), unsure.reshape(whole)


def _share(work: Callable[[int, int], None], count: int, products: int) -> None:
    if products < _SHARED:
        work(0, count)
    else:
        shared(work, count)


def _tops(x: NumPyArray) -> NumPyArray:
    """Return the largest absolute value of every image and group, in float64."""
    rows = x.reshape(*x.shape[:2], -1)
    tops: NumPyArray = np.maximum(rows.max(-1), -rows.min(-1)).astype(np.float64)
    return tops


def _norms(x: NumPyArray) -> NumPyArray:
    """Return the norm of every channel (G, C) over all images, in float64."""
    squares: NumPyArray = np.zeros(x.shape[1:3])
    for image in x:
        squares += np.square(image, dtype=np.float64).reshape(*squares.shape, -1).sum(-1)
    return np.sqrt(squares)
