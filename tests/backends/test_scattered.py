"""NumPy's way from many channels to few: products first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multiconv as mc
from multiconv.backends import scattered
from multiconv.core.geometry import Geometry


def _integers(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


class TestCorrelate:
    @pytest.mark.parametrize("padding", [0, "same", "full"])
    @pytest.mark.parametrize("dilation", [1, 2])
    @pytest.mark.parametrize(
        ("size", "kernel"), [((300,), (4,)), ((20, 21), (3, 2)), ((8, 8, 8), (2, 2, 2))]
    )
    def test_integers_are_those_of_direct(
        self,
        size: tuple[int, ...],
        kernel: tuple[int, ...],
        dilation: int,
        padding: Any,
    ) -> None:
        conv = getattr(mc, f"conv{len(size)}d")
        x, weight = _integers((2, 64, *size), 0), _integers((4, 32, *kernel), 1)
        options = {"padding": padding, "dilation": dilation, "groups": 2}
        expected = conv(x, weight, method="direct", **options)
        np.testing.assert_array_equal(conv(x, weight, method="im2col", **options), expected)

    def test_blocks_of_rows_meet_without_a_seam(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x, weight = _integers((1, 32, 40, 30), 2), _integers((2, 32, 5, 5), 3)
        expected = mc.conv2d(x, weight, padding=2, method="direct")
        monkeypatch.setattr(scattered, "BLOCK", 3 * 2 * 25 * 34)  # three rows
        result = mc.conv2d(x, weight, padding=2, method="im2col")
        np.testing.assert_array_equal(result, expected)

    def test_a_view_with_negative_strides_is_read_and_left_alone(self) -> None:
        x, weight = _integers((1, 32, 20, 20), 4)[..., ::-1], _integers((2, 32, 3, 3), 5)
        x.flags.writeable = False
        expected = mc.conv2d(x.copy(), weight, method="direct")
        np.testing.assert_array_equal(mc.conv2d(x, weight, method="im2col"), expected)

    def test_infinity_times_the_border_is_not_a_number(self) -> None:
        x, weight = np.ones((1, 32, 20, 20), np.float32), np.ones((2, 32, 3, 3), np.float32)
        weight[0, 0, 0, 0] = np.inf
        with np.errstate(invalid="ignore"):
            y = mc.conv2d(x, weight, padding=1, method="im2col")
        assert np.isnan(y[0, 0, 0]).all()
        assert np.isinf(y[0, 0, 1:, 1:]).all()


class TestTakes:
    @pytest.mark.parametrize(
        ("channels", "filters", "kernel", "stride", "takes"),
        [
            (64, 3, 7, 1, True),  # the gradient of a first layer
            (64, 64, 3, 1, False),
            (8, 1, 3, 1, False),  # no product to speak of
            (64, 3, 1, 1, False),  # one tap: nothing is repeated
            (64, 3, 3, 2, False),
        ],
    )
    def test_only_what_has_many_channels_and_few_results(
        self, channels: int, filters: int, kernel: int, stride: int, *, takes: bool
    ) -> None:
        geometry = Geometry((32, 32), (kernel,) * 2, (stride,) * 2, (1, 1), ((0, 0), (0, 0)))
        assert scattered.takes(channels, filters, geometry) is takes
