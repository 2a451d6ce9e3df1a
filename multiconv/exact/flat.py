"""What describes a sum, as an operator of PyTorch takes it: numbers, strings, and lists of them."""

from __future__ import annotations

from typing import Any

from multiconv.core.geometry import Geometry
from multiconv.exact.description import Sum

#: The arguments of such an operator after its tensors, as its schema has them.
SCHEMA = (
    "str wanted, SymInt[] input_size, SymInt[] kernel_size, SymInt[] stride, SymInt[] dilation, "
    "SymInt[] pads, str padding_mode, SymInt groups, SymInt[] y_size, str result"
)


def flat(total: Sum) -> tuple[Any, ...]:
    """Return those arguments."""
    geometry = total.geometry
    return (
        total.wanted,
        list(geometry.input_size),
        list(geometry.kernel_size),
        list(geometry.stride),
        list(geometry.dilation),
        [amount for pair in geometry.pads for amount in pair],
        geometry.padding_mode,
        total.groups,
        list(total.y_size),
        total.result,
    )


def described(arguments: tuple[Any, ...]) -> Sum:
    """Return the sum that was made flat."""
    wanted, size, kernel, stride, dilation, pads, mode, groups, y_size, result = arguments
    geometry = Geometry(
        tuple(size),
        tuple(kernel),
        tuple(stride),
        tuple(dilation),
        tuple(zip(pads[::2], pads[1::2], strict=True)),
        mode,
    )
    return Sum(wanted, geometry, groups, tuple(y_size), result)
