"""The arrays of a call that is written as another library's."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes


def arrays_of(**named: Any) -> tuple[Backend, list[Array]]:
    """Return the backend of all arrays, and the arrays: lists and numbers become such arrays."""
    nested = {
        name: [given] if isinstance(given, (bool, int, float, complex)) else given
        for name, given in named.items()
    }
    backend, found = registry.backend_of(nested)
    return backend, [
        array if nested[name] is given else array[0]
        for array, (name, given) in zip(found, named.items(), strict=True)
    ]


def dtype_of(array: Array, backend: Backend, name: str) -> str:
    """Return NumPy's name of an array's dtype; refuse one that nothing is calculated in."""
    dtype = backend.dtype_name(array.dtype)
    if dtype not in dtypes.SUPPORTED:
        msg = (
            f"{name} has the dtype {dtype}, which cannot be convolved; cast it to one of "
            f"{', '.join(dtypes.SUPPORTED)}"
        )
        raise TypeError(msg)
    return dtype


def array_like(values: Any, dtype: str, like: Array, backend: Backend) -> Array:
    """Make an array of numbers, of a dtype, beside another."""
    return backend.from_numpy(np.asarray(values), dtype, like)
