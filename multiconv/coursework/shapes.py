"""Shapes as they are typed, and options that may have a number for each axis."""

from __future__ import annotations

import argparse
import ast
import contextlib
import re
from typing import Any

from multiconv.core.arguments import PADDING_NAMES
from multiconv.coursework.arguments import MisuseError

_DIGITS = 18  # of a size, which has 64 bits


def shape(argument: str, text: str) -> tuple[int, ...]:
    """Read a shape such as 8x64x56x56."""
    parts = re.split(r"[x,]", text.strip().strip("()").replace(" ", "").lower())
    if not all(part.isdecimal() and len(part) <= _DIGITS for part in parts):
        raise MisuseError(
            f"{argument}: got {text!r}, and takes sizes with an x between them, such as 8x64x56x56"
        )
    return tuple(int(part) for part in parts)


def geometry_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read how a kernel goes over an image: the options of `commands.geometry_options`."""
    return {
        "stride": per_axis("--stride", arguments.stride),
        "padding": padding(arguments.padding),
        "dilation": per_axis("--dilation", arguments.dilation),
        "padding_mode": arguments.padding_mode,
    }


def planned(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read the arguments of `multiconv.plan`."""
    x, weight = shape("SHAPE", arguments.shape), shape("-k", arguments.kernel)
    if arguments.channels is not None:
        x, weight = _with_channels(arguments.channels, x, weight)
    given = {
        "x": x,
        "weight": weight,
        **geometry_options(arguments),
        "groups": arguments.groups,
        "method": arguments.method,
        "dtype": arguments.dtype,
        "backend": arguments.backend,
    }
    return given | {"transposed": True} if arguments.transposed else given


def _with_channels(
    text: str, size: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Put a batch and channels before a size and a kernel: N,C,O or C,O."""
    numbers = text.replace(" ", "").split(",")
    if len(numbers) not in (2, 3) or not all(n.isdecimal() for n in numbers):
        raise MisuseError(
            f"--channels: got {text!r}, and takes the numbers of channels in and out, such as "
            f"64,128, or with the number of images before them, as in 8,64,128"
        )
    if len(size) != len(kernel):
        raise MisuseError(
            f"--channels: stands for what is left out of both shapes, and SHAPE has {len(size)} "
            f"axes where -k has {len(kernel)}: with --channels, write --channels 64,128 56x56 "
            f"-k 3x3"
        )
    *batch, channels, filters = (int(n) for n in numbers)
    return (*(batch or [1]), channels, *size), (filters, channels, *kernel)


def per_axis(argument: str, text: str) -> int | tuple[int, ...]:
    """Read one number, or one for each axis, such as 1x2."""
    numbers = shape(argument, text)
    return numbers[0] if len(numbers) == 1 else numbers


def padding(text: str) -> Any:
    """Read a padding: a name, one number, one for each axis, or pairs as Python has them."""
    if text in PADDING_NAMES:
        return text
    if text.startswith("((") and re.fullmatch(r"[\d ,()]+", text):
        with contextlib.suppress(SyntaxError, ValueError, MemoryError, RecursionError):
            return ast.literal_eval(text)
    if not re.fullmatch(r"[\d x,]+", text):
        names = ", ".join(PADDING_NAMES)
        raise MisuseError(
            f"--padding: got {text!r}, and takes {names}, numbers such as 1 or 1x2, or pairs such "
            f'as "((0, 1), (2, 2))"'
        )
    return per_axis("--padding", text)
