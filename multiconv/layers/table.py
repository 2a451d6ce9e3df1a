"""The layers of each framework, imported when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any

from multiconv.backends.base import Backend

#: The layers that every framework has.
NAMES = ("Conv2D",)

_MODULES = {
    "numpy": "multiconv.layers.numpy",
    "torch": "multiconv.layers.torch",
    "jax": "multiconv.layers.jax",
}


def layer_of(backend: Backend, name: str = "Conv2D") -> Any:
    """Return a layer of the framework by its name."""
    if backend.name not in _MODULES:
        msg = f"the {backend.name} backend has no {name}; numpy, torch and jax have one"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_MODULES[backend.name]), name)
