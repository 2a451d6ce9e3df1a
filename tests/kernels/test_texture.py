"""Sharpening, relief and Gabor filters against published coefficients and definitions."""

import math

import numpy as np
import pytest
from correlating import GENERIC_ANGLES, U, assert_within, correlate, grid

from multiconv import kernels


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
        np.testing.assert_array_equal(
            correlate(ramp, kernels.sharpen(amount=amount)), ramp[1:-1, 1:-1]
        )

    def test_amount_zero_is_the_identity(self) -> None:
        """No sharpening at all."""
        np.testing.assert_array_equal(kernels.sharpen(amount=0), kernels.identity())

    def test_amount_not_finite(self) -> None:
        """Instead of a kernel of NaN."""
        with pytest.raises(ValueError, match="amount must be finite; got nan"):
            kernels.sharpen(amount=math.nan)


class TestEmboss:
    """emboss: the identity plus a slope."""

    def test_default_is_the_classical_kernel(self) -> None:
        """Whole numbers, though the angle is pi/4."""
        np.testing.assert_array_equal(kernels.emboss(), [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])

    @pytest.mark.parametrize("eighths", range(8))
    def test_compass_directions_are_turns_of_each_other(self, eighths: int) -> None:
        """A quarter turn clockwise on the screen is np.rot90 with k=-1."""
        kernel = kernels.emboss(angle=eighths * np.pi / 4)
        assert np.all(kernel == np.rint(kernel))
        turned = kernels.emboss(angle=(eighths + 2) * np.pi / 4)
        np.testing.assert_array_equal(turned, np.rot90(kernel, k=-1))

    def test_raises_what_grows_brighter_along_the_angle(self) -> None:
        """To the right: +1 times six, the least-squares slope of Prewitt; flat areas stay."""
        x, _ = grid(3, 3)
        assert correlate(x, kernels.emboss(angle=0.0)).item() == 6
        assert correlate(np.full((3, 3), 5.0), kernels.emboss(angle=0.0)).item() == 5

    def test_amount_scales_the_relief_only(self) -> None:
        """Amount 0 is the identity."""
        np.testing.assert_array_equal(kernels.emboss(angle=0.3, amount=0), kernels.identity())
        relief = kernels.emboss(angle=0.0, amount=0.5) - kernels.identity()
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
            size, wavelength=wavelength, angle=angle, sigma=sigma, aspect=aspect, phase=phase
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
        kernel = kernels.gabor(wavelength=4.0)
        centre = kernel.shape[1] // 2
        assert np.max(np.abs(kernel[:, [centre - 1, centre + 1]])) <= U
        assert kernel[centre, centre] == 1

    def test_right_angle_is_the_transpose(self) -> None:
        """Exactly, also with an aspect: x and y only change names."""
        across = kernels.gabor(11, wavelength=5.0, aspect=0.5, phase=0.7)
        down = kernels.gabor(11, wavelength=5.0, angle=np.pi / 2, aspect=0.5, phase=0.7)
        np.testing.assert_array_equal(down, across.T)

    def test_phase_zero_is_even_and_a_quarter_is_odd(self) -> None:
        """Even exactly; odd up to the rounding of pi/2 and of the wave's argument, below 16."""
        even = kernels.gabor(wavelength=5.0, angle=0.3, sigma=2.0)
        np.testing.assert_array_equal(even, even[::-1, ::-1])
        odd = kernels.gabor(wavelength=5.0, angle=0.3, sigma=2.0, phase=np.pi / 2)
        assert_within(odd, -odd[::-1, ::-1], 2 * 16 * U)

    def test_prefers_its_own_stripes(self) -> None:
        """Of gratings in eight directions, the one of the filter's angle answers most."""
        x, y = grid(31, 31)
        angles = np.arange(8) * np.pi / 8
        gratings = [np.cos(2 * np.pi / 6 * (x * np.cos(a) + y * np.sin(a))) for a in angles]
        for chosen, angle in enumerate(angles):
            kernel = kernels.gabor(31, wavelength=6.0, angle=angle)
            answers = [abs(np.sum(kernel * grating)) for grating in gratings]
            assert int(np.argmax(answers)) == chosen

    def test_default_bandwidth_is_one_octave(self) -> None:
        """Half the response, exp(-u**2 / 2) = 1/2, at frequencies in the ratio 2 to 1.

        The transform of the envelope has standard deviation 1 / (2 pi sigma), so the half-response
        frequencies are f0 +- sqrt(2 ln 2) / (2 pi sigma). Sigma is read off the envelope's decay.
        """
        wavelength = 8.0
        row = kernels.gabor((1, 33), wavelength=wavelength)[0]
        at_one_wave = row[16 + 8]  # there the cosine is 1 again
        sigma = wavelength / math.sqrt(-2 * math.log(at_one_wave))
        half_width = math.sqrt(2 * math.log(2)) / (2 * math.pi * sigma)
        octaves = math.log2((1 / wavelength + half_width) / (1 / wavelength - half_width))
        # About twenty roundings; the two logarithms magnify them no more than tenfold.
        assert abs(octaves - 1) <= 200 * U

    def test_default_window_holds_the_longer_axis(self) -> None:
        """Four sigmas along the wave, or along the stripes where these are longer."""
        assert kernels.gabor(wavelength=4.0, sigma=2.0).shape == (17, 17)
        assert kernels.gabor(wavelength=4.0, sigma=2.0, aspect=0.5).shape == (33, 33)
        assert kernels.gabor(wavelength=4.0, sigma=2.0, aspect=2.0).shape == (17, 17)

    @pytest.mark.parametrize("name", ["wavelength", "sigma", "aspect"])
    def test_lengths_must_be_positive(self, name: str) -> None:
        """The message names the one that is not."""
        arguments = {"wavelength": 4.0, name: 0.0}
        with pytest.raises(ValueError, match=f"{name} must be greater than 0; got 0"):
            kernels.gabor(**arguments)  # type: ignore[arg-type]
