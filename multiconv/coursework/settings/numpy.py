"""What NumPy's sums are computed by."""

from __future__ import annotations

from multiconv.backends.loops import compiled, threads


def settings() -> dict[str, str]:
    """Return whether there are compiled loops, and their threads."""
    loops = "Numba's" if compiled.is_installed() else "none"
    return {"compiled loops": loops, "threads": str(threads.thread_count())}
