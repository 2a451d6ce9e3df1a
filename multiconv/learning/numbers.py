"""The numbers that something is learned from: real, finite, and on the CPU."""

from __future__ import annotations

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.learning.normal_form import FloatArray


def of(backend: Backend, name: str, array: Array) -> FloatArray:
    """Return an array's numbers, real and finite, in float64 on the CPU."""
    check_real(name, backend.dtype_name(array.dtype))
    try:
        values = np.asarray(backend.to_numpy(array), dtype=np.float64)
    except (NotImplementedError, RuntimeError) as error:  # PyTorch's meta device, fake tensors
        reason = str(error).partition(". ")[0]
        msg = f"{name} is a {backend.array_name} without numbers to learn from: {reason}"
        raise TypeError(msg) from error
    check_finite(name, values)
    return values


def check_real(name: str, dtype: str) -> None:
    """Refuse dtypes that are no real numbers."""
    if dtype not in dtypes.SUPPORTED or dtypes.kind(dtype) == "complex":
        msg = f"{name} has the dtype {dtype}: kernels are learned from real numbers"
        raise TypeError(msg)


def check_finite(name: str, values: FloatArray) -> None:
    """Refuse infinities and NaN."""
    if not np.all(np.isfinite(values)):
        msg = f"{name} holds numbers that are not finite, and nothing can be learned from those"
        raise ValueError(msg)
