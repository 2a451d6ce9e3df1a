"""What a measurement depends on: versions, the processor, threads; and which backends there are."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass, field

from multiconv.backends import registry
from multiconv.backends.base import Backend
from multiconv.core.installation import install_line
from multiconv.core.machine import cpu_model, usable_cpus
from multiconv.faces import get_backend

_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "XLA_FLAGS")


def _settings() -> dict[str, str]:
    return {name: value for name in _SETTINGS if (value := os.environ.get(name))}


@dataclass(frozen=True)
class Machine:
    """What the times of all backends depend on; ``settings`` are environment variables."""

    python: str = field(default_factory=platform.python_version)
    system: str = f"{platform.system()} {platform.machine()}"
    cpu: str = field(default_factory=cpu_model)
    cpus: int = field(default_factory=usable_cpus)
    settings: dict[str, str] = field(default_factory=_settings)


@dataclass(frozen=True)
class BackendState:
    """A backend that there is or could be; ``problem`` says why it cannot be used."""

    name: str
    version: str | None
    devices: list[str]
    problem: str | None = None
    install: str | None = None


def backends() -> list[BackendState]:
    """Return every backend that is known, installed or not; the installed ones are imported."""
    installed = registry.available_backends()
    missing = [name for name in registry.BUILT_IN if name not in installed]
    return [
        *(_state(name) for name in installed),
        *(BackendState(name, None, [], "not installed", install_line(name)) for name in missing),
    ]


def version_of(backend: Backend) -> str | None:
    """Return the version of the library whose arrays a backend takes."""
    if backend.name in registry.BUILT_IN:
        try:
            return importlib.metadata.version(backend.name)
        except importlib.metadata.PackageNotFoundError:  # built in place, for example
            return None
    package = str(getattr(backend.xp, "__name__", "")).partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    return None if version is None else str(version)


def _state(name: str) -> BackendState:
    try:
        backend = get_backend(name).backend
        return BackendState(name, version_of(backend), backend.devices())
    except Exception as error:  # whatever a broken framework raises when it starts
        return BackendState(name, None, [], str(error))
