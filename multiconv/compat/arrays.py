"""The arrays of a call that is written as another library's."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.core import dtypes

_NUMBERS = (bool, int, float, complex, np.generic)
_NAMES = ("bool", "int64", "float64", "complex128")


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
            read[name] = array_like(given, like, backend)
    return backend, [read[name] for name in named]


def is_numbers(given: Any) -> bool:
    """Tell whether something is a number or a nested list of numbers alone."""
    if isinstance(given, (list, tuple)):
        return all(is_numbers(entry) for entry in given)
    return isinstance(given, _NUMBERS)


def array_like(numbers: Any, like: Array | None, backend: Backend) -> Array:
    """Make an array of numbers, in the dtype that NumPy gives them, on the device of another."""
    if like is None:
        return backend.asarray(np.asarray(numbers).tolist())
    if backend.is_tracing():  # a compiler that does not follow NumPy's dtypes
        name = backend.canonical(_NAMES[_kind(numbers)])
        return backend.xp.asarray(numbers, dtype=backend.dtype(name), device=like.device)
    values = np.asarray(numbers)
    return backend.from_numpy(values, backend.canonical(str(values.dtype)), like)


def known(numbers: Any, like: Array, backend: Backend) -> Array | NumPyArray:
    """Return numbers as NumPy's array, whose values are known, but under a compiler of torch."""
    return array_like(numbers, like, backend) if backend.is_tracing() else np.asarray(numbers)


def flipped(array: Array, backend: Backend, axes: tuple[int, ...] | None = None) -> Array:
    """Flip an array, also of a dtype that torch stores but does not calculate with."""
    name = backend.dtype_name(array.dtype)
    wide = backend.astype(array, backend.accumulator(name))
    return backend.astype(backend.xp.flip(wide, axis=axes), name)


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


def _kind(numbers: Any) -> int:
    """Return the place in `_NAMES` of the widest kind of number."""
    if isinstance(numbers, (list, tuple)):
        widest = 0
        for entry in numbers:
            widest = max(widest, _kind(entry))
        return widest
    for place, kind in enumerate((bool, int, float)):
        if isinstance(numbers, kind):
            return place
    return 3
