"""A multiply-add per tap in place, in blocks of rows that stay in the cache.

Nothing is lost in bits: the operations on each number are those of the plain form, in the same
order, so that a call that records gradients gives what one without them gives.
"""

from __future__ import annotations

import math

import torch

from multiconv.core.geometry import Geometry

BLOCK_BYTES = 2**20  # of the result, beside as much of the image: measured on 1 MiB and 2 MiB of L2

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_transforms_are_active = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def may_write(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Tell whether nobody reads along who would have to know what was there before."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return False
    if type(x) not in _PLAIN or type(weight) not in _PLAIN or _transforms_are_active():
        return False
    if torch.autograd.forward_ad._current_level >= 0:
        return False
    return not (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad))


def sum_in_place(x: torch.Tensor, weight: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Correlate (N, G, 1, *padded) with (G, O, 1, *kernel) to (N, G, O, *output)."""
    groups, filters = weight.shape[:2]
    y = x.new_zeros((x.shape[0], groups, filters, *geometry.output_size))
    tail = (1,) * geometry.axes
    shape = (1, groups, filters, *tail, geometry.taps) if groups * filters > 1 else (-1,)
    factors = weight.reshape(shape).unbind(-1)
    seen = [x[window] for _, window in geometry.tap_windows()]
    rows = geometry.output_size[0]
    per_row = y.element_size() * math.prod(y.shape[:3]) * math.prod(y.shape[4:])
    step = max(BLOCK_BYTES // max(per_row, 1), 1)
    if step >= rows:
        for pixels, factor in zip(seen, factors, strict=True):
            y.addcmul_(pixels, factor)
        return y
    for start in range(0, rows, step):
        count = min(step, rows - start)
        block = y.narrow(3, start, count)
        for pixels, factor in zip(seen, factors, strict=True):
            block.addcmul_(pixels.narrow(3, start, count), factor)
    return y
