"""Who called this package."""

from __future__ import annotations

import sys


def callers_level() -> int:
    """Return the stack level of the first caller outside this package, for a warning."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("multiconv."):
        level, frame = level + 1, frame.f_back
    return level
