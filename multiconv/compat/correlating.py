"""The one correlation that the functions of other libraries are translated to."""

from __future__ import annotations

import math

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.functions.conv import CONV
from multiconv.methods.borders import extend
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
    if border == "constant":
        x = extended(x, backend, axes=axes, pads=pads, border=border, value=value)
        pads, border = ((0, 0),) * len(axes), "zeros"
    x = xp.permute_dims(x, order)
    lead = x.shape[: len(rest)]
    grouped = xp.reshape(x, (math.prod(lead), 1, *x.shape[len(rest):]))
    y = dispatch(CONV, (grouped, k[None, None, ...], None), (len(axes), 1, pads, 1, 1, border, method))
    y = xp.reshape(y, (*lead, *y.shape[2:]))
    return xp.permute_dims(y, tuple(int(a) for a in np.argsort(order)))


def extended(
    x: Array,
    backend: Backend,
    *,
    axes: tuple[int, ...],
    pads: Pairs,
    border: str,
    value: complex = 0,
) -> Array:
    """Continue an image along some of its axes."""
    around = [(0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = pair
    size, ones = tuple(x.shape), (1,) * x.ndim
    geometry = Geometry(size, ones, ones, ones, tuple(around), border)
    y = extend(x, geometry, backend)
    if border != "constant" or value == 0:
        return y
    inside = extend(backend.zeros(size, x) + 1, geometry, backend)
    return y + value * (1 - inside)
