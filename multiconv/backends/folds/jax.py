"""Reductions of large arrays by a loop of XLA's that reads them once.

XLA's own go through memory several times on a CPU: first what is reduced is written, then sums of
a few neighbours, and their sums. Here an array is cut into a few long pieces, which are reduced
into one of them where they are read; only that is left to XLA.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

_One = Callable[[jax.Array], jax.Array]
_Two = Callable[[jax.Array, jax.Array], jax.Array]

#: Into how many pieces an array is cut, and how many numbers of a row are worth it.
_PIECES, _LONG = 16, 2**14


def folded(made: _One, array: jax.Array, lead: int, pair: _Two, whole: _One) -> jax.Array:
    """Reduce all but the first axes of what is ``made`` of an array's elements, one by one.

    ``pair`` reduces two arrays to one, and ``whole`` the last axis of one.
    """
    rows = array.reshape(*array.shape[:lead], math.prod(array.shape[lead:]))
    length = rows.shape[-1] // _PIECES
    if rows.shape[-1] < _LONG:
        return whole(made(rows))
    # Made of each piece by itself: else XLA would write what is made of all, and pieces that are
    # read by several loops.
    rows = jax.lax.optimization_barrier(rows)  # type: ignore[no-untyped-call]
    pieces = (made(rows[..., i * length : (i + 1) * length]) for i in range(_PIECES))
    found = whole(functools.reduce(pair, pieces))
    rest = rows[..., _PIECES * length :]
    return pair(found, whole(made(rest))) if rest.shape[-1] else found


def largest(array: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Return the largest absolute value along axes, which are kept; finite numbers are as bits."""
    lead = array.ndim - len(axes)
    if sorted(axes) != list(range(lead, array.ndim)):
        return jnp.max(jnp.abs(array), axis=axes, keepdims=True)
    width = 8 * array.dtype.itemsize

    def size(piece: jax.Array) -> jax.Array:
        # XLA's own maximum of floats is a call, which reads what was written for it.
        bits = jax.lax.bitcast_convert_type(piece, f"int{width}")
        return jnp.bitwise_and(bits, 2 ** (width - 1) - 1)

    found = folded(size, array, lead, jnp.maximum, functools.partial(jnp.max, axis=-1))
    tops: jax.Array = jax.lax.bitcast_convert_type(found, array.dtype)
    return tops.reshape(*array.shape[:lead], *(1,) * len(axes))


def some(test: _One, array: jax.Array) -> jax.Array:
    """Tell whether a number passes a test."""
    return folded(test, array, 0, jnp.logical_or, jnp.any)


def count(test: _One, array: jax.Array) -> jax.Array:
    """Return how many numbers pass a test, as int64."""
    whole = functools.partial(jnp.sum, dtype="int64")
    return folded(lambda piece: test(piece).astype("int32"), array, 0, jnp.add, whole)
