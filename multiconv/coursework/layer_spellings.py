"""The layers of torch.nn, and this package's own: their arguments in order, and what they do.

Defaults are left to whoever reads an argument; so the table says names only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, NamedTuple, TypeAlias

from multiconv.core import arguments
from multiconv.coursework.stack_layers import Adaptive, Flatten, Layer, Linear, Pointwise, Window
from multiconv.layers import shared
from multiconv.layers.table import KINDS

Given: TypeAlias = Mapping[str, Any]

_POINTWISE = (
    *("ReLU", "LeakyReLU", "ReLU6", "ELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softmax"),
    *("LogSoftmax", "Softplus", "Hardswish", "Identity", "Dropout", "Dropout1d", "Dropout2d"),
    "Dropout3d",
)
_CHANNELS = "in_channels out_channels kernel_size"
_CONV = "stride padding dilation groups bias padding_mode device dtype"
_TRANSPOSED = "stride padding output_padding groups bias dilation padding_mode device dtype"
_OWN = "in_channels out_channels stride padding dilation groups bias padding_mode method"
# Of torch's arguments those that change neither sizes nor counts.
_IDLE = ("device", "dtype", "seed", "return_indices", "count_include_pad", "divisor_override")


class Spelling(NamedTuple):
    """The signature of a layer, and what makes it of the arguments that are given."""

    signature: Signature
    make: Callable[[Given], Layer]


@functools.cache
def known() -> dict[str, Spelling]:
    """Return how each layer is spelled, by its name."""
    found: dict[str, Spelling] = {}
    for axes in (1, 2, 3):
        pool = functools.partial(_pool, axes)
        adaptive = _spelling("output_size", "return_indices", functools.partial(_adaptive, axes))
        found |= {
            f"Conv{axes}d": _spelling(_CHANNELS, _CONV, _convolution(f"Conv{axes}D")),
            f"ConvTranspose{axes}d": _spelling(
                _CHANNELS, _TRANSPOSED, _convolution(f"ConvTranspose{axes}D")
            ),
            f"MaxPool{axes}d": _spelling(
                "kernel_size", "stride padding dilation return_indices ceil_mode", pool
            ),
            f"AvgPool{axes}d": _spelling(
                "kernel_size", "stride padding ceil_mode count_include_pad divisor_override", pool
            ),
            f"AdaptiveAvgPool{axes}d": adaptive,
            f"AdaptiveMaxPool{axes}d": adaptive,
            f"BatchNorm{axes}d": _spelling(
                "num_features", "eps momentum affine track_running_stats device dtype", _batch_norm
            ),
        }
    found["Flatten"] = _spelling("", "start_dim end_dim", _flatten)
    found["Linear"] = _spelling("in_features out_features", "bias device dtype", _linear)
    found["PReLU"] = _spelling("", "num_parameters init device dtype", _prelu)
    anything = Signature([
        Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)
    ])  # fmt: skip
    found |= dict.fromkeys(_POINTWISE, Spelling(anything, lambda given: Pointwise()))
    for kind in KINDS:
        options = f"{_OWN} output_padding dtype device seed"
        found[kind] = _spelling("kernel_size", options, _convolution(kind), Parameter.KEYWORD_ONLY)
    return found


def _spelling(
    required: str,
    optional: str,
    make: Callable[[Given], Layer],
    kind: Any = Parameter.POSITIONAL_OR_KEYWORD,
) -> Spelling:
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in required.split()]
    parameters += [Parameter(name, kind, default=None) for name in optional.split()]
    return Spelling(Signature(parameters), make)


def _convolution(kind: str) -> Callable[[Given], Layer]:
    def make(given: Given) -> Layer:
        options = {name: value for name, value in given.items() if name not in _IDLE}
        read = shared.read(**options, kind=kind)
        before, after = read.in_channels, read.out_channels
        # The textbook's layer, which is given none, has one of each.
        return Window(
            read.kernel_size,
            read.stride,
            read.padding,
            read.dilation,
            read.output_padding,
            transposed=read.transposed,
            channels=(1 if before is None else before, 1 if after is None else after),
            groups=read.groups,
            bias=read.bias,
            axes=len(read.kernel_size),
        )

    return make


def _pool(axes: int, given: Given) -> Layer:
    if given.get("ceil_mode"):
        raise ValueError("ceil_mode=True is not followed here: sizes are rounded down")
    size = arguments.per_axis("kernel_size", given["kernel_size"], axes, minimum=1)
    pads = arguments.per_axis("padding", given.get("padding", 0), axes, minimum=0)
    for k, p in zip(size, pads, strict=True):
        if 2 * p > k:
            raise ValueError(
                f"padding={p} is more than half of kernel_size={k}: at most {k // 2} works"
            )
    stride = given.get("stride")
    step = size if stride is None else stride
    return Window(size, step, pads, given.get("dilation", 1), axes=axes)


def _adaptive(axes: int, given: Given) -> Layer:
    size = given["output_size"]
    sizes = size if isinstance(size, (tuple, list)) else (size,) * axes
    if len(sizes) != axes:
        raise ValueError(f"output_size must be an int or {axes} of them, got {size!r}")
    return Adaptive(
        tuple(n if n is None else arguments.integer("output_size", n, minimum=1) for n in sizes)
    )


def _batch_norm(given: Given) -> Layer:
    count = arguments.integer("num_features", given["num_features"], minimum=1)
    return Pointwise(count, 2 * count if given.get("affine", True) else 0)


def _prelu(given: Given) -> Layer:
    count = given.get("num_parameters", 1)
    return Pointwise(None, arguments.integer("num_parameters", count, minimum=1))


def _flatten(given: Given) -> Layer:
    if given.get("start_dim", 1) != 1 or given.get("end_dim", -1) != -1:
        raise ValueError("only Flatten() is followed here, of all axes but the batch")
    return Flatten()


def _linear(given: Given) -> Layer:
    before, after = (
        arguments.integer(name, given[name], minimum=1) for name in ("in_features", "out_features")
    )
    return Linear(before, after, arguments.flag("bias", given.get("bias", True)))
