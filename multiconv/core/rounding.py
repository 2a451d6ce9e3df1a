r"""How floating point rounds: the facts that every error bound is made of.

A complex dtype rounds as its parts do; one that does not round is a ValueError.

References
----------
.. [H] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM, 2002.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from multiconv.core.dtypes import accumulator

#: What the real and the imaginary part of a complex dtype are.
PARTS = {"complex64": "float32", "complex128": "float64"}

# Bits of the significand, the hidden one included, and the exponent of the smallest subnormal.
_FORMATS = {
    "bfloat16": (8, -133),
    "float16": (11, -24),
    "float32": (24, -149),
    "float64": (53, -1074),
}


def unit_roundoff(dtype: str) -> float:
    """Return the largest relative error of rounding to nearest [H, section 2.1]."""
    return 2.0 ** -binary_format(dtype)[0]


def smallest_subnormal(dtype: str) -> float:
    """Return the smallest positive number: the most that an operation loses to underflow."""
    return 2.0 ** binary_format(dtype)[1]


def smallest_normal(dtype: str) -> float:
    """Return the most that is lost where subnormal numbers are flushed to zero."""
    bits, exponent = binary_format(dtype)
    return float(2.0 ** (exponent + bits - 1))


def largest(dtype: str) -> int:
    """Return the largest finite number."""
    bits, exponent = binary_format(dtype)
    return ((1 << bits) - 1) << (3 - exponent - 2 * bits)


def overflows(number: float, dtype: str) -> bool:
    """Tell whether a finite number rounds to none: half a step above the largest and beyond."""
    bits, exponent = binary_format(dtype)
    half_a_step = 1 << (2 - exponent - 2 * bits)
    return math.inf > abs(number) >= largest(dtype) + half_a_step


def gamma(n: int, u: float) -> float:
    r"""Return the bound on the relative error of n roundings, one after another.

    .. math:: \prod_{i=1}^{n} (1 + \delta_i)^{\pm 1} = 1 + \theta, \quad
        |\delta_i| \le u, \quad |\theta| \le \gamma_n = \frac{n u}{1 - n u}

    [H, lemma 3.1]. It is infinite where n u reaches 1: then nothing is promised.
    """
    return n * u / (1 - n * u) if n * u < 1 else math.inf


def summing_factor(products: int, dtype: str) -> float:
    r"""Return e of :math:`|\hat y - y| \le e \sum |x| |w|`, for sums of so many products."""
    is_complex = dtype in PARTS
    roundings = (2 if is_complex else 1) * products + 1
    return (math.sqrt(2) if is_complex else 1) * gamma(roundings, unit_roundoff(accumulator(dtype)))


def fft_factor(lengths: Iterable[int], channels: int, dtype: str) -> float:
    """Return the factor of the norms in the bound of the Fourier method (see `fft_bound`)."""
    doublings = math.log2(math.prod(lengths))
    return unit_roundoff(accumulator(dtype)) * (channels + 8.3 * doublings)


def narrowing(dtype: str) -> float:
    """Return the error of rounding to a dtype narrower than its sums, a bias added in between."""
    return 0.0 if accumulator(dtype) == dtype else 2 * unit_roundoff(dtype)


def binary_format(dtype: str) -> tuple[int, int]:
    """Return the bits of the significand, and the exponent of the smallest subnormal number."""
    part = PARTS.get(dtype, dtype)
    if part not in _FORMATS:
        rounding = ", ".join([*_FORMATS, *PARTS])
        msg = f"dtype is {dtype!r}, whose results are exact: bounds exist for {rounding}"
        raise ValueError(msg)
    return _FORMATS[part]
