"""NumPy's compiled loops on the memory of PyTorch's tensors.

Where torch fuses a multiply-add, the loops do, so that the bits are those of the taps that torch
adds up itself, where gradients are recorded or Numba is not installed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import compiled
from multiconv.core.geometry import Geometry

_TYPES = {
    getattr(torch, name): np.dtype(name).str
    for name in ("float32", "float64", "int8", "int16", "int32", "int64", "uint8")
}


def sum_in_memory(x: torch.Tensor, weight: torch.Tensor, geometry: Geometry) -> torch.Tensor | None:
    """Correlate (N, G, 1, *size) with (G, O, 1, *kernel), zeros around; None without loops."""
    if x.dtype not in _TYPES or x.device.type != "cpu":
        return None
    if torch._C._len_torch_dispatch_stack():  # somebody counts or replaces torch's operations
        return None
    fused = _is_fused(x.dtype)
    if fused is None:
        return None
    shape = (x.shape[0], *weight.shape[:2], *geometry.output_size)
    products = math.prod(shape) * geometry.taps
    dtype = np.dtype(_TYPES[x.dtype])
    module = compiled.loops(dtype, geometry, products, fused=fused, few=True)
    if module is None:
        return None
    y = torch.empty(shape, dtype=x.dtype, device="cpu")
    arrays = _memory(x), _memory(weight), geometry, _memory(y)
    compiled.taps(module, *arrays, threads=torch.get_num_threads(), fused=fused)
    return y


def certified_in_memory(
    function: Callable[..., tuple[NumPyArray, NumPyArray] | None], *given: Any
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Call a loop of the exact mode on tensors, for its result and where that is not certain."""
    arrays = exactly_in_memory(given)
    found = None if arrays is None else function(*arrays)
    return None if found is None else (torch.from_numpy(found[0]), torch.from_numpy(found[1]))


def exactly_in_memory(given: Sequence[Any]) -> list[Any] | None:
    """Return the memory of plain tensors on the CPU among these, the rest as it is; else None."""
    if torch._C._len_torch_dispatch_stack():
        return None
    tensors = [a for a in given if isinstance(a, torch.Tensor)]
    if any(type(a) is not torch.Tensor or a.device.type != "cpu" for a in tensors):
        return None
    narrow = (torch.float16, torch.bfloat16)
    return [
        _memory(a.float() if a.dtype in narrow else a) if isinstance(a, torch.Tensor) else a
        for a in given
    ]


def places_in_memory(mask: torch.Tensor) -> torch.Tensor | None:
    """Return where a flat mask is true, in a tenth of the time that `torch.nonzero` takes."""
    arrays = exactly_in_memory((mask.view(torch.uint8),))
    return None if arrays is None else torch.from_numpy(np.flatnonzero(arrays[0].view(bool)))


def _memory(tensor: torch.Tensor) -> NumPyArray:
    """Return a tensor's memory as an array; after `Tensor.numpy` it could not be resized."""
    return np.asarray(_Memory(tensor.resolve_neg().contiguous()))


class _Memory:
    """Memory as NumPy is told of it; what is made of this keeps the tensor alive."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        self.__array_interface__ = {
            "shape": tuple(tensor.shape),
            "typestr": _TYPES[tensor.dtype],
            "data": (tensor.data_ptr(), False),
            "version": 3,
        }


@functools.cache
def _is_fused(dtype: torch.dtype) -> bool | None:
    """Tell how torch rounds a multiply-add here: once, or twice; None if now so, now so."""
    if not dtype.is_floating_point:
        return False
    digits = round(1 - math.log2(torch.finfo(dtype).eps))
    above = torch.full((67,), 1 + 2.0 ** -(digits // 2 + 1), dtype=dtype, device="cpu")
    below = -(above * above)
    left = torch.addcmul(below, above, above[:1])  # what the product lost when it was rounded
    if bool((left == 0).all()):
        return False
    return True if bool((left != 0).all()) else None
