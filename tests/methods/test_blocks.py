"""Methods that work in blocks give what they give in one, also where the last block is short."""

import numpy as np
import oracle
import pytest
from comparing import assert_same

from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.methods import fft, im2col
from multiconv.methods.base import Problem


class TestIm2col:
    @pytest.mark.parametrize("options", [{}, {"stride": 2}, {"dilation": 2, "padding": 3}])
    @pytest.mark.parametrize("elements", [1, 300, 700])
    @pytest.mark.parametrize("narrow", [1, 256])
    def test_any_size_of_blocks(self, backend, monkeypatch, options, elements, narrow):
        monkeypatch.setattr(im2col, "NARROW", narrow)
        monkeypatch.setattr(im2col, "SMALL", elements)
        monkeypatch.setattr(im2col, "MOST", 0)
        rng = np.random.default_rng(elements)
        x, weight = rng.integers(-3, 4, (2, 2, 11, 9)), rng.integers(-3, 4, (3, 2, 3, 2))
        # Calls are kept by their arguments; a block size is none, so these must be new shapes.
        x = np.concatenate([x] * (1 + elements % 7 + narrow % 5), axis=0)
        arrays = backend.array(x, "float32"), backend.array(weight, "float32")
        y = backend.functions.conv2d(*arrays, method="im2col", **options)
        assert_same(backend, y, oracle.conv(x, weight, **options), "float32")

    @pytest.mark.parametrize("most", [1, 2, 5, 6, 7, 12, 24, 100])
    def test_boxes_are_ranges_in_order_and_not_too_large(self, most):
        numbers = np.arange(24).reshape(2, 3, 4)
        pieces = [
            numbers[tuple(slice(*along) for along in box)].ravel()
            for box in im2col._boxes(numbers.shape, most)
        ]
        assert np.array_equal(np.concatenate(pieces), np.arange(24))
        assert max(map(len, pieces)) <= most

    def test_the_workspace_is_bounded_by_image_and_result(self):
        geometry = resolve((512, 512), (15, 15), (1, 1), (1, 1), ((0, 0), (0, 0)))
        problem = Problem(geometry, 1, 1, 1, 1, "float32", None)
        room = im2col.MOST * (problem.pixels + problem.outputs)
        assert im2col._workspace(problem, NUMPY) <= room


class TestFourier:
    @pytest.mark.parametrize("length", [1, 63, 129, 258, 1026, 2110, 48_000])
    @pytest.mark.parametrize("span", [1, 3, 31, 1024])
    def test_no_other_count_of_blocks_is_less_work(self, length, span):
        block = fft._block(length, span)
        count = -(-length // block)
        chosen = fft._work(count, length, span)
        most = min(length // max(span, fft._SHORTEST), fft._MOST_BLOCKS)
        for other in range(2, most + 1):
            joined = 1 if count > 1 else fft._JOINED
            assert chosen <= joined * fft._work(other, length, span)
        assert count == 1 or fft._JOINED * chosen < fft._work(1, length, span)

    @pytest.mark.parametrize(
        ("length", "span", "block"), [(100, 5, 100), (258, 3, 258), (2110, 63, 2110)]
    )
    def test_short_axes_and_long_kernels_go_whole(self, length, span, block):
        assert fft._block(length, span) == block

    def test_long_axes_are_cut(self):
        assert fft._block(48_000, 31) < 1000

    @pytest.mark.parametrize("blocks", [(5, 7), (2, 7), (2, 3), (4, 4), (1, 1)])
    def test_blocks_stand_in_order_with_zeros_behind_the_last(self, blocks):
        x = np.arange(1, 36).reshape(1, 1, 1, 5, 7)
        cut = fft._cut_into_blocks(x, list(blocks), NUMPY)
        counts = [-(-n // block) for n, block in zip((5, 7), blocks, strict=True)]
        assert cut.shape == (1, 1, 1, *counts, *blocks)
        whole = np.zeros([n * block for n, block in zip(counts, blocks, strict=True)], int)
        whole[:5, :7] = x
        for i, j in np.ndindex(*counts):
            rows, columns = slice(i * blocks[0], None), slice(j * blocks[1], None)
            expected = whole[rows, columns][: blocks[0], : blocks[1]]
            assert np.array_equal(cut[0, 0, 0, i, j], expected)

    @pytest.mark.parametrize("block", [2, 3, 4, 7])
    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_tails_are_added_to_the_blocks_that_they_reach(self, count, block):
        """A result of 7 numbers reaches over up to four blocks."""
        results = np.random.default_rng(block).integers(-99, 99, (2, 1, 3, count, 7))
        expected = np.zeros((2, 1, 3, count * block + 7), int)
        for i in range(count):
            expected[..., i * block : i * block + 7] += results[..., i, :]
        joined = fft._overlap_add(results, 0, count, block, NUMPY)
        kept = (count - 1) * block + 7
        assert np.array_equal(joined[..., :kept], expected[..., :kept])
        assert not joined[..., kept:].any()

    def test_axes_are_joined_one_after_another(self):
        counts, blocks, lengths = (2, 3), (4, 2), (5, 6)
        results = np.random.default_rng(6).integers(-99, 99, (2, 1, 1, *counts, *lengths))
        expected = np.zeros((2, 1, 1, 9, 10), int)
        for i, j in np.ndindex(*counts):
            expected[..., 4 * i : 4 * i + 5, 2 * j : 2 * j + 6] += results[..., i, j, :, :]
        joined = results
        for axis in range(2):
            joined = fft._overlap_add(joined, axis, counts[axis], blocks[axis], NUMPY)
        assert np.array_equal(joined[..., :9, :10], expected)

    def test_the_workspace_is_that_of_all_transforms(self):
        """A block of 130 numbers, transformed at 135, in two images, three groups and so on."""
        geometry = resolve((130,), (3,), (1,), (1,), ((0, 0),))
        assert fft._lengths(geometry) == ([130], (135,))
        problem = Problem(geometry, 2, 3, 4, 5, "float32", None)
        images, kernels = 2 * (4 + 5), 4 * 5
        assert fft._workspace(problem, NUMPY) == 3 * (2 * images + kernels) * 135

    @pytest.mark.parametrize("size", [(300,), (257,), (1000,)])
    @pytest.mark.parametrize("kernel", [1, 2, 31])
    def test_blocks_of_an_axis_overlap_and_add(self, backend, size, kernel):
        rng = np.random.default_rng(kernel)
        x, weight = rng.integers(-3, 4, (1, 2, *size)), rng.integers(-3, 4, (2, 2, kernel))
        arrays = backend.array(x, "float32"), backend.array(weight, "float32")
        y = backend.to_numpy(backend.functions.conv1d(*arrays, method="fft", padding="full"))
        assert np.array_equal(np.round(y), oracle.conv(x, weight, padding="full"))

    @pytest.mark.parametrize("channels", [4, 5, 9])
    def test_few_channels_and_many(self, backend, channels):
        rng = np.random.default_rng(channels)
        x, weight = (
            rng.integers(-2, 3, (2, 2 * channels, 6, 7)),
            rng.integers(-2, 3, (4, channels, 3, 2)),
        )
        arrays = backend.array(x, "float32"), backend.array(weight, "float32")
        y = backend.to_numpy(backend.functions.conv2d(*arrays, method="fft", groups=2))
        assert np.array_equal(np.round(y), oracle.conv(x, weight, groups=2))

    def test_a_fast_length_is_the_next_product_of_two_three_and_five(self):
        def smooth(n):
            for p in (2, 3, 5):
                while n % p == 0:
                    n //= p
            return n == 1

        for n in range(1, 700):
            expected = next(m for m in range(n, 2 * n + 1) if smooth(m))
            assert fft.fast_length(n) == expected
