"""What layers of Flax need to be built and called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import nnx

from multiconv.checking.running.framework import ParameterError

_NAMES = {"weight": ("weight", "w", "kernel"), "bias": ("bias", "b")}


def rngs() -> Any:
    """Return the random numbers that an NNX layer is built with."""
    return nnx.Rngs(0)


def with_parameters(module: Any, inputs: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what calls a Linen module with a weight and a bias of its shapes."""
    own = module.init(jax.random.PRNGKey(0), inputs["x"]).get("params", {})
    given = {}
    for meant, names in _NAMES.items():
        name = next((name for name in names if name in own), None)
        if name is None or own[name].size != inputs[meant].size:
            has = {key: getattr(value, "shape", value) for key, value in own.items()}
            wanted = tuple(inputs[meant].shape)
            raise ParameterError(f"no parameter is the {meant}, {wanted}: there are {has}")
        given[name] = inputs[meant].reshape(own[name].shape)
    return lambda x: module.apply({"params": {**own, **given}}, x)
