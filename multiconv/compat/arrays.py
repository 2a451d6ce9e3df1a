"""The arrays of a call that is written as another library's."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.core import dtypes

_NUMBERS = (bool, int, float, complex, np.generic)


def arrays_of(**named: Any) -> tuple[Backend, list[Array]]:
    """Return the backend of all arrays, and the arrays: lists and numbers become such arrays.

    Numbers are read by NumPy, in float64 and int64: a framework's default may round them.
    """
    arrays = {name: given for name, given in named.items() if not is_numbers(given)}
    backend, found = registry.backend_of(arrays)
    read = dict(zip(arrays, found, strict=True))
    like = next(iter(found), None)
    for name, given in named.items():
        if name not in read:
            read[name] = array_like(np.asarray(given), like, backend)
    return backend, [read[name] for name in named]


def is_numbers(given: Any) -> bool:
    """Tell whether something is a number or a nested list of numbers alone."""
    if isinstance(given, (list, tuple)):
        return all(is_numbers(entry) for entry in given)
    return isinstance(given, _NUMBERS)


def array_like(values: NumPyArray, like: Array | None, backend: Backend) -> Array:
    """Make an array of NumPy's, in its dtype, on the device of another."""
    if like is None:
        return backend.asarray(values.tolist())
    return backend.from_numpy(values, backend.canonical(str(values.dtype)), like)


def values_of(array: Array, backend: Backend) -> NumPyArray | None:
    """Return the numbers of an array, None where there are none yet: under a compiler."""
    if backend.is_tracing():
        return None
    try:
        return backend.to_numpy(array)
    except (TypeError, RuntimeError):  # a tracer of JAX, or of torch.func
        return None


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
