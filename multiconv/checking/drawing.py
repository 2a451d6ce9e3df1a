"""Drawing numbers: the same ones for the same seed, whatever the framework."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a framework makes of numbers that nobody gave a dtype.
FLOATS = {"numpy": "float64", "torch": "float32", "jax": "float32"}
INTEGERS = {"numpy": "int64", "torch": "int64", "jax": "int32"}


def whole(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, low: int = -9, high: int = 9
) -> NDArray[Any]:
    """Draw whole numbers, none of them zero."""
    values = rng.integers(low, high, shape)
    return np.where(values >= 0, values + 1, values).astype(dtype)


def fractions(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Draw normal numbers of 24 bits, so that their products are exact in float64."""
    return rng.standard_normal(shape, dtype=np.float32).astype(dtype)


def kernel(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, low: int = -9, high: int = 9
) -> NDArray[Any]:
    """Draw a kernel of whole numbers without symmetries, so that no flip goes unseen."""
    while True:
        k = whole(rng, shape, dtype, low, high)
        flips = [k[..., ::-1, :], k[..., ::-1], k[..., ::-1, ::-1], k.swapaxes(-1, -2)]
        if all(min(f.shape[-2:]) == 0 or f.size == 1 or _differ(k, f) for f in flips):
            return k


def _differ(k: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether a flip shows; along an axis of one number it cannot."""
    if k.shape != other.shape or not np.array_equal(k, other):
        return True
    return 1 in k.shape[-2:] and np.unique(k).size == k.size


def textbook(dtype: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the textbook's first example, whose result is 19, 25, 37, 43."""
    return np.arange(9).reshape(3, 3).astype(dtype), np.arange(4).reshape(2, 2).astype(dtype)
