"""The one correlation that the functions of other libraries are translated to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import array_like
from multiconv.core.arguments import Pairs
from multiconv.functions.conv import CONV
from multiconv.methods.borders import pixel_of_border
from multiconv.planning.dispatch import dispatch


def correlated(
    x: Array,
    k: Array,
    backend: Backend,
    *,
    axes: tuple[int, ...],
    pads: Pairs,
    border: str = "zeros",
    value: complex = 0,
    method: str = "auto",
) -> Array:
    """Correlate along some axes of x, of k's dtype, with a kernel that has these axes alone."""
    xp = backend.xp
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    order = rest + axes
    x = xp.permute_dims(x, order)
    for axis, (low, high) in zip(range(-len(axes), 0), pads, strict=True):
        x = _extended(x, axis, low, high, border, value, backend)
    lead = x.shape[: len(rest)]
    grouped = xp.reshape(x, (math.prod(lead), 1, *x.shape[len(rest):]))
    y = dispatch(CONV, (grouped, k[None, None, ...], None), (len(axes), 1, 0, 1, 1, "zeros", method))
    y = xp.reshape(y, (*lead, *y.shape[2:]))
    return xp.permute_dims(y, tuple(int(a) for a in np.argsort(order)))


def _extended(x, axis, low, high, border, value, backend):
    if not low and not high:
        return x
    xp = backend.xp
    if border in ("zeros", "constant"):
        sides = []
        for amount in (low, high):
            shape = list(x.shape)
            shape[axis] = amount
            side = backend.zeros(tuple(shape), x)
            sides.append(side if not value else side + array_like(value, backend.dtype_name(x.dtype), x, backend))
        return xp.concat([sides[0], x, sides[1]], axis=axis)
    names = {"reflect": "reflect", "symmetric": "symmetric", "circular": "wrap", "replicate": "edge"}
    indices = np.pad(np.arange(x.shape[axis]), (low, high), names[border])
    y = backend.gather(xp.moveaxis(x, axis, -1), indices)
    return xp.moveaxis(y, -1, axis)
