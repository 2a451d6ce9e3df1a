"""What all functions that make a kernel share: the keyword `like`, and coefficients that exist."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.core import dtypes
from multiconv.core.calls import takes
from multiconv.kernels.arguments import shown

P = ParamSpec("P")
Array: TypeAlias = Any  # of any library
Kernel: TypeAlias = NDArray[np.float64]

# What the docstrings of all kernels would repeat.
_SHARED = """
like : array, optional
    Its library, device and dtype the kernel takes; ``help(multiconv.kernels)`` says more.

Returns
-------
array of float64, or as `like`, of shape {shape}

Raises
------
TypeError, ValueError
    If an argument is not of the type or in the range given above; the message names it.

Examples
"""


def kernel(shape: str) -> Callable[[Callable[P, Kernel]], Callable[P, Array]]:
    """Let a function that computes a kernel in float64 take `like`, and explain misfit calls."""

    def decorate(make: Callable[P, Kernel]) -> Callable[P, Array]:
        explained = takes()(make)

        @functools.wraps(make)
        def made(*args: P.args, **kwargs: P.kwargs) -> Array:
            # What overflows on the way is rightly 0 or infinite there; what stays so is refused.
            with np.errstate(all="ignore"):
                values = explained(*args, **kwargs)
            like, dtype = kwargs.pop("like", None), "float64"
            if like is not None:
                from multiconv.backends.registry import backend_of  # NumPy alone does without

                backend, [array] = backend_of({"like": like})
                dtype = _dtype(values, backend.dtype_name(array.dtype), backend.default_integer)
            if not _holds(dtype, values):
                given = [shown(value) for value in args]
                given += [f"{name}={shown(value)}" for name, value in kwargs.items()]
                call = f"{make.__name__}({', '.join(given)})"
                raise ValueError(f"{call} has coefficients beyond the range of {dtype}")
            return values if like is None else backend.from_numpy(values, dtype, array)

        doc = inspect.cleandoc(made.__doc__ or "")
        made.__doc__ = doc.replace("\n\nExamples\n", _SHARED.format(shape=shape))
        return made

    return decorate


def _dtype(values: Kernel, name: str, default_integer: str) -> str:
    """Return the dtype for a kernel beside an array of the dtype `name`."""
    if name not in dtypes.SUPPORTED:
        raise TypeError(
            f"like has the dtype {name}, which cannot be convolved; cast it to one of "
            f"{', '.join(dtypes.SUPPORTED)}"
        )
    name = default_integer if name == "bool" else name
    return name if name not in dtypes.INTEGERS or _holds(name, values) else "float32"


def _holds(dtype: str, values: Kernel) -> bool:
    low, high = values.min().item(), values.max().item()
    if dtype in dtypes.INTEGERS:
        fits = np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max
        return fits and np.array_equal(values, np.rint(values))
    largest = float(np.finfo("float32" if dtype == "bfloat16" else dtype).max)
    return bool(-largest <= low and high <= largest)  # neither is true of NaN
