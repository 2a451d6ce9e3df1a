"""The bounds that the package computes are those that the tests derive, in exact arithmetic."""

from fractions import Fraction

import bounds as derived
import numpy as np
import pytest

from multiconv.checking import sum_bounds
from multiconv.core import rounding

FLOATS = ("bfloat16", "float16", "float32", "float64")
EPS = 1e-14  # what evaluating a bound in float64 may cost


@pytest.mark.parametrize("dtype", FLOATS)
class TestTheFormats:
    def test_unit_roundoff(self, dtype):
        assert Fraction(rounding.unit_roundoff(dtype)) == derived.ROUNDOFF[dtype]

    def test_smallest_subnormal(self, dtype):
        assert Fraction(rounding.smallest_subnormal(dtype)) == derived.SMALLEST[dtype]

    def test_they_are_those_of_numpy(self, dtype):
        if dtype == "bfloat16":
            return  # NumPy has none
        info = np.finfo(dtype)
        assert rounding.unit_roundoff(dtype) == info.eps / 2
        assert rounding.smallest_subnormal(dtype) == info.smallest_subnormal


def test_a_complex_dtype_has_the_format_of_its_parts():
    assert rounding.unit_roundoff("complex64") == rounding.unit_roundoff("float32")
    assert rounding.smallest_subnormal("complex128") == rounding.smallest_subnormal("float64")


@pytest.mark.parametrize("dtype", ["int32", "bool", "float8"])
def test_what_does_not_round_has_no_bound(dtype):
    for function in (rounding.unit_roundoff, rounding.smallest_subnormal):
        with pytest.raises(ValueError, match=f"dtype.*{dtype}.*float32"):
            function(dtype)


@pytest.mark.parametrize("n", [1, 5, 1000])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gamma(n, dtype):
    u = derived.ROUNDOFF[dtype]
    expected = derived.gamma(n, u) if n * u < 1 else np.inf
    assert rounding.gamma(n, float(u)) == pytest.approx(float(expected), rel=EPS)


def test_gamma_promises_nothing_for_too_many_roundings():
    assert rounding.gamma(256, 2.0**-8) == np.inf
    assert rounding.gamma(257, 2.0**-8) == np.inf


class TestElementwise:
    @pytest.mark.parametrize("dtype", FLOATS)
    def test_it_is_the_derived_one(self, dtype):
        exact, magnitude = np.array([[0.0, -3.0], [1e-3, 7.5]]), np.array([[1.0, 4.0], [2.0, 8.0]])
        found = sum_bounds.elementwise_bound(exact, magnitude, 9, dtype)
        assert found.shape == exact.shape
        for place in np.ndindex(exact.shape):
            values = Fraction(exact[place]), Fraction(magnitude[place])
            expected = derived.real_bound(*values, 9, dtype)
            assert found[place] == pytest.approx(float(expected), rel=EPS)

    def test_of_complex_sums(self):
        u = Fraction(1, 2**24)
        expected = derived.SQRT2_ABOVE * derived.gamma(9, u) * 5
        found = sum_bounds.elementwise_bound(3 + 4j, 5.0, 4, "complex64")
        assert found == pytest.approx(float(expected), rel=1e-8)

    def test_zeros_may_only_be_off_by_underflow(self):
        assert sum_bounds.elementwise_bound(0.0, 0.0, 4, "float32") == 5 * 2.0**-149


def test_the_norm_bound_is_the_derived_one():
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((1, 3, 20, 11)), rng.standard_normal((1, 3, 4, 5))
    norms = sum(np.linalg.norm(a) * np.linalg.norm(b) for a, b in zip(x[0], weight[0], strict=True))
    expected = derived.fft_bound(x, weight, "float32")
    assert sum_bounds.fft_bound(norms, (32, 16), 3, "float32") == pytest.approx(expected.item())
