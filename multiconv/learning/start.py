"""Where a descent starts: at a drawn kernel, or at one that is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array
from multiconv.layers import shared as layers
from multiconv.learning import numbers
from multiconv.learning.normal_form import FloatArray
from multiconv.learning.problem import Problem


def read(given: Problem, init: Any, seed: int | None) -> tuple[Array, Array | None]:
    """Return the kernel and the bias to start from, as arrays beside x."""
    layer = given.layer
    offset: Any
    if init is None:
        weight, offset = layers.initial_parameters(layer, seed, given.dtype)
    else:
        if seed is not None:
            msg = "init and seed are two ways to choose the start: give one of them"
            raise ValueError(msg)
        weight, offset = init if isinstance(init, tuple) and len(init) == 2 else (init, None)
        if offset is not None and not layer.bias:
            msg = "init has a bias, and bias=False: pass bias=True or a kernel alone"
            raise ValueError(msg)
        weight = _given(given, "init", weight, layer.weight_shape)
        if offset is not None:
            offset = _given(given, "init[1]", offset, layer.bias_shape)
        elif layer.bias:
            offset = np.zeros(layer.bias_shape)
    array = given.backend.from_numpy
    weight = array(weight, given.dtype, given.x)
    return weight, None if offset is None else array(offset, given.dtype, given.x)


def _given(given: Problem, name: str, start: Any, shape: tuple[int, ...]) -> FloatArray:
    _, (array,) = registry.backend_of({name: start}, given.backend)
    if tuple(array.shape) != shape:
        msg = f"{name} must have the shape {shape}, got the shape {tuple(array.shape)}"
        raise ValueError(msg)
    return numbers.of(given.backend, name, array)
