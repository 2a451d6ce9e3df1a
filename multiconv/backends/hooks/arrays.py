"""How arrays are made, cast and copied; what everything else asks of a backend is built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from multiconv.core import dtypes

# An array of any framework: no common static type is finished (data-apis/array-api#267).
Array: TypeAlias = Any
NumPyArray: TypeAlias = np.ndarray[Any, Any]


class ArrayHooks:
    """Names, dtypes, and the way to NumPy and back."""

    #: The name that `multiconv.get_backend` takes.
    name: str

    #: The framework's array namespace, with the names of the array API standard.
    xp: Any

    def asarray(self, nested: Sequence[Any], *, like: Array | None = None) -> Array:
        """Turn a nested list into an array, on the device of ``like`` where there is one."""
        device = None if like is None else device_of(like)
        return self.xp.asarray(nested, device=device)

    def dtype_name(self, dtype: Any) -> str:
        """Return NumPy's name of one of this framework's dtypes."""
        # A name that the namespace lacks is no None, which is equal to numpy.dtype("float64").
        owned = (name for name in dtypes.SUPPORTED if hasattr(self.xp, name))
        return next((name for name in owned if getattr(self.xp, name) == dtype), str(dtype))

    def dtype(self, name: str) -> Any:
        """Return the framework's dtype of that name."""
        return getattr(self.xp, name)

    def astype(self, array: Array, name: str) -> Array:
        """Cast, without a copy where nothing changes."""
        return self.xp.astype(array, self.dtype(name), copy=False)

    def reshape(self, array: Array, shape: tuple[int, ...]) -> Array:
        """Reshape, on the path of every call."""
        return self.xp.reshape(array, shape)

    def contiguous(self, array: Array) -> Array:
        """Return a result as users of this library expect it to lie in memory."""
        return array

    @property
    def default_integer(self) -> str:
        """The integer dtype that the framework gives where none is asked for."""
        return self.dtype_name(self.xp.asarray(0).dtype)

    @property
    def default_float(self) -> str:
        """The floating-point dtype that the framework gives where none is asked for."""
        return self.dtype_name(self.xp.asarray(0.0).dtype)

    def empty_on(self, device: Any) -> Array:
        """Return an array without numbers on a device, None being the default one."""
        return self.xp.empty(0, device=device)

    def canonical(self, name: str) -> str:
        """Return the dtype that the framework can give where ``name`` is asked for."""
        return name

    #: Whether `astype` has nothing to do where an array has the dtype already.
    leaves_dtypes: bool = False

    #: Whether arrays whose dtypes have one name are of the same: NumPy's have two orders of bytes.
    names_tell_dtypes: bool = False

    def zeros(self, shape: tuple[int, ...], like: Array) -> Array:
        """Return zeros of the dtype and on the device of ``like``."""
        return self.xp.zeros(shape, dtype=like.dtype, device=device_of(like))

    def full(self, shape: tuple[int, ...], value: complex, like: Array) -> Array:
        """Return an array of one number, of the dtype and on the device of ``like``."""
        return self.xp.full(shape, value, dtype=like.dtype, device=device_of(like))

    def gather(self, array: Array, indices: NumPyArray) -> Array:
        """Take elements along the last axis."""
        places = self.xp.asarray(indices, device=device_of(array))
        return self.xp.take(array, places, axis=-1)

    def to_numpy(self, array: Array) -> NumPyArray:
        """Copy an array into NumPy's memory."""
        try:
            return np.array(array)
        except (TypeError, ValueError, RuntimeError):  # it lives on a device of its own
            home = device_of(self.xp.empty(0))
            import array_api_compat

            return np.array(np.from_dlpack(array_api_compat.to_device(array, home)))

    def from_numpy(self, array: NumPyArray, dtype: str, like: Array) -> Array:
        """Make an array of a dtype, on the device of ``like``, of a copy of NumPy's."""
        device = device_of(like)
        return self.astype(self.xp.asarray(array, device=device, copy=True), dtype)

    def computed(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return arrays that have numbers: lazy ones are computed, all of them at one go."""
        return arrays


def device_of(array: Array) -> Any:
    """Return the device of an array; only backends without a rule of their own import for it."""
    import array_api_compat

    return array_api_compat.device(array)
