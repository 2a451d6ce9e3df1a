"""The compiled loops of the exact mode, where they are worth being loaded, and threads for them."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

from multiconv.backends.loops import compiled
from multiconv.backends.loops.threads import shared
from multiconv.core.progress import Progress

# From so many products on, and from so many on threads are worth being woken.
_LOADED, _SHARED = 2**14, 2**20


def loops(products: int) -> ModuleType | None:
    """Return the compiled loops where they are worth being loaded, or are, and there is Numba."""
    is_worth_it = _loaded.cache_info().currsize > 0 or is_worth_loading(products)
    return _loaded() if is_worth_it and compiled.is_installed() else None


def is_worth_loading(products: int) -> bool:
    """Tell whether so many products are worth loading loops, and there is Numba."""
    return products >= _LOADED and compiled.is_installed()


def counted(function: Any, count: int, products: int) -> int:
    """Add up what a function returns for parts of a range, on several threads if it is long."""
    if products < _SHARED:
        return int(function(0, count))
    found: list[int] = []  # appending is safe from any thread
    shared(lambda start, stop: found.append(function(start, stop)), count)
    return sum(found)


@functools.cache
def _loaded() -> ModuleType | None:
    try:
        with Progress("compiling exact loops", 1, coarse=True) as progress:
            progress.advance("(once: they are kept)")
            return importlib.import_module("multiconv.backends.loops.exactly.numba")
    except ImportError:
        return None
