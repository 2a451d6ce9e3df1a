"""Which dtype two arrays have together by NumPy's rules, which differ from those of others.

NumPy has no bfloat16; with it the package's own rule is followed.
"""

from __future__ import annotations

import numpy as np

from multiconv.backends.base import Backend
from multiconv.core import dtypes


def numpy_promotion(first: str, second: str, backend: Backend) -> str:
    """Return the dtype of an operation on two arrays, which for int64 and float32 is float64."""
    if "bfloat16" in (first, second):
        name = dtypes.promote(first, second, default_integer="int64")
    else:
        name = str(np.promote_types(first, second).name)
    return backend.canonical(name)


def is_integer(name: str) -> bool:
    """Tell whether a dtype is one of integers, or bool."""
    return dtypes.kind(name) in ("integer", "bool")


def double(name: str, backend: Backend) -> str:
    """Return the widest dtype of the kind that a number of dtype ``name`` has, if only a float."""
    return backend.canonical("complex128" if dtypes.kind(name) == "complex" else "float64")
