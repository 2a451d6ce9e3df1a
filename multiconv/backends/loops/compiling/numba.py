"""How a loop is compiled, as it stands: no two operations become one with a single rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def jit(function: Callable[..., Any]) -> Any:
    """Compile a loop that Python calls."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder to keep it in
        return numba.njit(**options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into the caller: to hand over arrays costs more than a row of sums."""
    return numba.njit(forceinline=True, error_model="numpy", boundscheck=False)(function)
