"""The sum of squares: a dot product whose derivative is one product, and not a sum of two.

For what a framework adds up where an array is used twice it may flush.
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.training.sums import dot


def sum_of_squares(error: Array, backend: Backend) -> Array:
    """Return RN(sum of error squared), whose gradient for a cotangent g is RN(2 g error)."""
    # Statements, because torch.compile follows them and stops at importlib.import_module.
    if backend.name == "torch":
        from multiconv.training.squares import torch

        return torch.sum_of_squares(error)
    if backend.name == "jax":
        from multiconv.training.squares import jax

        return jax.sum_of_squares(error)
    return dot(error, error, backend)
