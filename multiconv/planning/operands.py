"""The shapes that images, kernels and biases may have, checked once for all functions."""

from __future__ import annotations

from typing import NamedTuple

from multiconv.core import dtypes
from multiconv.methods.adjoints import Channels
from multiconv.planning.dispatch import Operand

_LETTERS = {1: "L", 2: "H, W", 3: "D, H, W"}


class Layout(NamedTuple):
    """How an image and a kernel split into batch, channels and spatial sizes."""

    sizes: Channels
    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    lead: tuple[
        int, ...
    ]  # the axes before the channels, as given: () unbatched, (N,), or any images

    @property
    def filters(self) -> int:
        """Return the number of output channels of all groups."""
        return self.sizes.groups * self.sizes.filters

    @property
    def channels(self) -> int:
        """Return the number of input channels of all groups."""
        return self.sizes.groups * self.sizes.channels


def spatial(axes: int) -> str:
    """Return the letters of the spatial axes."""
    return _LETTERS.get(axes, "*spatial")


def kernel_letters(axes: int) -> str:
    """Return the letters of a kernel's axes."""
    return {1: "kw", 2: "kh, kw", 3: "kd, kh, kw"}.get(axes, "*kernel")


def image_and_kernel(x: Operand, k: Operand) -> Layout:
    """Read x (..., H, W) and k (kh, kw)."""
    if len(k.shape) != 2:
        msg = f"{k.name} must be a kernel of shape (kh, kw), got the shape {k.shape}" + (
            "; conv2d takes weights of shape (O, C/groups, kh, kw)" if len(k.shape) == 4 else ""
        )
        raise ValueError(msg)
    if len(x.shape) < 2:
        msg = (
            f"{x.name} must be an image of shape (..., H, W), got the shape {x.shape}; "
            f"reshape it to two axes, (1, {x.shape[0] if x.shape else 1}) for one row"
        )
        raise ValueError(msg)
    lead = x.shape[:-2]
    batch = 1
    for size in lead:
        batch *= size
    return Layout(Channels(batch, 1, 1, 1), tuple(x.shape[-2:]), tuple(k.shape), tuple(lead))


def check_weight(weight: Operand, axes: int, groups: int, *, transposed: bool = False) -> None:
    """Check the rank of a weight, that it has filters, and that the groups divide them."""
    first = "C, O/groups" if transposed else "O, C/groups"
    if len(weight.shape) != axes + 2:
        msg = (
            f"{weight.name} must have {axes + 2} axes, ({first}, {kernel_letters(axes)}), "
            f"got the shape {weight.shape}"
        )
        if len(weight.shape) == axes:
            msg += f"; {weight.name}[None, None] makes a single filter of it"
        raise ValueError(msg)
    if weight.shape[0] == 0 and not transposed:
        msg = f"{weight.name} has no filters: its shape is {weight.shape}, and O must be at least 1"
        raise ValueError(msg)
    if weight.shape[0] % groups:
        what = "input" if transposed else "output"
        msg = (
            f"groups={groups} does not divide the {weight.shape[0]} {what} channels of "
            f"{weight.name}, "
            f"whose shape is {weight.shape}; groups={_divisor(weight.shape[0], groups)} would"
        )
        raise ValueError(msg)


def channels_and_weight(x: Operand, weight: Operand, axes: int, groups: int) -> Layout:
    """Read x (N, C, *spatial) or (C, *spatial) and weight (O, C/groups, *kernel)."""
    check_weight(weight, axes, groups)
    lead = leading(x, axes, "C")
    channels = x.shape[len(lead)]
    expected = weight.shape[1] * groups
    if channels != expected:
        msg = (
            f"{x.name} has {channels} channels and {weight.name} of shape {weight.shape} with "
            f"groups={groups} takes {weight.shape[1]} * {groups} = {expected}: "
            + _channel_advice(x, weight, axes, groups, channels)
        )
        raise ValueError(msg)
    return Layout(
        Channels(lead[0] if lead else 1, groups, weight.shape[1], weight.shape[0] // groups),
        tuple(x.shape[-axes:]),
        tuple(weight.shape[2:]),
        lead,
    )


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
    if tuple(bias.shape) != (filters,):
        msg = (
            f"{bias.name} must have the shape ({filters},), one number per output channel, "
            f"got the shape {tuple(bias.shape)}"
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
    if tuple(grad.shape) != expected:
        msg = (
            f"{grad.name} must have the shape of the convolution's output, {expected} for {of}; "
            f"got the shape {tuple(grad.shape)}"
        )
        raise ValueError(msg)


def _divisor(channels: int, groups: int) -> int:
    return next((g for g in range(min(groups, channels), 0, -1) if channels % g == 0), 1)


def _channel_advice(x: Operand, weight: Operand, axes: int, groups: int, channels: int) -> str:
    per_group = weight.shape[1]
    if x.shape[-1] == per_group * groups:
        order = "x.movedim(-1, -3)" if axes == 2 else "the channel axis moved"
        return (
            f"the last axis of {x.name} has that size, and channels come before the spatial axes "
            f"here, ({spatial(axes)}): pass {order}"
        )
    if channels % groups == 0:
        shape = f"({weight.shape[0]}, {channels // groups}, {kernel_letters(axes)})"
        return f"a weight of shape {shape} fits"
    return f"{groups} groups need a number of channels that {groups} divides"
