"""Products of patches, block by block, and a mask's places, a few at a time: loops of XLA's.

A block of patches is small enough for the cache, where XLA's product of matrices reads it; written
out for the whole image it would go through memory, and be several times slower. The loop's body is
compiled once, however many blocks there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from multiconv.core.geometry import Geometry, positions

#: Numbers in a block of patches.
_BLOCK = 2**20
#: Lines that the places of a mask are dealt out to.
_LINES = 2**14


def correlated(x: jax.Array, weight: jax.Array, geometry: Geometry) -> jax.Array:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel), of a correlation without a border."""
    if geometry.outputs < geometry.taps:
        return _of_few_outputs(x, weight, geometry)
    batch, groups, channels = x.shape[:3]
    filters, length = weight.shape[1], channels * geometry.taps
    matrix = jnp.moveaxis(weight, 2, -1).reshape(groups, filters, length)
    rows, behind = geometry.output_size[0], math.prod(geometry.output_size[1:])
    most = max(_BLOCK // (groups * length * behind), 1)
    blocks = -(-rows // most)
    height = -(-rows // blocks)  # all blocks about alike
    step = height * geometry.stride[0]
    reach = (height - 1) * geometry.stride[0] + geometry.span[0]
    missing = (blocks - 1) * step + reach - x.shape[3]
    x = _lengthened(x, max(missing, 0))
    _, part = geometry.part(0, 0, min(height, rows))

    def product(image: jax.Array, start: jax.Array) -> jax.Array:
        slab = jax.lax.dynamic_slice_in_dim(image, start, reach, axis=2)
        columns = _patches(slab, part, axis=1).reshape(groups, length, height * behind)
        return _product(matrix, columns)

    def block(number: jax.Array) -> jax.Array:
        image = jax.lax.dynamic_index_in_dim(x, number // blocks, keepdims=False)
        return product(image, number % blocks * step)

    y: jax.Array = jax.lax.map(block, jnp.arange(batch * blocks))
    size = (batch, groups, filters, *geometry.output_size)
    if blocks == 1:
        return y.reshape(size)
    y = jnp.moveaxis(y.reshape(batch, blocks, groups, filters, height, behind), 1, 3)
    return y.reshape(batch, groups, filters, blocks * height, behind)[:, :, :, :rows].reshape(size)


def _of_few_outputs(x: jax.Array, weight: jax.Array, geometry: Geometry) -> jax.Array:
    """Multiply what each output sees, of all images, with the kernel."""
    batch, groups, channels = x.shape[:3]
    filters, outputs = weight.shape[1], geometry.outputs
    matrix = weight.reshape(groups, filters, channels * geometry.taps)
    order = (1, 0, *range(2, x.ndim))
    x = jnp.transpose(x, order)  # (G, N, C, *padded)
    if x.shape[0] * batch * channels * geometry.taps * outputs <= _BLOCK:
        seen = [x[window].reshape(groups, 1, batch, -1) for window in geometry.output_windows()]
        rows = jnp.concatenate(seen, axis=1).reshape(groups, outputs * batch, -1)
        y = _product(matrix, jnp.swapaxes(rows, 1, 2))
        y = y.reshape(groups, filters, outputs, batch)
        return jnp.transpose(y, (3, 0, 1, 2)).reshape(batch, groups, filters, *geometry.output_size)
    span = tuple(slice(None, None, step) for step in geometry.dilation)

    def output(place: jax.Array) -> jax.Array:
        lead: list[Any] = [0, 0, 0]
        starts = lead + [place[axis] * s for axis, s in enumerate(geometry.stride)]
        seen = jax.lax.dynamic_slice(x, starts, (*x.shape[:3], *geometry.span))
        rows = seen[(..., *span)].reshape(groups, batch, -1)
        return _product(matrix, jnp.swapaxes(rows, 1, 2))

    y = jax.lax.map(output, jnp.asarray(list(positions(geometry.output_size))))
    return jnp.transpose(y, (3, 1, 2, 0)).reshape(batch, groups, filters, *geometry.output_size)


def _patches(image: jax.Array, geometry: Geometry, axis: int) -> jax.Array:
    """Return (G, taps C, outputs): taps first, so that whole channels are copied for each."""
    lead = image.shape[:2]
    shown = [image[window].reshape(*lead, -1) for _, window in geometry.tap_windows()]
    return jnp.concatenate(shown, axis=axis)


def _product(first: jax.Array, second: jax.Array) -> jax.Array:
    return jax.lax.dot_general(
        first, second, (((2,), (1,)), ((0,), (0,))), precision=jax.lax.Precision.HIGHEST
    )


def _lengthened(x: jax.Array, rows: int) -> jax.Array:
    config = [(0, 0, 0)] * x.ndim
    config[3] = (0, rows, 0)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), config) if rows else x


def replaced(
    values: jax.Array, mark: int, rows: int, compute: Callable[[jax.Array], jax.Array]
) -> jax.Array:
    """Replace the integers of a flat array that are ``mark`` by others, so many at a time.

    The places are dealt out to lines like cards. Each step takes one of each of the next lines that
    have any, until these have none: so no step looks at all places.
    """
    size = values.shape[0]
    lines = min(size, _LINES)
    depth = -(-size // lines)
    rows = min(rows, lines)
    marked = jnp.pad(values == mark, (0, depth * lines - size)).reshape(depth, lines)
    line = jnp.arange(lines + rows, dtype=jnp.int32)
    is_in_use = jnp.pad(jnp.any(marked, axis=0), (0, rows))
    order = jnp.sort(jnp.where(is_in_use, line, lines))
    end = jnp.sum(is_in_use, dtype=jnp.int32)
    cards = jnp.arange(depth, dtype=jnp.int64)[:, None] * lines

    def step(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        values, start = state
        some = jax.lax.dynamic_slice_in_dim(order, start, rows)
        places = cards + some
        shown = jnp.take(values, jnp.minimum(places, size - 1), mode="clip")
        left = (shown == mark) & (places < size) & (some < lines)
        is_one = jnp.any(left, axis=0)
        own = jax.lax.argmax(left, 0, jnp.int32).astype(jnp.int64) * lines + some
        fresh = compute(jnp.minimum(own, size - 1))
        values = values.at[jnp.where(is_one, own, size)].set(fresh, mode="drop")
        is_done = jnp.sum(left) == jnp.sum(is_one)
        return values, jnp.where(is_done, start + rows, start)

    return jax.lax.while_loop(lambda state: state[1] < end, step, (values, jnp.int32(0)))[0]
