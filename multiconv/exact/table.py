"""Which framework differentiates exact sums by itself, and how it evaluates them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.exact import engine
from multiconv.exact.description import Sum

#: Of a description, two factors and a bias or None, the sum.
Evaluate: TypeAlias = Callable[[Sum, Array, Array, Array | None], Array]


def evaluation(backend: Backend) -> Evaluate:
    """Return how arrays of a backend are summed up, so that its autodiff takes part.

    The imports are statements: a compiler that reads along takes them, and not importlib's.
    """
    if backend.name == "torch":
        from multiconv.exact import torch

        return torch.evaluate
    if backend.name == "jax":
        from multiconv.exact import jax

        return jax.evaluate
    return partial(engine.evaluate, backend=backend)
