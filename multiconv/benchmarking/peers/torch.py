"""PyTorch's own convolutions, and its gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from multiconv.backends.base import Array
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Function, Library, Peer
from multiconv.benchmarking.reference import Operands
from multiconv.core.timing import Call

_LARGEST_UNFOLDED = 2**32  # bytes: more may end the process


class _Torch(Library):
    name = "torch"

    def arrays(self, operands: Operands, dtype: str, device: str | None) -> Arrays:
        named = (operands.x, operands.weight, operands.g, operands.bias)
        return Arrays(*(torch.tensor(a, dtype=getattr(torch, dtype), device=device) for a in named))

    def forward(self, function: Function, arrays: Arrays) -> Call:
        x, weight = arrays.x, arrays.weight
        return _waiting(lambda: function(x, weight), x)

    def backward(self, function: Function, arrays: Arrays) -> Call:
        # The recording is kept, so that only the way back is timed.
        x, weight = (a.detach().requires_grad_() for a in (arrays.x, arrays.weight))
        y, g = function(x, weight), arrays.g
        return _waiting(lambda: torch.autograd.grad(y, (x, weight), g, retain_graph=True), x)

    def layer(self, made: Any, arrays: Arrays) -> Call:
        with torch.no_grad():
            made.to(arrays.x.device, arrays.x.dtype)
            made.weight.copy_(arrays.weight)
            made.bias.copy_(arrays.bias)
        x = arrays.x
        return _waiting(lambda: made(x), x)

    def peers(self, cell: Cell, arrays: Arrays) -> Iterator[Peer]:
        if cell.is_layer:
            channels, kernel = cell.weight[1] * cell.groups, cell.kernel
            own: Any = torch.nn.Conv2d
            made = own(channels, cell.weight[0], kernel, cell.stride, cell.padding, 1, cell.groups)
            yield Peer("nn.Conv2d", self.layer(made, arrays), "own")
            return
        name = f"conv{'_transpose' if cell.transposed else ''}{cell.axes}d"
        unfolded = _unfolded(cell, arrays)
        if unfolded > _LARGEST_UNFOLDED:
            refusal = f"its patch matrix would take {unfolded / 2**30:.3g} GiB"
            yield Peer(f"F.{name}", lambda: None, "own", refusal=refusal)
            return
        function = _function(cell, getattr(F, name))
        run = self.forward if cell.stage == "forward" else self.backward
        yield Peer(f"F.{name}", run(function, arrays), "own")

    def threads(self) -> int:
        return torch.get_num_threads()


def _unfolded(cell: Cell, arrays: Arrays) -> int:
    """Return the bytes of the patch matrix that torch makes on the CPU of other than float32."""
    if arrays.x.dtype is torch.float32 or arrays.x.device.type != "cpu":
        return 0
    channels = 1 if cell.is_image else cell.weight[1]
    return int(math.prod(cell.output[-cell.axes :]) * cell.taps * channels * arrays.x.itemsize)


def _function(cell: Cell, convolve: Any) -> Function:
    options = {"stride": cell.stride, "padding": cell.padding}
    if cell.is_image:

        def image(x: Array, k: Array) -> Array:
            return convolve(x[None, None], k[None, None], **options)[0, 0]

        return image
    options["groups"] = cell.groups
    return lambda x, weight: convolve(x, weight, **options)


def _waiting(call: Call, x: Array) -> Call:
    if x.device.type != "cuda":
        return call

    def wait() -> Any:
        result = call()
        torch.cuda.synchronize(x.device)
        return result

    return wait


LIBRARY = _Torch()
