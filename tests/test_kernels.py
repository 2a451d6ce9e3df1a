"""The kernels against polynomials, published coefficients, SciPy, and their definitions in scalars.

All kernels are meant for correlation. Here ``scipy.signal.correlate2d(image, kernel, "valid")``
plays :func:`multiconv.corr2d`: it does not flip either, and adds up products directly, without FFT,
so that integer data give exact results. Of ``scipy.ndimage`` only interior pixels are compared, or
an image of zeros with one 1, so that its border modes (its "reflect" is our "symmetric") play no
part.

Where coefficients are integers or dyadic fractions, equality is exact. Elsewhere the bound counts
roundings: ``gamma(m)`` covers m relative errors of at most ``U``, the unit roundoff.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage, signal

from multiconv import kernels

Array = NDArray[np.float64]

U = 2.0**-53  # unit roundoff of float64, rounding to nearest

QUADRATIC = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]  # powers of x and y
CUBIC = [*QUADRATIC, (3, 0), (2, 1), (1, 2), (0, 3)]

GENERIC_ANGLES = [0.3, 1.1, 2.5, -0.7, 4.0]
COMPASS_ANGLES = [k * np.pi / 4 for k in range(-3, 5)]


ONE_OF_EACH: dict[str, Callable[[], Array]] = {
    "identity": lambda: kernels.identity(5),
    "finite_difference": lambda: kernels.finite_difference(3),
    "finite_difference, axis 0": lambda: kernels.finite_difference(3, axis=0),
    "sobel": lambda: kernels.sobel(axis=0),
    "scharr": lambda: kernels.scharr(axis=0, normalize=True),
    "prewitt": lambda: kernels.prewitt(axis=0),
    "directional": lambda: kernels.directional(np.pi),
    "laplacian": lambda: kernels.laplacian(diagonal=True),
    "laplacian_of_gaussian": lambda: kernels.laplacian_of_gaussian(1.0),
    "box": lambda: kernels.box((2, 3)),
    "gaussian": lambda: kernels.gaussian(1.0),
    "motion_blur": lambda: kernels.motion_blur(5.0, 0.3),
    "sharpen": lambda: kernels.sharpen(-1.0),
    "emboss": lambda: kernels.emboss(np.pi),
    "gabor": lambda: kernels.gabor(4.0),
}


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


class TestEveryKernel:
    """What all functions of the module share."""

    @pytest.fixture(params=ONE_OF_EACH)
    def make(self, request: pytest.FixtureRequest) -> Callable[[], Array]:
        """Return one way to make a kernel."""
        return ONE_OF_EACH[request.param]

    def test_is_a_plain_matrix(self, make: Callable[[], Array]) -> None:
        """A torch user may pass it to torch.from_numpy, which refuses negative strides."""
        kernel = make()
        assert type(kernel) is np.ndarray
        assert kernel.dtype == np.float64
        assert kernel.ndim == 2
        assert kernel.flags.c_contiguous

    def test_is_fresh_and_writable(self, make: Callable[[], Array]) -> None:
        """Writing into one result does not show in the next."""
        kernel = make()
        expected = kernel.copy()
        kernel[...] = 7.0
        np.testing.assert_array_equal(make(), expected)

    def test_has_no_negative_zeros(self, make: Callable[[], Array]) -> None:
        """They compare equal but print as -0."""
        kernel = make()
        assert not np.any(np.signbit(kernel[kernel == 0]))

    def test_public_names_are_sorted_and_exist(self) -> None:
        """A wrong __all__ breaks the star import."""
        assert sorted(kernels.__all__) == kernels.__all__
        assert all(callable(getattr(kernels, name)) for name in kernels.__all__)


class TestIdentity:
    """identity: returns the image."""

    @pytest.mark.parametrize("size", [1, 3, (1, 5), (5, 3)])
    def test_returns_the_interior(self, size: int | tuple[int, int]) -> None:
        """Exactly, also for a rectangular window."""
        image = np.arange(63.0).reshape(7, 9)
        kernel = kernels.identity(size)
        rows, columns = kernel.shape
        interior = image[rows // 2 : 7 - rows // 2, columns // 2 : 9 - columns // 2]
        np.testing.assert_array_equal(correlate(image, kernel), interior)

    @pytest.mark.parametrize("size", [4, (3, 4), (2, 1)])
    def test_even_size_has_no_centre(self, size: int | tuple[int, int]) -> None:
        """The message names the next odd size."""
        with pytest.raises(ValueError, match=r"size must be odd .*next larger is \(\d, \d\)"):
            kernels.identity(size)


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
            result = correlate(image, kernels.finite_difference(order, axis))
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
            kernels.finite_difference(1, axis)

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
            np.testing.assert_array_equal(make(axis), expected)
        for axis in (-2, 0):
            np.testing.assert_array_equal(make(axis), np.transpose(expected))

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
        np.testing.assert_array_equal(correlate(image, make(axis)), interior)

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
        np.testing.assert_array_equal(correlate(image, make(1, normalize=True)), over_x)
        np.testing.assert_array_equal(correlate(image, make(0, normalize=True)), over_y)

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
            make(2)
        with pytest.raises(TypeError, match="axis must be an int; got 'x'"):
            make("x")


class TestDirectional:
    """directional: v1 * Sx + v2 * Sy over 8, with y downwards."""

    def test_axes_are_exactly_sobel(self) -> None:
        """0 is right, pi/2 is down, pi is left: no 6e-17 in the zeros."""
        sobel_x, sobel_y = kernels.sobel(1) / 8, kernels.sobel(0) / 8
        np.testing.assert_array_equal(kernels.directional(0.0), sobel_x)
        np.testing.assert_array_equal(kernels.directional(np.pi / 2), sobel_y)
        np.testing.assert_array_equal(kernels.directional(np.pi), -sobel_x)
        np.testing.assert_array_equal(kernels.directional(-np.pi / 2), -sobel_y)

    def test_down_is_positive_where_rows_grow_brighter(self) -> None:
        """The convention in one picture."""
        _, y = grid(3, 3)
        assert correlate(y, kernels.directional(np.pi / 2)).item() == 1

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
        size = abs(v1) * np.abs(kernels.sobel(1)) / 8 + abs(v2) * np.abs(kernels.sobel(0)) / 8
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
        result = correlate(monomial(p, q, x, y), kernels.laplacian(diagonal))
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
        kernel = kernels.laplacian_of_gaussian(sigma, size)
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
        kernel = kernels.laplacian_of_gaussian(sigma, size)
        weight = 3 * 50 + 2
        roundings = 2 * (2 * weight + log_roundings(size)) + 1
        bound = gamma(roundings) * log_envelope(sigma, kernel.shape)
        assert_within(kernel, expected, bound)

    def test_tends_to_the_laplacian(self) -> None:
        """At sigma 0.1 the neighbour's weight is exp(-50): so large are the corners, two terms."""
        kernel = kernels.laplacian_of_gaussian(0.1)
        envelope = log_envelope(0.1, (3, 3))
        bound = 4 * math.exp(-50) + gamma(log_roundings(3)) * envelope
        assert_within(kernel, kernels.laplacian(), bound)

    def test_symmetries_are_exact(self) -> None:
        """Mirrors, since the weights depend on x**2; transposition, since addition commutes."""
        kernel = kernels.laplacian_of_gaussian(1.3)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
        np.testing.assert_array_equal(kernel, kernel[:, ::-1])
        np.testing.assert_array_equal(kernel, kernel.T)

    def test_sign(self) -> None:
        """Negative inside the circle of radius sqrt(2) sigma, positive outside."""
        kernel = kernels.laplacian_of_gaussian(3.0)
        x, y = grid(*kernel.shape)
        assert np.all(kernel[np.hypot(x, y) < 4.2] < 0)
        assert np.all(kernel[np.hypot(x, y) > 4.3] > 0)

    @pytest.mark.parametrize("size", [1, (3, 1)])
    def test_one_pixel_has_no_second_derivative(self, size: int | tuple[int, int]) -> None:
        """Along either axis."""
        with pytest.raises(ValueError, match="size must be at least 3"):
            kernels.laplacian_of_gaussian(1.0, size)

    def test_sigma_whose_weights_underflow(self) -> None:
        """Instead of 0 / 0; the message names the limit."""
        with pytest.raises(ValueError, match=r"sigma must be large enough.*use laplacian\(\)"):
            kernels.laplacian_of_gaussian(0.02)


class TestBox:
    """box: the mean or the sum of a rectangle."""

    @pytest.mark.parametrize("size", [1, 2, 5, (2, 4), (3, 1)])
    def test_sums(self, size: int | tuple[int, int]) -> None:
        """Not normalised it adds up, exactly."""
        image = np.random.default_rng(3).integers(0, 256, (9, 11)).astype(np.float64)
        kernel = kernels.box(size, normalize=False)
        windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
        np.testing.assert_array_equal(correlate(image, kernel), windows.sum(axis=(2, 3)))

    @pytest.mark.parametrize("size", [1, 2, 5, (2, 4), (3, 7)])
    def test_every_weight_is_the_nearest_float(self, size: int | tuple[int, int]) -> None:
        """To 1 / (number of pixels): one division."""
        kernel = kernels.box(size)
        assert np.all(kernel == 1 / kernel.size)

    def test_agrees_with_scipys_uniform_filter(self) -> None:
        """Which divides running sums: a line of 11 pixels adds and subtracts once per pixel.

        That carries up to 2 * 11 roundings to the end of a line, and a division; twice, for two
        axes. Ours is a rounded weight, nine products and their sum: 10.
        """
        image = np.random.default_rng(3).integers(0, 256, (9, 11)).astype(np.float64)
        expected = ndimage.uniform_filter(image, 3)[1:-1, 1:-1]
        bound = gamma(10 + 2 * (2 * 11 + 1)) * image.max()
        assert_within(correlate(image, kernels.box(3)), expected, bound)

    @pytest.mark.parametrize("size", [0, -3, (3, 0)])
    def test_size_not_positive(self, size: int | tuple[int, int]) -> None:
        """The message repeats what was given."""
        with pytest.raises(
            ValueError, match=re.escape(f"size must be at least 1 along both axes; got {size!r}")
        ):
            kernels.box(size)

    def test_size_of_three_axes(self) -> None:
        """Kernels here are for images."""
        with pytest.raises(ValueError, match=r"pair \(rows, columns\); got \(1, 2, 3\)"):
            kernels.box((1, 2, 3))  # type: ignore[arg-type]

    @pytest.mark.parametrize("size", [3.0, "3", None, (3, 3.0), True])
    def test_size_of_wrong_type(self, size: object) -> None:
        """Also inside a pair."""
        with pytest.raises(TypeError, match="size must be an int; got"):
            kernels.box(size)  # type: ignore[arg-type]


class TestGaussian:
    """gaussian: the samples of a Gaussian, normalised."""

    @pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 1.7, 3.0])
    def test_agrees_with_scipy(self, sigma: float) -> None:
        """Same samples, same default window, same normalisation.

        Per axis and side: the exponent takes 3 roundings, which count as often as it is large, and
        the exponential 2, both in the weight and in the sum; the sum n, the division 1. Two axes,
        and the product of both.
        """
        kernel = kernels.gaussian(sigma)
        size = len(kernel)
        expected = impulse_response(
            lambda image: ndimage.gaussian_filter(image, sigma, mode="constant"), size
        )
        exponent = math.ceil((size // 2 / sigma) ** 2 / 2)
        one_axis = 2 * (3 * exponent + 2) + size + 1
        bound = gamma(2 * (2 * one_axis + 1)) * expected
        assert_within(kernel, expected, bound)

    @pytest.mark.parametrize("sigma", [0.1, 0.125, 0.4, 1.0, 2.6])
    def test_default_window_is_scipys(self, sigma: float) -> None:
        """SciPy's truncate=4.0: radius int(4 sigma + 0.5), read off its impulse response."""
        response = impulse_response(
            lambda image: ndimage.gaussian_filter(image, sigma, mode="constant"), 41
        )
        width = int(np.max(np.count_nonzero(response, axis=1)))
        assert kernels.gaussian(sigma).shape == (width, width)

    @pytest.mark.parametrize(("sigma", "size"), [(0.5, 3), (2.0, (5, 9)), (40.0, 7), (1e-200, 3)])
    def test_sums_to_one(self, sigma: float, size: int | tuple[int, int]) -> None:
        """Each axis to n + 1 roundings, then the products and the final sum."""
        kernel = kernels.gaussian(sigma, size)
        assert abs(kernel.sum() - 1) <= gamma(sum(kernel.shape) + 2 + kernel.size)

    def test_ratios_are_the_definition(self) -> None:
        """Neighbouring taps of one row, against scalar exponentials."""
        row = kernels.gaussian(1.5, (1, 7))[0]
        for i in range(7):
            expected = math.exp(-((i - 3) ** 2) / (2 * 1.5**2))
            # The exponent is at most 2: 3 roundings of it and 2 of exp on both sides, 2 divisions.
            assert abs(row[i] / row[3] - expected) <= gamma(2 * (3 * 2 + 2) + 2) * expected

    def test_symmetries_are_exact(self) -> None:
        """The taps depend on x**2 only."""
        kernel = kernels.gaussian(1.3)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
        np.testing.assert_array_equal(kernel, kernel[:, ::-1])
        np.testing.assert_array_equal(kernel, kernel.T)

    def test_narrow_bell_is_the_identity(self) -> None:
        """Without a warning about the overflowing exponent (pytest turns warnings into errors)."""
        with np.errstate(all="raise", under="ignore"):
            np.testing.assert_array_equal(kernels.gaussian(1e-200, 3), kernels.identity(3))

    @pytest.mark.parametrize("sigma", [0, -1.0, 0.0])
    def test_sigma_not_positive(self, sigma: float) -> None:
        """Zero would divide by zero."""
        with pytest.raises(ValueError, match=f"sigma must be greater than 0; got {sigma}"):
            kernels.gaussian(sigma)

    @pytest.mark.parametrize("sigma", [math.nan, math.inf])
    def test_sigma_not_finite(self, sigma: float) -> None:
        """Instead of an empty or endless window."""
        with pytest.raises(ValueError, match=f"sigma must be finite; got {sigma}"):
            kernels.gaussian(sigma)

    def test_sigma_of_wrong_type(self) -> None:
        """float() would take the string."""
        with pytest.raises(TypeError, match="sigma must be a real number; got '1'"):
            kernels.gaussian("1")  # type: ignore[arg-type]

    def test_even_size(self) -> None:
        """The message names the next odd size."""
        with pytest.raises(ValueError, match=r"size must be odd .*next larger is \(5, 5\)"):
            kernels.gaussian(1.0, 4)


class TestMotionBlur:
    """motion_blur: the share of a segment inside every pixel."""

    @pytest.mark.parametrize(
        ("length", "row"),
        [
            (1.0, [1.0]),
            (0.3, [1.0]),
            (3.0, [1.0, 1.0, 1.0]),
            (2.0, [0.5, 1.0, 0.5]),
            (4.0, [0.5, 1.0, 1.0, 1.0, 0.5]),
            (2.5, [0.75, 1.0, 0.75]),
        ],
    )
    def test_horizontal(self, length: float, row: list[float]) -> None:
        """Overlaps of [-L/2, L/2] with the pixels, dyadic, divided by L once."""
        kernel = kernels.motion_blur(length)
        expected = np.zeros((len(row), len(row)))
        expected[len(row) // 2] = np.minimum(row, length) / length
        np.testing.assert_array_equal(kernel, expected)

    @pytest.mark.parametrize("length", [1.0, 2.5, 4.0, 7.2])
    def test_vertical_is_the_transpose(self, length: float) -> None:
        """Exactly, pi/2 being taken as a right angle."""
        vertical = kernels.motion_blur(length, np.pi / 2)
        np.testing.assert_array_equal(vertical, kernels.motion_blur(length).T)

    def test_diagonal_goes_down_to_the_right(self) -> None:
        """A pixel's diagonal is sqrt(2) long; pixels that are touched in a corner weigh exactly 0.

        In units of a chord: 3 roundings from L / 2, 1 from the inner crossing, 1 from the
        difference, 3 from the division by L. At the far end as much may stick out.
        """
        kernel = kernels.motion_blur(3 * math.sqrt(2), np.pi / 4)
        assert kernel.shape == (5, 5)
        assert np.count_nonzero(kernel - np.diag(np.diag(kernel))) == 0
        expected = np.array([0, 1, 1, 1, 0]) / 3
        assert_within(np.diag(kernel), expected, gamma(8) / 3)

    @pytest.mark.parametrize("angle", [*GENERIC_ANGLES, *COMPASS_ANGLES])
    @pytest.mark.parametrize("length", [0.8, 3.0, 6.5])
    def test_counts_points_of_the_path(self, length: float, angle: float) -> None:
        """A definition by counting: the middles of m equal parts of the path, each in its pixel.

        A pixel holds one interval of the path, in which the number of middles differs from m times
        the interval's share by at most 1; and by 1 more at either end, where rounding may move a
        point over the border.
        """
        m = 10_000
        t = ((np.arange(m) + 0.5) / m - 0.5) * length
        kernel = kernels.motion_blur(length, angle)
        centre = len(kernel) // 2
        row = np.rint(t * math.sin(angle)).astype(int) + centre
        column = np.rint(t * math.cos(angle)).astype(int) + centre
        counts = np.zeros(kernel.shape)
        np.add.at(counts, (row, column), 1.0)
        assert_within(kernel, counts / m, 3 / m)

    @pytest.mark.parametrize("angle", GENERIC_ANGLES)
    def test_symmetries_are_exact(self, angle: float) -> None:
        """Forth is back, so flipping changes nothing; the mirrored angle mirrors the kernel."""
        kernel = kernels.motion_blur(6.5, angle)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
        np.testing.assert_array_equal(kernel[::-1], kernels.motion_blur(6.5, -angle))

    @pytest.mark.parametrize("angle", [*GENERIC_ANGLES, *COMPASS_ANGLES])
    @pytest.mark.parametrize("length", [0.5, 1.0, 2.0, 3.7, 11.0])
    def test_sums_to_one_in_the_smallest_odd_window(self, length: float, angle: float) -> None:
        """Each chord is a difference of two quotients below L/2: 1 rounding of each, 1 of itself.

        At most 2n pixels are crossed; n * n terms are added up.
        """
        kernel = kernels.motion_blur(length, angle)
        n = len(kernel)
        assert kernel.shape == (n, n)
        assert n % 2 == 1
        assert n - 2 < max(length, 1.0) <= n
        assert np.all(kernel >= 0)
        assert abs(kernel.sum() - 1) <= 2 * n * 3 * U + gamma(n * n + 1)

    def test_almost_horizontal(self) -> None:
        """A direction of 1e-310 overflows the crossing times, rightly and without a warning."""
        with np.errstate(all="raise", under="ignore"):
            kernel = kernels.motion_blur(3.0, 1e-310)
        np.testing.assert_array_equal(kernel, kernels.motion_blur(3.0))

    @pytest.mark.parametrize("length", [0, -2.0])
    def test_length_not_positive(self, length: float) -> None:
        """A camera at rest is length 1 or less, not 0."""
        with pytest.raises(ValueError, match=f"length must be greater than 0; got {length}"):
            kernels.motion_blur(length)


class TestSharpen:
    """sharpen: the identity minus the Laplacian."""

    def test_published_coefficients(self) -> None:
        """Gonzalez and Woods, section 3.6."""
        np.testing.assert_array_equal(kernels.sharpen(), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])

    @pytest.mark.parametrize("amount", [-0.25, 0, 0.5, 1, 3])
    def test_keeps_flat_areas_and_ramps(self, amount: float) -> None:
        """Exactly, for dyadic amounts."""
        x, y = grid(5, 6)
        ramp = 3 * x - 2 * y + 7
        np.testing.assert_array_equal(correlate(ramp, kernels.sharpen(amount)), ramp[1:-1, 1:-1])

    def test_amount_zero_is_the_identity(self) -> None:
        """No sharpening at all."""
        np.testing.assert_array_equal(kernels.sharpen(0), kernels.identity())

    def test_amount_not_finite(self) -> None:
        """Instead of a kernel of NaN."""
        with pytest.raises(ValueError, match="amount must be finite; got nan"):
            kernels.sharpen(math.nan)


class TestEmboss:
    """emboss: the identity plus a slope."""

    def test_default_is_the_classical_kernel(self) -> None:
        """Whole numbers, though the angle is pi/4."""
        np.testing.assert_array_equal(kernels.emboss(), [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])

    @pytest.mark.parametrize("eighths", range(8))
    def test_compass_directions_are_turns_of_each_other(self, eighths: int) -> None:
        """A quarter turn clockwise on the screen is np.rot90 with k=-1."""
        kernel = kernels.emboss(eighths * np.pi / 4)
        assert np.all(kernel == np.rint(kernel))
        turned = kernels.emboss((eighths + 2) * np.pi / 4)
        np.testing.assert_array_equal(turned, np.rot90(kernel, k=-1))

    def test_raises_what_grows_brighter_along_the_angle(self) -> None:
        """To the right: +1 times six, the least-squares slope of Prewitt; flat areas stay."""
        x, _ = grid(3, 3)
        assert correlate(x, kernels.emboss(0.0)).item() == 6
        assert correlate(np.full((3, 3), 5.0), kernels.emboss(0.0)).item() == 5

    def test_amount_scales_the_relief_only(self) -> None:
        """Amount 0 is the identity."""
        np.testing.assert_array_equal(kernels.emboss(0.3, amount=0), kernels.identity())
        relief = kernels.emboss(0.0, amount=0.5) - kernels.identity()
        np.testing.assert_array_equal(relief, kernels.prewitt() / 2)

    @pytest.mark.parametrize("arguments", [{"angle": "up"}, {"amount": "much"}])
    def test_arguments_of_wrong_type(self, arguments: dict[str, str]) -> None:
        """The message names the right one of the two."""
        with pytest.raises(TypeError, match=f"{next(iter(arguments))} must be a real number"):
            kernels.emboss(**arguments)  # type: ignore[arg-type]


class TestGabor:
    """gabor: a cosine under a Gaussian."""

    @pytest.mark.parametrize("angle", GENERIC_ANGLES)
    @pytest.mark.parametrize(("aspect", "phase"), [(1.0, 0.0), (0.5, 1.0), (2.0, -0.4)])
    def test_is_the_definition(self, angle: float, aspect: float, phase: float) -> None:
        """Against scalars.

        p and q, at most 8 here, are good to 5 roundings of |x| + |y| <= 10 on either side; the
        envelope's slope is at most 1 / sigma per pixel of p and aspect / sigma of q, the wave's
        2 pi / lambda and 1 per radian of phase. What follows rounds 6 times values below 30.
        """
        wavelength, sigma, size = 5.0, 2.5, (9, 13)
        kernel = kernels.gabor(
            wavelength, angle, sigma=sigma, aspect=aspect, phase=phase, size=size
        )
        expected = np.empty(size)
        for row in range(size[0]):
            for column in range(size[1]):
                x, y = column - size[1] // 2, row - size[0] // 2
                p = x * math.cos(angle) + y * math.sin(angle)
                q = -x * math.sin(angle) + y * math.cos(angle)
                envelope = math.exp(-(p**2 + aspect**2 * q**2) / (2 * sigma**2))
                expected[row, column] = envelope * math.cos(2 * math.pi * p / wavelength + phase)
        slope = (1 + aspect) / sigma + 2 * math.pi / wavelength
        assert_within(kernel, expected, 2 * U * (5 * 10 * slope + 6 * 30))

    def test_zero_angle_has_vertical_stripes(self) -> None:
        """The wave travels to the right, so zeros fill the columns a quarter wave from the centre.

        cos(pi/2) is the rounding of pi/2 itself, half an ulp of it: U.
        """
        kernel = kernels.gabor(4.0, 0.0)
        centre = kernel.shape[1] // 2
        assert np.max(np.abs(kernel[:, [centre - 1, centre + 1]])) <= U
        assert kernel[centre, centre] == 1

    def test_right_angle_is_the_transpose(self) -> None:
        """Exactly, also with an aspect: x and y only change names."""
        across = kernels.gabor(5.0, 0.0, aspect=0.5, phase=0.7, size=11)
        down = kernels.gabor(5.0, np.pi / 2, aspect=0.5, phase=0.7, size=11)
        np.testing.assert_array_equal(down, across.T)

    def test_phase_zero_is_even_and_a_quarter_is_odd(self) -> None:
        """Even exactly; odd up to the rounding of pi/2 and of the wave's argument, below 16."""
        even = kernels.gabor(5.0, 0.3, sigma=2.0)
        np.testing.assert_array_equal(even, even[::-1, ::-1])
        odd = kernels.gabor(5.0, 0.3, sigma=2.0, phase=np.pi / 2)
        assert_within(odd, -odd[::-1, ::-1], 2 * 16 * U)

    def test_prefers_its_own_stripes(self) -> None:
        """Of gratings in eight directions, the one of the filter's angle answers most."""
        x, y = grid(31, 31)
        angles = np.arange(8) * np.pi / 8
        gratings = [np.cos(2 * np.pi / 6 * (x * np.cos(a) + y * np.sin(a))) for a in angles]
        for chosen, angle in enumerate(angles):
            kernel = kernels.gabor(6.0, angle, size=31)
            answers = [abs(np.sum(kernel * grating)) for grating in gratings]
            assert int(np.argmax(answers)) == chosen

    def test_default_bandwidth_is_one_octave(self) -> None:
        """Half the response, exp(-u**2 / 2) = 1/2, at frequencies in the ratio 2 to 1.

        The transform of the envelope has standard deviation 1 / (2 pi sigma), so the half-response
        frequencies are f0 +- sqrt(2 ln 2) / (2 pi sigma). Sigma is read off the envelope's decay.
        """
        wavelength = 8.0
        row = kernels.gabor(wavelength, size=(1, 33))[0]
        at_one_wave = row[16 + 8]  # there the cosine is 1 again
        sigma = wavelength / math.sqrt(-2 * math.log(at_one_wave))
        half_width = math.sqrt(2 * math.log(2)) / (2 * math.pi * sigma)
        octaves = math.log2((1 / wavelength + half_width) / (1 / wavelength - half_width))
        # About twenty roundings; the two logarithms magnify them no more than tenfold.
        assert abs(octaves - 1) <= 200 * U

    def test_default_window_holds_the_longer_axis(self) -> None:
        """Four sigmas along the wave, or along the stripes where these are longer."""
        assert kernels.gabor(4.0, sigma=2.0).shape == (17, 17)
        assert kernels.gabor(4.0, sigma=2.0, aspect=0.5).shape == (33, 33)
        assert kernels.gabor(4.0, sigma=2.0, aspect=2.0).shape == (17, 17)

    @pytest.mark.parametrize("name", ["wavelength", "sigma", "aspect"])
    def test_lengths_must_be_positive(self, name: str) -> None:
        """The message names the one that is not."""
        arguments = {"wavelength": 4.0, name: 0.0}
        with pytest.raises(ValueError, match=f"{name} must be greater than 0; got 0"):
            kernels.gabor(**arguments)  # type: ignore[arg-type]


class TestNamed:
    """names and named: the command line's table."""

    def test_every_name_resolves(self) -> None:
        """To a matrix of its own."""
        assert len(set(kernels.names())) == len(kernels.names()) == 13
        made = [kernels.named(name) for name in kernels.names()]
        assert len({(k.shape, k.tobytes()) for k in made}) == len(made)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("edge", [[1, -1]]),
            ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
            ("sobel-x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
            ("sobel-y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
            ("scharr-x", [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]),
            ("scharr-y", [[-3, -10, -3], [0, 0, 0], [3, 10, 3]]),
            ("prewitt-x", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
            ("prewitt-y", [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
            ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
            ("gaussian", kernels.gaussian(1.0)),
            ("box", np.full((3, 3), 1 / 9)),
            ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
            ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        ],
    )
    def test_values(self, name: str, expected: object) -> None:
        """Written out, so that the command's results cannot drift."""
        np.testing.assert_array_equal(kernels.named(name), np.asarray(expected))

    def test_edge_finds_the_textbooks_stripes(self) -> None:
        """Dive into Deep Learning, section 7.2: +1 from white to black, -1 from black to white."""
        image = np.ones((6, 8))
        image[:, 2:6] = 0
        expected = np.zeros((6, 7))
        expected[:, 1], expected[:, 5] = 1, -1
        np.testing.assert_array_equal(correlate(image, kernels.named("edge")), expected)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("sobel", "sobel-x or sobel-y"), ("Gausian", "gaussian"), ("EDGE", "edge")],
    )
    def test_misspelt_name(self, name: str, hint: str) -> None:
        """The message guesses and lists all."""
        with pytest.raises(ValueError, match=f"{name!r}.*did you mean {hint}") as caught:
            kernels.named(name)
        assert all(known in str(caught.value) for known in kernels.names())

    def test_unlike_any_name(self) -> None:
        """No guess is better than a bad one."""
        with pytest.raises(ValueError, match="no kernel is called 'zzz'; there are identity"):
            kernels.named("zzz")

    @pytest.mark.parametrize("name", [3, None, ["edge"]])
    def test_name_of_wrong_type(self, name: object) -> None:
        """Unhashable values too."""
        with pytest.raises(TypeError, match="name must be a str, one of identity"):
            kernels.named(name)  # type: ignore[arg-type]
