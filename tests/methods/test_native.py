"""What a framework's own convolution is handed, and what is made of its result."""

import numpy as np
import oracle
import pytest

from multiconv.backends.numpy import NumPyBackend
from multiconv.core.geometry import resolve
from multiconv.methods import native
from multiconv.methods.adjoints import correlation

OPTIONS = {"stride": (2, 1), "pads": ((1, 2), (0, 3)), "dilation": (1, 2)}


class WithNative(NumPyBackend):
    """NumPy with a convolution of real numbers, which keeps what it was asked for."""

    def __init__(self):
        self.asked = []

    def native(self, x, weight, *, stride, pads, dilation, groups):
        assert not np.iscomplexobj(x)
        assert not np.iscomplexobj(weight)
        self.asked.append((x.shape, weight.shape, stride, pads, dilation, groups))
        return oracle.conv(x, weight, stride=stride, padding=pads, dilation=dilation, groups=groups)


@pytest.fixture
def geometry():
    stride, pads, dilation = OPTIONS.values()
    return resolve((6, 7), (3, 2), stride, dilation, pads)


def numbers(shape, dtype):
    rng = np.random.default_rng(len(shape))
    real, imag = rng.integers(-9, 9, (2, *shape))
    return (real + 1j * imag if np.dtype(dtype).kind == "c" else real).astype(dtype)


class TestRun:
    @pytest.mark.parametrize("dtype", ["int64", "float64", "complex128"])
    def test_groups_and_complex_numbers_are_taken_apart_and_joined(self, geometry, dtype):
        x, weight = numbers((2, 3, 4, 6, 7), dtype), numbers((3, 5, 4, 3, 2), dtype)
        backend = WithNative()
        y = native.run(x, weight, geometry, backend)
        expected = oracle.conv(
            x.reshape(2, 12, 6, 7), weight.reshape(15, 4, 3, 2), groups=3,
            stride=(2, 1), padding=OPTIONS["pads"], dilation=(1, 2),
        )  # fmt: skip
        assert y.dtype == dtype
        assert y.shape == (2, 3, 5, *geometry.output_size)
        assert np.array_equal(y.reshape(expected.shape), expected)

    def test_a_complex_correlation_is_one_call(self, geometry):
        backend = WithNative()
        arrays = numbers((2, 3, 4, 6, 7), "complex128"), numbers((3, 5, 4, 3, 2), "complex128")
        native.run(*arrays, geometry, backend)
        assert backend.asked == [((4, 12, 6, 7), (30, 4, 3, 2), *OPTIONS.values(), 3)]


class TestBorders:
    def test_zeros_are_left_to_the_framework(self, geometry):
        backend = WithNative()
        arrays = numbers((1, 1, 1, 6, 7), "int64"), numbers((1, 1, 1, 3, 2), "int64")
        correlation(geometry).prepare(native.METHOD, backend)(*arrays)
        assert backend.asked == [((1, 1, 6, 7), (1, 1, 3, 2), *OPTIONS.values(), 1)]

    def test_others_stand_around_the_image_already(self):
        backend = WithNative()
        given = resolve((6,), (3,), (1,), (1,), ((2, 1),), "circular")
        x, weight = numbers((1, 1, 1, 6), "int64"), numbers((1, 1, 1, 3), "int64")
        y = correlation(given).prepare(native.METHOD, backend)(x, weight)
        assert backend.asked == [((1, 1, 9), (1, 1, 3), (1,), ((0, 0),), (1,), 1)]
        assert (
            y[0].tolist()
            == oracle.conv(x[0], weight[0], padding=((2, 1),), padding_mode="circular").tolist()
        )
