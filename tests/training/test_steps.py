"""The pieces of a training step against fractions, and between libraries bit for bit."""

from fractions import Fraction

import numpy as np
import pytest
from rounded import bits_of

from multiconv import exact

CASES = ("ordinary", "cancelling", "subnormal", "far apart")


def drawn(case, dtype):
    """Two arrays of a dtype."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3, 5))
    info = np.finfo(dtype)
    if case == "cancelling":
        second = first.astype(dtype) * (1 + rng.integers(-2, 3, (3, 5)) * float(info.eps))
    if case == "subnormal":
        first, second = first * float(info.tiny), second * float(info.tiny)
    if case == "far apart":
        second = second * 2.0 ** rng.integers(-9, 9, (3, 5))
    return first.astype(dtype), second.astype(dtype)


def fractions(array):
    return [Fraction(float(v)) for v in array.ravel()]


def nearest(values, dtype, shape=-1):
    """Fractions rounded once, as an array."""
    name = np.dtype(dtype).name
    bits = [bits_of(value, name) for value in values]
    return np.array(bits, f"u{np.dtype(dtype).itemsize}").view(dtype).reshape(shape)


def same_bits(found, expected):
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


class TestUpdate:
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_it_is_the_exact_result_rounded_once(self, backend, dtype, case):
        dtype = dtype if dtype in backend.dtypes else "float32"
        weight, grad = drawn(case, dtype)
        lr = 1.0 if case == "cancelling" else 0.03
        rate = Fraction(float(np.float32(lr).astype(dtype) if dtype != "float64" else lr))
        exactly = [w - rate * g for w, g in zip(fractions(weight), fractions(grad), strict=True)]
        with backend.wide(dtype):
            found = exact.update(backend.array(weight), backend.array(grad), lr)
        same_bits(backend.to_numpy(found), nearest(exactly, dtype, weight.shape))

    def test_bfloat16_goes_to_the_nearest(self, backend):
        if "bfloat16" in backend.dtypes:
            # The middle of 1 and its neighbour, and just above it.
            weight, grad = np.float32([1, 1]), np.float32([2.0**-8, 2.0**-8 * (1 + 2.0**-7)])
            given = (backend.array(a, "bfloat16") for a in (weight, grad))
            found = exact.update(*given, backend.array(np.float32(-1)))
            assert backend.to_numpy(found).tolist() == [1.0, 1 + 2.0**-7]

    def test_zero_is_positive(self, backend):
        one = backend.array(np.float32([1, -0.0]))
        same_bits(backend.to_numpy(exact.update(one, one, 1.0)), np.float32([0, 0]))

    def test_a_scalar_stays_one(self, backend):
        one = backend.array(np.float32(3))
        assert tuple(exact.update(one, one, 0.5).shape) == ()

    def test_the_rate_may_be_an_array(self, backend):
        weight, grad = (backend.array(a) for a in drawn("ordinary", np.float32))
        rate = backend.array(np.float32(0.03))
        found = backend.to_numpy(exact.update(weight, grad, rate))
        same_bits(found, backend.to_numpy(exact.update(weight, grad, 0.03)))

    @pytest.mark.parametrize(
        ("weight", "grad", "error", "words"),
        [
            (np.ones(2), np.ones(3), ValueError, r"weight and grad must have one shape, got"),
            (
                np.ones(2),
                np.ones(2, np.float32),
                TypeError,
                "weight has the dtype float64 and grad",
            ),
            (np.ones(2, int), np.ones(2, int), TypeError, "steps are taken in floats"),
        ],
    )
    def test_what_does_not_go_together(self, weight, grad, error, words):
        with pytest.raises(error, match=words):
            exact.update(weight, grad, 0.1)


class TestSquaredError:
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_roundings_that_are_named(self, backend, dtype, case):
        y, target = drawn(case, dtype)
        pairs = zip(fractions(y), fractions(target), strict=True)
        error = fractions(nearest([a - b for a, b in pairs], dtype))
        total = nearest([sum(e**2 for e in error)], dtype)[0]
        share = Fraction(float(dtype(1 / y.size)))
        mean = nearest([share * Fraction(float(total))], dtype)[0]
        slope = nearest([2 * share * e for e in error], dtype, y.shape)
        with backend.wide(np.dtype(dtype).name):
            given = backend.array(y), backend.array(target)
            same_bits(backend.to_numpy(exact.squared_error(*given)), total)
            found = backend.to_numpy(exact.squared_error(*given, reduction="mean"))
            same_bits(found, mean)
            found = backend.to_numpy(exact.squared_error_grad(*given, reduction="mean"))
            same_bits(found, slope)

    def test_sixteen_bits_are_added_up_in_float32(self, backend):
        if "float16" not in backend.dtypes:
            return
        y = np.full((3, 3), 200, np.float16)
        given = backend.array(y), backend.array(np.zeros_like(y))
        found = backend.to_numpy(exact.squared_error(*given))
        same_bits(found, np.array(9 * 40000, np.float32))
        assert backend.to_numpy(exact.squared_error_grad(*given)).dtype == np.float16

    def test_what_cannot_be_averaged(self):
        with pytest.raises(ValueError, match=r"nothing to average: the shape is \(0,\)"):
            exact.mean(np.zeros(0))

    def test_another_reduction(self):
        with pytest.raises(ValueError, match="reduction must be one of 'sum', 'mean', got 'max'"):
            exact.squared_error(np.ones(2), np.ones(2), reduction="max")


class TestMean:
    def test_of_numbers_that_cancel(self, backend):
        x = np.float32([1e8, 1, -1e8, 2])
        same_bits(backend.to_numpy(exact.mean(backend.array(x))), np.array(0.75, np.float32))

    def test_whole_numbers_have_none(self):
        with pytest.raises(TypeError, match="a mean is no whole number"):
            exact.mean(np.arange(3))
