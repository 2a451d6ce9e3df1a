"""The compiled loops of the exact mode, where they are worth being loaded."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType

from multiconv.backends.loops import compiled
from multiconv.core.progress import Progress

# From so many products on.
_LOADED = 2**14


def loops(products: int) -> ModuleType | None:
    """Return the compiled loops where they are worth being loaded, or are, and there is Numba."""
    is_worth_it = products >= _LOADED or _loaded.cache_info().currsize > 0
    return _loaded() if is_worth_it and compiled.is_installed() else None


@functools.cache
def _loaded() -> ModuleType | None:
    try:
        with Progress("compiling exact loops", 1, coarse=True) as progress:
            progress.advance("(once: they are kept)")
            return importlib.import_module("multiconv.backends.loops.exactly.numba")
    except ImportError:
        return None
