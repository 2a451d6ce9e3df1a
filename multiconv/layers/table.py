"""The layers of each framework, imported when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any

from multiconv.backends.base import Backend

_MODULES = {
    "numpy": "multiconv.layers.numpy",
    "torch": "multiconv.layers.torch",
    "jax": "multiconv.layers.jax",
}


def layer_of(backend: Backend) -> Any:
    """Return the framework's `Conv2D`."""
    if backend.name not in _MODULES:
        msg = f"the {backend.name} backend has no Conv2D; {', '.join(_MODULES)} have one"
        raise AttributeError(msg)
    return importlib.import_module(_MODULES[backend.name]).Conv2D
