"""How `multiconv compare` compiles and differentiates with JAX."""

from __future__ import annotations

from collections.abc import Callable

import jax

from multiconv.backends.base import Array
from multiconv.faces import Face

HAS_AUTODIFF = True
# Eager slices are compiled one by one, and XLA's time grows faster than what it unrolls.
LOOP_OUTPUTS = 16
LOOP_OUTPUTS_JITTED = 16


def compiler() -> tuple[str, None]:
    """Return the name of the compiler; there is nothing to be said about it."""
    return "jax.jit", None


def threads() -> None:
    """Return that JAX does not say."""


def differentiate(
    face: Face, method: str, *, jitted: bool
) -> tuple[Callable[..., Array], Callable[..., tuple[Array, Array, Array]]]:
    """Return the correlation, and the correlation with its gradients by jax.vjp."""

    def forward(x: Array, k: Array) -> Array:
        return face.corr2d(x, k, method=method)

    def backward(x: Array, k: Array, g: Array) -> tuple[Array, Array, Array]:
        y, pull_back = jax.vjp(forward, x, k)
        dx, dk = pull_back(g)
        return y, dx, dk

    if jitted:
        return jax.jit(forward), jax.jit(backward)
    return forward, backward
