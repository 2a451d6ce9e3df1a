"""The arrays of a call as a plan sees them: names, shapes, dtypes and devices, checked."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from multiconv.backends.base import Backend
from multiconv.core import dtypes
from multiconv.core.shards import Placement

#: What an array is in a convolution: its image, its filters, or its result.
Role: TypeAlias = Literal["x", "weight", "y"]

_LETTERS = {1: "L", 2: "H, W", 3: "D, H, W"}
_KERNEL_LETTERS = {1: "kw", 2: "kh, kw", 3: "kd, kh, kw"}


class Operand(NamedTuple):
    """What a plan knows of an array."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    device: Hashable
    is_recorded: bool = False
    placement: Placement | None = None
    is_spread: bool = False


class Layout(NamedTuple):
    """How images, filters and results split into batch, groups, channels and spatial sizes.

    ``lead`` are the axes before the channels, as given. Channels and filters are those of a group;
    an image without channels (``is_image``) has one of each.
    """

    lead: tuple[int, ...]
    groups: int
    channels: int
    filters: int
    is_image: bool = False

    @property
    def batch(self) -> int:
        """Return the number of images."""
        return math.prod(self.lead)

    def grouped(self, role: Role, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that methods know an array by."""
        if role == "weight":
            return (self.groups, self.filters, self.channels, *size)
        each = self.channels if role == "x" else self.filters
        return (self.batch, self.groups, each, *size)

    def ungrouped(self, role: Role, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that frameworks know an array by: of one batch axis, with channels."""
        first, second, third, *_ = self.grouped(role, size)
        if role == "weight":
            return (first * second, third, *size)
        return (first, second * third, *size)

    def whole(self, role: Role, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that users know an array by."""
        if role == "weight":
            return size if self.is_image else (self.groups * self.filters, self.channels, *size)
        each = self.channels if role == "x" else self.filters
        return (*self.lead, *(() if self.is_image else (self.groups * each,)), *size)

    def exchanged(self, role: Role) -> tuple[int, int, int, int]:
        """Return the sizes of the correlation that gives ``role``, as a `Problem` has them."""
        if role == "y":
            return self.batch, self.groups, self.channels, self.filters
        if role == "x":
            return self.batch, self.groups, self.filters, self.channels
        return self.channels, self.groups, self.batch, self.filters


def check_devices(operands: Sequence[Operand | None], backend: Backend) -> None:
    """Raise a `ValueError` where two arrays live on different devices."""
    placed = [o for o in operands if o is not None and o.device is not None]
    for other in placed[1:]:
        first = placed[0]
        if other.device != first.device:
            moved = backend.transfer(other.name, first.name)
            if first.placement:  # which is for its own axes
                everywhere = first.placement._replace(spec=())
                moved = backend.placed(other.name, everywhere, first.name)
            msg = (
                f"{first.name} is on the device {_shown(first.device)} and {other.name} on "
                f"{_shown(other.device)}: move one of them, for example with {other.name}={moved}"
            )
            raise ValueError(msg)


def result_dtype(first: Operand, second: Operand, backend: Backend) -> str:
    """Return the dtype of the result of two operands."""
    for operand in (first, second):
        if operand.dtype not in dtypes.SUPPORTED:
            msg = (
                f"{operand.name} has the dtype {operand.dtype}, which cannot be convolved; "
                f"cast it to one of {', '.join(dtypes.SUPPORTED)}"
            )
            raise TypeError(msg)
    try:
        name = dtypes.promote(first.dtype, second.dtype, default_integer=backend.default_integer)
    except TypeError as error:
        names = f"{first.name} and {second.name}"
        raise TypeError(str(error).replace("x and weight", names)) from None
    return backend.canonical(name)


def spatial(axes: int) -> str:
    """Return the letters of the spatial axes."""
    return _LETTERS.get(axes, "*spatial")


def kernel_letters(axes: int) -> str:
    """Return the letters of a kernel's axes."""
    return _KERNEL_LETTERS.get(axes, "*kernel")


def image_and_kernel(x: Operand, k: Operand, axes: int) -> Layout:
    """Read x (..., *spatial) and k (*kernel)."""
    if len(k.shape) != axes:
        msg = (
            f"{k.name} must be a kernel of shape ({kernel_letters(axes)}), got the shape {k.shape}"
        )
        if len(k.shape) == 4:
            msg += "; conv2d takes weights of shape (O, C/groups, kh, kw)"
        raise ValueError(msg)
    if len(x.shape) < axes:
        msg = (
            f"{x.name} must be an image of shape (..., {spatial(axes)}), got the shape {x.shape}; "
            f"reshape it to {axes} axes, {(*(1,) * (axes - len(x.shape)), *x.shape)} for one row"
        )
        raise ValueError(msg)
    return Layout(tuple(x.shape[:-axes]), 1, 1, 1, is_image=True)


def channels_and_weight(x: Operand, weight: Operand, axes: int, groups: int) -> Layout:
    """Read x (N, C, *spatial) or (C, *spatial) and weight (O, C/groups, *kernel)."""
    check_weight(weight, axes, groups)
    lead = leading(x, axes, "C")
    filters, per_group = weight.shape[:2]
    if x.shape[len(lead)] != per_group * groups:
        raise ValueError(_wrong_channels(x, weight, x.shape[len(lead)], groups))
    return Layout(lead, groups, per_group, filters // groups)


def transposed_channels_and_weight(x: Operand, weight: Operand, axes: int, groups: int) -> Layout:
    """Read x (N, C, *spatial) or (C, *spatial) and weight (C, O/groups, *kernel).

    The layout is that of the convolution whose adjoint this is: x is its result.
    """
    check_weight(weight, axes, groups, transposed=True)
    lead = leading(x, axes, "C")
    channels, per_group = x.shape[len(lead)], weight.shape[1]
    if channels != weight.shape[0]:
        msg = (
            f"{x.name} has {channels} channels and {weight.name} of shape {weight.shape} takes "
            f"{weight.shape[0]}: a transposed convolution's weight is (C, O/groups, *kernel), so "
            f"one of shape ({channels}, {per_group}, *kernel) fits"
        )
        raise ValueError(msg)
    if per_group == 0:
        msg = f"{weight.name} has no filters: its shape is {weight.shape}, O/groups is 0"
        raise ValueError(msg)
    return Layout(lead, groups, per_group, channels // groups)


def check_weight(weight: Operand, axes: int, groups: int, *, transposed: bool = False) -> None:
    """Check the rank of a weight, that it has filters, and that the groups divide them."""
    if len(weight.shape) != axes + 2:
        first = "C, O/groups" if transposed else "O, C/groups"
        msg = (
            f"{weight.name} must have {axes + 2} axes, ({first}, {kernel_letters(axes)}), "
            f"got the shape {weight.shape}"
        )
        if len(weight.shape) == axes:
            msg += f"; {weight.name}[None, None] makes a single filter of it"
        raise ValueError(msg)
    filters = weight.shape[0]
    if filters == 0 and not transposed:
        msg = f"{weight.name} has no filters: its shape is {weight.shape}, and O must be at least 1"
        raise ValueError(msg)
    if filters % groups:
        what = "input" if transposed else "output"
        divisor = next((g for g in range(min(groups, filters), 0, -1) if filters % g == 0), 1)
        msg = (
            f"groups={groups} does not divide the {filters} {what} channels of {weight.name}, "
            f"whose shape is {weight.shape}; groups={divisor} would"
        )
        raise ValueError(msg)


def leading(x: Operand, axes: int, channel: str) -> tuple[int, ...]:
    """Return the batch axis of (N, C, *spatial), nothing for (C, *spatial)."""
    if len(x.shape) not in (axes + 1, axes + 2):
        letters = spatial(axes)
        msg = (
            f"{x.name} must have the shape (N, {channel}, {letters}) or ({channel}, {letters}), "
            f"got {len(x.shape)} axes: {x.shape}"
        )
        if len(x.shape) == axes:
            msg += f"; {x.name}[None] gives it one channel"
        raise ValueError(msg)
    return tuple(x.shape[: -axes - 1])


def check_bias(bias: Operand | None, filters: int, result: str) -> None:
    """Check that a bias is one number per filter, of a dtype that the result can hold."""
    if bias is None:
        return
    if bias.shape != (filters,):
        msg = (
            f"{bias.name} must have the shape ({filters},), one number per output channel, "
            f"got the shape {bias.shape}"
        )
        raise ValueError(msg)
    if bias.dtype not in dtypes.SUPPORTED or not dtypes.at_least(result, bias.dtype):
        msg = (
            f"{bias.name} has the dtype {bias.dtype}, and the result, {result} by the dtypes of "
            f"the other arguments, cannot hold it: cast {bias.name}, or cast one of the others to "
            f"{bias.dtype}"
        )
        raise TypeError(msg)


def check_grad(grad: Operand, expected: tuple[int, ...], of: str) -> None:
    """Check that a gradient has the shape of the output it belongs to."""
    if grad.shape != expected:
        msg = (
            f"{grad.name} must have the shape of the convolution's output, {expected} for {of}; "
            f"got the shape {grad.shape}"
        )
        raise ValueError(msg)


def swapped(x: Operand, k: Operand, axes: int) -> str:
    """Return the advice to swap two arguments whose sizes suggest it, else nothing."""
    pairs = list(zip(x.shape[-axes:], k.shape[-axes:], strict=True))
    if len(x.shape) == len(k.shape) and all(0 < small < large for small, large in pairs):
        return f"; or are they swapped? {k.name} is larger than {x.name} along every axis"
    return ""


def _wrong_channels(x: Operand, weight: Operand, channels: int, groups: int) -> str:
    axes, per_group = len(weight.shape) - 2, weight.shape[1]
    expected = per_group * groups
    if x.shape[-1] == expected:
        advice = (
            f"the last axis of {x.name} has that size, and channels come before the spatial axes "
            f"here, ({spatial(axes)}): pass moveaxis({x.name}, -1, {-axes - 1}), or "
            f"channels_last=True, weight_order='OI{'DHW'[-axes:] if axes < 4 else '*'}'"
        )
    elif axes > 1 and len(x.shape) > axes and x.shape[-1] == weight.shape[-2] * groups:
        advice = (
            f"the last axis of {x.name} fits the last but one of {weight.name}, as where channels "
            f"come last: pass channels_last=True"
        )
    elif channels % groups == 0:
        shape = f"({weight.shape[0]}, {channels // groups}, {kernel_letters(axes)})"
        advice = f"a weight of shape {shape} fits"
    else:
        advice = f"{groups} groups need a number of channels that {groups} divides"
    return (
        f"{x.name} has {channels} channels and {weight.name} of shape {weight.shape} with "
        f"groups={groups} takes {per_group} * {groups} = {expected}: {advice}"
    )


def _shown(device: Hashable) -> str:
    if isinstance(device, frozenset):
        return "{" + ", ".join(sorted(str(d) for d in device)) + "}"
    return str(device)
