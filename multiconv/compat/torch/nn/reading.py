"""What torch's functions ask of their arguments: one dtype, ints for each axis, its errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from multiconv.backends.base import Array
from multiconv.compat.arrays import arrays_of
from multiconv.compat.complaints import raising
from multiconv.core import arguments

P = ParamSpec("P")
R = TypeVar("R")

_PAIR = r"\((\d+), (\d+)\)"
_PAIRS = re.compile(rf"padding=\((?:{_PAIR}(?:, |,)?)+\)")


def explained(*arrays: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function raise what torch raises: RuntimeErrors where sizes do not go together."""
    return raising(lambda message: RuntimeError(_padded_alike(message)), *arrays)


def _padded_alike(message: str) -> str:
    """Give advice for both sides of an axis at once, as torch pads: the larger pad is enough."""

    def larger(pairs: re.Match[str]) -> str:
        return f"padding={tuple(max(int(a), int(b)) for a, b in re.findall(_PAIR, pairs[0]))}"

    return _PAIRS.sub(larger, message)


def operands(**named: Array | None) -> tuple[Array | None, ...]:
    """Return the arrays of a call, which must have one dtype, and not bool."""
    given = {name: array for name, array in named.items() if array is not None}
    backend, found = arrays_of(**given)
    names = [backend.dtype_name(array.dtype) for array in found]
    first = next(iter(given))
    if names[0] == "bool":
        raise NotImplementedError(
            f"{first} has the dtype bool, which torch does not convolve; cast it, for example to "
            f"{backend.default_integer}"
        )
    for other, dtype in zip(given, names, strict=True):
        if dtype != names[0]:
            raise RuntimeError(
                f"{first} has the dtype {names[0]} and {other} {dtype}: torch wants one for all; "
                "cast one of them, or call the same function of multiconv, which promotes them"
            )
    arrays = dict(zip(given, found, strict=True))
    return tuple(arrays.get(name) for name in named)


def lengths(name: str, value: Any, axes: int, *, minimum: int) -> tuple[int, ...]:
    """Read one int for all axes, alone or in a sequence, or one for each."""
    if arguments.is_sequence(name, value) and len(tuple(value)) == 1:
        (value,) = value
    return arguments.per_axis(name, value, axes, minimum=minimum)
