"""Methods that work in blocks give what they give in one, also where the last block is short."""

import numpy as np
import oracle
import pytest
from comparing import assert_same

from multiconv.methods import fft, im2col


class TestIm2col:
    @pytest.mark.parametrize("options", [{}, {"stride": 2}, {"dilation": 2, "padding": 3}])
    @pytest.mark.parametrize("elements", [1, 300, 700])
    def test_rows_of_the_patch_matrix(self, backend, monkeypatch, options, elements):
        monkeypatch.setattr(im2col, "MAXIMUM_ELEMENTS", elements)
        rng = np.random.default_rng(elements)
        x, weight = rng.integers(-3, 4, (2, 2, 11, 9)), rng.integers(-3, 4, (3, 2, 3, 2))
        # Calls are kept by their arguments; a block size is none, so these must be new shapes.
        x = np.concatenate([x] * (1 + elements % 7), axis=0)
        arrays = backend.array(x, "float32"), backend.array(weight, "float32")
        y = backend.functions.conv2d(*arrays, method="im2col", **options)
        assert_same(backend, y, oracle.conv(x, weight, **options), "float32")

    def test_a_block_has_no_more_rows_than_fit(self):
        from multiconv.core.geometry import resolve

        geometry = resolve((11, 9), (3, 2), (1, 1), (1, 1), ((0, 0), (0, 0)))
        per_row = 4 * 6 * 8
        assert im2col._rows_per_block(4, geometry) == im2col.MAXIMUM_ELEMENTS // per_row


class TestFourier:
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
