"""A border of given numbers around the images that are learned from.

With it they carry their border already, and what is learned is a kernel without padding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import surround
from multiconv.layers.shared import LayerArguments
from multiconv.learning.normal_form import geometry


def check(layer: LayerArguments) -> None:
    """Check that there are as many numbers as channels."""
    value, channels = layer.padding_value, layer.in_channels
    if isinstance(value, tuple) and len(value) != channels:
        per = "" if channels is None else f", or one per channel, here {channels}"
        msg = f"padding_value must be one number{per}, got {len(value)} of them"
        raise ValueError(msg)


def around(layer: LayerArguments, x: Array, backend: Backend) -> Array:
    """Return images with the border of the layer, in floats."""
    if layer.padding_mode != "constant":
        return x
    numbers = np.array(layer.padding_value, "float64").reshape(-1, 1, 1)  # no array in a layer
    shown = backend.from_numpy(numbers, backend.dtype_name(x.dtype), x)
    if len(x.shape) == 2:
        shown = shown[0, 0, 0]
    return surround(x, geometry(layer, tuple(x.shape[-2:])).pads, shown, backend)


def without(layer: LayerArguments) -> LayerArguments:
    """Return the layer for images that carry their border."""
    if layer.padding_mode != "constant":
        return layer
    return replace(layer, padding=((0, 0), (0, 0)), padding_mode="zeros", padding_value=0)
