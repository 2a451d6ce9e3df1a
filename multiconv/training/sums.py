"""Elementwise sums and dot products by the method "exact": each is a correlation of one tap.

So an element is the exact real number, rounded once, in every library, eager and compiled; no
compiler sees a product and a sum that it could contract; and every derivative is one again.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.functions.conv import conv1d
from multiconv.functions.gradients import conv_weight_grad

METHOD = "exact"

#: A factor: Python's number, or an array without axes.
Number: TypeAlias = Any


def combined(first: Array, factor: Number, second: Array, backend: Backend) -> Array:
    """Return RN(first + factor second), element by element, in the dtype of ``first``.

    Every element is an image of its own, of two channels.
    """
    xp, name = backend.xp, backend.dtype_name(first.dtype)
    pair = xp.stack([xp.reshape(first, (-1,)), xp.reshape(second, (-1,))], axis=1)
    weight = [number(one, name, first, backend) for one in (1, factor)]
    y = conv1d(pair[..., None], xp.reshape(xp.stack(weight), (1, 2, 1)), method=METHOD)
    return xp.reshape(y, tuple(first.shape))


def scaled(array: Array, factor: Number, backend: Backend) -> Array:
    """Return RN(factor array), element by element."""
    xp, name = backend.xp, backend.dtype_name(array.dtype)
    weight = xp.reshape(number(factor, name, array, backend), (1, 1, 1))
    y = conv1d(xp.reshape(array, (1, -1)), weight, method=METHOD)
    return xp.reshape(y, tuple(array.shape))


def dot(first: Array, second: Array, backend: Backend) -> Array:
    """Return RN(sum of first second) over all elements, without axes."""
    xp = backend.xp
    x, y = (xp.reshape(array, (1, 1, -1)) for array in (first, second))
    return xp.reshape(conv_weight_grad(x, y, (1,), method=METHOD), ())


def channel_sums(y: Array, backend: Backend) -> Array:
    """Return RN(sum of y) of (N, O, H, W) over all axes but O: the gradient of a bias."""
    ones = backend.xp.ones_like(y[:, :1, ...])
    return backend.xp.reshape(conv_weight_grad(ones, y, (1, 1), method=METHOD), (-1,))


def number(value: Number, dtype: str, like: Array, backend: Backend) -> Array:
    """Return a factor as an array without axes, of a dtype, beside another array.

    Through float32 for 16 bits: every library rounds that in one way, and not all float64.
    """
    if backend.owns(value):
        return backend.astype(value, dtype)
    # Added to a zero, which is on the right device, under compilers too.
    zero = backend.astype(backend.zeros((), like), dtypes.accumulator(dtype))
    return backend.astype(zero + value, dtype)
