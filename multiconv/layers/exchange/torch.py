"""Taking the convolutions of torch.nn apart and putting them together."""

from __future__ import annotations

from typing import Any

from torch import nn

from multiconv.layers.exchange.dialects import InexpressibleError

BACKEND = "torch"
MODULE = nn.Module
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
COMPUTING = ("forward", "_conv_forward", "_output_padding")


def read(module: Any, transposed: bool) -> tuple[Any, Any]:
    """Return the weight and bias of a convolution."""
    if isinstance(module.weight, nn.parameter.UninitializedParameter):
        msg = "has no weight before its first call: call it with an image, then convert it"
        raise InexpressibleError(msg)
    return module.weight, module.bias


def write(kind: str, options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a convolution together."""
    # On the meta device no initial weights are drawn, which would move on the user's generator.
    module = getattr(nn, kind)(**options, device="meta", dtype=weight.dtype)
    module.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        module.bias = nn.Parameter(bias.detach().clone())
    return module
