"""The numbers of a constant border as factors of exact sums, and what their gradient is.

They are factors wherever a tap lies on the border. So the gradient of that of a channel is

    dv[c] = sum over n, o, p and the k with s p + d k on the border of weight[o, c, k] y[n, o, p],

or the sum of these, where all channels have one number. Either is one sum and is rounded once: the
gradient of an image of one pixel, on which all outputs lie that read the border, once for each tap,
with zeros for those that read something else by it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import surround
from multiconv.core.geometry import Geometry
from multiconv.exact import derivatives
from multiconv.exact.derivatives import Terms
from multiconv.exact.description import Sum


def surrounded(total: Sum, image: Array, value: Array, backend: Backend) -> Array:
    """Return the image in a border of one number, or of one per channel."""
    if value.ndim:
        value = backend.xp.reshape(value, (-1, *(1,) * total.geometry.axes))
    return surround(image, total.geometry.pads, value, backend)


def of_surrounded(total: Sum) -> Sum:
    """Return the same sums, of an image that carries its border."""
    return replace(total, geometry=total.geometry.padded())


def of_image(total: Sum) -> Sum:
    """Return the sums of the image alone."""
    return replace(total, geometry=replace(total.geometry, padding_mode="zeros"))


def gradient(
    total: Sum, value: Array, y: Array, weight: Array, backend: Backend
) -> tuple[Sum, Terms[Array]] | None:
    """Return what y and weight give for the value, as a sum of (1, numbers, 1), or None for zero.

    One of them is the cotangent of the sums, and the other a factor.
    """
    xp, geometry, groups = backend.xp, total.geometry, total.groups
    places, is_border = _reading(geometry, total.y_size)
    batch, filters, channels = y.shape[0], y.shape[1], weight.shape[1]
    pixels = batch * len(places)
    if 0 in (pixels, filters, channels):
        return None
    taps = geometry.taps
    outputs = xp.reshape(y, (batch, filters, math.prod(total.y_size)))
    outputs = xp.take(outputs, backend.integers(places, y), axis=2)
    outputs = xp.reshape(xp.permute_dims(outputs, (1, 0, 2)), (filters, 1, batch, len(places)))
    mask = xp.reshape(backend.integers(is_border, y), (1, taps, 1, len(places))) > 0
    outputs = xp.where(mask, outputs, xp.zeros_like(outputs))
    outputs = xp.reshape(outputs, (1, filters * taps, pixels))
    kernels = xp.reshape(weight, (filters, channels, taps))
    kernels = xp.permute_dims(kernels, (0, 2, 1))
    across = 1 if value.ndim else channels
    kernels = xp.reshape(kernels, (filters * taps, channels // across, across))
    one = (1,)
    pixel = Geometry(one, (across,), one, one, ((0, pixels + across - 2),), "replicate")
    dtype = backend.dtype_name(value.dtype)
    asked = Sum("y", pixel, groups if value.ndim else 1, (pixels,), dtype)
    return derivatives.adjoint(asked, "x", dtype, outputs, kernels, backend)


@functools.lru_cache(maxsize=64)
def _reading(geometry: Geometry, y_size: tuple[int, ...]) -> tuple[Any, Any]:
    """Return which outputs read the border, and by which taps: flat, (taps, outputs)."""
    axes = geometry.axes
    inside, whole = np.ones((1,) * 2 * axes, bool), np.ones((1,) * axes, bool)
    for axis, (n, k, s, d, (low, _), outputs) in enumerate(
        zip(
            geometry.input_size,
            geometry.kernel_size,
            geometry.stride,
            geometry.dilation,
            geometry.pads,
            y_size,
            strict=True,
        )
    ):
        read = np.arange(k)[:, None] * d + np.arange(outputs) * s - low
        is_inside = (read >= 0) & (read < n)
        alone = [1] * axes
        alone[axis] = outputs
        whole = whole & is_inside.all(0).reshape(alone)
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = k, outputs
        inside = inside & is_inside.reshape(shape)
    places = np.flatnonzero(~whole)
    return places, ~inside.reshape(geometry.taps, -1)[:, places].reshape(-1)
