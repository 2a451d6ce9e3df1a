"""Which framework differentiates a border by itself, and how it evaluates sums with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.exact import engine
from multiconv.exact.bordered.border import of_surrounded, surrounded
from multiconv.exact.description import Sum

#: Of a description, an image, its border, a second factor and a bias or None, the sum.
Evaluate: TypeAlias = Callable[[Sum, Array, Array, Array, Array | None], Array]


def evaluation(backend: Backend) -> Evaluate:
    """Return how arrays of a backend are summed up, so that its autodiff takes part."""
    if backend.name == "torch":
        from multiconv.exact.bordered import torch

        return torch.evaluate
    if backend.name == "jax":
        from multiconv.exact.bordered import jax

        return jax.evaluate

    def evaluate(
        total: Sum, image: Array, value: Array, second: Array, bias: Array | None
    ) -> Array:
        whole = surrounded(total, image, value, backend)
        return engine.evaluate(of_surrounded(total), whole, second, bias, backend)

    return evaluate
