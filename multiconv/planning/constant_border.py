"""A border of one number, or of one per channel, put around the image before all else.

With it the image is one that carries its border already, whatever method follows. The gradient with
respect to the image does not know of it: it is that of a border of zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import surround
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.core.rounding import largest, overflows
from multiconv.planning.operands import Layout, Operand
from multiconv.planning.options import Options

Surround: TypeAlias = Callable[[Array, Array | None], Array]


class Constant(NamedTuple):
    """A border of numbers: one, or one for each channel. They are cast to that dtype first."""

    numbers: Any
    dtype: str

    def shown(self, image: Array, axes: int, backend: Backend) -> Array:
        """Return the numbers as they broadcast against an image of that dtype."""
        if not isinstance(self.numbers, tuple):
            return backend.full((), cast(self.numbers, self.dtype), image)
        each = [backend.full((1,), cast(number, self.dtype), image) for number in self.numbers]
        shown = backend.xp.concat(each, axis=0) if each else backend.zeros((0,), image)
        return backend.xp.reshape(shown, (-1, *(1,) * axes))

    def widened(self, image: Array, axes: int, backend: Backend) -> Array:
        """Return the same for an image that was cast to the dtype of sums."""
        own = backend.astype(backend.full((), 0, image), self.dtype)
        wide = backend.dtype_name(image.dtype)
        return backend.astype(self.shown(own, axes, backend), wide)


def check(options: Options, x: Operand, layout: Layout, value: Operand | None) -> None:
    """Check that the border fits the channels, and that the image's dtype holds its numbers."""
    channels: tuple[int, ...] = () if layout.is_image else (layout.groups * layout.channels,)
    given = options.padding_value
    shape = value.shape if value else (len(given),) if isinstance(given, tuple) else ()
    # Number by number: under Dynamo a tuple with an open size equals no tuple of ints.
    if shape and (len(shape) != len(channels) or shape[0] != channels[0]):
        per = f" or one per channel, of shape {channels}" if channels else ""
        msg = f"padding_value must be one number{per}, got the shape {shape}"
        raise ValueError(msg)
    if value is None:
        for number in given if isinstance(given, tuple) else (given,):
            _check_number(number, x)
    elif value.dtype != x.dtype and not _holds_dtype(x.dtype, value.dtype):
        msg = (
            f"padding_value has the dtype {value.dtype}, and {x.name}, whose border it fills, is "
            f"{x.dtype}: cast one of them to the other's dtype"
        )
        raise TypeError(msg)


def around(
    constant: Constant, x: Operand, geometry: Geometry, backend: Backend
) -> tuple[Operand, Surround]:
    """Return the image with its border: as an operand, and as a function of image and value."""
    axes = geometry.axes
    padded = x._replace(shape=(*x.shape[:-axes], *geometry.padded_size))

    def run(image: Array, value: Array | None) -> Array:
        if value is None:
            shown = constant.shown(image, axes, backend)
        else:
            shown = backend.astype(value, x.dtype)
            if len(shown.shape):
                shown = backend.xp.reshape(shown, (-1, *(1,) * axes))
        return surround(image, geometry.pads, shown, backend)

    return padded, run


def without(geometry: Geometry) -> Geometry:
    """Return the geometry of the gradient with respect to the image."""
    return replace(geometry, padding_mode="zeros")


def _check_number(number: Any, x: Operand) -> None:
    kind = dtypes.kind(x.dtype) if x.dtype in dtypes.SUPPORTED else "complex"  # refused elsewhere
    if kind == "complex" or (kind == "float" and not isinstance(number, complex)):
        if x.dtype in dtypes.SUPPORTED:
            _check_range(number, x)
        return
    lowest, highest = dtypes.limits(x.dtype) if kind != "float" else (-math.inf, math.inf)
    if kind != "float" and _is_whole(number) and lowest <= number <= highest:
        return
    what = f"an integer from {lowest} to {highest}" if kind != "float" else "real"
    wider = "complex64" if isinstance(number, complex) else "float32"
    if kind != "float" and _is_whole(number):
        wider = "int64"
    msg = (
        f"padding_value={number!r} must be {what}, for {x.name} of the dtype {x.dtype}, whose "
        f"border it fills; or cast {x.name} to {wider} first"
    )
    raise ValueError(msg)


def _check_range(number: Any, x: Operand) -> None:
    """Refuse a finite number that would be infinite in the image's dtype; PyTorch does, too."""
    parts = (number.real, number.imag) if isinstance(number, complex) else (number,)
    if not any(overflows(part, x.dtype) for part in parts):
        return
    is_huge = isinstance(number, int) and overflows(number, "float64")
    shown = f"{'-' if number < 0 else ''}2**{number.bit_length() - 1}" if is_huge else repr(number)
    msg = (
        f"padding_value={shown} must be at most {float(largest(x.dtype))!r} in size or infinite, "
        f"for {x.name} of the dtype {x.dtype}, whose border it fills; or cast {x.name} to a wider "
        "dtype first"
    )
    raise ValueError(msg)


def _is_whole(number: Any) -> bool:
    return isinstance(number, int) or (isinstance(number, float) and number.is_integer())


def _holds_dtype(name: str, other: str) -> bool:
    """Tell whether values of one dtype can be cast to another as a bias can: kind by kind.

    Of integers only those that are all within the other's.
    """
    if other not in dtypes.SUPPORTED or not dtypes.at_least(name, other):
        return False
    if dtypes.kind(name) != "integer" or dtypes.kind(other) == "bool":
        return True
    (low, high), (least, greatest) = dtypes.limits(name), dtypes.limits(other)
    return low <= least and greatest <= high


def cast(number: Any, dtype: str) -> Any:
    """Return a number as frameworks take it for a dtype."""
    kind = dtypes.kind(dtype)
    if kind == "bool":
        return bool(number)
    if kind == "integer":
        return int(number)
    if isinstance(number, complex) or not abs(number) < math.inf:
        return number
    # PyTorch takes neither ints of more than 64 bits for floats nor what rounds to the largest.
    limit = float(largest(dtype))
    return max(-limit, min(float(number), limit))
