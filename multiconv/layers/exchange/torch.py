"""Taking the convolutions of torch.nn apart and putting them together."""

from __future__ import annotations

from typing import Any

from torch import nn

from multiconv.layers.exchange.dialects import DIALECTS, TRANSPOSED, Found

BACKEND = "torch"

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def owns(module: object) -> bool:
    """Tell whether this is a module of torch."""
    return isinstance(module, nn.Module)


def read(module: Any) -> Found:
    """Take a convolution apart."""
    kind = type(module)
    shown = kind.__name__
    standard: Any = next((c for c in _CONVOLUTIONS + _TRANSPOSED if isinstance(module, c)), None)
    if standard is None:
        msg = f"{shown} is no convolution, such as torch.nn.Conv2d"
        raise ValueError(msg)
    if isinstance(module.weight, nn.parameter.UninitializedParameter):
        msg = f"{shown} has no weight before its first call: call it with an image, then convert it"
        raise ValueError(msg)
    transposed = standard in _TRANSPOSED
    inner = "_output_padding" if transposed else "_conv_forward"
    if any(getattr(kind, name) is not getattr(standard, name) for name in ("forward", inner)):
        msg = f"{shown} computes something of its own instead of torch.nn.{standard.__name__}"
        raise ValueError(msg)
    dialect = (TRANSPOSED if transposed else DIALECTS)["torch"]
    options = {name: getattr(module, name) for name in dialect.names.values()}
    return Found(len(module.kernel_size), transposed, options, module.weight, module.bias)


def write(kind: str, options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a convolution together."""
    # On the meta device no initial weights are drawn, which would move on the user's generator.
    module = getattr(nn, kind)(**options, device="meta", dtype=weight.dtype)
    module.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        module.bias = nn.Parameter(bias.detach().clone())
    return module
