"""Numbers as they are shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from multiconv.explaining.explanation import Number

_DIGITS = 4
# NumPy writes its floats with as few digits as tell them from their neighbours.
_NARROW = {"float16": np.float16, "float32": np.float32, "complex64": np.complex64}


def short(value: Number) -> str:
    """Return a number in a few digits; integers whole."""
    if isinstance(value, complex):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, int):
        return str(value)
    return f"{value:.{_DIGITS}g}"


def is_shortened(value: Number) -> bool:
    """Tell whether `short` leaves digits out."""
    if isinstance(value, complex):
        return is_shortened(value.real) or is_shortened(value.imag)
    return not math.isnan(value) and float(short(value)) != value


def factor(value: Number) -> str:
    """Return a number as it stands in a product."""
    shown = short(value)
    return f"({shown})" if shown.startswith("-") or isinstance(value, complex) else shown


def whole(value: Number, dtype: str) -> str:
    """Return a number in the digits that its dtype has."""
    if isinstance(value, int):
        return str(value)
    if dtype == "bfloat16":
        return short(value)
    narrow = _NARROW.get(dtype)
    shown = str(value if narrow is None else narrow(value))  # type: ignore[arg-type]
    return shown.removesuffix(".0")
