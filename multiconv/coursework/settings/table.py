"""Where the settings of each framework are read."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

Settings: TypeAlias = Mapping[str, str]

_MODULES = {name: f"multiconv.coursework.settings.{name}" for name in ("numpy", "torch", "jax")}


def of(backend: str) -> Settings:
    """Return what a backend's framework is set to, nothing where that is not known."""
    if backend not in _MODULES:
        return {}
    read = importlib.import_module(_MODULES[backend]).settings
    return cast(Callable[[], Settings], read)()
