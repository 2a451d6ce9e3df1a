"""torch.nn.functional's convolutions and their adjoints, in the precision of their dtype.

Everything that a plan knows is settled before the call: what is left is the user's settings, which
may change between two calls (autocast, the rounding of float32 products).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from multiconv.backends.ieee.torch import (
    How,
    can_ask,
    convolve,
    rounds_products,
    weight_gradient,
)
from multiconv.core.geometry import Geometry

Tensor: TypeAlias = torch.Tensor
Call: TypeAlias = Callable[..., Tensor]

_CONVOLVE: dict[int, Any] = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_TRANSPOSE: dict[int, Any] = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


def is_autocast(device_type: str) -> bool:
    """Tell whether the caller's autocast is on for a kind of device."""
    available: bool = torch.amp.is_autocast_available(device_type)
    return available and torch.is_autocast_enabled(device_type)


def correlation(
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    device_type: str,
    *,
    is_float32: bool,
) -> Call:
    """Return the correlation of (N, C, *size) with (O, C/groups, *kernel), of a bias or None."""
    function = _CONVOLVE[len(stride)]
    zeros = (0,) * len(stride)
    # Arguments that say nothing new take microseconds to read.
    is_plain = (*stride, *dilation, groups) == (1,) * (2 * len(stride) + 1) and padding == zeros
    rest = () if is_plain else (stride, padding, dilation, groups)

    def own(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not is_float32 and not weight.is_contiguous():
            weight = weight.contiguous()  # slow_conv2d has no gradient of another order of axes
        y: Tensor = function(x, weight, bias, *rest)
        return y

    how = How(stride, padding, dilation, False, zeros, groups)
    return _precise(own, lambda x, weight: convolve(x, weight, how), device_type, is_float32)


def call(wanted: str, geometry: Geometry, groups: int, dtype: str, device_type: str) -> Call | None:
    """Return the call that gives y, x or weight (see `Backend.native_call`), None without one."""
    if geometry.axes not in _CONVOLVE or dtype not in ("float32", "float64"):
        return None
    sizes: tuple[Any, ...] = geometry.input_size  # some may be open
    if wanted != "y" and any(isinstance(n, int) and n == 0 for n in sizes):
        return None  # torch has no gradients of an image of nothing but border
    make = {"y": _forward, "x": _input_adjoint, "weight": _weight_adjoint}[wanted]
    return make(geometry, groups, device_type, dtype == "float32")


def _forward(geometry: Geometry, groups: int, device_type: str, is_float32: bool) -> Call:
    padding, extra = _split(geometry)
    run = correlation(
        geometry.stride, padding, geometry.dilation, groups, device_type, is_float32=is_float32
    )
    if not any(extra):
        return run
    return lambda x, weight, bias=None: run(functional.pad(x, extra), weight, bias)


def _input_adjoint(
    geometry: Geometry, groups: int, device_type: str, is_float32: bool
) -> Call | None:
    sizes: tuple[Any, ...] = (*geometry.input_size, *geometry.output_size)
    if not all(isinstance(size, int) for size in sizes):
        return None  # an open size would be narrowed by what follows
    stride, dilation = geometry.stride, geometry.dilation
    padding = tuple(low for low, _ in geometry.pads)
    # What is missing at the end of the image, which nothing reaches, or too much.
    left = [
        n - ((out - 1) * s - 2 * low + span)
        for n, out, s, low, span in zip(
            geometry.input_size, geometry.output_size, stride, padding, geometry.span, strict=True
        )
    ]
    if any(extra >= max(s, d) for extra, s, d in zip(left, stride, dilation, strict=True)):
        return None
    output_padding = tuple(max(extra, 0) for extra in left)
    function, size = _TRANSPOSE[geometry.axes], geometry.input_size
    is_cut = any(extra < 0 for extra in left)

    def own(grad: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        y: Tensor = function(grad, weight, bias, stride, padding, output_padding, groups, dilation)
        return y

    how = How(stride, padding, dilation, True, output_padding, groups)
    run = _precise(own, lambda x, weight: convolve(x, weight, how), device_type, is_float32)
    if not is_cut:
        return run
    window: Any = (..., *(slice(0, n) for n in size))
    return lambda grad, weight, bias=None: run(grad, weight, bias)[window]


def _weight_adjoint(geometry: Geometry, groups: int, device_type: str, is_float32: bool) -> Call:
    padding, extra = _split(geometry)
    stride, dilation, kernel_size = geometry.stride, geometry.dilation, geometry.kernel_size
    zeros = (0,) * geometry.axes
    function = torch.ops.aten.convolution_backward.default

    def own(x: Tensor, grad: Tensor, bias: None = None) -> Tensor:
        shape = (grad.shape[1], x.shape[1] // groups, *kernel_size)
        weight = grad.new_empty(1).expand(shape)  # its numbers do not matter
        dw: Tensor = function(
            grad, x, weight, None, stride, padding, dilation, False, zeros, groups,
            (False, True, False),
        )[1]  # fmt: skip
        return dw

    how = How(stride, padding, dilation, False, zeros, groups)

    def asking(x: Tensor, grad: Tensor) -> Tensor:
        return weight_gradient(x, grad, how, kernel_size, convolve)

    run = _precise(own, asking, device_type, is_float32)
    if not any(extra):
        return run
    return lambda x, grad, bias=None: run(functional.pad(x, extra), grad)


def _split(geometry: Geometry) -> tuple[tuple[int, ...], list[int]]:
    """Return what may be said as one number for both sides, and what is left to be padded."""
    if all(low == high for low, high in geometry.pads):
        return tuple(low for low, _ in geometry.pads), []
    return (0,) * geometry.axes, [n for pair in reversed(geometry.pads) for n in pair]


def _precise(
    own: Call, asking: Callable[[Tensor, Tensor], Tensor], device_type: str, is_float32: bool
) -> Call:
    """Return ``own`` without autocast, and other ways where float32 products would be rounded.

    ``asking`` asks for float32; where that is not possible, the sums go through float64.
    """
    has_autocast = torch.amp.is_autocast_available(device_type)

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if has_autocast and torch.is_autocast_enabled(device_type):
            with torch.autocast(device_type, enabled=False):
                return run(x, weight, bias)
        if not is_float32 or not rounds_products(device_type, "conv"):
            return own(x, weight, bias)
        if not can_ask(device_type):
            return own(x.double(), weight.double(), None if bias is None else bias.double()).float()
        y = asking(x, weight)
        return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))

    return run
