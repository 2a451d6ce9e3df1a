"""Dask arrays: convolutions chunk by chunk, the generic backend for matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multiconv.backends.array_api import ArrayAPIBackend
from multiconv.backends.base import Array, Backend, chunk_of


class DaskBackend(ArrayAPIBackend):
    """Dask arrays, which stay lazy, and in chunks."""

    is_chunked = True

    def __init__(self, namespace: Any) -> None:
        super().__init__(namespace)
        self.xp = _WholeAxes(namespace)

    def hosts(self, other: Backend) -> bool:
        """Take a kernel that is no Dask array beside an image that is one, and the reverse."""
        return not other.is_chunked

    def check(self, name: str, array: Array) -> None:
        """Refuse arrays whose sizes are known only when they are computed."""
        if any(math.isnan(size) for size in array.shape):
            msg = f"{name} has chunks of unknown size: call {name}.compute_chunk_sizes() first"
            raise ValueError(msg)

    def signature(self, array: Array) -> tuple[Any, ...]:
        """Return shape and dtype; where the chunks are is not known yet."""
        return tuple(array.shape), array.dtype, None, type(chunk_of(array))

    def is_plain(self, array: Array) -> bool:
        return False  # its chunks' library decides, too

    def is_finite(self, array: Array) -> bool:
        return True  # there are no numbers yet

    def capacity(self, device: Any) -> int:
        """Return that of all the machines there may be: nothing is computed here."""
        return 2**63 - 1

    def dtype_name(self, dtype: Any) -> str:
        """Return the name: Dask's dtypes are NumPy's, also those its namespace leaves out."""
        return str(np.dtype(dtype).name)

    def dtype(self, name: str) -> Any:
        return np.dtype(name)

    def computed(self, arrays: Sequence[Array]) -> Sequence[Array]:
        import dask

        computed: Sequence[Array] = dask.compute(*arrays)
        return computed


class _WholeAxes:
    """Dask's namespace, joining into one chunk what reshapes and transforms need whole."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._namespace, name)

    def concat(self, arrays: list[Array], *, axis: int) -> Array:
        """Join, in one chunk along the axis."""
        joined = self._namespace.concat(arrays, axis=axis)
        return joined.rechunk({axis % joined.ndim: -1})

    def stack(self, arrays: list[Array], *, axis: int) -> Array:
        """Stack, in one chunk along the new axis."""
        stacked = self._namespace.stack(arrays, axis=axis)
        return stacked.rechunk({axis % stacked.ndim: -1})

    def reshape(self, array: Array, shape: tuple[int, ...]) -> Array:
        """Reshape axes that are one chunk, for Dask would refuse some uneven ones.

        The last axes keep their chunks where they keep their sizes, and so do all where axes of
        size 1 come and go.
        """
        old, new = list(array.shape), list(shape)
        while old and new and old[-1] == new[-1]:
            del old[-1], new[-1]
        if [n for n in old if n != 1] != [n for n in new if n != 1]:
            array = array.rechunk(dict.fromkeys(range(len(old)), -1))
        return self._namespace.reshape(array, shape)
