"""How a kernel is asked for: a size first, all else by keyword; and what the refusals say."""

import math

import numpy as np
import pytest
from comparing import check_error

from multiconv import kernels

NUMBERS = {
    "sigma": lambda value: kernels.gaussian(sigma=value),
    "sigma of a size": lambda value: kernels.gaussian(3, sigma=value),
    "sigma of the laplacian": lambda value: kernels.laplacian_of_gaussian(sigma=value),
    "length": kernels.motion_blur,
    "angle of the blur": lambda value: kernels.motion_blur(3, angle=value),
    "angle": kernels.directional,
    "angle of the relief": lambda value: kernels.emboss(angle=value),
    "amount of the relief": lambda value: kernels.emboss(amount=value),
    "amount": lambda value: kernels.sharpen(amount=value),
    "wavelength": lambda value: kernels.gabor(wavelength=value),
    "aspect": lambda value: kernels.gabor(wavelength=4, aspect=value),
    "phase": lambda value: kernels.gabor(wavelength=4, phase=value),
    "sigma of the wave": lambda value: kernels.gabor(wavelength=4, sigma=value),
    "order": kernels.finite_difference,
    "axis": lambda value: kernels.sobel(axis=value),
    "size": kernels.box,
    "size of the identity": kernels.identity,
    "size of the bell": kernels.gaussian,
}
INTEGERS = {"order", "axis", "size", "size of the identity", "size of the bell"}


def outcome(name, value):
    """The kernel, or the message of its refusal."""
    try:
        return NUMBERS[name](value), ""
    except ValueError as error:
        return None, str(error)


class TestSizeFirst:
    """The first argument is a size wherever there is one."""

    @pytest.mark.parametrize(
        "make",
        [
            kernels.identity,
            kernels.box,
            kernels.gaussian,
            lambda size: kernels.laplacian_of_gaussian(size, sigma=1),
            lambda size: kernels.gabor(size, wavelength=4),
        ],
        ids=["identity", "box", "gaussian", "laplacian_of_gaussian", "gabor"],
    )
    @pytest.mark.parametrize("size", [3, (5, 3)])
    def test_it_is_the_shape(self, make, size):
        assert make(size).shape == (size if isinstance(size, tuple) else (size, size))

    def test_a_length_is_a_size(self):
        assert kernels.motion_blur(5).shape == (5, 5)

    @pytest.mark.parametrize(
        ("size", "sigmas"), [(3, (0.8, 0.8)), (5, (1.1, 1.1)), ((1, 7), (0.5, 1.4))]
    )
    def test_the_default_sigma_is_opencvs(self, size, sigmas):
        """Its documented rule, 0.3 * ((n - 1) / 2 - 1) + 0.8, for each axis by itself."""
        rows, columns = kernels.gaussian(size).shape
        down = kernels.gaussian((rows, 1), sigma=sigmas[0])
        right = kernels.gaussian((1, columns), sigma=sigmas[1])
        # The rule and its decimal differ by a rounding or two, which the exponent, at most 4.6,
        # takes up twice; its own three and those of exp, the sum and the quotient come on top.
        bound = 100 * 2.0**-53
        np.testing.assert_allclose(kernels.gaussian(size), down * right, rtol=bound, atol=0)

    def test_a_sigma_in_the_place_of_a_size(self):
        for make in (kernels.gaussian, lambda size: kernels.laplacian_of_gaussian(size, sigma=1)):
            check_error(TypeError, lambda make=make: make(1.5), "size", "int", "sigma=1.5")

    def test_neither_size_nor_sigma(self):
        check_error(TypeError, kernels.gaussian, "size", "sigma", "gaussian(3)")


class TestKeywords:
    """Every other argument is a keyword, and the message writes the call that was meant."""

    @pytest.mark.parametrize(
        ("call", "advice"),
        [
            (lambda: kernels.gaussian(5, 1), "gaussian(5, sigma=1)"),
            (lambda: kernels.laplacian_of_gaussian((5, 3), 1.5), "((5, 3), sigma=1.5)"),
            (lambda: kernels.motion_blur(5, 0.5), "motion_blur(5, angle=0.5)"),
            (lambda: kernels.gabor(5, 4.0, 0.5), "gabor(5, wavelength=4.0, angle=0.5)"),
            (lambda: kernels.finite_difference(2, 0), "finite_difference(2, axis=0)"),
            (lambda: kernels.prewitt(0, True), "prewitt(axis=0, normalize=True)"),
            (lambda: kernels.laplacian(True), "laplacian(diagonal=True)"),
            (
                lambda: kernels.sharpen(2),
                "sharpen takes all arguments by keyword: sharpen(amount=2)",
            ),
            (lambda: kernels.gabor(9), "gabor needs wavelength: gabor(9, wavelength=wavelength)"),
            (kernels.directional, "directional needs angle: directional(angle)"),
            (lambda: kernels.box(ksize=3), "did you mean size?"),
        ],
    )
    def test_advice(self, call, advice):
        check_error(TypeError, call, advice)


class TestNumbers:
    """No number leaks an error of Python's or NumPy's, or makes a kernel that is not finite."""

    @pytest.mark.parametrize("name", NUMBERS)
    @pytest.mark.parametrize(
        "value",
        [math.nan, math.inf, True, "3", 1j, np.ones((2, 3)), np.ones((9, 9)), [], object()],
        ids=["nan", "inf", "bool", "str", "complex", "array", "long array", "list", "object"],
    )
    def test_what_is_no_finite_number(self, name, value):
        with pytest.raises((TypeError, ValueError), match=rf"^{name.split()[0]}") as caught:
            NUMBERS[name](value)
        assert "\n" not in str(caught.value) or name.startswith("size")  # not a printed matrix

    @pytest.mark.parametrize("name", NUMBERS)
    @pytest.mark.parametrize(
        "value",
        [10**9, 10**40, 10**400, -(10**400), 10**5000],
        ids=["10**9", "10**40", "10**400", "-10**400", "10**5000"],
    )
    def test_enormous_integers(self, name, value):
        """Those that float64 holds may do; the others are refused by the name of the argument."""
        kernel, message = outcome(name, value)
        assert kernel is None or (abs(value) < 10**308 and np.all(np.isfinite(kernel)))
        assert kernel is not None or name.split()[0] in message

    @pytest.mark.parametrize("name", sorted(set(NUMBERS) - INTEGERS))
    @pytest.mark.parametrize(
        "value", [5e-324, 1e-310, 1e-200, 1e200, 1e308, 1.7976931348623157e308]
    )
    def test_the_ends_of_float64(self, name, value):
        """Finite everywhere, or refused by name, and without a warning."""
        kernel, message = outcome(name, value)
        assert kernel is None or np.all(np.isfinite(kernel))
        assert kernel is not None or name.split()[0] in message

    def test_windows_beyond_memory(self):
        """The message says which argument asks for them, and how many coefficients they have."""
        check_error(ValueError, lambda: kernels.box(2**14), "size=16384", "16384 x 16384", "2**27")
        check_error(ValueError, lambda: kernels.gaussian(sigma=1e6), "sigma", "2**27")
        check_error(ValueError, lambda: kernels.motion_blur(1e300), "length=1e+300", "2**27")
        check_error(
            ValueError, lambda: kernels.gabor(wavelength=4, aspect=1e-320), "aspect", "2**27"
        )

    def test_coefficients_beyond_float64(self):
        """The centre would be 1 + 4e308."""
        call = "sharpen(amount=1e+308) has coefficients beyond the range of float64"
        check_error(ValueError, lambda: kernels.sharpen(amount=1e308), call)


class TestFlags:
    """normalize and diagonal are True or False, and no truth of something else."""

    @pytest.mark.parametrize("value", [[], 0, 1, "no", None, np.zeros(2)])
    @pytest.mark.parametrize(
        ("name", "make"),
        [
            ("normalize", kernels.sobel),
            ("normalize", kernels.scharr),
            ("normalize", kernels.prewitt),
            ("normalize", lambda **flags: kernels.box(3, **flags)),
            ("diagonal", kernels.laplacian),
        ],
    )
    def test_other_values(self, name, make, value):
        check_error(TypeError, lambda: make(**{name: value}), name, "True or False")

    def test_numpys_bool_is_one(self):
        kernel = kernels.sobel(normalize=np.bool_(True))
        np.testing.assert_array_equal(kernel, kernels.sobel(normalize=True))
