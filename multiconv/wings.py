"""The parts that a framework's own package adds to its backend, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from multiconv.protocol import Backend


def layer_of(backend: Backend) -> Any:
    """Return the framework's `Conv2D`."""
    if backend.wing is None:
        msg = f"the {backend.name} backend has no Conv2D; numpy, torch and jax have one"
        raise AttributeError(msg)
    return importlib.import_module(f"{backend.wing}.layer").Conv2D


def descent_of(backend: Backend) -> Any:
    """Return the framework's own loop of gradient descent, None where it has none."""
    if backend.wing is None:
        return None
    return importlib.import_module(f"{backend.wing}.descent").descend
