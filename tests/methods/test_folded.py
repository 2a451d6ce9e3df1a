"""Blocks of pixels as channels: which blocks are chosen, and that every choice gives the result."""

import math

import numpy as np
import oracle
import pytest
from comparing import assert_same

import multiconv
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.methods import folded

CASES = [
    ((11, 9), (3, 2), {}),
    ((11, 9), (3, 2), {"stride": (2, 3), "padding": ((1, 0), (2, 5))}),
    ((11, 9), (3, 2), {"dilation": (2, 3), "padding": 1}),
    ((40, 37), (7, 5), {"stride": 2, "dilation": 2, "padding": "same"}),
    ((5, 5), (5, 5), {}),  # a single output
    ((9, 7), (2, 3), {"stride": 5}),  # pixels behind the last output
    ((50,), (9,), {"stride": 3}),
    ((6, 7, 8), (2, 3, 2), {"stride": (1, 2, 1), "padding": "full"}),
]


class WithBlocksOf(type(NUMPY)):
    """NumPy, with blocks over so many of the last axes."""

    def __init__(self, folded_axes):
        self.folded_axes = folded_axes


def numbers(rng, *shape):
    return rng.integers(-9, 10, shape)


class TestEveryBlock:
    @pytest.mark.parametrize("most_axes", [1, 2, 3])
    @pytest.mark.parametrize(("size", "kernel", "options"), CASES)
    @pytest.mark.parametrize(
        ("groups", "channels", "filters"), [(1, 1, 1), (1, 1, 3), (2, 3, 1), (2, 2, 20)]
    )
    def test_gives_the_result(self, most_axes, size, kernel, options, groups, channels, filters):
        rng = np.random.default_rng(7)
        x = numbers(rng, 2, groups * channels, *size)
        weight = numbers(rng, groups * filters, channels, *kernel)
        one = {"stride": 1, "padding": 0, "dilation": 1, **options}
        axes = len(size)
        geometry = resolve(
            size,
            kernel,
            oracle.per_axis(one["stride"], axes),
            oracle.per_axis(one["dilation"], axes),
            oracle.resolve_pads(one["padding"], size, kernel, one["stride"], one["dilation"]),
        )
        y = folded.run(
            x.reshape(2, groups, channels, *size),
            weight.reshape(groups, filters, channels, *kernel),
            geometry,
            WithBlocksOf(most_axes),
        )
        assert y.shape == (2, groups, filters, *geometry.output_size)
        expected = oracle.conv(x, weight, groups=groups, **one)
        assert np.array_equal(y.reshape(expected.shape), expected)

    def test_on_every_backend(self, backend):
        rng = np.random.default_rng(8)
        x, weight = numbers(rng, 2, 2, 40, 37), numbers(rng, 2, 1, 7, 5)
        options = {"stride": (1, 2), "padding": 3, "groups": 2}
        for dtype in ("float32", "int32"):
            arrays = backend.array(x, dtype), backend.array(weight, dtype)
            y = backend.functions.conv2d(*arrays, method="folded", **options)
            assert_same(backend, y, oracle.conv(x, weight, **options), dtype)


class TestChoice:
    @staticmethod
    def chosen(kernel, most_axes, *, channels=1, filters=1, stride=(1, 1), size=(99, 99)):
        geometry = resolve(size, kernel, stride, (1, 1), ((0, 0),) * 2)
        return folded.folds(geometry, channels, filters, most_axes)

    def test_one_axis_takes_all(self):
        rows, columns = self.chosen((7, 7), 1)
        assert (rows.pixels, rows.reach, rows.blocks) == (1, 7, 93)
        assert (columns.pixels, columns.outputs) == (16, 16)
        assert (columns.reach, columns.blocks) == (2, 6)

    def test_blocks_have_the_fewest_products(self):
        """Of 1 x 16: 7 * 32 products, 2 x 8: 8 * 16, 4 x 4: 12 * 12, 8 x 2: 16 * 8."""
        assert [fold.outputs for fold in self.chosen((7, 7), 2, size=(70, 70))] == [2, 8]

    def test_a_short_axis_is_not_folded_beyond_its_outputs(self):
        rows, columns = self.chosen((3, 3), 2, size=(3, 99))
        assert rows.outputs == 1
        assert columns.outputs == 16

    @pytest.mark.parametrize(("channels", "filters", "fill"), [(1, 1, 16), (3, 1, 4), (1, 8, 2)])
    def test_more_channels_need_smaller_blocks(self, channels, filters, fill):
        found = self.chosen((3, 3), 2, channels=channels, filters=filters)
        assert math.prod(fold.outputs for fold in found) == fill

    @pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
    def test_enough_channels_are_left_alone(self, stride):
        found = self.chosen((3, 3), 2, channels=64, stride=stride)
        assert all(not fold.has_blocks for fold in found)
        assert tuple(fold.stride for fold in found) == stride


@pytest.mark.needs_backend("torch")
def test_a_tensor_lies_as_torchs_own_result_does():
    """Users go on with `Tensor.view`, also where the last block is cut off."""
    import torch

    x, weight = torch.ones(2, 3, 11, 9), torch.ones(4, 3, 3, 2)
    y = multiconv.conv2d(x, weight, method="folded")
    assert y.view(2, -1).shape == (2, 4 * 9 * 8)
    assert bool((y == 18).all())
