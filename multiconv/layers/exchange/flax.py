"""Taking flax.nnx.Conv apart and putting it together."""

from __future__ import annotations

from typing import Any

from flax import nnx
from jax import lax

from multiconv.layers.exchange.dialects import DIALECTS, Found

BACKEND = "jax"


def owns(module: object) -> bool:
    """Tell whether this is a module of flax.nnx."""
    return isinstance(module, nnx.Module)


def read(module: Any) -> Found:
    """Take a flax.nnx.Conv apart."""
    kind = type(module)
    shown = kind.__name__
    if isinstance(module, nnx.ConvTranspose):
        msg = f"{shown} is a transposed convolution, and only flax.nnx.Conv becomes a Conv2D"
        raise ValueError(msg)
    if not isinstance(module, nnx.Conv):
        msg = f"{shown} is no convolution; flax.nnx.Conv becomes a Conv2D"
        raise ValueError(msg)
    if kind.__call__ is not nnx.Conv.__call__:
        msg = f"{kind.__name__} computes something of its own instead of flax.nnx.Conv.__call__"
        raise ValueError(msg)
    weight = module.kernel[...]
    _check(module, shown, weight.dtype)
    options = {name: getattr(module, name) for name in DIALECTS["flax"].names.values()}
    return Found(options, weight, None if module.bias is None else module.bias[...])


def write(options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a flax.nnx.Conv together."""
    return nnx.Conv(
        **options,
        param_dtype=weight.dtype,
        kernel_init=lambda *_: weight,
        bias_init=lambda *_: bias,
        rngs=nnx.Rngs(0),  # asked for, and not used
    )


def _check(module: Any, shown: str, dtype: Any) -> None:
    if len(module.kernel_size) != 2:
        msg = f"{shown} has kernel_size={module.kernel_size}, and a Conv2D has two spatial axes"
        raise ValueError(msg)
    if module.input_dilation not in (None, 1, (1, 1), [1, 1]):
        msg = f"{shown} has input_dilation={module.input_dilation}: it is a transposed convolution"
        raise ValueError(msg)
    if module.mask is not None:
        msg = f"{shown} has a mask: multiply its kernel by it and set module.mask = None"
        raise ValueError(msg)
    if module.conv_general_dilated is not lax.conv_general_dilated:
        msg = f"{shown} has a conv_general_dilated of its own"
        raise ValueError(msg)
    for name in ("dtype", "preferred_element_type"):
        asked = getattr(module, name, None)
        if asked is not None and asked != dtype:
            msg = (
                f"{shown} computes in {name}={asked} and its parameters are {dtype}, in which a "
                f"Conv2D computes: set module.{name} = None, if that is what you want"
            )
            raise ValueError(msg)
