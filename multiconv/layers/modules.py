"""What modules of other libraries do to pixels: convolutions, pools, and what takes them singly.

They are told by their names, so that no library is imported for it; a module cannot exist without
its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from multiconv.layers.exchange.exchangeable import seen_by
from multiconv.layers.shared import LayerArguments

Entry: TypeAlias = tuple[Any, Any, Any, Any]

_LIBRARIES = ("torch", "keras", "flax", "equinox", "jax")
# What takes every pixel by itself; a batch norm as it is after training.
_PIXELWISE = frozenset(
    {
        *("identity", "relu", "relu6", "leakyrelu", "prelu", "elu"),
        *("selu", "celu", "gelu", "silu", "swish", "mish"),
        *("sigmoid", "tanh", "softplus", "softsign", "hardswish", "hardsigmoid"),
        *("hardtanh", "logsigmoid", "softmax", "activation", "dropout", "spatialdropout"),
        *("alphadropout", "batchnorm", "batchnormalization", "inputlayer"),
    }
)
_POOL = re.compile(r"(max|avg|average)pool(ing)?$")


def is_module(layer: Any) -> bool:
    """Tell whether this is something of another library."""
    return _library(layer) is not None


def flattened(layer: Any, name: str) -> Iterator[tuple[Any, str]]:
    """Yield the layers of a sequential module, or of one in another, each with a name."""
    if not _is_sequential(layer):
        yield layer, name
        return
    inner = layer.layers if hasattr(layer, "layers") else layer
    for number, each in enumerate(inner):
        yield from flattened(each, f"{name}[{number}]")


def entries(layer: Any, name: str) -> Entry | LayerArguments | None:
    """Return what a module does to pixels as (kernel_size, stride, padding, dilation).

    Or the arguments of a convolution, or None for one that takes every pixel by itself.
    """
    inner = getattr(layer, "fn", None)  # of equinox.nn.Lambda
    kind = getattr(layer if inner is None else inner, "__name__", type(layer).__name__)
    plain = re.sub(r"(_|[123]d$)", "", kind.lower())
    if plain in _PIXELWISE:
        return None
    if _POOL.match(plain):
        size = getattr(layer, "kernel_size", None) or layer.pool_size
        stride = getattr(layer, "stride", None) or layer.strides
        found: Entry = (size, stride, layer.padding, getattr(layer, "dilation", 1))
        return found
    if not hasattr(layer, "kernel_size"):
        msg = (
            f"{name} is a {kind}, and of that it is not known which pixels it sees: leave it out "
            f"if it takes every pixel by itself, or give (kernel_size, stride, padding, dilation)"
        )
        raise TypeError(msg)
    return seen_by(layer)


def _is_sequential(layer: Any) -> bool:
    """Tell whether a module calls one after another, also one derived from such a class."""
    kind = type(layer)
    base = next((k for k in kind.__mro__ if k.__name__ == "Sequential"), None)
    if base is None or not is_module(layer):
        return False
    return all(
        getattr(kind, name, None) is getattr(base, name, None)
        for name in ("forward", "call", "__call__")
    )


def _library(layer: Any) -> str | None:
    """Return the library that made a class or a function, its base classes included."""
    owners = [getattr(layer, "__module__", ""), *(k.__module__ for k in type(layer).__mro__)]
    roots = {str(owner).partition(".")[0] for owner in owners}
    return next((library for library in _LIBRARIES if library in roots), None)
