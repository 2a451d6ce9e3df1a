"""Dask arrays: the generic backend, with whole axes where Dask needs them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.backends.array_api import ArrayAPIBackend
from multiconv.backends.base import Array


class DaskBackend(ArrayAPIBackend):
    """Dask arrays, which stay lazy."""

    def __init__(self, namespace: Any) -> None:
        super().__init__(namespace)
        self.xp = _WholeAxes(namespace)

    def check(self, name: str, array: Array) -> None:
        """Refuse arrays whose sizes are known only when they are computed."""
        if any(math.isnan(size) for size in array.shape):
            msg = f"{name} has chunks of unknown size: call {name}.compute_chunk_sizes() first"
            raise ValueError(msg)

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
        """Reshape what is one chunk: Dask would refuse some uneven ones."""
        return self._namespace.reshape(array.rechunk(-1), shape)
