"""NumPy's transforms: SciPy's, on threads, where it is installed and it pays."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np

from multiconv.backends.loops.threads import thread_count

NumPyArray = np.ndarray[Any, Any]

_SHARED = 2**16  # numbers from which on threads are worth being woken


def transform(x: NumPyArray, lengths: tuple[int, ...], *, is_real: bool) -> NumPyArray:
    """Transform the last axes, padded with zeros to these lengths; of real numbers half is kept."""
    axes = tuple(range(-len(lengths), 0))
    scipy_fft = _scipy_fft()
    if scipy_fft is None:
        own = np.fft.rfftn if is_real else np.fft.fftn
        return own(x, s=lengths, axes=axes)
    function = scipy_fft.rfftn if is_real else scipy_fft.fftn
    y: NumPyArray = function(x, s=lengths, axes=axes, workers=_workers(x))
    return y


def inverse(y: NumPyArray, lengths: tuple[int, ...], *, is_real: bool) -> NumPyArray:
    """Undo `transform`."""
    axes = tuple(range(-len(lengths), 0))
    scipy_fft = _scipy_fft()
    if scipy_fft is None:
        own = np.fft.irfftn if is_real else np.fft.ifftn
        return own(y, s=lengths, axes=axes)
    function = scipy_fft.irfftn if is_real else scipy_fft.ifftn
    x: NumPyArray = function(y, s=lengths, axes=axes, workers=_workers(y), overwrite_x=True)
    return x


def _workers(x: NumPyArray) -> int:
    return thread_count() if x.size >= _SHARED else 1


@functools.cache
def _scipy_fft() -> ModuleType | None:
    try:
        import scipy.fft
    except ImportError:
        return None
    module: ModuleType = scipy.fft
    return module
