"""Borders against `numpy.pad`, and that folding is the adjoint of extending."""

import numpy as np
import pytest

from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.methods.borders import extend, fold, pixel_of_border

NUMPYS = {"reflect": "reflect", "symmetric": "symmetric", "circular": "wrap", "replicate": "edge"}
PADS = [(0, 0), (1, 0), (0, 1), (3, 2), (2, 4), (5, 6), (17, 23)]


def geometry(mode, *pads):
    ones = (1,) * len(pads)
    return resolve((5, 6)[: len(pads)], ones, ones, ones, pads, mode)


class TestPixelsOfTheBorder:
    @pytest.mark.parametrize("mode", NUMPYS)
    @pytest.mark.parametrize(("low", "high"), PADS)
    def test_each_shows_the_pixel_that_numpy_repeats(self, mode, low, high):
        expected = np.pad(np.arange(5), (low, high), mode=NUMPYS[mode])
        assert pixel_of_border(5, low, high, mode).tolist() == expected.tolist()

    @pytest.mark.parametrize(("low", "high"), PADS)
    def test_zeros_show_none(self, low, high):
        expected = np.pad(np.arange(5), (low, high), constant_values=-1)
        assert pixel_of_border(5, low, high, "zeros").tolist() == expected.tolist()

    @pytest.mark.parametrize("mode", NUMPYS)
    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_a_small_image_is_shown_again_and_again(self, n, mode):
        for low, high in np.ndindex(9, 9):
            expected = np.pad(np.arange(n), (low, high), mode=NUMPYS[mode])
            assert pixel_of_border(n, low, high, mode).tolist() == expected.tolist()


class TestExtendAndFold:
    @pytest.mark.parametrize("mode", ["zeros", *NUMPYS])
    @pytest.mark.parametrize("rows", PADS)
    @pytest.mark.parametrize("columns", PADS)
    def test_they_are_numpys_pad_and_its_adjoint(self, mode, rows, columns):
        rng = np.random.default_rng(7)
        given = geometry(mode, rows, columns)
        x = rng.integers(-99, 99, (2, 1, 1, 5, 6))
        y = rng.integers(-99, 99, (2, 1, 1, *given.padded_size))
        padded = np.pad(x, [(0, 0)] * 3 + [rows, columns], mode=NUMPYS.get(mode, "constant"))
        assert np.array_equal(extend(x, given, NUMPY), padded)
        folded = np.zeros_like(x)
        shown = [pixel_of_border(n, *p, mode) for n, p in zip((5, 6), (rows, columns), strict=True)]
        for i, j in np.ndindex(*given.padded_size):
            if shown[0][i] >= 0 and shown[1][j] >= 0:
                folded[..., shown[0][i], shown[1][j]] += y[..., i, j]
        assert np.array_equal(fold(y, given, NUMPY), folded)
