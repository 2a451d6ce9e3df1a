"""The layers of each framework, imported when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from multiconv.backends.base import Backend


class Kind(NamedTuple):
    """What sets the layers apart."""

    axes: int
    transposed: bool


#: The layers that every framework has.
KINDS = {
    f"{name}{axes}D": Kind(axes, transposed)
    for name, transposed in (("Conv", False), ("ConvTranspose", True))
    for axes in (1, 2, 3)
}
NAMES = tuple(KINDS)

#: The frameworks that have them.
MODULES = {
    "numpy": "multiconv.layers.numpy",
    "torch": "multiconv.layers.torch",
    "jax": "multiconv.layers.jax",
}


def layer_of(backend: Backend, name: str = "Conv2D") -> Any:
    """Return a layer of the framework by its name."""
    if backend.name not in MODULES:
        msg = f"the {backend.name} backend has no {name}; numpy, torch and jax have one"
        raise AttributeError(msg)
    return getattr(importlib.import_module(MODULES[backend.name]), name)
