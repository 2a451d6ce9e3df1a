"""Taking the convolutions of flax.nnx apart and putting them together."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import lax

from multiconv.layers.exchange.dialects import DIALECTS, TRANSPOSED, Found

BACKEND = "jax"


def owns(module: object) -> bool:
    """Tell whether this is a module of flax.nnx."""
    return isinstance(module, nnx.Module)


def read(module: Any) -> Found:
    """Take a convolution apart."""
    kind = type(module)
    shown = kind.__name__
    transposed = isinstance(module, nnx.ConvTranspose)
    standard: Any = nnx.ConvTranspose if transposed else nnx.Conv
    if not isinstance(module, standard):
        msg = f"{shown} is no convolution, such as flax.nnx.Conv"
        raise ValueError(msg)
    if kind.__call__ is not standard.__call__:
        msg = f"{shown} computes something of its own instead of flax.nnx.{standard.__name__}"
        raise ValueError(msg)
    weight = module.kernel[...]
    _check(module, shown, weight.dtype)
    if transposed and not module.transpose_kernel:  # then it lies as that of a convolution
        axes = tuple(range(len(module.kernel_size)))
        weight = jnp.flip(weight, axis=axes).swapaxes(-1, -2)
    dialect = (TRANSPOSED if transposed else DIALECTS)["flax"]
    options = {name: getattr(module, name) for name in dialect.names.values()}
    bias = None if module.bias is None else module.bias[...]
    return Found(len(module.kernel_size), transposed, options, weight, bias)


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


def _check(module: Any, shown: str, dtype: Any) -> None:
    dilation = getattr(module, "input_dilation", None) or 1
    if any(d != 1 for d in ((dilation,) if isinstance(dilation, int) else dilation)):
        msg = f"{shown} has input_dilation={dilation}: it is a transposed convolution"
        raise ValueError(msg)
    if module.mask is not None:
        msg = f"{shown} has a mask: multiply its kernel by it and set module.mask = None"
        raise ValueError(msg)
    convolve = getattr(module, "conv_general_dilated", lax.conv_general_dilated)
    if convolve is not lax.conv_general_dilated:
        msg = f"{shown} has a conv_general_dilated of its own"
        raise ValueError(msg)
    for name in ("dtype", "preferred_element_type"):
        asked = getattr(module, name, None)
        if asked is not None and asked != dtype:
            msg = (
                f"{shown} computes in {name}={asked} and its parameters are {dtype}, in which our "
                f"layers compute: set module.{name} = None, if that is what you want"
            )
            raise ValueError(msg)
