"""The sum of squares in JAX."""

from __future__ import annotations

from typing import Any

import jax

from multiconv.backends.jax import BACKEND
from multiconv.training.sums import dot


@jax.custom_jvp
def sum_of_squares(error: Any) -> Any:
    """Return RN(sum of error squared)."""
    return dot(error, error, BACKEND)


@sum_of_squares.defjvp
def _tangent(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    """Return value and tangent; its transpose doubles the cotangent, which is exact, first."""
    (error,), (change,) = primals, tangents
    return sum_of_squares(error), 2 * dot(error, change, BACKEND)
