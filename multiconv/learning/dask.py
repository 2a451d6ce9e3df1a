"""Least squares over Dask arrays: each block is reduced where it lies, and the factors in a tree.

The triangular factor of the whole is that of the factors of its parts (TSQR: Demmel, Grigori,
Hoemmen and Langou, 2012), so that nothing larger than a block and a few small matrices is moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of
from multiconv.chunked import reduction
from multiconv.chunked.parts import Part
from multiconv.core.geometry import Geometry
from multiconv.layers.shared import LayerArguments
from multiconv.learning import normal_form as whole
from multiconv.learning import numbers
from multiconv.learning.normal_form import Factor, NormalForm
from multiconv.planning import options
from multiconv.planning.operands import Layout


def in_chunks(name: str, array: Array) -> Array:
    """Return an array as Dask's, after a look at its dtype; its numbers are looked at in chunks."""
    import dask.array

    backend, _ = backend_of({name: array})
    numbers.check_real(name, backend.dtype_name(array.dtype))
    return dask.array.asarray(array)


def normal_form(layer: LayerArguments, x: Array, y: Array) -> NormalForm:
    """Reduce the patch matrix of x, with y beside it, in one pass over the chunks."""
    geometry = whole.geometry(layer, x.shape[-2:])
    is_image = layer.in_channels is None
    channels, filters = (n or 1 for n in (layer.in_channels, layer.out_channels))
    lead = x.shape[:-2] if is_image else x.shape[:1]
    groups = layer.groups
    layout = Layout(tuple(lead), groups, channels // groups, filters // groups, is_image)
    part = Part(("x", "y"), "weight", layout, geometry, options.read(2, 1, 0, 1))
    factors = reduction.reduced(part, x, y, lambda local: _Reduce(_local(layer, local)), _together)
    return whole.normal_form_of(factors, layer)


def _local(layer: LayerArguments, geometry: Geometry) -> LayerArguments:
    """Return the layer over a block that carries its border."""
    return replace(layer, padding=geometry.pads, padding_mode=geometry.padding_mode)


@dataclass(frozen=True)
class _Reduce:
    """The factors of a block, one for each group of channels."""

    layer: LayerArguments

    def __call__(self, x: Array, y: Array) -> list[Factor]:
        values = []
        for name, array in (("x", x), ("y", y)):
            backend, _ = backend_of({name: array})
            values.append(np.asarray(backend.to_numpy(array), np.float64))
            numbers.check_finite(name, values[-1])
        return [whole.factor_of(*group) for group in whole.by_group(self.layer, *values)]


def _together(blocks: Sequence[list[Any]]) -> list[Factor]:
    """Reduce the factors of several blocks, group by group."""
    return [whole.reduced(factors) for factors in zip(*blocks, strict=True)]
