"""Taking the convolutions of equinox.nn apart and putting them together."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp

from multiconv.layers.exchange.dialects import InexpressibleError

BACKEND = "jax"
MODULE = equinox.Module
CONVOLUTIONS = (equinox.nn.Conv,)
TRANSPOSED = (equinox.nn.ConvTranspose,)
COMPUTING = ("__call__",)


def read(module: Any, transposed: bool) -> tuple[Any, Any]:
    """Return the weight and bias of a convolution."""
    if not transposed:
        return module.weight, module.bias
    if module.padding_mode != "ZEROS":
        msg = f"has padding_mode={module.padding_mode!r}, which no ConvTranspose has"
        raise InexpressibleError(msg)
    return _turned(module.weight, module.groups), module.bias


def write(kind: str, options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a convolution together."""
    if kind.startswith("ConvTranspose"):
        weight = _turned(weight, options["groups"])
    module = getattr(equinox.nn, kind)(**options, dtype=weight.dtype, key=jax.random.key(0))
    module = equinox.tree_at(lambda m: m.weight, module, weight)
    if bias is None:
        return module
    return equinox.tree_at(lambda m: m.bias, module, bias.reshape(module.bias.shape))


def _turned(weight: Any, groups: int) -> Any:
    """Turn the weight of a convolution's adjoint into that of a convolution, and back.

    Within each group the channels change places, and each kernel is turned around.
    """
    first, second, *kernel = weight.shape
    grouped = weight.reshape(groups, first // groups, second, *kernel)
    swapped = grouped.swapaxes(1, 2).reshape(groups * second, first // groups, *kernel)
    return jnp.flip(swapped, axis=tuple(range(2, weight.ndim)))
