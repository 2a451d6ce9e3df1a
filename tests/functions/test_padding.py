"""Every name, every form and every border of the padding, with expected values."""

import numpy as np
import oracle
import pytest
from comparing import assert_same
from strategies import every_combination, share

LINE = np.array([[[1, 2, 3, 4]]])
ONE = np.array([[[1]]])
NUMPYS = {"reflect": "reflect", "symmetric": "symmetric", "circular": "wrap", "replicate": "edge"}
DTYPES = ("int32", "float32", "uint8", "complex64")
WIDE = ((4, 4), (5, 0), (0, 9), (13, 11))


def conv1d(backend, x, weight, dtype="int32", **options):
    return backend.functions.conv1d(
        backend.array(x, dtype), backend.array(weight, dtype), **options
    )


class TestModes:
    """1234, drawn with three pixels on either side by a kernel of a single 1."""

    DRAWN = (
        ("zeros", [0, 0, 0, 1, 2, 3, 4, 0, 0, 0]),
        ("reflect", [4, 3, 2, 1, 2, 3, 4, 3, 2, 1]),
        ("symmetric", [3, 2, 1, 1, 2, 3, 4, 4, 3, 2]),
        ("replicate", [1, 1, 1, 1, 2, 3, 4, 4, 4, 4]),
        ("circular", [2, 3, 4, 1, 2, 3, 4, 1, 2, 3]),
    )

    @pytest.mark.parametrize(("mode", "drawn"), DRAWN)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_the_border(self, backend, mode, drawn, dtype):
        case = DTYPES.index(dtype) + len(mode)
        for method in share(backend, backend.methods_for(dtype), case):
            y = conv1d(backend, LINE, ONE, dtype, padding=3, padding_mode=mode, method=method)
            assert_same(backend, y, [[drawn]], dtype, method)

    @pytest.mark.parametrize(("mode", "drawn"), DRAWN)
    def test_one_sided(self, backend, mode, drawn):
        y = conv1d(backend, LINE, ONE, padding=[(2, 1)], padding_mode=mode)
        assert_same(backend, y, [[drawn[1:-2]]], "int32")

    @pytest.mark.parametrize("mode", ["reflect", "symmetric", "circular", "replicate"])
    @pytest.mark.parametrize("size", [1, 2, 4])
    @pytest.mark.parametrize("pads", WIDE)
    def test_a_border_wider_than_the_image_goes_on(self, backend, mode, size, pads):
        x = LINE[..., :size]
        for method in share(backend, backend.methods_for("int32"), WIDE.index(pads) + size):
            y = conv1d(backend, x, ONE, padding=[pads], padding_mode=mode, method=method)
            expected = np.pad(x, [(0, 0), (0, 0), pads], NUMPYS[mode])
            assert_same(backend, y, expected, "int32", method)

    @pytest.mark.parametrize("mode", ["reflect", "symmetric", "circular", "replicate"])
    def test_an_image_without_pixels_has_none_to_show(self, backend, mode):
        with pytest.raises(ValueError, match=r"size 0 along the width.*padding_mode='zeros'"):
            conv1d(backend, LINE[..., :0], ONE, padding=1, padding_mode=mode)

    def test_axes_are_not_mixed_up(self, backend):
        """A border on the last axis only; one library padded the wrong one."""
        x = np.arange(6).reshape(1, 1, 2, 3)
        arrays = backend.array(x, "int32"), backend.array(np.ones((1, 1, 1, 1)), "int32")
        y = backend.functions.conv2d(*arrays, padding=(0, 1), padding_mode="circular")
        assert_same(backend, y, [[[[2, 0, 1, 2, 0], [5, 3, 4, 5, 3]]]], "int32")
        y = backend.functions.conv2d(*arrays, padding=(1, 0), padding_mode="circular")
        assert_same(backend, y, [[[[3, 4, 5], [0, 1, 2], [3, 4, 5], [0, 1, 2]]]], "int32")

    def test_the_modes_mean_the_same_in_corr2d(self, backend):
        x, k = np.arange(12).reshape(3, 4), np.array([[1, 2, 3]])
        for mode, _ in self.DRAWN:
            arrays = backend.array(x, "int32"), backend.array(k, "int32")
            y = backend.functions.corr2d(*arrays, padding=(2, 1), padding_mode=mode)
            expected = oracle.corr2d(x, k, padding=(2, 1), padding_mode=mode)
            assert_same(backend, y, expected, "int32")


class TestNames:
    @pytest.mark.parametrize(
        ("padding", "expected"),
        [
            ("valid", [5, 8, 11, 14]),
            ("full", [2, 5, 8, 11, 14, 5]),
            ("same", [5, 8, 11, 14, 5]),
            ("same_lower", [2, 5, 8, 11, 14]),
        ],
    )
    def test_a_kernel_of_two(self, backend, padding, expected):
        x, weight = np.array([[[1, 2, 3, 4, 5]]]), np.array([[[1, 2]]])
        for method in backend.methods_for("int32"):
            y = conv1d(backend, x, weight, padding=padding, method=method)
            assert_same(backend, y, [[expected]], "int32", method)

    @pytest.mark.parametrize("padding", ["same", "same_lower"])
    def test_same_gives_the_ceiling_of_n_over_stride(self, backend, padding):
        for c in every_combination(n=[5, 6], k=[1, 2, 3], stride=[1, 2, 3], dilation=[1, 2]):
            x = np.arange(1, c["n"] + 1)[None, None]
            weight = np.array([[[1, 10, 100][: c["k"]]]])
            options = {"stride": c["stride"], "dilation": c["dilation"], "padding": padding}
            y = conv1d(backend, x, weight, **options)
            assert y.shape[-1] == -(-c["n"] // c["stride"])
            assert_same(backend, y, oracle.conv(x, weight, **options), "int32", str(c))

    def test_same_with_other_borders(self, backend):
        """The odd pixel stands at the end for same, at the start for same_lower."""
        x, weight = np.array([[[1, 2, 3]]]), np.array([[[1, 10]]])
        y = conv1d(backend, x, weight, padding="same", padding_mode="circular")
        assert_same(backend, y, [[[21, 32, 13]]], "int32")
        y = conv1d(backend, x, weight, padding="same_lower", padding_mode="circular")
        assert_same(backend, y, [[[13, 21, 32]]], "int32")

    def test_full_counts_the_dilation(self, backend):
        y = conv1d(backend, ONE, np.array([[[1, 2, 3]]]), padding="full", dilation=2)
        assert_same(backend, y, [[[3, 0, 2, 0, 1]]], "int32")


class TestForms:
    FORMS = (2, (2,), [2], ((2, 2),), [(2, 2)], [[2, 2]])

    @pytest.mark.parametrize("padding", FORMS, ids=repr)
    def test_all_ways_to_write_the_same_padding(self, backend, padding):
        y = conv1d(backend, LINE, ONE, padding=padding)
        assert_same(backend, y, [[[0, 0, 1, 2, 3, 4, 0, 0]]], "int32")

    def test_numpy_integers_are_integers(self, backend):
        y = conv1d(backend, LINE, ONE, padding=np.int64(1), stride=np.int32(2), groups=np.uint8(1))
        assert_same(backend, y, [[[0, 2, 4]]], "int32")

    def test_one_pair_per_axis(self, backend):
        x = np.array([[1, 2], [3, 4]])
        arrays = backend.array(x, "int32"), backend.array([[1]], "int32")
        y = backend.functions.corr2d(*arrays, padding=((1, 0), (0, 2)))
        assert_same(backend, y, [[0, 0, 0, 0], [1, 2, 0, 0], [3, 4, 0, 0]], "int32")

    def test_one_int_per_axis_is_not_a_low_high_pair(self, backend):
        arrays = backend.array([[1, 2], [3, 4]], "int32"), backend.array([[1]], "int32")
        y = backend.functions.corr2d(*arrays, padding=(1, 0))
        assert_same(backend, y, [[0, 0], [1, 2], [3, 4], [0, 0]], "int32")
