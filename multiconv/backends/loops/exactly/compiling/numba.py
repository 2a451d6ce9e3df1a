"""How a loop is compiled: by itself, and kept, or into those that call it.

A product of two float32 numbers is exact in float64, so that fusing it with the addition that
follows changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def jit(function: Callable[..., Any]) -> Any:
    """Compile a loop that Python calls."""
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "boundscheck": False,
        "fastmath": {"contract"},
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder to keep it in
        return numba.njit(**options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a part of other loops."""
    return numba.njit(
        forceinline=True, error_model="numpy", boundscheck=False, fastmath={"contract"}
    )(function)
