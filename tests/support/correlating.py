"""What the tests of kernels share: correlation, images that are polynomials, and rounding bounds.

All kernels are meant for correlation. Here ``scipy.signal.correlate2d(image, kernel, "valid")``
plays :func:`multiconv.corr2d`: it does not flip either, and adds up products directly, without FFT,
so that integer data give exact results. Of ``scipy.ndimage`` only interior pixels are compared, or
an image of zeros with one 1, so that its border modes (its "reflect" is our "symmetric") play no
part.

Where coefficients are integers or dyadic fractions, equality is exact. Elsewhere the bound counts
roundings: ``gamma(m)`` covers m relative errors of at most ``U``, the unit roundoff.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Array = NDArray[np.float64]

U = 2.0**-53  # unit roundoff of float64, rounding to nearest

QUADRATIC = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]  # powers of x and y
CUBIC = [*QUADRATIC, (3, 0), (2, 1), (1, 2), (0, 3)]

GENERIC_ANGLES = [0.3, 1.1, 2.5, -0.7, 4.0]
COMPASS_ANGLES = [k * np.pi / 4 for k in range(-3, 5)]


def gamma(m: int) -> float:
    return m * U / (1 - m * U)


def correlate(image: Array, kernel: Array) -> Array:
    result: Array = signal.correlate2d(image, kernel, mode="valid")
    return result


def grid(rows: int, columns: int) -> tuple[Array, Array]:
    """Return x and y of every pixel, (0, 0) in the centre, y growing down."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    return x - columns // 2, y - rows // 2


def monomial(p: int, q: int, x: Array, y: Array) -> Array:
    return x**p * y**q


def derivative(p: int, x: Array, times: int) -> Array:
    """Return the derivative of x**p, taken so many times."""
    return math.perm(p, times) * x ** (p - times) if p >= times else 0.0 * x


def impulse_response(filtered: Callable[[Array], Array], size: int) -> Array:
    impulse = np.zeros((size, size))
    impulse[size // 2, size // 2] = 1.0
    return filtered(impulse)


def assert_within(actual: Array, expected: Array, bound: Array | float) -> None:
    assert actual.shape == expected.shape
    excess = np.abs(actual - expected) - bound
    assert np.all(excess <= 0), f"off by up to {excess.max()} more than the bound allows"
