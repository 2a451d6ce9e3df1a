"""Numbers of so few bits that no order of additions rounds their sums, or those of halves."""

import numpy as np
import pytest

from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.backends.registry import backend_of
from multiconv.core.geometry import resolve
from multiconv.exact import bands, engine
from multiconv.exact.bands import by_few_bits
from multiconv.exact.description import OPERANDS, Sum
from multiconv.exact.few_bits import narrowest
from multiconv.exact.halves import halved
from multiconv.exact.integers import Operands
from multiconv.exact.rounding import rounded

SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], "f4")


def of(x, weight, wanted="y", result="float32"):
    size, kernel = (x.shape[2:], weight.shape[2:])
    geometry = resolve(size, kernel, (1, 1), (1, 1), ((1, 1),) * 2)
    return Sum(wanted, geometry, 1, geometry.output_size, result), Operands(
        x[:, None], weight[None]
    )


def image(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("f4")


def filters(count, channels):
    return np.broadcast_to(SOBEL, (count, channels, 3, 3)).copy()


class TestNarrowest:
    def test_of_bytes_under_a_derivative_filter(self):
        assert narrowest(*of(image(2, 3, 20, 20), filters(4, 3)), NUMPY) == "float32"

    def test_of_their_quotients(self):
        x = image(2, 3, 20, 20) / np.float32(255)
        assert narrowest(*of(x, filters(4, 3)), NUMPY) == "float64"

    def test_of_random_numbers(self):
        x = np.random.default_rng(1).standard_normal((2, 3, 20, 20)).astype("f4")
        assert narrowest(*of(x, x[:, :, :3, :3]), NUMPY) is None

    @pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
    def test_of_what_is_not_finite(self, number):
        x = image(2, 3, 20, 20)
        x[1, 2, 13, 7] = number
        assert narrowest(*of(x, filters(4, 3)), NUMPY) is None

    def test_a_number_that_no_sample_has(self):
        x = image(1, 1, 90, 90)
        x[0, 0, 43, 44] = 1 + 2.0**-23
        assert narrowest(*of(x, filters(1, 1)), NUMPY) == "float64"
        x[0, 0, 43, 44] = 2.0**-120
        assert narrowest(*of(x, filters(1, 1)), NUMPY) is None

    def test_the_last_that_float32_holds(self):
        """Sums up to 2**24 are numbers of float32; the bound of them is a little larger."""
        x, weight = np.ones((1, 1, 1, 2), "f4"), np.zeros((1, 1, 3, 3), "f4")
        weight[0, 0, 1, 1:] = 1, 2**24 - 65
        assert narrowest(*of(x, weight), NUMPY) == "float32"
        weight[0, 0, 1, 2] = 2**24
        x[0, 0, 0, 0] = 3
        assert narrowest(*of(x, weight), NUMPY) == "float64"

    def test_a_bias_of_more_bits(self):
        total, operands = of(image(2, 3, 20, 20), filters(4, 3))
        bias = np.array([1, 2, 3, 1 + 2.0**-20], "f4")
        assert narrowest(total, operands._replace(bias=bias), NUMPY) == "float64"

    def test_products_beneath_float32(self):
        """Which float32 would lose, though they have few bits."""
        x, weight = image(1, 1, 20, 20) * np.float32(2.0**-100), filters(1, 1)
        assert narrowest(*of(x, weight * np.float32(2.0**-60)), NUMPY) == "float64"


@pytest.mark.parametrize("wanted", ["y", "x", "weight"])
@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("result", ["float32", "float64"])
def test_their_sums_are_those_of_integers(backend, wanted, scale, result):
    x, weight = image(2, 3, 9, 10) / np.float32(scale), filters(2, 3)
    total, _ = of(x, weight, wanted, result)
    y = (image(2, 2, *total.y_size, seed=1) - 128) / np.float32(scale)
    every = {"x": x[:, None], "weight": weight[None], "y": y[:, None]}
    arrays = [every[role].astype("f4") for role in OPERANDS[wanted]]
    own = [backend.array(a) for a in arrays]
    ours, _ = backend_of({"x": own[0]})
    found = by_few_bits(total, Operands(*own), ours)
    flat = [a.reshape(a.shape[0], -1, *a.shape[3:]) if a.shape[0] > 1 else a[0] for a in arrays]
    right = engine.evaluate(total, *flat, None, NUMPY, rung="integers")
    has_more_bits = (wanted, scale) == ("weight", 255)  # twice as many, in each product
    if has_more_bits or not ours.looks_at_numbers:
        assert found is None
        return
    assert np.array_equal(backend.to_numpy(found).reshape(right.shape), right)
    assert not np.signbit(right[right == 0]).any()


class TestHalves:
    def test_flat_regions_come_out_as_zero(self):
        """Under a filter of many bits, which float64 alone does not find."""
        x = np.repeat(image(1, 1, 30, 3) / np.float32(255), 10, axis=3)
        row = np.float32([0.3, 0.0, -0.3])
        weight = np.outer(np.float32([0.3, 0.7, 0.3]), row).astype("f4")[None, None]
        total, operands = of(x, weight)
        wide = Operands(*(a.astype("f8") for a in operands[:2]))
        y, unsure = rounded(halved(total, wide, NUMPY), "float32", NUMPY)
        assert not unsure.any()
        assert (y[..., 2:8] == 0).all()

    def test_a_kernel_of_too_many_bits(self):
        weight = filters(1, 1)
        weight[0, 0, 0, 0] = 2.0**-60
        total, operands = of(image(1, 1, 20, 20), weight)
        assert halved(total, Operands(*(a.astype("f8") for a in operands[:2])), NUMPY) is None


def test_rows_that_see_nothing_but_border(monkeypatch):
    """A band of them has an image of no rows."""
    monkeypatch.setattr(type(NUMPY), "band_elements", 20)
    x = np.random.default_rng(2).standard_normal((1, 2, 3, 4)).astype("f4")
    weight = np.random.default_rng(3).standard_normal((1, 2, 2, 2)).astype("f4")
    geometry = resolve((3, 4), (2, 2), (1, 1), (1, 1), ((9, 9), (0, 0)))
    total = Sum("y", geometry, 1, geometry.output_size, "float32")
    for rung in ("certified", "sliced"):
        y, unsure = bands.by_bands(total, Operands(x[:, None], weight[None]), NUMPY, rung)
        assert (y[0, 0, 0, [0, 5, 14, 19]] == 0).all()
        assert not unsure[0, 0, 0, [0, 5, 14, 19]].any()
        assert (y[0, 0, 0, 8:12] != 0).all()
