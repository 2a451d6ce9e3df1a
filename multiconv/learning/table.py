"""The loops of gradient descent of the frameworks that have one, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from multiconv.backends.base import Backend

_MODULES = {
    "numpy": "multiconv.learning.numpy",
    "torch": "multiconv.learning.torch",
    "jax": "multiconv.learning.jax",
}


def descent_of(backend: Backend) -> Any:
    """Return the framework's own loop of gradient descent, None where it has none."""
    module = _MODULES.get(backend.name)
    return module and importlib.import_module(module).descend
