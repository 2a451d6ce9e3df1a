"""Derivatives against polynomials, published coefficients and SciPy."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from correlating import (
    COMPASS_ANGLES,
    CUBIC,
    GENERIC_ANGLES,
    QUADRATIC,
    Array,
    U,
    assert_within,
    correlate,
    derivative,
    gamma,
    grid,
    impulse_response,
    monomial,
)
from scipy import ndimage

from multiconv import kernels


class TestFiniteDifference:
    """finite_difference: signed rows of Pascal's triangle."""

    @pytest.mark.parametrize(
        ("order", "row"),
        [
            (0, [1]),
            (1, [-1, 1]),
            (2, [1, -2, 1]),
            (3, [-1, 3, -3, 1]),
            (4, [1, -4, 6, -4, 1]),
        ],
    )
    def test_published_rows(self, order: int, row: list[int]) -> None:
        """Fornberg 1988 and every textbook."""
        np.testing.assert_array_equal(kernels.finite_difference(order), [row])

    def test_is_the_first_difference_repeated(self) -> None:
        """Each order is one more correlation with [-1, 1]; also NumPy's own np.diff."""
        image = np.random.default_rng(0).integers(-99, 99, (3, 12)).astype(np.float64)
        for order in range(8):
            result = correlate(image, kernels.finite_difference(order))
            np.testing.assert_array_equal(result, np.diff(image, order, axis=-1))

    @pytest.mark.parametrize("order", range(9))
    @pytest.mark.parametrize("axis", [-2, -1, 0, 1])
    def test_exact_on_polynomials(self, order: int, axis: int) -> None:
        """0 below degree d and d! on degree d: all terms are integers below 2**53."""
        t = np.arange(-3.0, order + 2)
        for degree in range(order + 1):
            image = t[None, :] ** degree if axis in (-1, 1) else t[:, None] ** degree
            result = correlate(image, kernels.finite_difference(order, axis=axis))
            assert result.size == t.size - order
            assert np.all(result == (math.factorial(order) if degree == order else 0))

    def test_largest_order_is_exact(self) -> None:
        """C(56, 28) is the largest central coefficient below 2**53; 57 would be above."""
        assert math.comb(56, 28) < 2**53 < math.comb(57, 28)
        taps = [int(tap) for tap in kernels.finite_difference(56)[0]]
        assert taps == [(-1) ** j * math.comb(56, j) for j in range(57)]

    @pytest.mark.parametrize("order", [-1, 57])
    def test_order_out_of_range(self, order: int) -> None:
        """The message gives the range and the value."""
        with pytest.raises(ValueError, match=f"order must be between 0 and 56.*got {order}"):
            kernels.finite_difference(order)

    @pytest.mark.parametrize("order", [1.0, "1", True, None])
    def test_order_of_wrong_type(self, order: object) -> None:
        """A bool is an int to Python, but surely a mistake here."""
        with pytest.raises(TypeError, match=f"order must be an int; got {order!r}"):
            kernels.finite_difference(order)  # type: ignore[arg-type]

    @pytest.mark.parametrize("axis", [2, -3])
    def test_axis_out_of_range(self, axis: int) -> None:
        """The message says what the axes mean."""
        with pytest.raises(ValueError, match=rf"axis must be -1 or 1 \(over x\).*got {axis}"):
            kernels.finite_difference(1, axis=axis)

    def test_numpy_integers_are_ints(self) -> None:
        """As they come out of an array of orders."""
        result = kernels.finite_difference(np.int64(1), axis=np.int64(0))  # type: ignore[arg-type]
        np.testing.assert_array_equal(result, [[-1], [1]])


SMOOTHED_DIFFERENCES = [
    (kernels.sobel, [1, 2, 1]),
    (kernels.scharr, [3, 10, 3]),
    (kernels.prewitt, [1, 1, 1]),
]


class TestSmoothedDifferences:
    """sobel, scharr and prewitt: one definition, three smoothings."""

    @pytest.mark.parametrize(("make", "smoothing"), SMOOTHED_DIFFERENCES)
    def test_published_coefficients(self, make: Callable[..., Array], smoothing: list[int]) -> None:
        """Rows of -s, 0, s for x; the transpose for y."""
        expected = [[-s, 0, s] for s in smoothing]
        for axis in (-1, 1):
            np.testing.assert_array_equal(make(axis=axis), expected)
        for axis in (-2, 0):
            np.testing.assert_array_equal(make(axis=axis), np.transpose(expected))

    @pytest.mark.parametrize(
        ("make", "reference"),
        [(kernels.sobel, ndimage.sobel), (kernels.prewitt, ndimage.prewitt)],
    )
    @pytest.mark.parametrize("axis", [0, 1])
    def test_agrees_with_scipy(
        self, make: Callable[..., Array], reference: Callable[..., Array], axis: int
    ) -> None:
        """Sign and scale too: ndimage correlates with [-1, 0, 1] as well, and does not divide."""
        image = np.random.default_rng(1).integers(0, 256, (9, 11)).astype(np.float64)
        interior = reference(image, axis=axis)[1:-1, 1:-1]
        np.testing.assert_array_equal(correlate(image, make(axis=axis)), interior)

    @pytest.mark.parametrize("make", [kernels.sobel, kernels.scharr])
    @pytest.mark.parametrize(("p", "q"), QUADRATIC)
    def test_normalized_is_exact_on_quadratics(
        self, make: Callable[..., Array], p: int, q: int
    ) -> None:
        """The divisors 8 and 32 are powers of two: nothing rounds."""
        x, y = grid(7, 9)
        image = monomial(p, q, x, y)
        inner = np.s_[1:-1, 1:-1]
        over_x = (derivative(p, x, 1) * y**q)[inner]
        over_y = (x**p * derivative(q, y, 1))[inner]
        np.testing.assert_array_equal(correlate(image, make(axis=1, normalize=True)), over_x)
        np.testing.assert_array_equal(correlate(image, make(axis=0, normalize=True)), over_y)

    @pytest.mark.parametrize(("p", "q"), QUADRATIC)
    def test_normalized_prewitt_on_quadratics(self, p: int, q: int) -> None:
        """1/6 rounds once, then nine products and their sum: gamma(1 + 9)."""
        x, y = grid(7, 9)
        image = monomial(p, q, x, y)
        kernel = kernels.prewitt(normalize=True)
        expected = (derivative(p, x, 1) * y**q)[1:-1, 1:-1]
        bound = gamma(10) * correlate(np.abs(image), np.abs(kernel))
        assert_within(correlate(image, kernel), expected, bound)

    def test_prewitt_is_the_fitted_plane(self) -> None:
        """Six times the least-squares slope, as its author derived it (integers: 6 = sum x**2)."""
        x, _ = grid(3, 3)
        np.testing.assert_array_equal(kernels.prewitt(), x)
        assert np.sum(x**2) == 6

    @pytest.mark.parametrize("make", [kernels.sobel, kernels.scharr, kernels.prewitt])
    def test_wrong_axis(self, make: Callable[..., Array]) -> None:
        """Out of range is a value's fault, a letter a type's."""
        with pytest.raises(ValueError, match=r"axis must be .*got 2"):
            make(axis=2)
        with pytest.raises(TypeError, match="axis must be an int; got 'x'"):
            make(axis="x")


class TestDirectional:
    """directional: v1 * Sx + v2 * Sy over 8, with y downwards."""

    def test_axes_are_exactly_sobel(self) -> None:
        """0 is right, pi/2 is down, pi is left: no 6e-17 in the zeros."""
        sobel_x, sobel_y = kernels.sobel(axis=1) / 8, kernels.sobel(axis=0) / 8
        np.testing.assert_array_equal(kernels.directional(0.0), sobel_x)
        np.testing.assert_array_equal(kernels.directional(np.pi / 2), sobel_y)
        np.testing.assert_array_equal(kernels.directional(np.pi), -sobel_x)
        np.testing.assert_array_equal(kernels.directional(-np.pi / 2), -sobel_y)

    def test_down_is_positive_where_rows_grow_brighter(self) -> None:
        """The convention in one picture."""
        _, y = grid(3, 3)
        assert correlate(y, kernels.directional(np.pi / 2)).item() == 1

    @pytest.mark.parametrize("vector", [(3, 0), [0.0, 2.0], np.array([-1.0, 0.0]), (0, -0.5)])
    def test_a_vector_of_any_length_is_its_direction(self, vector) -> None:
        angle = math.atan2(vector[1], vector[0])
        np.testing.assert_array_equal(kernels.directional(vector), kernels.directional(angle))

    def test_a_vector_between_the_axes(self) -> None:
        steered = (3 * kernels.sobel(axis=1) + 4 * kernels.sobel(axis=0)) / 40
        np.testing.assert_allclose(
            kernels.directional((3, 4)), steered, rtol=2.0**-50, atol=0
        )  # 4 roundings

    @pytest.mark.parametrize("vector", [(0, 0), (1,), (1, 2, 3), (1.7e308, 1.7e308)])
    def test_what_points_nowhere(self, vector) -> None:
        with pytest.raises(ValueError, match="angle must be"):
            kernels.directional(vector)

    @pytest.mark.parametrize("angle", [*GENERIC_ANGLES, *COMPASS_ANGLES])
    def test_one_along_and_zero_across(self, angle: float) -> None:
        """On unit ramps.

        Roundings: 3 in a tap (cosine or sine to 1 ulp, a sum), 4 in a pixel (a product too), 10 in
        nine products and their sum. Besides, k * pi / 4 is off by up to 4 U as a float, whereas the
        kernel takes it for the angle that is meant; the response changes by no more than that.
        """
        x, y = grid(5, 5)
        v1, v2 = math.cos(angle), math.sin(angle)
        kernel = kernels.directional(angle)
        size = (
            abs(v1) * np.abs(kernels.sobel(axis=1)) / 8
            + abs(v2) * np.abs(kernels.sobel(axis=0)) / 8
        )
        ramps = abs(v1 * x) + abs(v2 * y) + abs(v2 * x) + abs(v1 * y)
        bound = gamma(17) * correlate(ramps, size) + 4 * U
        assert_within(correlate(v1 * x + v2 * y, kernel), np.ones((3, 3)), bound)
        assert_within(correlate(-v2 * x + v1 * y, kernel), np.zeros((3, 3)), bound)

    def test_diagonal_components_are_equal(self) -> None:
        """At 45 degrees sine and cosine are the same float, so the kernel is symmetric exactly."""
        kernel = kernels.directional(np.pi / 4)
        np.testing.assert_array_equal(kernel, kernel.T)
        assert kernel[0, 2] == kernel[1, 1] == kernel[2, 0] == 0

    @pytest.mark.parametrize("eighths", range(-16, 17))
    def test_every_spelling_of_a_compass_direction(self, eighths: int) -> None:
        """Radians come from products, quotients and math.radians, which differ in the last bit."""
        expected = kernels.directional((eighths % 8) * np.pi / 4)
        for angle in (eighths * (np.pi / 4), eighths * np.pi / 4, math.radians(45 * eighths)):
            np.testing.assert_array_equal(kernels.directional(angle), expected)

    def test_small_and_huge_angles_are_left_alone(self) -> None:
        """A tiny turn is not rounded away, and far from 0 no float counts as a multiple."""
        assert kernels.directional(1e-12)[2, 1] == math.sin(1e-12) / 4
        assert kernels.directional(1e300)[1, 2] == math.cos(1e300) / 4

    @pytest.mark.parametrize("angle", [math.nan, math.inf])
    def test_angle_not_finite(self, angle: float) -> None:
        """Instead of a kernel of NaN."""
        with pytest.raises(ValueError, match=f"angle must be finite; got {angle}"):
            kernels.directional(angle)

    @pytest.mark.parametrize("angle", ["45", None, 1j, True])
    def test_angle_of_wrong_type(self, angle: object) -> None:
        """Instead of Python's own message, which does not name the argument."""
        message = re.escape(f"angle must be a real number; got {angle!r}")
        with pytest.raises(TypeError, match=message):
            kernels.directional(angle)  # type: ignore[arg-type]


class TestLaplacian:
    """laplacian: the sum of second differences."""

    def test_published_coefficients(self) -> None:
        """Gonzalez and Woods, section 3.6, with the negative centre."""
        np.testing.assert_array_equal(kernels.laplacian(), [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
        expected = [[1, 1, 1], [1, -8, 1], [1, 1, 1]]
        np.testing.assert_array_equal(kernels.laplacian(diagonal=True), expected)

    def test_agrees_with_scipy(self) -> None:
        """ndimage.laplace is the sum of [1, -2, 1] over the axes, with the same sign."""
        image = np.random.default_rng(2).integers(0, 256, (9, 11)).astype(np.float64)
        interior = ndimage.laplace(image)[1:-1, 1:-1]
        np.testing.assert_array_equal(correlate(image, kernels.laplacian()), interior)

    @pytest.mark.parametrize(("p", "q"), CUBIC)
    @pytest.mark.parametrize(("diagonal", "factor"), [(False, 1), (True, 3)])
    def test_exact_on_cubics(self, p: int, q: int, diagonal: bool, factor: int) -> None:
        """The eight-neighbour kernel gives three times the Laplacian."""
        x, y = grid(7, 9)
        expected = derivative(p, x, 2) * y**q + x**p * derivative(q, y, 2)
        result = correlate(monomial(p, q, x, y), kernels.laplacian(diagonal=diagonal))
        np.testing.assert_array_equal(result, factor * expected[1:-1, 1:-1])


def log_envelope(sigma: float, shape: tuple[int, int]) -> Array:
    """Return the Laplacian of Gaussian with every difference replaced by a sum of magnitudes."""

    def one_axis(n: int) -> tuple[Array, Array]:
        t = np.arange(n) - n // 2
        g = np.exp(-0.5 * (t / sigma) ** 2)
        g /= g.sum()
        m2 = np.sum(t**2 * g)
        return g, 2 * (t**2 + m2) * g / np.sum((t**2 - m2) ** 2 * g)

    (down, down_2), (right, right_2) = one_axis(shape[0]), one_axis(shape[1])
    return np.outer(down_2, right) + np.outer(down, right_2)


def log_roundings(n: int) -> int:
    """Bound the relative error of a tap against its envelope, for windows of up to n x n pixels.

    The taps have the moments promised but for these errors, with gamma(n + 1) for the sum of the
    normalised weights, which is not quite 1: n + 2 and that sum in m2; n + 4 in the spread; the sum
    over the other axis; 6 in the tap itself.
    """
    return (n + 2) + 2 * (n + 1) + (n + 4) + 6


class TestLaplacianOfGaussian:
    """laplacian_of_gaussian: sampled, with the moments of the sampled window."""

    @pytest.mark.parametrize(("p", "q"), CUBIC)
    @pytest.mark.parametrize(
        ("sigma", "size"), [(0.3, None), (0.7, 3), (1.0, None), (1.4, 9), (2.0, (5, 17)), (9.0, 5)]
    )
    def test_is_the_laplacian_on_cubics(
        self, p: int, q: int, sigma: float, size: int | tuple[int, int] | None
    ) -> None:
        """For every sigma and window, however coarse; in particular flat areas and ramps give 0."""
        kernel = kernels.laplacian_of_gaussian(size, sigma=sigma)
        rows, columns = kernel.shape
        x, y = grid(rows + 2, columns + 2)
        image = monomial(p, q, x, y)
        expected = (derivative(p, x, 2) * y**q + x**p * derivative(q, y, 2))[
            rows // 2 : -(rows // 2), columns // 2 : -(columns // 2)
        ]
        roundings = log_roundings(max(kernel.shape)) + kernel.size + 1
        bound = gamma(roundings) * correlate(np.abs(image), log_envelope(sigma, kernel.shape))
        assert_within(correlate(image, kernel), expected, bound)

    @pytest.mark.parametrize("sigma", [2.0, 3.5])
    def test_is_scipys_in_a_wide_window(self, sigma: float) -> None:
        """At ten sigmas the discrete moments are sigma**2 and 2 * sigma**4 to within rounding.

        The error of sampling, exp(-2 (pi sigma)**2) < 1e-34, and that of the cut, 1e-17, are below
        one rounding. Each side rounds the exponent, at most 50, three times and the exponential
        twice, in the weight and in the sums that it is divided by or compared to.
        """
        radius = int(10 * sigma)
        size = 2 * radius + 1
        expected = impulse_response(
            lambda image: ndimage.gaussian_laplace(image, sigma, mode="constant", radius=radius),
            size,
        )
        kernel = kernels.laplacian_of_gaussian(size, sigma=sigma)
        weight = 3 * 50 + 2
        roundings = 2 * (2 * weight + log_roundings(size)) + 1
        bound = gamma(roundings) * log_envelope(sigma, kernel.shape)
        assert_within(kernel, expected, bound)

    def test_tends_to_the_laplacian(self) -> None:
        """At sigma 0.1 the neighbour's weight is exp(-50): so large are the corners, two terms."""
        kernel = kernels.laplacian_of_gaussian(sigma=0.1)
        envelope = log_envelope(0.1, (3, 3))
        bound = 4 * math.exp(-50) + gamma(log_roundings(3)) * envelope
        assert_within(kernel, kernels.laplacian(), bound)

    def test_symmetries_are_exact(self) -> None:
        """Mirrors, since the weights depend on x**2; transposition, since addition commutes."""
        kernel = kernels.laplacian_of_gaussian(sigma=1.3)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
        np.testing.assert_array_equal(kernel, kernel[:, ::-1])
        np.testing.assert_array_equal(kernel, kernel.T)

    def test_sign(self) -> None:
        """Negative inside the circle of radius sqrt(2) sigma, positive outside."""
        kernel = kernels.laplacian_of_gaussian(sigma=3.0)
        x, y = grid(*kernel.shape)
        assert np.all(kernel[np.hypot(x, y) < 4.2] < 0)
        assert np.all(kernel[np.hypot(x, y) > 4.3] > 0)

    @pytest.mark.parametrize("size", [1, (3, 1)])
    def test_one_pixel_has_no_second_derivative(self, size: int | tuple[int, int]) -> None:
        """Along either axis."""
        with pytest.raises(ValueError, match="size must be at least 3"):
            kernels.laplacian_of_gaussian(size, sigma=1.0)

    def test_sigma_whose_weights_underflow(self) -> None:
        """Instead of 0 / 0; the message names the limit."""
        with pytest.raises(ValueError, match=r"sigma must be large enough.*use laplacian\(\)"):
            kernels.laplacian_of_gaussian(sigma=0.02)
