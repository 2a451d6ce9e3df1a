"""NumPy's correlations that are products of matrices as they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multiconv as mc
from multiconv.backends import unpacked
from multiconv.core.geometry import Geometry


def _integers(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the kernels' shapes of all calls that go this way."""
    seen, plain = [], unpacked.correlate

    def noted(x: Any, weight: Any, geometry: Geometry) -> Any:
        seen.append(weight.shape)
        return plain(x, weight, geometry)

    monkeypatch.setattr(unpacked, "correlate", noted)
    return seen


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(130,), (9, 11), (5, 4, 6)])
def test_one_tap_and_its_gradients(
    used: list[Any], size: tuple[int, ...], stride: int, groups: int
) -> None:
    conv = getattr(mc, f"conv{len(size)}d")
    one = (1,) * len(size)
    x, weight = _integers((2, 4 * groups, *size), 0), _integers((5 * groups, 4, *one), 1)
    options = {"stride": stride, "groups": groups}
    y = conv(x, weight, method="direct", **options)
    g = _integers(y.shape, 2)
    calls = [
        (conv, (x, weight), {}),
        (mc.conv_input_grad, (g, weight, size), {}),
        (mc.conv_weight_grad, (x, g, one), {}),
    ]
    for function, operands, more in calls:
        expected = function(*operands, method="direct", **options, **more)
        result = function(*operands, method="im2col", **options, **more)
        np.testing.assert_array_equal(result, expected)
    assert len(used) == 2 + (stride == 1 and np.prod(size) >= 64)


def test_views_are_read_and_left_alone() -> None:
    x, weight = _integers((3, 8, 20, 20), 4)[:, ::-1, :, ::-1], _integers((8, 6, 1, 1), 5)
    weight = weight.swapaxes(0, 1)
    for array in (x, weight):
        array.flags.writeable = False
    expected = mc.conv2d(x.copy(), weight.copy(), method="direct")
    np.testing.assert_array_equal(mc.conv2d(x, weight, method="im2col"), expected)


@pytest.mark.parametrize("dtype", ["int8", "uint32", "complex64"])
def test_other_dtypes_go_other_ways(used: list[Any], dtype: str) -> None:
    x, weight = (_integers(s, 6).astype(dtype) for s in ((2, 3, 9, 9), (4, 3, 1, 1)))
    expected = mc.conv2d(x, weight, method="direct")
    np.testing.assert_array_equal(mc.conv2d(x, weight, method="im2col"), expected)
    assert used == []


def test_nothing_to_add(used: list[Any]) -> None:
    for shape in ((0, 3, 9, 9), (2, 0, 9, 9)):
        y = mc.conv2d(np.ones(shape), np.ones((4, shape[1], 1, 1)), method="im2col")
        np.testing.assert_array_equal(y, np.zeros((shape[0], 4, 9, 9)))


class TestTakes:
    @pytest.mark.parametrize(
        ("size", "kernel", "pads", "expected"),
        [
            ((9, 9), (1, 1), ((0, 0), (0, 0)), True),
            ((9, 9), (1, 1), ((1, 0), (0, 0)), False),
            ((9, 9), (9, 9), ((0, 0), (0, 0)), True),
            ((9, 9), (9, 8), ((0, 0), (0, 0)), False),
            ((7, 7), (7, 7), ((0, 0), (0, 0)), False),  # a few numbers far apart
        ],
    )
    def test_a_tap_or_a_whole_image(
        self, size: Any, kernel: Any, pads: Any, expected: bool
    ) -> None:
        geometry = Geometry(size, kernel, (1, 1), (1, 1), pads)
        assert unpacked.takes(4, 5, geometry) is expected

    def test_one_channel_or_filter_is_no_product(self) -> None:
        geometry = Geometry((9, 9), (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))
        assert not unpacked.takes(1, 5, geometry)
        assert not unpacked.takes(4, 1, geometry)
