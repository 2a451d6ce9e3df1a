"""What ``jax.lax`` asks of the channels, the dtypes and the precision of a convolution."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from multiconv.backends.base import Backend
from multiconv.core import dtypes

_PRECISIONS = (
    *("highest", "float32", "high", "bfloat16_3x"),
    *("tensorfloat32", "default", "bfloat16", "fastest"),
)


def check_groups(
    image: tuple[int, ...], kernel: tuple[int, ...], features: Any, batches: Any
) -> None:
    """Check (batch, channels) and (filters, channels of a group) with the numbers of groups."""
    batch, channels = image
    filters, each = kernel
    for name, count in (("feature_group_count", features), ("batch_group_count", batches)):
        if operator.index(count) < 1:
            raise ValueError(f"{name} must be positive, got {count}")
        if filters % count:
            raise ValueError(f"{name}={count} does not divide the {filters} output features of rhs")
    if channels != features * each:
        raise ValueError(
            f"lhs has {channels} features, and rhs takes {each} in each of {features} groups, "
            f"feature_group_count={features}: {features * each}"
        )
    if batch % batches:
        raise ValueError(f"batch_group_count={batches} does not divide the batch of {batch}")
    if features > 1 and batches > 1:
        raise ValueError(
            f"one of feature_group_count={features} and batch_group_count={batches} must be 1"
        )


def check_precision(precision: Any) -> None:
    """Check that JAX has such a precision; there is one here, the full one."""
    pair = precision if isinstance(precision, (tuple, list)) else (precision,)
    for entry in pair:
        if isinstance(entry, str) and entry.lower() not in _PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {entry!r}")


def result_dtype(lhs: str, rhs: str, preferred: Any, backend: Backend) -> str:
    """Return the dtype of the result: that of both arrays, or the one preferred."""
    if lhs != rhs:
        raise TypeError(
            f"lhs has the dtype {lhs} and rhs {rhs}: jax.lax wants one for both; cast one of them, "
            "or call multiconv.conv2d, which promotes them"
        )
    if preferred is None:
        return lhs
    name = backend.canonical(_name(preferred, backend))
    kinds = dtypes.kind(lhs), dtypes.kind(name)
    if kinds != ("integer", "float"):
        if kinds[0] != kinds[1]:
            raise TypeError(f"preferred_element_type={name} is of another kind than {lhs}")
        if lhs in dtypes.SIGNED and name not in dtypes.SIGNED:
            raise TypeError(f"preferred_element_type={name} has no sign, and {lhs} has one")
    if dtypes.itemsize(name) < dtypes.itemsize(lhs):
        raise TypeError(f"preferred_element_type={name} is narrower than {lhs}")
    return name


def _name(dtype: Any, backend: Backend) -> str:
    """Return NumPy's name of a dtype: a name, NumPy's, or a framework's own."""
    is_numpys = isinstance(dtype, (str, type, np.dtype))
    name = str(np.dtype(dtype).name) if is_numpys else backend.dtype_name(dtype)
    if name not in dtypes.SUPPORTED:
        raise TypeError(
            f"preferred_element_type must be one of {', '.join(dtypes.SUPPORTED)}, got {name}"
        )
    return name
