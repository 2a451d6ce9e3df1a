"""Floating-point numbers taken apart, as integers: no arithmetic that could round or flush.

A number is ``sign * mantissa * 2**exponent``. On a grid of digits in base 2**24, fixed for all
numbers of a format, it is a few digits from some place on.
"""

from __future__ import annotations

from typing import NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.core.dtypes import itemsize
from multiconv.core.rounding import binary_format

#: Bits of a digit: a product of two has 48, and int64 holds sums of many.
BITS = 24
MASK = 2**BITS - 1


class Format(NamedTuple):
    """A binary format.

    Attributes
    ----------
    precision : int
        Bits of the significand, the hidden one included.
    lowest : int
        Exponent of the smallest subnormal number.
    width : int
        Bits of a number.
    """

    precision: int
    lowest: int
    width: int

    @property
    def fields(self) -> int:
        """Return the exponent field of what is not finite."""
        return int(2 ** (self.width - self.precision)) - 1

    @property
    def infinity(self) -> int:
        """Return the bits of infinity."""
        return self.fields << (self.precision - 1)


class Grid(NamedTuple):
    """Where the digits of a format's numbers lie: the exponent of the first, and how many."""

    origin: int
    digits: int
    places: int

    @property
    def one(self) -> tuple[int, int]:
        """Return place and value of the digit that is the number 1."""
        return -self.origin // BITS, 2 ** (-self.origin % BITS)


#: For float16, bfloat16 and float32, and for float64.
NARROW = Grid(-149, 2, 11)
WIDE = Grid(-1074, 4, 86)


def format_of(dtype: str) -> Format:
    """Return the format of a real dtype."""
    return Format(*binary_format(dtype), 8 * itemsize(dtype))


def decoded(array: Array, backend: Backend, integer: str = "int64") -> tuple[Array, Array]:
    """Return signed mantissas and exponents as integers; what is not finite is a zero."""
    xp, form = backend.xp, format_of(backend.dtype_name(array.dtype))
    bits = backend.astype(backend.as_bits(array), integer)
    fraction = bits & (2 ** (form.precision - 1) - 1)
    field = (bits >> (form.precision - 1)) & form.fields
    hidden = 2 ** (form.precision - 1)
    mantissa = xp.where(field > 0, fraction + hidden, fraction)
    mantissa = xp.where(field == form.fields, xp.zeros_like(mantissa), mantissa)
    mantissa = xp.where(bits < 0, -mantissa, mantissa)
    exponent = xp.where(field > 0, field - 1, xp.zeros_like(field)) + form.lowest
    return mantissa, exponent


def digits_of(array: Array, grid: Grid, backend: Backend) -> tuple[list[Array], Array]:
    """Return the signed digits of numbers on a grid, and the place of the first."""
    xp = backend.xp
    mantissa, exponent = decoded(array, backend)
    sign = xp.where(mantissa < 0, -xp.ones_like(mantissa), xp.ones_like(mantissa))
    mantissa = xp.abs(mantissa)
    place, shift = (exponent - grid.origin) // BITS, (exponent - grid.origin) % BITS
    digits = [((mantissa & MASK) << shift) & MASK]
    rest = mantissa >> (BITS - shift)
    for _ in range(grid.digits - 1):
        digits.append(rest & MASK)
        rest = rest >> BITS
    return [sign * digit for digit in digits], place
