"""What is summed: all that decides it, and no array."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from multiconv.core.geometry import Geometry

#: What is computed, of the two others: a result, the gradient of an image, or that of filters.
Wanted: TypeAlias = Literal["y", "x", "weight"]

#: The axes before the spatial ones, grouped: image, group, channel and filter.
AXES = {"x": "ngc", "weight": "goc", "y": "ngo"}
OPERANDS: dict[Wanted, tuple[Wanted, Wanted]] = {
    "y": ("x", "weight"),
    "x": ("y", "weight"),
    "weight": ("x", "y"),
}


@dataclass(frozen=True)
class Sum:
    """The sums of products that make one of a convolution's three arrays of the two others.

    Attributes
    ----------
    wanted : {"y", "x", "weight"}
        ``"y"`` of (x, weight), ``"x"`` of (y, weight), or ``"weight"`` of (x, y).
    geometry : Geometry
        Of the convolution, with its border, whichever array is wanted.
    groups : int
        Into which its channels are divided.
    y_size : tuple of int
        Spatial size of y, which may be smaller than the convolution's where y is given.
    result : str
        The dtype that the sums are rounded to.
    """

    wanted: Wanted
    geometry: Geometry
    groups: int
    y_size: tuple[int, ...]
    result: str

    @property
    def size(self) -> tuple[int, ...]:
        """Return the spatial size of what is wanted."""
        return self.size_of(self.wanted)

    @property
    def axes(self) -> str:
        """Return the letters of the leading axes of the result."""
        return AXES[self.wanted]

    @property
    def operands(self) -> tuple[str, str]:
        """Return the letters of the leading axes of the two operands."""
        first, second = OPERANDS[self.wanted]
        return AXES[first], AXES[second]

    @property
    def contracted(self) -> tuple[int, int]:
        """Return the axis of each operand that is summed over, beside the spatial ones."""
        return tuple(  # type: ignore[return-value]
            next(i for i, a in enumerate(own) if a not in self.axes) for own in self.operands
        )

    def size_of(self, role: Wanted) -> tuple[int, ...]:
        """Return the spatial size of one of the three arrays."""
        return self.y_size if role == "y" else self.geometry.size_of(role)

    def grouped(self, role: Wanted, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape with groups of an array that has the shape frameworks give it."""
        at = 0 if role == "weight" else 1
        inner = shape[at] // self.groups
        return (*shape[:at], self.groups, inner, *shape[at + 1 :])

    def shape(self, first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
        """Return the grouped shape of the result, of those of the operands."""
        known: dict[str, int] = {}
        for letters, shape in zip(self.operands, (first, second), strict=True):
            known.update(zip(letters, shape, strict=False))
        return (*(known[letter] for letter in self.axes), *self.size)

    def real(self, part: str) -> Sum:
        """Return the same sums of real numbers."""
        return replace(self, result=part)


def ungrouped(wanted: Wanted, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that frameworks give an array of this grouped shape."""
    at = 0 if wanted == "weight" else 1
    return (*shape[:at], math.prod(shape[at : at + 2]), *shape[at + 2 :])
