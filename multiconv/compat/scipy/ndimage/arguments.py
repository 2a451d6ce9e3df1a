"""Reading what all filters of scipy.ndimage take: axes, one value per axis, borders and origins.

The types of the errors, and how they begin, are SciPy's; numbers and what would work are added.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from multiconv.core.arguments import Pairs

Ints: TypeAlias = int | Iterable[int]
Numbers: TypeAlias = float | Iterable[float]
Modes: TypeAlias = str | Iterable[str]

# What a border is called here and there. A filter reads whole pixels, so the grid-modes are no
# others; NumPy calls "reflect" symmetric and "mirror" reflect.
BORDERS = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "replicate",
    "wrap": "circular",
    "grid-wrap": "circular",
    "constant": "constant",
    "grid-constant": "constant",
}


class Window(NamedTuple):
    """What a filter reads around each pixel, and how the image goes on beyond its border."""

    axes: tuple[int, ...]
    pads: Pairs
    border: str
    cval: complex
    #: Whether it is one of the filters along a line, which SciPy adds up in another order.
    is_line: bool = False


def border(mode: Any) -> str:
    """Read a mode as the name that the package has for it."""
    if not isinstance(mode, str) and isinstance(mode, Iterable):
        msg = (
            f"A sequence of modes is not supported here, got mode={mode!r}: one mode is meant for "
            f"all axes; filters along one axis after another take one for each"
        )
        raise RuntimeError(msg)
    if mode not in BORDERS:
        names = ", ".join(map(repr, BORDERS))
        msg = f"boundary mode not supported: mode={mode!r}; the modes are {names}"
        raise RuntimeError(msg)
    return BORDERS[mode]


def axes_of(axes: Any, rank: int) -> tuple[int, ...]:
    """Read ``axes``: None for all, or some of them, each once."""
    if axes is None:
        return tuple(range(rank))
    if not isinstance(axes, Iterable):
        axes = (axes,)
    elif isinstance(axes, str):
        msg = f"axes must be an integer, iterable of integers, or None, got {axes!r}"
        raise ValueError(msg)
    numbers = [operator.index(axis) for axis in axes]
    for axis in numbers:
        if not -rank <= axis < rank:
            msg = f"specified axis: {axis} is out of range: the array has {rank} axes"
            raise ValueError(msg)
    numbers = [axis % rank for axis in numbers]
    if len(set(numbers)) != len(numbers):
        msg = f"axes must be unique, got axes={tuple(axes)}"
        raise ValueError(msg)
    return tuple(numbers)


def axis_of(axis: Any, rank: int) -> int:
    """Read one axis."""
    number = operator.index(axis)
    if not -rank <= number < rank:
        raise np.exceptions.AxisError(number, rank)
    return number % rank


def per_axis(name: str, value: Any, count: int) -> list[Any]:
    """Read one value for all axes, or one for each."""
    is_number = getattr(value, "shape", None) == ()  # an array of one is iterable by its type
    if is_number or isinstance(value, str) or not isinstance(value, Iterable):
        return [value] * count
    values = list(value)
    if len(values) != count:
        msg = (
            f"sequence argument must have length equal to input rank, or to that of axes: "
            f"{name} has {len(values)} for {count} axes"
        )
        raise RuntimeError(msg)
    return values


def pads(kernel_size: tuple[int, ...], origins: list[Any], *, flips: bool) -> Pairs:
    """Return how far a window reaches before and behind its pixel, which is moved by an origin.

    That of a convolution is mirrored: where a correlation reads k // 2 pixels before, it reads as
    many behind.
    """
    result = []
    for size, given in zip(kernel_size, origins, strict=True):
        origin = operator.index(given)
        if flips:
            origin = -origin - (size % 2 == 0)
        low, high = size // 2 + origin, (size - 1) // 2 - origin
        if low < 0 or high < 0:
            msg = (
                f"Invalid origin; origin must satisfy {-(size // 2)} <= origin <= "
                f"{(size - 1) // 2} along an axis of {size} weights, got {given}"
            )
            raise ValueError(msg)
        result.append((low, high))
    return tuple(result)
