"""How a loop is compiled: by itself, and kept, or into those that call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compilers(*, may_fuse: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `jit` and `inlined`; what they compile is rounded as it stands unless it may fuse."""
    options: dict[str, Any] = {"error_model": "numpy", "boundscheck": False}
    if may_fuse:
        options["fastmath"] = {"contract"}

    def jit(function: Callable[..., Any]) -> Any:
        """Compile a loop that Python calls."""
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # there is no folder to keep it in
            return numba.njit(nogil=True, **options)(function)

    def inlined(function: Callable[..., Any]) -> Any:
        """Compile into the caller: to hand over arrays costs more than a row of sums."""
        return numba.njit(forceinline=True, **options)(function)

    return jit, inlined


#: No two operations become one with a single rounding.
jit, inlined = compilers(may_fuse=False)
