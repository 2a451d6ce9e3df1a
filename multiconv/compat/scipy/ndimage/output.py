"""Where the result of a filter goes, and its dtype: the argument ``output``."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of, dtype_of
from multiconv.compat.promotion import numpy_promotion
from multiconv.core import dtypes


class Output(NamedTuple):
    """The dtype of a result, and the array that it is written to, if any."""

    dtype: str
    array: Array | None = None

    def given(self, result: Array) -> Array:
        """Return the result, in the array that was given for it."""
        if self.array is None:
            return result
        self.array[...] = result
        return self.array


def output_of(
    output: Any, x: Array, dtype: str, backend: Backend, *, is_complex: bool = False
) -> Output:
    """Read ``output`` for an image of a dtype; a result is complex where what makes it is."""
    if output is None:
        return Output(numpy_promotion(dtype, "complex64", backend) if is_complex else dtype)
    if hasattr(output, "shape") and not isinstance(output, (type, np.dtype)):
        return _array(output, x, backend, is_complex=is_complex)
    name = _name(output, backend)
    if is_complex and dtypes.kind(name) != "complex":
        if isinstance(output, str):
            msg = f"output must have complex dtype, got {output!r}: output='complex128' would do"
            raise RuntimeError(msg)
        warnings.warn("promoting specified output dtype to complex", stacklevel=4)
        name = numpy_promotion(name, "complex64", backend)
    if isinstance(output, str) and name == "bool":
        msg = f"output must have numeric dtype, got {output!r}: output='uint8' would do"
        raise RuntimeError(msg)
    return Output(backend.canonical(name))


def image_and_output(
    input: Array, output: Any, *, promotes: bool = False, may_discard: bool = False
) -> tuple[Backend, Array, Output]:
    """Read an image and where its result goes.

    Of a complex image it is complex: ``promotes`` makes it so, ``may_discard`` leaves it to later.
    """
    backend, [x] = arrays_of(input=input)
    dtype = dtype_of(x, backend, "input")
    is_complex = dtypes.kind(dtype) == "complex"
    into = output_of(output, x, dtype, backend, is_complex=is_complex and promotes)
    if is_complex and dtypes.kind(into.dtype) != "complex" and not may_discard:
        msg = f"output must have complex dtype, as the image does, got {into.dtype}"
        raise RuntimeError(msg)
    return backend, x, into


def _array(output: Array, x: Array, backend: Backend, *, is_complex: bool) -> Output:
    arrays_of(input=x, output=output)
    if not backend.is_writeable(output):
        if isinstance(output, np.ndarray):
            msg = "output array is read-only: write y = ... without it, or output=array.copy()"
            raise ValueError(msg)
        msg = (
            f"output is a {backend.array_name}, which cannot be written to: write y = ... without "
            f"it, or output='float32' for a dtype"
        )
        raise TypeError(msg)
    if tuple(output.shape) != tuple(x.shape):
        msg = f"output shape not correct: {tuple(output.shape)}, and the image has {tuple(x.shape)}"
        raise RuntimeError(msg)
    dtype = _supported(backend.dtype_name(output.dtype))
    if is_complex and dtypes.kind(dtype) != "complex":
        msg = f"output must have complex dtype, got an array of {dtype}"
        raise RuntimeError(msg)
    return Output(dtype, output)


def _name(output: Any, backend: Backend) -> str:
    """Return NumPy's name of a dtype: its own, or a framework's."""
    if not isinstance(output, (str, type, np.dtype)):
        return _supported(backend.dtype_name(output))
    return _supported(str(np.dtype(output).name))


def _supported(name: str) -> str:
    if name not in dtypes.SUPPORTED:
        msg = f"output is {name!r}, and must be one of {', '.join(dtypes.SUPPORTED)}"
        raise RuntimeError(msg)
    return name
