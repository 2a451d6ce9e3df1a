"""What the layers of all frameworks share: their arguments, their output and their first weights.

So that arguments, parameter names, shapes, first weights and outputs cannot drift apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of, backend_of_type
from multiconv.core import arguments, geometry
from multiconv.core.arguments import Constant, IntOrInts, Padding, Pairs
from multiconv.functions.colours import warn_of_colours
from multiconv.functions.conv import CONV_ORDERS, conv1d, conv2d, conv3d
from multiconv.functions.conv_transpose import (
    CONV_TRANSPOSE_ORDERS,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from multiconv.layers import initial
from multiconv.layers.table import KINDS
from multiconv.methods import table as methods
from multiconv.planning.axis_order import kernel_first, read_weight_order
from multiconv.planning.dispatch import Exact, dispatch

FUNCTIONS: dict[str, Callable[..., Array]] = {
    "Conv1D": conv1d,
    "Conv2D": conv2d,
    "Conv3D": conv3d,
    "ConvTranspose1D": conv_transpose1d,
    "ConvTranspose2D": conv_transpose2d,
    "ConvTranspose3D": conv_transpose3d,
}
# By whether they are transposed, and whether images and weights have their channels last.
_OPERATIONS = {
    (transposed, *order): operation
    for transposed, ordered in ((False, CONV_ORDERS), (True, CONV_TRANSPOSE_ORDERS))
    for order, operation in ordered.orders.items()
}

NO_BORDER = "where a convolution pads its input, its adjoint cuts off its output"


@dataclass(frozen=True)
class LayerArguments:
    """The arguments of a layer, read and checked; hashable, for compilers to compare."""

    kind: str
    kernel_size: tuple[int, ...]
    in_channels: int | None
    out_channels: int | None
    stride: tuple[int, ...]
    padding: str | Pairs
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    padding_mode: str
    padding_value: Constant
    channels_last: bool
    weight_order: str
    method: str
    weight_init: str

    @property
    def transposed(self) -> bool:
        """Tell whether this is the adjoint of a convolution."""
        return KINDS[self.kind].transposed

    @property
    def usual_shape(self) -> tuple[int, ...]:
        """Return (O, C/groups, *kernel), transposed (C, O/groups, *kernel), else the kernel's."""
        if self.in_channels is None or self.out_channels is None:
            return self.kernel_size
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Return the shape of the weight, whose axes stand in the order ``weight_order``."""
        return tuple(self.usual_shape[axis] for axis in self.from_usual)

    @property
    def from_usual(self) -> tuple[int, ...]:
        """Return the permutation of a weight's axes from the usual order."""
        axes = tuple(range(len(self.usual_shape)))
        return (*axes[2:], 1, 0) if kernel_first(self.weight_order) else axes

    @property
    def to_usual(self) -> tuple[int, ...]:
        """Return the permutation of a weight's axes into the usual order."""
        return tuple(self.from_usual.index(axis) for axis in range(len(self.usual_shape)))

    @property
    def bias_shape(self) -> tuple[int]:
        """Return (1,), or (O,) with channels."""
        return (1 if self.out_channels is None else self.out_channels,)

    @property
    def fan_in(self) -> int:
        """Return the number of products in one output, at stride 1."""
        channels = 1 if self.in_channels is None else self.in_channels // self.groups
        return channels * math.prod(self.kernel_size)

    @property
    def fan_out(self) -> int:
        """Return the number of outputs that an input is part of, at stride 1."""
        channels = 1 if self.out_channels is None else self.out_channels // self.groups
        return channels * math.prod(self.kernel_size)

    @property
    def pads(self) -> Pairs:
        """Return the pads of a transposed layer, which do not depend on the image."""
        return geometry.transposed_pads(self.padding, self.kernel_size, self.stride, self.dilation)

    def __post_init__(self) -> None:
        """Put the options of the layer's function together once, and not by every call."""
        names = ("stride", "padding", "dilation", "groups", "method")
        own = ("output_padding",) if self.transposed else ("padding_mode", "padding_value")
        options = {name: getattr(self, name) for name in (*names, *own)}
        object.__setattr__(self, "_options", options)
        given: tuple[Any, ...] = (KINDS[self.kind].axes, self.stride, self.padding)
        if self.transposed:
            given += (self.output_padding, self.groups, self.dilation, self.method)
        else:
            given += (
                self.dilation,
                self.groups,
                self.padding_mode,
                self.method,
                self.padding_value,
            )
        object.__setattr__(self, "_given", Exact(given))
        # The name of an operation: its functions could not be pickled.
        order = self.transposed, self.channels_last, kernel_first(self.weight_order)
        object.__setattr__(self, "_order", order)

    def options(self) -> dict[str, Any]:
        """Return the options of the function that the layer calls."""
        options: dict[str, Any] = self._options  # type: ignore[attr-defined]
        return options

    def convolve(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """Do what the layer's function does with these options, which are read already."""
        return dispatch(_OPERATIONS[self._order], (x, weight, bias), self._given)  # type: ignore[attr-defined]

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments that make the same layer again, for `read`."""
        return asdict(self)

    def __str__(self) -> str:
        plain = read(self.kernel_size, self.in_channels, self.out_channels, kind=self.kind)
        usual = plain.to_dict()
        del usual["kernel_size"]
        if self.out_channels:
            del usual["in_channels"], usual["out_channels"]
        return ", ".join(f"{n}={v!r}" for n, v in self.to_dict().items() if usual.get(n, ...) != v)


def read(
    kernel_size: IntOrInts,
    in_channels: int | None = None,
    out_channels: int | None = None,
    *,
    kind: str = "Conv2D",
    stride: IntOrInts = 1,
    padding: Padding = 0,
    output_padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    bias: Any = True,
    padding_mode: str = "zeros",
    padding_value: Any = 0,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
    weight_init: str = "default",
) -> LayerArguments:
    """Read the arguments of a layer."""
    axes = KINDS[arguments.choice("kind", kind, tuple(KINDS))].axes
    size = arguments.per_axis("kernel_size", kernel_size, axes, minimum=1)
    groups = arguments.integer("groups", groups, minimum=1)
    in_channels, out_channels = _channels(kind, kernel_size, in_channels, out_channels, groups)
    if not isinstance(bias, (bool, np.bool_)):
        shown = repr(bias) if isinstance(bias, (int, float, str, type(None))) else "an object"
        msg = (
            f"bias must be True or False, for a layer with or without one, got {shown} of type "
            f"{type(bias).__name__}"
        )
        raise TypeError(msg)
    layer = LayerArguments(
        kind,
        size,
        in_channels,
        out_channels,
        arguments.per_axis("stride", stride, axes, minimum=1),
        arguments.padding(padding, axes),
        arguments.per_axis("output_padding", output_padding, axes, minimum=0),
        arguments.per_axis("dilation", dilation, axes, minimum=1),
        groups,
        bool(bias),
        *arguments.border(padding_mode, _real(padding_value)),
        arguments.flag("channels_last", channels_last),
        read_weight_order(weight_order, axes),
        methods.parse(method),
        initial.read(weight_init),
    )
    _check_kind(layer)
    return layer


def _real(padding_value: Any) -> Any:
    """Read numbers, and refuse what no file of a layer has."""
    padding_value = arguments.listed(padding_value)
    each = padding_value if isinstance(padding_value, (tuple, list)) else (padding_value,)
    for value in each:
        if value is None or isinstance(value, complex):
            msg = (
                f"padding_value of a layer must be a real number, or one per channel, got {value!r}"
            )
            raise TypeError(msg)
    return padding_value


def _channels(
    kind: str, kernel_size: Any, in_channels: Any, out_channels: Any, groups: int
) -> tuple[int | None, int | None]:
    given = {"in_channels": in_channels, "out_channels": out_channels}
    missing = [name for name, count in given.items() if count is None]
    if missing and (len(missing) == 1 or kind != "Conv2D"):
        shown = ", ".join(f"{name}={1 if n is None else n}" for name, n in given.items())
        textbook = "; or neither, for the textbook's layer with a weight of shape (kh, kw)"
        msg = (
            f"{kind} needs {' and '.join(missing)}: {kind}({kernel_size!r}, {shown})"
            f"{textbook if kind == 'Conv2D' else ''}"
        )
        raise ValueError(msg)
    counts: list[int | None] = []
    for minimum, (name, count) in enumerate(given.items()):  # no input channels give zeros
        counts.append(None if missing else arguments.integer(name, count, minimum=minimum))
        if (1 if missing else count) % groups:
            shown = "None (a single channel)" if missing else count
            msg = f"groups={groups} does not divide {name}={shown}"
            raise ValueError(msg)
    return counts[0], counts[1]


def _check_kind(layer: LayerArguments) -> None:
    if layer.transposed and layer.padding_mode != "zeros":
        msg = f"a {layer.kind} has no padding_mode: {NO_BORDER}"
        raise ValueError(msg)
    if layer.channels_last and layer.in_channels is None:
        msg = (
            "channels_last=True needs channels: give in_channels and out_channels, or leave it out"
        )
        raise ValueError(msg)
    if kernel_first(layer.weight_order) and layer.in_channels is None:
        msg = (
            f"weight_order={layer.weight_order!r} needs channels: give in_channels and "
            f"out_channels, or leave it out for a weight of shape (kh, kw)"
        )
        raise ValueError(msg)
    for axis, extra in enumerate(layer.output_padding):
        limit = max(layer.stride[axis], layer.dilation[axis]) if layer.transposed else 1
        if extra >= limit:
            reason = "smaller than the stride or the dilation" if layer.transposed else "0"
            msg = (
                f"output_padding of a {layer.kind} must be {reason}: along axis {axis} it is "
                f"{extra}, and at most {limit - 1} works"
            )
            raise ValueError(msg)


def call(layer: LayerArguments, x: Array, weight: Array, bias: Array | None) -> Array:
    """Return the output that a user asked for, who is told of colours taken for a width."""
    if layer.in_channels is None:
        remedy = (
            f"layer(moveaxis(x, -1, -3)) filters each of them, and {layer.kind}("
            f"{layer.kernel_size}, in_channels={{count}}, out_channels=..., channels_last=True) "
            "all together"
        )
        warn_of_colours(x, remedy)
    return apply(layer, x, weight, bias)


def apply(layer: LayerArguments, x: Array, weight: Array, bias: Array | None) -> Array:
    """Return the output of a layer, of images with a single channel where it has none."""
    backend = backend_of_type(type(weight))
    if backend is None or backend_of_type(type(x)) is not backend:
        try:
            backend, (x, weight, bias) = backend_of({"x": x, "weight": weight, "bias": bias})
        except TypeError as error:
            raise TypeError(_foreign(x, weight) or str(error)) from None
    if layer.in_channels is not None:
        return layer.convolve(x, weight, bias)
    if len(x.shape) < 2:
        msg = f"x must be an image of shape (..., H, W), got the shape {tuple(x.shape)}"
        raise ValueError(msg)
    y = layer.convolve(as_channel(x, backend.xp), weight[None, None, ...], bias)
    return backend.xp.reshape(y, (*x.shape[:-2], *y.shape[-2:]))


def as_channel(x: Array, xp: Any) -> Array:
    """Return images (..., H, W) as a batch (N, 1, H, W)."""
    return xp.reshape(x, (math.prod(x.shape[:-2]), 1, *x.shape[-2:]))


def initial_parameters(
    layer: LayerArguments, seed: int | None, dtype: str = "float32"
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """Draw weight and bias, by default uniform in +-1/sqrt(fan_in), without a seed fresh ones.

    They are the numbers of one stream, the weight's first, which fill the usual order of its axes:
    a seed means the same filters in every order. They come as float64, and as float32
    for narrower dtypes: every framework rounds that to 16 bits in the same way, but not all round
    float64 directly.
    """
    seed = initial.seed_of(seed)
    rule = initial.INITIAL[layer.weight_init]
    count = math.prod(layer.weight_shape)
    total = count + (layer.bias_shape[0] if layer.bias else 0)
    wide = "float64" if dtype in ("float64", "complex128") else "float32"
    spread = rule.spread(layer.fan_in, layer.fan_out)
    try:
        drawn = initial.draw(seed, total, is_normal=rule.is_normal)
        values = (drawn * spread).astype(wide)
    except (MemoryError, OverflowError, ValueError):
        size = total * np.dtype(wide).itemsize
        msg = (
            f"a {layer.kind} with kernel_size={layer.kernel_size} has a weight of shape "
            f"{layer.weight_shape}, {size} bytes in {wide}, more than there is memory for"
        )
        raise ValueError(msg) from None
    if layer.weight_init != "default":
        values[count:] = 0
    weight = values[:count].reshape(layer.usual_shape).transpose(layer.from_usual)
    return weight, values[count:] if layer.bias else None


def _foreign(x: Array, weight: Array) -> str | None:
    """Return what is wrong with an image of another framework than the layer's."""
    if isinstance(x, (list, tuple)):
        return None
    found, own = backend_of({"x": x})[0], backend_of({"weight": weight})[0]
    if found is own:
        return None
    return (
        f"x is a {found.array_name} and the layer's weight a {own.array_name}: "
        f"x={own.conversion('x')} converts it"
    )
