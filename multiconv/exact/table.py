"""Which framework differentiates exact sums by itself, and how it evaluates them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.exact import engine
from multiconv.exact.description import Sum

#: Of a description, two factors and a bias or None, the sum.
Evaluate: TypeAlias = Callable[[Sum, Array, Array, Array | None], Array]

_MODULES = {"torch": "multiconv.exact.torch", "jax": "multiconv.exact.jax"}


def evaluation(backend: Backend) -> Evaluate:
    """Return how arrays of a backend are summed up, so that its autodiff takes part."""
    module = _MODULES.get(backend.name)
    if module is None:
        return partial(engine.evaluate, backend=backend)
    evaluate: Evaluate = importlib.import_module(module).evaluate
    return evaluate
