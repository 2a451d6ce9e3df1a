"""Taking the convolutions of flax.nnx apart and putting them together.

Those of flax.linen say what they see, and hold no parameters.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import linen, nnx
from jax import lax

from multiconv.layers.exchange.dialects import InexpressibleError

BACKEND = "jax"
MODULE = (nnx.Module, linen.Module)
CONVOLUTIONS = (nnx.Conv, linen.Conv)
TRANSPOSED = (nnx.ConvTranspose, linen.ConvTranspose)
COMPUTING = ("__call__",)


def read(module: Any, transposed: bool) -> tuple[Any, Any]:
    """Return the weight and bias of a convolution."""
    if isinstance(module, linen.Module):
        msg = "is of flax.linen, whose modules hold no parameters: flax.nnx.Conv does"
        raise InexpressibleError(msg)
    weight = module.kernel[...]
    _check(module, weight.dtype)
    if transposed and not module.transpose_kernel:  # then it lies as that of a convolution
        axes = tuple(range(len(module.kernel_size)))
        weight = jnp.flip(weight, axis=axes).swapaxes(-1, -2)
    return weight, None if module.bias is None else module.bias[...]


def write(kind: str, options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a convolution together."""
    own = {"transpose_kernel": True} if kind == "ConvTranspose" else {}
    return getattr(nnx, kind)(
        **options,
        **own,
        param_dtype=weight.dtype,
        kernel_init=lambda *_: weight,
        bias_init=lambda *_: bias,
        rngs=nnx.Rngs(0),  # asked for, and not used
    )


def check_sight(module: Any) -> None:
    """Refuse what sees something else than a convolution does."""
    dilation = getattr(module, "input_dilation", None) or 1
    if any(d != 1 for d in ((dilation,) if isinstance(dilation, int) else dilation)):
        msg = f"has input_dilation={dilation}: it is a transposed convolution"
        raise InexpressibleError(msg)


def _check(module: Any, dtype: Any) -> None:
    check_sight(module)
    if module.mask is not None:
        msg = "has a mask: multiply its kernel by it and set module.mask = None"
        raise InexpressibleError(msg)
    convolve = getattr(module, "conv_general_dilated", lax.conv_general_dilated)
    if convolve is not lax.conv_general_dilated:
        msg = "has a conv_general_dilated of its own"
        raise InexpressibleError(msg)
    for name in ("dtype", "preferred_element_type"):
        asked = getattr(module, name, None)
        if asked is not None and asked != dtype:
            msg = (
                f"computes in {name}={asked} and its parameters are {dtype}, in which our "
                f"layers compute: set module.{name} = None, if that is what you want"
            )
            raise InexpressibleError(msg)
