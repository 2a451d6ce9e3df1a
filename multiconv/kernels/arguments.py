"""Reading the arguments of kernels; every message names the argument and what was given."""

from __future__ import annotations

import math
import reprlib
from numbers import Integral, Real
from typing import Any, TypeAlias

from multiconv.core import arguments

Size: TypeAlias = int | tuple[int, int]

# The cosines of the multiples of 45 degrees.
_S = math.sqrt(0.5)
_COSINES = (1.0, _S, 0.0, -_S, -1.0, -_S, 0.0, _S)


def shown(value: object) -> str:
    """Return a short representation, also of arrays and of integers with thousands of digits."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python prints no more than 4300 digits
        return f"<{type(value).__name__} too long to print>"


def whole(name: str, value: object, allowed: range, meaning: str) -> int:
    """Read an int of a range."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an int; got {shown(value)}")
    if value not in allowed:
        raise ValueError(f"{name} must be {meaning}; got {shown(value)}")
    return int(value)


def real(name: str, value: object) -> float:
    """Read a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number; got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite; got {shown(value)}, {number} in float64")
    return number


def positive(name: str, value: object) -> float:
    """Read a finite number above 0."""
    if (number := real(name, value)) <= 0.0:
        raise ValueError(f"{name} must be greater than 0; got {shown(value)}")
    return number


def image_axis(axis: object) -> int:
    """Read an axis as 0 (over y) or 1 (over x)."""
    return whole("axis", axis, range(-2, 2), "-1 or 1 (over x) or -2 or 0 (over y)") % 2


def unit_vector(angle: object) -> tuple[float, float]:
    """Read an angle, or a vector, as the direction (x, y) it points in."""
    if isinstance(angle, (tuple, list)) or getattr(angle, "shape", ()) != ():
        return _direction(angle)
    angle = real("angle", angle)
    # np.pi / 2 is not quite pi/2 and its cosine not 0, but whoever writes it means the right angle;
    # math.radians may miss the nearest float by one. Beyond two turns a float is a poor multiple.
    if abs(angle) <= 4 * math.pi:
        eighths = round(angle / (math.pi / 4))
        if abs(angle - eighths * (math.pi / 4)) <= math.ulp(angle):
            return _COSINES[eighths % 8], _COSINES[(eighths - 2) % 8]
    return math.cos(angle), math.sin(angle)


def _direction(vector: Any) -> tuple[float, float]:
    entries = tuple(vector)
    if len(entries) != 2:
        raise ValueError(
            f"angle must be an angle in radians or a vector (x, y); got {shown(vector)}"
        )
    x, y = (real(f"angle[{i}]", entry) for i, entry in enumerate(entries))
    length = math.hypot(x, y)
    if not 0.0 < length < math.inf:
        raise ValueError(f"angle must be a vector that points somewhere; got {shown(vector)}")
    return x / length, y / length


def window(size: Size, *, odd: bool = False) -> tuple[int, int]:
    """Read a size as rows and columns."""
    rows, columns = arguments.per_axis("size", size, 2, minimum=1)
    check_count(f"size={shown(size)}", rows, columns)
    if odd and not rows % 2 == columns % 2 == 1:
        raise ValueError(
            f"size must be odd along both axes, so that the kernel has a centre; got "
            f"{shown(size)}: the next larger is {(rows | 1, columns | 1)}"
        )
    return rows, columns


def check_count(what: str, rows: float, columns: float) -> None:
    """Refuse a kernel that does not fit into memory."""
    if rows * columns > 2**27:
        raise ValueError(
            f"{what} makes a kernel of {shown(rows)} x {shown(columns)} coefficients, and at most "
            f"2**27 are made, which is 1 GiB of float64"
        )
