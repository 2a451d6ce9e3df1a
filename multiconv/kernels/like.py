"""What all functions that make a kernel share: whose array it is, and coefficients that exist."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.core import dtypes
from multiconv.core.calls import takes
from multiconv.kernels.arguments import shown

if TYPE_CHECKING:
    from multiconv.backends.base import Backend

P = ParamSpec("P")
Array: TypeAlias = Any  # of any library
Kernel: TypeAlias = NDArray[np.float64]

# What the docstrings of all kernels would repeat.
_SHARED = """
like : array, optional
    Its library, device and dtype the kernel takes; ``help(multiconv.kernels)`` says more.
dtype : str or dtype, optional
    The kernel's own dtype, instead of that of `like`.
device : str or device, optional
    The kernel's own device, instead of that of `like`.

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

        def made_by(backend: Backend | None, *args: P.args, **kwargs: P.kwargs) -> Array:
            # What overflows on the way is rightly 0 or infinite there; what stays so is refused.
            with np.errstate(all="ignore"):
                values = explained(*args, **kwargs)
            like, dtype, device = (kwargs.pop(name, None) for name in ("like", "dtype", "device"))
            if like is None and dtype is None and device is None and backend is None:
                name, array = "float64", None  # NumPy alone does without backends
            else:
                backend, like, array = _beside(like, device, backend)
                name = _dtype(values, like, dtype, backend)
            if not _holds(name, values):
                given = [shown(value) for value in args]
                given += [f"{name}={shown(value)}" for name, value in kwargs.items()]
                call = f"{make.__name__}({', '.join(given)})"
                raise ValueError(f"{call} has coefficients beyond the range of {name}")
            return values if backend is None else backend.from_numpy(values, name, array)

        @functools.wraps(make)
        def made(*args: P.args, **kwargs: P.kwargs) -> Array:
            return made_by(None, *args, **kwargs)

        doc = inspect.cleandoc(made.__doc__ or "")
        made.__doc__ = doc.replace("\n\nExamples\n", _SHARED.format(shape=shape))
        made.made_by = made_by  # type: ignore[attr-defined]
        return made

    return decorate


def made_by(make: Callable[P, Array], backend: Backend) -> Callable[P, Array]:
    """Return the function that makes the same kernel as a backend's array, if nothing says more."""

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Array:
        return make.made_by(backend, *args, **kwargs)  # type: ignore[attr-defined]

    return made


def _beside(
    like: Array | None, device: Any, backend: Backend | None
) -> tuple[Backend, Array | None, Array]:
    """Return the backend, ``like`` as its array, and one on the device that the kernel goes to."""
    from multiconv.backends.registry import backend_of, load

    if like is not None:
        backend, [like] = backend_of({"like": like}, backend)
        return backend, like, like if device is None else backend.empty_on(device)
    backend = backend or load("numpy")
    return backend, None, backend.empty_on(device)


def _dtype(values: Kernel, like: Array | None, dtype: Any, backend: Backend) -> str:
    """Return the dtype for a kernel: the one asked for, else one beside the array's."""
    if dtype is not None:
        name = dtype if isinstance(dtype, str) else _name(dtype, backend)
        if name not in dtypes.SUPPORTED or name == "bool":
            known = ", ".join(dtypes.SUPPORTED[1:])
            raise TypeError(f"dtype must be one of {known}; got {shown(dtype)}")
        return backend.canonical(name)
    if like is None:
        return backend.default_float
    name = backend.dtype_name(like.dtype)
    if name not in dtypes.SUPPORTED:
        raise TypeError(
            f"like has the dtype {name}, which cannot be convolved; cast it to one of "
            f"{', '.join(dtypes.SUPPORTED)}"
        )
    name = backend.default_integer if name == "bool" else name
    return name if name not in dtypes.INTEGERS or _holds(name, values) else "float32"


def _name(dtype: Any, backend: Backend) -> str:
    """Return the name of a dtype, or of what stands for one, such as numpy.float32 or float."""
    try:
        return backend.dtype_name(np.dtype(dtype) if isinstance(dtype, type) else dtype)
    except AttributeError:  # another library's
        return str(dtype)


def _holds(dtype: str, values: Kernel) -> bool:
    low, high = values.min().item(), values.max().item()
    if dtype in dtypes.INTEGERS:
        fits = np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max
        return fits and np.array_equal(values, np.rint(values))
    largest = float(np.finfo("float32" if dtype == "bfloat16" else dtype).max)
    return bool(-largest <= low and high <= largest)  # neither is true of NaN
