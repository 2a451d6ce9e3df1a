"""Taking the convolutions of equinox.nn apart and putting them together."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp

from multiconv.layers.exchange.dialects import DIALECTS, TRANSPOSED, Found

BACKEND = "jax"


def owns(module: object) -> bool:
    """Tell whether this is a module of equinox."""
    return isinstance(module, equinox.Module)


def read(module: Any) -> Found:
    """Take a convolution apart."""
    kind = type(module)
    shown = kind.__name__
    transposed = isinstance(module, equinox.nn.ConvTranspose)
    standard = equinox.nn.ConvTranspose if transposed else equinox.nn.Conv
    if not isinstance(module, standard):
        msg = f"{shown} is no convolution, such as equinox.nn.Conv2d"
        raise ValueError(msg)
    if kind.__call__ is not standard.__call__:
        msg = f"{shown} computes something of its own instead of equinox.nn.{standard.__name__}"
        raise ValueError(msg)
    dialect = (TRANSPOSED if transposed else DIALECTS)["equinox"]
    options = {name: getattr(module, name) for name in dialect.names.values()}
    weight = module.weight
    if transposed:
        if module.padding_mode != "ZEROS":
            msg = f"{shown} has padding_mode={module.padding_mode!r}, which no ConvTranspose has"
            raise ValueError(msg)
        weight = _turned(weight, module.groups)
    return Found(module.num_spatial_dims, transposed, options, weight, module.bias)


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
