"""Smoothing against SciPy and against definitions in scalars."""

import math

import numpy as np
import pytest
from correlating import (
    COMPASS_ANGLES,
    GENERIC_ANGLES,
    U,
    assert_within,
    correlate,
    gamma,
    impulse_response,
)
from scipy import ndimage

from multiconv import kernels


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
        with pytest.raises(ValueError, match=rf"size.* must be at least 1.*got.*{np.min(size)}"):
            kernels.box(size)

    def test_size_of_three_axes(self) -> None:
        """Kernels here are for images."""
        with pytest.raises(ValueError, match=r"size must be .*got 3: .*\(1, 2, 3\)"):
            kernels.box((1, 2, 3))  # type: ignore[arg-type]

    @pytest.mark.parametrize("size", [3.0, "3", None, (3, 3.0), True])
    def test_size_of_wrong_type(self, size: object) -> None:
        """Also inside a pair."""
        with pytest.raises(TypeError, match=r"size.* must be an int.*got"):
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
        kernel = kernels.gaussian(sigma=sigma)
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
        assert kernels.gaussian(sigma=sigma).shape == (width, width)

    @pytest.mark.parametrize(("sigma", "size"), [(0.5, 3), (2.0, (5, 9)), (40.0, 7), (1e-200, 3)])
    def test_sums_to_one(self, sigma: float, size: int | tuple[int, int]) -> None:
        """Each axis to n + 1 roundings, then the products and the final sum."""
        kernel = kernels.gaussian(size, sigma=sigma)
        assert abs(kernel.sum() - 1) <= gamma(sum(kernel.shape) + 2 + kernel.size)

    def test_ratios_are_the_definition(self) -> None:
        """Neighbouring taps of one row, against scalar exponentials."""
        row = kernels.gaussian((1, 7), sigma=1.5)[0]
        for i in range(7):
            expected = math.exp(-((i - 3) ** 2) / (2 * 1.5**2))
            # The exponent is at most 2: 3 roundings of it and 2 of exp on both sides, 2 divisions.
            assert abs(row[i] / row[3] - expected) <= gamma(2 * (3 * 2 + 2) + 2) * expected

    def test_symmetries_are_exact(self) -> None:
        """The taps depend on x**2 only."""
        kernel = kernels.gaussian(sigma=1.3)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
        np.testing.assert_array_equal(kernel, kernel[:, ::-1])
        np.testing.assert_array_equal(kernel, kernel.T)

    def test_narrow_bell_is_the_identity(self) -> None:
        """Without a warning about the overflowing exponent (pytest turns warnings into errors)."""
        with np.errstate(all="raise", under="ignore"):
            np.testing.assert_array_equal(kernels.gaussian(3, sigma=1e-200), kernels.identity(3))

    @pytest.mark.parametrize("sigma", [0, -1.0, 0.0])
    def test_sigma_not_positive(self, sigma: float) -> None:
        """Zero would divide by zero."""
        with pytest.raises(ValueError, match=f"sigma must be greater than 0; got {sigma}"):
            kernels.gaussian(sigma=sigma)

    @pytest.mark.parametrize("sigma", [math.nan, math.inf])
    def test_sigma_not_finite(self, sigma: float) -> None:
        """Instead of an empty or endless window."""
        with pytest.raises(ValueError, match=f"sigma must be finite; got {sigma}"):
            kernels.gaussian(sigma=sigma)

    def test_sigma_of_wrong_type(self) -> None:
        """float() would take the string."""
        with pytest.raises(TypeError, match="sigma must be a real number; got '1'"):
            kernels.gaussian(sigma="1")  # type: ignore[arg-type]

    def test_even_size(self) -> None:
        """The message names the next odd size."""
        with pytest.raises(ValueError, match=r"size must be odd .*next larger is \(5, 5\)"):
            kernels.gaussian(4, sigma=1.0)


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
        vertical = kernels.motion_blur(length, angle=np.pi / 2)
        np.testing.assert_array_equal(vertical, kernels.motion_blur(length).T)

    def test_diagonal_goes_down_to_the_right(self) -> None:
        """A pixel's diagonal is sqrt(2) long; pixels that are touched in a corner weigh exactly 0.

        In units of a chord: 3 roundings from L / 2, 1 from the inner crossing, 1 from the
        difference, 3 from the division by L. At the far end as much may stick out.
        """
        kernel = kernels.motion_blur(3 * math.sqrt(2), angle=np.pi / 4)
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
        kernel = kernels.motion_blur(length, angle=angle)
        centre = len(kernel) // 2
        row = np.rint(t * math.sin(angle)).astype(int) + centre
        column = np.rint(t * math.cos(angle)).astype(int) + centre
        counts = np.zeros(kernel.shape)
        np.add.at(counts, (row, column), 1.0)
        assert_within(kernel, counts / m, 3 / m)

    @pytest.mark.parametrize("angle", GENERIC_ANGLES)
    def test_symmetries_are_exact(self, angle: float) -> None:
        """Forth is back, so flipping changes nothing; the mirrored angle mirrors the kernel."""
        kernel = kernels.motion_blur(6.5, angle=angle)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
        np.testing.assert_array_equal(kernel[::-1], kernels.motion_blur(6.5, angle=-angle))

    @pytest.mark.parametrize("angle", [*GENERIC_ANGLES, *COMPASS_ANGLES])
    @pytest.mark.parametrize("length", [0.5, 1.0, 2.0, 3.7, 11.0])
    def test_sums_to_one_in_the_smallest_odd_window(self, length: float, angle: float) -> None:
        """Each chord is a difference of two quotients below L/2: 1 rounding of each, 1 of itself.

        At most 2n pixels are crossed; n * n terms are added up.
        """
        kernel = kernels.motion_blur(length, angle=angle)
        n = len(kernel)
        assert kernel.shape == (n, n)
        assert n % 2 == 1
        assert n - 2 < max(length, 1.0) <= n
        assert np.all(kernel >= 0)
        assert abs(kernel.sum() - 1) <= 2 * n * 3 * U + gamma(n * n + 1)

    def test_almost_horizontal(self) -> None:
        """A direction of 1e-310 overflows the crossing times, rightly and without a warning."""
        with np.errstate(all="raise", under="ignore"):
            kernel = kernels.motion_blur(3.0, angle=1e-310)
        np.testing.assert_array_equal(kernel, kernels.motion_blur(3.0))

    @pytest.mark.parametrize("length", [0, -2.0])
    def test_length_not_positive(self, length: float) -> None:
        """A camera at rest is length 1 or less, not 0."""
        with pytest.raises(ValueError, match=f"length must be greater than 0; got {length}"):
            kernels.motion_blur(length)
