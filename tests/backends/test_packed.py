"""NumPy's products by rows of the kernel, which are for where there is no Numba."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest

from multiconv.backends import packed
from multiconv.core.geometry import Geometry, resolve


def _integers(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def _in_words(x: Any, weight: Any, geometry: Geometry) -> Any:
    groups = x.shape[1]
    y = oracle.conv(
        x.reshape(x.shape[0], -1, *x.shape[3:]),
        weight.reshape(-1, *weight.shape[2:]),
        stride=geometry.stride,
        padding=geometry.pads,
        dilation=geometry.dilation,
        groups=groups,
    )
    return y.reshape(x.shape[0], groups, -1, *geometry.output_size)


class TestCorrelate:
    @pytest.mark.parametrize("block", [2**12, 2**19])
    @pytest.mark.parametrize(
        ("size", "kernel", "stride", "dilation"),
        [
            ((19, 23), (3, 3), (1, 1), (1, 1)),
            ((19, 23), (3, 2), (1, 2), (2, 3)),
            ((19, 23), (17, 21), (1, 1), (1, 1)),  # fewer outputs than taps
            ((19, 23), (8, 20), (2, 1), (1, 1)),
            ((9, 8, 7), (3, 2, 3), (1, 1, 1), (1, 2, 1)),
        ],
    )
    def test_integers_are_the_exact_ones(
        self,
        size: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        block: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(packed, "BLOCK", block)
        geometry = resolve(size, kernel, stride, dilation, ((1, 2),) * len(size))
        x, weight = _integers((2, 2, 5, *size), 0), _integers((2, 3, 5, *kernel), 1)
        y = packed.correlate(x, weight, geometry)
        np.testing.assert_array_equal(y, _in_words(x, weight, geometry))
