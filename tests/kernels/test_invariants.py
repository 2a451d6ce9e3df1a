"""What holds for every size, angle and width: sums, symmetries, polynomials."""

import math
from fractions import Fraction

import numpy as np
from correlating import U, correlate, gamma, grid
from hypothesis import given
from hypothesis import strategies as st

from multiconv import kernels

odd_sizes = st.tuples(*[st.integers(0, 6).map(lambda n: 2 * n + 1)] * 2)
sizes = st.tuples(st.integers(1, 13), st.integers(1, 13))
positive = st.floats(0.05, 50.0)
angles = st.floats(-10.0, 10.0)
small = st.integers(-9, 9)


@given(sizes)
def test_a_box_sums_to_one(size):
    """One rounding for the weight, one for each addition."""
    kernel = kernels.box(size)
    assert abs(kernel.sum() - 1) <= gamma(kernel.size)


@given(odd_sizes, positive)
def test_a_gaussian_sums_to_one_and_falls(size, sigma):
    """Each axis to n + 1 roundings, then the products and the final sum."""
    kernel = kernels.gaussian(size, sigma=sigma)
    assert abs(kernel.sum() - 1) <= gamma(sum(size) + 2 + kernel.size)
    rows, columns = size[0] // 2, size[1] // 2
    assert np.all(np.diff(kernel[rows:], axis=0) <= 0)
    assert np.all(np.diff(kernel[:, columns:], axis=1) <= 0)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])


@given(st.floats(1e-3, 20.0), angles)
def test_a_blur_sums_to_one_whatever_the_angle(length, angle):
    """Each chord is a difference of two quotients below L/2; at most 2n pixels are crossed."""
    kernel = kernels.motion_blur(length, angle=angle)
    n = len(kernel)
    assert np.all(kernel >= 0)
    assert abs(kernel.sum() - 1) <= 2 * n * 3 * U + gamma(n * n + 1)


@given(st.integers(0, 12), st.lists(small, min_size=1, max_size=13), st.sampled_from([0, 1]))
def test_a_difference_of_a_polynomial_is_exact(order, coefficients, axis):
    """In integers: of degree d, the answer is d! times the leading coefficient; below d, 0.

    The products stay below 9 * 13 * 6**12 * C(12, 6) < 2**53.
    """
    polynomial = coefficients[: order + 1]
    t = np.arange(order + 1) - order // 2
    values = np.array([[sum(c * int(s) ** k for k, c in enumerate(polynomial)) for s in t]], float)
    leading = polynomial[order] if len(polynomial) > order else 0
    image = values if axis == 1 else values.T
    result = correlate(image, kernels.finite_difference(order, axis=axis))
    assert result.item() == math.factorial(order) * leading


@given(st.lists(small, min_size=6, max_size=6), st.sampled_from([kernels.sobel, kernels.scharr]))
def test_normalized_derivatives_of_quadratics_are_exact(c, make):
    """c0 + c1 x + c2 y + c3 x^2 + c4 x y + c5 y^2; divisors are powers of two."""
    x, y = grid(5, 5)
    image = c[0] + c[1] * x + c[2] * y + c[3] * x**2 + c[4] * x * y + c[5] * y**2
    over_x = (c[1] + 2 * c[3] * x + c[4] * y)[1:-1, 1:-1]
    over_y = (c[2] + c[4] * x + 2 * c[5] * y)[1:-1, 1:-1]
    np.testing.assert_array_equal(correlate(image, make(normalize=True)), over_x)
    np.testing.assert_array_equal(correlate(image, make(axis=0, normalize=True)), over_y)


@given(st.integers(-64, 64).map(lambda n: n / 16), st.tuples(small, small, small))
def test_sharpening_keeps_planes(amount, plane):
    """Exactly, for amounts that are multiples of 1/16."""
    x, y = grid(4, 5)
    image = plane[0] + plane[1] * x + plane[2] * y
    result = correlate(image, kernels.sharpen(amount=amount))
    np.testing.assert_array_equal(result, image[1:-1, 1:-1])


@given(st.integers(1, 13).map(lambda n: 2 * n + 1), st.floats(0.3, 20.0))
def test_the_laplacian_of_gaussian_ignores_flat_areas(n, sigma):
    """The sum of the kernel against the sum of its magnitudes, in exact arithmetic.

    One axis sums to 1 within n + 1 roundings, the other to 0 within 3n + 12 of its magnitudes.
    """
    kernel = kernels.laplacian_of_gaussian(n, sigma=sigma)
    total = sum(map(Fraction, kernel.ravel().tolist()))
    t = np.arange(n) - n // 2
    g = kernels.gaussian((1, n), sigma=sigma)[0]
    m2 = np.sum(t**2 * g)
    magnitudes = 2 * 2 * np.sum((t**2 + m2) * g) / np.sum((t**2 - m2) ** 2 * g)
    assert abs(total) <= gamma(2 * (4 * n + 13)) * magnitudes
