"""Cutting, padding and spreading the last axes, against NumPy's own indexing."""

import itertools

import numpy as np
import pytest

from multiconv.backends.base import Backend
from multiconv.backends.edits import cut, pad_or_crop, spread
from multiconv.backends.numpy import BACKEND as NUMPY

X = np.arange(1, 61).reshape(3, 4, 5)


class Plain(Backend):
    """What every array namespace has, and nothing beside it."""

    name = "plain"
    xp = np


@pytest.fixture(params=[NUMPY, Plain()], ids=["numpy", "defaults"])
def owner(request):
    return request.param


class TestPadOrCrop:
    @pytest.mark.parametrize("low", [-2, -1, 0, 1])
    @pytest.mark.parametrize("high", [-1, 0, 2])
    @pytest.mark.parametrize("first", [(0, 0), (1, -1), (0, -2), (-1, 0)])
    def test_each_end_of_each_axis_grows_or_shrinks_by_itself(self, owner, low, high, first):
        pads = (first, (low, high))
        grown = np.pad(X, [(0, 0), *[(max(a, 0), max(b, 0)) for a, b in pads]])
        rows, columns = (
            slice(max(-a, 0), n - max(-b, 0))
            for n, (a, b) in zip(grown.shape[1:], pads, strict=True)
        )
        assert np.array_equal(pad_or_crop(X, pads, owner), grown[:, rows, columns])

    def test_nothing_to_do_leaves_the_array_itself(self, owner):
        assert pad_or_crop(X, ((0, 0), (0, 0)), owner) is X


class TestSpread:
    @pytest.mark.parametrize("factors", list(itertools.product((1, 2, 3), repeat=2)))
    def test_zeros_stand_between_neighbours_alone(self, owner, factors):
        rows, columns = factors
        expected = np.zeros((3, 3 * rows + 1, 4 * columns + 1), int)
        expected[:, ::rows, ::columns] = X
        assert np.array_equal(spread(X, factors, owner), expected)

    @pytest.mark.parametrize("size", [0, 1])
    def test_fewer_than_two_have_no_neighbours(self, owner, size):
        assert np.array_equal(spread(X[..., :size], (3,), owner), X[..., :size])

    def test_two_are_neighbours(self, owner):
        assert spread(X[:1, :1, :2], (3,), owner).tolist() == [[[1, 0, 0, 2]]]


class TestCut:
    def test_the_axis_counts_from_the_last(self):
        assert np.array_equal(cut(X, -1, 1, 3), X[:, :, 1:3])
        assert np.array_equal(cut(X, -2, 1, 3), X[:, 1:3])
        assert np.array_equal(cut(X, -3, 0, 2), X[:2])
