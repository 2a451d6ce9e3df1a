"""Taking equinox.nn.Conv2d apart and putting it together."""

from __future__ import annotations

from typing import Any

import equinox
import jax

from multiconv.layers.exchange.dialects import DIALECTS, Found

BACKEND = "jax"


def owns(module: object) -> bool:
    """Tell whether this is a module of equinox."""
    return isinstance(module, equinox.Module)


def read(module: Any) -> Found:
    """Take an equinox.nn.Conv2d apart."""
    kind = type(module)
    shown = kind.__name__
    if isinstance(module, equinox.nn.ConvTranspose):
        msg = f"{shown} is a transposed convolution, and only equinox.nn.Conv2d becomes a Conv2D"
        raise ValueError(msg)
    if not isinstance(module, equinox.nn.Conv) or module.num_spatial_dims != 2:
        msg = f"{shown} is no two-dimensional convolution; equinox.nn.Conv2d becomes a Conv2D"
        raise ValueError(msg)
    if kind.__call__ is not equinox.nn.Conv.__call__:
        msg = f"{kind.__name__} computes something of its own instead of equinox.nn.Conv.__call__"
        raise ValueError(msg)
    options = {name: getattr(module, name) for name in DIALECTS["equinox"].names.values()}
    return Found(options, module.weight, module.bias)


def write(options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put an equinox.nn.Conv2d together."""
    module = equinox.nn.Conv2d(**options, dtype=weight.dtype, key=jax.random.key(0))
    module = equinox.tree_at(lambda m: m.weight, module, weight)
    if bias is None:
        return module
    return equinox.tree_at(lambda m: m.bias, module, bias[:, None, None])
