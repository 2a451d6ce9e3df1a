"""Pictures whose colours lie behind, and would be taken for their width."""

from __future__ import annotations

import warnings
from typing import Any

from multiconv.backends.registry import backend_of_type
from multiconv.core.callers import callers_level

_LARGE = 16  # pixels of a picture


def may_have_colours(shape: tuple[int, ...]) -> bool:
    """Tell whether a shape looks like that of a picture with its colours behind."""
    return len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) >= _LARGE


def warn_of_colours(x: Any, remedy: str) -> None:
    """Warn of a picture whose colours were taken for its width, unless a compiler reads along.

    What is to be done about it may speak of their number, ``{count}``.
    """
    backend = backend_of_type(type(x))
    if backend is None or backend.is_tracing():
        return
    try:
        shape = tuple(x.shape)
    except Exception:  # a tensor without sizes, of which what reads the arrays says more
        return
    if not may_have_colours(shape):
        return
    height, width = shape[-2:]
    msg = (
        f"x has the shape {shape}, and its last two axes, {height} x {width}, are taken for height "
        f"and width. If the {width} are colours, {remedy.format(count=width)}"
    )
    warnings.warn(msg, UserWarning, stacklevel=callers_level())
