"""Real numbers, infinities and NaN without rounding, and the one rounding of IEEE 754.

From the definitions alone: fractions for what is finite, and signs for what is not. ``Extended``
numbers go through the operations of `oracle` like any other.
"""

import math
from fractions import Fraction

import numpy as np

# Bits of the significand and of the number, exponent of the smallest subnormal.
FORMATS = {
    "float16": (11, 16, -24),
    "bfloat16": (8, 16, -133),
    "float32": (24, 32, -149),
    "float64": (53, 64, -1074),
}
PARTS = {"complex64": "float32", "complex128": "float64"}


class Extended:
    """A real number, an infinity or NaN. A plain 0 beside it is one of the border.

    In a correlation and in the gradient of filters such a zero is a factor, and infinity times it
    is NaN; in the gradient of an image (``Apart``) it stands for no product at all.
    """

    border_counts = True

    def __init__(self, value):
        finite = isinstance(value, Fraction) or math.isfinite(value)
        self.value = Fraction(value) if finite else float(value)

    def sign(self):
        value = self.value
        return float((value > 0) - (value < 0)) if isinstance(value, Fraction) else value

    def __mul__(self, other):
        if not isinstance(other, Extended):
            if not self.border_counts:
                return type(self)(Fraction(0))
            other = type(self)(Fraction(other))
        if isinstance(self.value, Fraction) and isinstance(other.value, Fraction):
            return type(self)(self.value * other.value)
        signs = self.sign(), other.sign()
        if 0 in signs or any(map(math.isnan, signs)):
            return type(self)(math.nan)  # not by arithmetic, which tells NumPy that it is invalid
        return type(self)(math.inf if (signs[0] > 0) == (signs[1] > 0) else -math.inf)

    def __add__(self, other):
        other = other if isinstance(other, Extended) else type(self)(Fraction(other))
        if isinstance(self.value, Fraction) and isinstance(other.value, Fraction):
            return type(self)(self.value + other.value)
        values = {v for v in (self.value, other.value) if not isinstance(v, Fraction)}
        return type(self)(values.pop() if len(values) == 1 else math.nan)

    def __neg__(self):
        return type(self)(-self.value)

    __rmul__ = __mul__
    __radd__ = __add__


class Apart(Extended):
    border_counts = False


def extended(values, kind=Extended):
    """An array of such numbers, of floats that float64 holds."""
    flat = np.asarray(values, np.float64).ravel()
    result = np.empty(flat.size, object)
    result[:] = [kind(float(v)) for v in flat]
    return result.reshape(np.shape(values))


def rounded(values, dtype):
    """The bits, as Python integers, of the nearest numbers of a dtype; ties go to even."""
    result = np.empty(np.shape(values), object)
    for place in np.ndindex(result.shape):
        value = values[place]
        result[place] = bits_of(value.value if isinstance(value, Extended) else value, dtype)
    return result


def bits_of(value, dtype):
    precision, width, lowest = FORMATS[dtype]
    infinity = (2 ** (width - precision) - 1) << (precision - 1)
    if not isinstance(value, Fraction | int):
        if math.isnan(value):
            return infinity + 2 ** (precision - 2)
        return infinity + (2 ** (width - 1) if value < 0 else 0)
    value, sign = Fraction(value), 2 ** (width - 1) if value < 0 else 0
    size = abs(value)
    exponent = lowest
    if size:
        exponent = max(exponent, math.floor(_log2(size)) - precision + 1)
    kept = round(size / Fraction(2) ** exponent)  # Python's rounds to even
    return sign + min(((exponent - lowest) << (precision - 1)) + kept, infinity)


def _log2(size):
    """The exponent of the leading bit."""
    guess = size.numerator.bit_length() - size.denominator.bit_length()
    return guess if size >= Fraction(2) ** guess else guess - 1


def found(backend, array):
    """The bits of a backend's array of real floats, as Python integers."""
    values, dtype = backend.to_numpy(array), backend.dtype_name(array)
    if dtype == "bfloat16":
        return (values.view("u4") >> 16).astype(object)
    return values.view(f"u{values.dtype.itemsize}").astype(object)


def assert_rounded(backend, result, expected, dtype):
    """``result`` is the backend's own array of the nearest numbers to what is expected."""
    assert backend.is_native_array(result)
    assert backend.dtype_name(result) == dtype
    bits, right = found(backend, result), rounded(expected, dtype)
    assert bits.shape == right.shape
    wrong = np.argwhere(bits != right)
    places = "; ".join(f"{tuple(p)}: {bits[*p]:#x}, not {right[*p]:#x}" for p in wrong[:4])
    assert not len(wrong), f"{len(wrong)} of {bits.size} are wrong: {places}"
