"""Who called this package."""

from __future__ import annotations

import sys

# Between a layer of PyTorch's and who calls it lie PyTorch's own modules.
_WITHIN = ("multiconv.", "torch.nn.modules.")


def callers_level() -> int:
    """Return the stack level of the first caller outside this package, for a warning."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_WITHIN):
        level, frame = level + 1, frame.f_back
    return level
