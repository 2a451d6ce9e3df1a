"""The backend for everything else that has an array namespace: array-api-strict, CuPy, Dask."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from multiconv.backends.base import Array, Backend


class ArrayAPIBackend(Backend):
    """The arrays of one namespace of the array API standard, by the standard's functions alone.

    Parameters
    ----------
    xp : module
        The array namespace, as ``__array_namespace__`` or ``array_api_compat.array_namespace`` give
        it.
    """

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.namespace = xp
        self.name = str(xp.__name__).removeprefix("array_api_compat.").removesuffix(".array")

    def owns(self, array: object) -> bool:
        return namespace_of(array) is self.namespace

    def correlate_last(self, *args: Any, **kwargs: Any) -> Array:
        """Let a number that is not finite meet the zeros of a folded kernel without a warning."""
        with np.errstate(invalid="ignore"):
            return super().correlate_last(*args, **kwargs)


def namespace_of(array: object) -> Any:
    """Return the array namespace of an array, None where it has none."""
    try:
        return array_api_compat.array_namespace(array)
    except (TypeError, ImportError):
        return None


def is_dask(xp: Any) -> bool:
    """Tell whether a namespace is Dask's, which has a backend of its own."""
    found: bool = array_api_compat.is_dask_namespace(xp)
    return found
