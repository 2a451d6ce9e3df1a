"""NumPy's products of blocks, their certificates, and the sums of what these leave."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hostile import hostile
from rounded import FORMATS

from multiconv.backends.base import Terms
from multiconv.backends.loops.exactly import blocks, calls, patches
from multiconv.backends.loops.exactly.repair import sums_to_odd
from multiconv.backends.loops.exactly.tiles import calls as tiles
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.exact.description import Sum
from multiconv.exact.engine import evaluate


@pytest.fixture(params=["compiled", "products", "plain"])
def _loops(request, monkeypatch):
    """With all loops, without those over channels, and without any."""
    if request.param == "plain":
        monkeypatch.setattr("multiconv.backends.loops.compiled.is_installed", lambda: False)
    else:
        monkeypatch.setattr("multiconv.backends.loops.exactly.loaded._LOADED", 0)
    if request.param == "products":
        monkeypatch.setattr(tiles, "loops", lambda products, geometry: None)


@pytest.mark.usefixtures("_loops")
class TestBlocks:
    @pytest.mark.parametrize("kind", ["normal", "cancelling", "wide", "ties"])
    @pytest.mark.parametrize("wanted", ["y", "x", "weight"])
    def test_what_is_certain_is_right(self, monkeypatch, wanted, kind):
        """In many blocks on threads, sums in several parts."""
        monkeypatch.setattr(patches, "BLOCK", 100)
        monkeypatch.setattr(patches, "COLUMNS", 12)
        monkeypatch.setattr(tiles, "_ROOM", 100)
        monkeypatch.setattr(tiles, "_COLUMNS", 5)
        monkeypatch.setattr(blocks, "_PART", 7)
        monkeypatch.setattr(blocks, "_SHARED", 0)
        geometry = resolve((9, 8), (3, 2), (1, 1), (1, 2), ((2, 1), (0, 1)))
        shapes = {"x": (3, 2, 2, 9, 8), "weight": (2, 3, 2, 3, 2)}
        shapes["y"] = (3, 2, 3, *geometry.output_size)
        roles = {"y": ("x", "weight"), "x": ("y", "weight"), "weight": ("x", "y")}[wanted]
        rng = np.random.default_rng(7)
        first, second = (hostile(rng, kind, shapes[r], "float32").astype("f4") for r in roles)
        bias = hostile(rng, kind, (6,), "float32").astype("f4") if wanted == "y" else None
        y, unsure = calls.certified_sums(wanted, first, second, bias, geometry)
        total = Sum(wanted, geometry, 2, geometry.output_size, "float32")
        flat = [
            a.reshape(6, *a.shape[2:]) if role == "weight" else a.reshape(3, -1, *a.shape[3:])
            for role, a in zip(roles, (first, second), strict=True)
        ]
        right = evaluate(total, *flat, bias, NUMPY, rung="integers").reshape(y.shape)
        assert np.array_equal(y.view("i4")[~unsure], right.view("i4")[~unsure])
        if kind == "normal":
            assert unsure.mean() < 0.01

    def test_a_stride_of_two_has_no_such_gradient(self):
        geometry = resolve((9, 8), (3, 2), (2, 1), (1, 1), ((0, 0), (0, 0)))
        grad, weight = (
            np.ones((1, 1, 1, *geometry.output_size), "f4"),
            np.ones((1, 1, 1, 3, 2), "f4"),
        )
        assert calls.certified_sums("x", grad, weight, None, geometry) is None


class TestRepair:
    def sum_of(self, first, second, bias=None):
        count = len(first)
        column = np.zeros((1, 1), np.int64)
        terms = Terms(
            (1, 1, 1, 1),
            ((0, 0, 0, 0), (0, 0, 0, 0)),
            (count, 1, 1),
            [(column, column)],
            FORMATS["float32"],
            FORMATS["float32"],
        )
        bias = None if bias is None else np.array([bias], "f4")
        found = sums_to_odd(
            np.array(first, "f4"), np.array(second, "f4"), bias, np.zeros(1, int), terms
        )
        return float(found[0])

    def test_beside_a_midpoint_of_float32_it_is_on_the_right_side(self):
        """Which is rounded to even twice by a cast of the nearest float64."""
        for sign in (1, -1):
            y = self.sum_of([1, 2.0**-24, sign * 2.0**-60], [1, 1, 2.0**-30])
            assert np.float32(y) == (1 + 2.0**-23 if sign > 0 else 1)

    def test_an_exact_midpoint_is_left_alone(self):
        assert self.sum_of([1, 2.0**-24], [1, 1]) == 1 + 2.0**-24

    def test_random_numbers_and_a_bias(self):
        rng = np.random.default_rng(5)
        first, second = rng.standard_normal((2, 300)).astype("f4")
        y = self.sum_of(first, second, 1e-30)
        exact = sum(
            Fraction(float(a)) * Fraction(float(b)) for a, b in zip(first, second, strict=True)
        )
        exact += Fraction(float(np.float32(1e-30)))
        assert abs(Fraction(y) - exact) < Fraction(math.ulp(y))
        assert int(np.float64(y).view(np.int64)) & 1

    def test_what_is_not_finite_counts_for_nothing(self):
        assert self.sum_of([math.inf, 2], [1, 3], math.nan) == 6

    def test_no_zero_is_negative(self):
        assert math.copysign(1, self.sum_of([-0.0], [1])) == 1
