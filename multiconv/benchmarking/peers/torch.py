"""PyTorch's own convolutions, and its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from multiconv.backends.base import Array
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Call, Function, Library, Peer
from multiconv.benchmarking.reference import Operands


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
        function = _function(cell, getattr(F, name))
        run = self.forward if cell.stage == "forward" else self.backward
        yield Peer(f"F.{name}", run(function, arrays), "own")

    def threads(self) -> int:
        return torch.get_num_threads()


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
