"""Which dtype two arrays have together by NumPy's rules, which differ from those of others.

NumPy has no bfloat16; with it the package's own rule is followed.
"""

from __future__ import annotations

import numpy as np

from multiconv.backends.base import Backend
from multiconv.core import dtypes

# In names, which compilers follow.
_NAMES = [name for name in dtypes.SUPPORTED if name != "bfloat16"]
_PROMOTED = {(a, b): str(np.promote_types(a, b).name) for a in _NAMES for b in _NAMES}


def numpy_promotion(first: str, second: str, backend: Backend) -> str:
    """Return the dtype of an operation on two arrays, which for int64 and float32 is float64."""
    if "bfloat16" in (first, second):
        name = dtypes.promote(first, second, default_integer="int64")
    else:
        name = _PROMOTED[first, second]
    return backend.canonical(name)


def is_integer(name: str) -> bool:
    """Tell whether a dtype is one of integers, or bool."""
    return dtypes.kind(name) in ("integer", "bool")


def double(name: str, backend: Backend) -> str:
    """Return the widest dtype of the kind that a number of dtype ``name`` has, if only a float."""
    return backend.canonical("complex128" if dtypes.kind(name) == "complex" else "float64")
