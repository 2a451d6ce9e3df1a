"""The libraries beside the frameworks: which are installed, and whether they can be imported."""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass

from multiconv.backends import registry
from multiconv.core.installation import install_line


@dataclass(frozen=True)
class Library:
    """A library; ``problem`` says why it cannot be imported, where it is installed."""

    name: str
    version: str | None
    problem: str | None = None
    install: str | None = None


# The name of the package, that of the module, and the extra that brings it.
_KNOWN = (
    ("array-api-compat", "array_api_compat", "array-api-compat"),
    ("numba", "numba", "numba"),
    ("scipy", "scipy.sparse", "scipy"),
    ("pillow", "PIL.Image", "image"),
    ("matplotlib", "matplotlib", "viz"),
    ("rich", "rich.console", "cli"),
    ("safetensors", "safetensors", "io"),
    ("ml-dtypes", "ml_dtypes", "io"),
    ("dask", "dask", "dask"),
)
# Layers are exchanged with these; each imports a framework, so they are not imported here.
_EXCHANGED = ("flax", "equinox", "keras")


def examine() -> list[Library]:
    """Return what there is of the libraries."""
    found = [_examined(*known) for known in _KNOWN]
    return found + [
        Library(name, _version(name))
        if registry.is_installed(name)
        else Library(name, None, None, install_line(name))
        for name in _EXCHANGED
    ]


def _examined(name: str, module: str, extra: str) -> Library:
    if not registry.is_installed(module.partition(".")[0]):
        return Library(name, None, None, install_line(extra, name))
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a broken library may raise anything
        return Library(name, _version(name), f"{type(error).__name__}: {error}")
    return Library(name, _version(name))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
