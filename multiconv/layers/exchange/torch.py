"""Taking torch.nn.Conv2d apart and putting it together."""

from __future__ import annotations

from typing import Any

import torch

from multiconv.layers.exchange.dialects import DIALECTS, Found

BACKEND = "torch"


def owns(module: object) -> bool:
    """Tell whether this is a module of torch."""
    return isinstance(module, torch.nn.Module)


def read(module: Any) -> Found:
    """Take a torch.nn.Conv2d apart."""
    kind = type(module)
    shown = kind.__name__
    if isinstance(module, torch.nn.modules.conv._ConvTransposeNd):
        msg = f"{shown} is a transposed convolution, and only torch.nn.Conv2d becomes a Conv2D"
        raise ValueError(msg)
    if not isinstance(module, torch.nn.Conv2d):
        msg = f"{shown} is no two-dimensional convolution; torch.nn.Conv2d becomes a Conv2D"
        raise ValueError(msg)
    if isinstance(module.weight, torch.nn.parameter.UninitializedParameter):
        msg = f"{shown} has no weight before its first call: call it with an image, then convert it"
        raise ValueError(msg)
    standard = torch.nn.Conv2d
    if kind.forward is not standard.forward or kind._conv_forward is not standard._conv_forward:
        msg = f"{kind.__name__} computes something of its own instead of torch.nn.Conv2d.forward"
        raise ValueError(msg)
    options = {name: getattr(module, name) for name in DIALECTS["torch"].names.values()}
    return Found(options, module.weight, module.bias)


def write(options: dict[str, Any], weight: Any, bias: Any, layout: str) -> torch.nn.Conv2d:
    """Put a torch.nn.Conv2d together."""
    # On the meta device no initial weights are drawn, which would move on the user's generator.
    module = torch.nn.Conv2d(**options, device="meta", dtype=weight.dtype)
    module.weight = torch.nn.Parameter(weight.detach().clone())
    if bias is not None:
        module.bias = torch.nn.Parameter(bias.detach().clone())
    return module
