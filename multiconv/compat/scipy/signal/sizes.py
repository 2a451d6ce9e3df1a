"""The modes of scipy.signal: how much of a full convolution is returned, and when operands swap."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from multiconv.core.arguments import Pairs

MODES = ("full", "valid", "same")


def check_mode(mode: Any) -> None:
    """Refuse what is none of the modes."""
    if mode not in MODES:
        msg = f"Acceptable mode flags are 'valid', 'same', or 'full', not mode={mode!r}"
        raise ValueError(msg)


def are_swapped(
    mode: str, first: tuple[int, ...], second: tuple[int, ...], axes: Iterable[int] | None = None
) -> bool:
    """Tell whether "valid" reads the second operand as the image, being the larger one."""
    if mode != "valid":
        return False
    along = range(len(first)) if axes is None else tuple(axes)
    if all(first[a] >= second[a] for a in along):
        return False
    if all(second[a] >= first[a] for a in along):
        return True
    msg = (
        f"For 'valid' mode, one must be at least as large as the other in every dimension: the "
        f"shapes are {first} and {second}; mode='full' takes any"
    )
    raise ValueError(msg)


def pads_of(mode: str, kernel_size: tuple[int, ...]) -> Pairs:
    """Return the pads of a correlation with the flipped kernel that give a mode.

    "same" is the middle of "full", the odd pixel at its end: as many outputs as the image has.
    """
    if mode == "valid":
        return ((0, 0),) * len(kernel_size)
    if mode == "full":
        return tuple((k - 1, k - 1) for k in kernel_size)
    return tuple((k // 2, (k - 1) // 2) for k in kernel_size)


def is_larger(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Tell whether the first of two shapes has more elements."""
    return math.prod(first) > math.prod(second)
