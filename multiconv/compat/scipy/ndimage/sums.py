"""The sums of all filters: exact of whole numbers, else in double precision, and cast as C does.

SciPy adds up in float64 whatever the image is, and casts each sum to the dtype of the result; to an
integer dtype by cutting off its fraction. Where numbers are whole all along, the sums here are of
integers: equal to SciPy's below 2**53, where its own are exact, and never rounded beyond.

A fraction that is cut off makes the last bit of a sum visible: 3 * (1 / 3) is 1 in one order of
additions and 0.9999999999999999 in another, and 0 after the cut. There, and only there, the sums
follow SciPy's order (`in_order`). A compiler that fuses multiplications with additions, or JAX
without float64, may still differ by one where the sum is a whole number up to rounding.
"""

from __future__ import annotations

import warnings

import numpy as np

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.compat.arrays import array_like, dtype_of, values_of
from multiconv.compat.correlating import correlated
from multiconv.compat.promotion import double, is_integer
from multiconv.compat.scipy.ndimage.arguments import Window
from multiconv.compat.scipy.ndimage.in_order import sum_in_order
from multiconv.core import dtypes
from multiconv.core.callers import callers_level


def weighted_sum(
    x: Array, weights: Array | NumPyArray, window: Window, dtype: str, backend: Backend
) -> Array:
    """Correlate an image with weights that have the axes of the window alone; a result of dtype."""
    given = backend.dtype_name(x.dtype)
    if 0 in x.shape:
        return backend.zeros(tuple(x.shape), backend.astype(x, dtype))
    cuts = is_integer(dtype)
    values = None
    if isinstance(weights, np.ndarray):
        values = weights
        weights = array_like(weights, x, backend)
    elif cuts:
        values = values_of(weights, backend)
    if cuts and is_integer(given) and _are_whole(weights, values, window.cval, backend):
        sums = backend.canonical("int64")
    else:
        is_complex = "complex" in {
            dtypes.kind(given),
            dtypes.kind(dtype_of(weights, backend, "weights")),
        }
        sums = double("complex64" if is_complex else "float32", backend)
    x, weights = backend.astype(x, sums), backend.astype(weights, sums)
    if cuts and not is_integer(sums):
        return as_in_c(sum_in_order(x, weights, values, window, backend), dtype, backend)
    y = correlated(
        x,
        weights,
        axes=window.axes,
        pads=window.pads,
        border=window.border,
        value=int(real_part(window.cval)) if is_integer(sums) else window.cval,
    )
    return as_in_c(y, dtype, backend)


def as_in_c(y: Array, dtype: str, backend: Backend) -> Array:
    """Cast as C does: a fraction is cut off, and what an integer has too many bits are dropped."""
    if not is_integer(dtype):
        return backend.astype(y, dtype)
    if backend.dtype_name(y.dtype) == dtype:
        return y
    if not is_integer(backend.dtype_name(y.dtype)):
        y = backend.astype(backend.xp.trunc(y), backend.canonical("int64"))
    if dtype == "bool":
        return backend.astype(y, "uint8") != 0
    return backend.astype(y, dtype)


def between_passes(dtype: str) -> str:
    """Return the dtype of what one axis after another is filtered of, for a result of ``dtype``.

    SciPy keeps whole bytes in an array of bool, and reads them as numbers in the next pass.
    """
    return "uint8" if dtype == "bool" else dtype


def unfiltered(x: Array, dtype: str, backend: Backend) -> Array:
    """Return a copy of an image that no axis is filtered of; the real part for a real dtype."""
    if dtypes.kind(backend.dtype_name(x.dtype)) == "complex" and dtypes.kind(dtype) != "complex":
        if dtype == "bool":
            return x != 0
        msg = "Casting complex values to real discards the imaginary part"
        warnings.warn(msg, np.exceptions.ComplexWarning, stacklevel=callers_level())
        x = backend.xp.real(x)
    return as_in_c(backend.xp.stack([x])[0, ...], dtype, backend)


def is_whole(cval: complex) -> bool:
    """Tell whether a number is an integer, of whatever type; neither nan nor infinity is."""
    number = real_part(cval)
    return number == cval and number % 1 == 0


def real_part(cval: complex) -> float:
    """Return the real part, in a way that compilers follow."""
    # mypy takes a float for a complex number
    return cval.real if isinstance(cval, complex) else cval  # type: ignore[redundant-expr]


def _are_whole(weights: Array, values: NumPyArray | None, cval: complex, backend: Backend) -> bool:
    """Tell whether weights and border are whole numbers, of whatever dtype."""
    if not is_whole(cval):
        return False
    if is_integer(dtype_of(weights, backend, "weights")):
        return True
    if values is None or bool(np.any(np.abs(values) >= 2.0**53)):
        return False
    return bool(np.all(values == np.trunc(values)))
