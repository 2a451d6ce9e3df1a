"""What the layers of all frameworks share: their arguments, their call and their initial weights.

A framework's own class adds its idiom and nothing else, so that arguments, parameter names, shapes,
first weights and outputs cannot drift apart.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of
from multiconv.core import arguments, dtypes
from multiconv.core.arguments import IntOrInts, Padding, Pairs
from multiconv.functions.conv import conv2d
from multiconv.layers import threefry
from multiconv.methods import table as methods


@dataclass(frozen=True)
class LayerArguments:
    """The arguments of a `Conv2D`, read and checked; hashable, for compilers to compare."""

    kernel_size: tuple[int, int]
    in_channels: int | None
    out_channels: int | None
    stride: tuple[int, int]
    padding: str | Pairs
    dilation: tuple[int, int]
    groups: int
    bias: bool
    padding_mode: str
    method: str

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Return (kh, kw), or (O, C/groups, kh, kw) with channels."""
        if self.in_channels is None or self.out_channels is None:
            return self.kernel_size
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def bias_shape(self) -> tuple[int]:
        """Return (1,), or (O,) with channels."""
        return (1 if self.out_channels is None else self.out_channels,)

    @property
    def fan_in(self) -> int:
        """Return the number of products in one output."""
        return math.prod(self.weight_shape[-3:])

    def options(self) -> dict[str, Any]:
        """Return the options of the convolution."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "padding_mode": self.padding_mode,
            "method": self.method,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments that make the same layer again, for `read`."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"kernel_size={self.kernel_size}"]
        if self.in_channels is not None:
            parts += [f"in_channels={self.in_channels}", f"out_channels={self.out_channels}"]
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value!r}")
        return ", ".join(parts)


_DEFAULTS = {
    "stride": (1, 1),
    "padding": ((0, 0), (0, 0)),
    "dilation": (1, 1),
    "groups": 1,
    "bias": True,
    "padding_mode": "zeros",
    "method": "auto",
}


def read(
    kernel_size: IntOrInts,
    in_channels: int | None = None,
    out_channels: int | None = None,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    bias: Any = True,
    padding_mode: str = "zeros",
    method: str = "auto",
) -> LayerArguments:
    """Read the arguments of a `Conv2D`."""
    if (in_channels is None) != (out_channels is None):
        given, missing = "in_channels", "out_channels"
        if in_channels is None:
            given, missing = missing, given
        msg = (
            f"{given}={in_channels or out_channels} is given without {missing}: give both, or "
            f"neither for the textbook's layer with a weight of shape (kh, kw)"
        )
        raise ValueError(msg)
    groups = arguments.integer("groups", groups, minimum=1)
    for name, count in (("in_channels", in_channels), ("out_channels", out_channels)):
        channels = 1 if count is None else arguments.integer(name, count, minimum=1)
        if channels % groups:
            shown = "None (a single channel)" if count is None else count
            msg = f"groups={groups} does not divide {name}={shown}"
            raise ValueError(msg)
    size = arguments.per_axis("kernel_size", kernel_size, 2, minimum=1)
    strides = arguments.per_axis("stride", stride, 2, minimum=1)
    dilations = arguments.per_axis("dilation", dilation, 2, minimum=1)
    if not isinstance(bias, (bool, np.bool_)):
        msg = f"bias must be True or False, got {bias!r} of type {type(bias).__name__}"
        raise TypeError(msg)
    return LayerArguments(
        (size[0], size[1]),
        None if in_channels is None else int(in_channels),
        None if out_channels is None else int(out_channels),
        (strides[0], strides[1]),
        arguments.padding(padding, 2),
        (dilations[0], dilations[1]),
        groups,
        bool(bias),
        arguments.padding_mode(padding_mode),
        methods.parse(method),
    )


def apply(layer: LayerArguments, x: Array, weight: Array, bias: Array | None) -> Array:
    """Return the output of a layer: `conv2d`, with a single channel where there are none."""
    backend, (x, weight, bias) = backend_of({"x": x, "weight": weight, "bias": bias})
    if layer.in_channels is not None:
        return conv2d(x, weight, bias, **layer.options())
    check_image(x)
    y = conv2d(as_channel(x, backend.xp), weight[None, None, ...], bias, **layer.options())
    return backend.xp.reshape(y, (*x.shape[:-2], *y.shape[-2:]))


def check_image(x: Array) -> None:
    """Check that a layer without channels is given images."""
    shape = getattr(x, "shape", None)
    if shape is None:
        msg = f"x must be an array of shape (..., H, W), got {type(x).__name__}"
        raise TypeError(msg)
    if len(shape) < 2:
        msg = f"x must be an image of shape (..., H, W), got the shape {tuple(shape)}"
        raise ValueError(msg)


def as_channel(x: Array, xp: Any) -> Array:
    """Return images (..., H, W) as a batch (N, 1, H, W)."""
    return xp.reshape(x, (math.prod(x.shape[:-2]), 1, *x.shape[-2:]))


def initial_parameters(
    layer: LayerArguments, seed: int | None, dtype: str = "float32"
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """Draw weight and bias, uniform in +-1/sqrt(fan_in), without a seed fresh ones.

    They are float64, and float32 for narrower dtypes: every framework rounds that to 16 bits in the
    same way, but not all round float64 directly.
    """
    if seed is None:
        seed = secrets.randbits(64)
    else:
        seed = arguments.integer("seed", seed, minimum=-(2**63))
    bound = 1 / math.sqrt(layer.fan_in)
    count = math.prod(layer.weight_shape)
    wide = "float64" if dtype in ("float64", "complex128") else "float32"
    weight = _symmetric(threefry.uniform(seed, count), bound, wide).reshape(layer.weight_shape)
    if not layer.bias:
        return weight, None
    return weight, _symmetric(threefry.uniform(seed, layer.bias_shape[0], first=count), bound, wide)


def floating_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a NumPy dtype that weights can have."""
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        msg = f"dtype must be a floating-point dtype such as 'float32', got {dtype!r}"
        raise TypeError(msg) from None
    if dtypes.kind(result.name) not in ("float", "complex") or result.name not in dtypes.SUPPORTED:
        msg = f"dtype must be a floating-point dtype such as 'float32', got {result.name}"
        raise TypeError(msg)
    return result


def _symmetric(uniform: np.ndarray[Any, Any], bound: float, dtype: str) -> np.ndarray[Any, Any]:
    return ((2 * uniform - 1) * bound).astype(dtype)
