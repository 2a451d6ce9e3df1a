"""Where systems differ: each case with the values that this package promises."""

import backends_under_test
import numpy as np
import pytest
from comparing import assert_same


def run(backend, name, x, weight, dtype="int32", **options):
    function = getattr(backend.functions, name)
    return function(backend.array(x, dtype), backend.array(weight, dtype), **options)


IMPULSE = [[[0, 0, 1, 0, 0]]]


class TestAlignment:
    @pytest.mark.parametrize(
        ("padding", "expected"), [("same", [0, 2, 1, 0, 0]), ("same_lower", [0, 0, 2, 1, 0])]
    )
    def test_an_even_kernel(self, backend, padding, expected):
        for method in backend.methods_for("int32"):
            y = run(backend, "conv1d", IMPULSE, [[[1, 2]]], padding=padding, method=method)
            assert_same(backend, y, [[expected]], "int32", method)

    @pytest.mark.parametrize(
        ("padding", "expected"), [("same", [0, 1, 2, 0, 0]), ("same_lower", [0, 0, 1, 2, 0])]
    )
    def test_an_even_kernel_in_true_convolution(self, backend, padding, expected):
        y = run(backend, "convolve2d", IMPULSE[0], [[1, 2]], padding=padding)
        assert_same(backend, y, [expected], "int32")

    def test_same_lower_is_the_alignment_of_numpy_and_scipy(self, backend):
        x = np.array([1, 2, 3, 4])
        y = run(backend, "corr2d", x[None], x[None], padding="same_lower")
        assert_same(backend, y, [[11, 20, 30, 20]], "int32")
        assert np.correlate(x, x, "same").tolist() == [11, 20, 30, 20]

    def test_same_is_the_alignment_of_scipys_correlate2d(self, backend):
        x = np.array([1, 2, 3, 4])
        y = run(backend, "corr2d", x[None], x[None], padding="same")
        assert_same(backend, y, [[20, 30, 20, 11]], "int32")

    def test_same_with_a_stride(self, backend):
        x, weight = [[[0, 1, 2, 3, 4, 5]]], [[[1, 10, 100]]]
        for method in backend.methods_for("int32"):
            same = run(backend, "conv1d", x, weight, stride=2, padding="same", method=method)
            assert_same(backend, same, [[[210, 432, 54]]], "int32", method)
            ones = run(backend, "conv1d", x, weight, stride=2, padding=1, method=method)
            assert_same(backend, ones, [[[100, 321, 543]]], "int32", method)

    def test_transposed(self, backend):
        """Not flipped: torch's values, not those of lax.conv_transpose."""
        for method in backend.methods_for("int32"):
            y = run(
                backend,
                "conv_transpose1d",
                [[[1, 2, 3]]],
                [[[1, 10, 100]]],
                stride=2,
                method=method,
            )
            assert_same(backend, y, [[[1, 10, 102, 20, 203, 30, 300]]], "int32", method)

    def test_transposed_padding_is_that_of_the_convolution(self, backend):
        """Padding of the convolution is cut off the result of its adjoint."""
        y = run(
            backend, "conv_transpose1d", [[[1, 2, 3]]], [[[1, 10, 100]]], stride=2, padding=[(1, 2)]
        )
        assert_same(backend, y, [[[10, 102, 20, 203]]], "int32")

    def test_transposed_output_padding_is_at_the_end(self, backend):
        y = run(
            backend,
            "conv_transpose1d",
            [[[1, 2, 3]]],
            [[[1, 10, 100]]],
            stride=2,
            padding=1,
            output_padding=1,
        )
        assert_same(backend, y, [[[10, 102, 20, 203, 30, 300]]], "int32")

    def test_valid_never_swaps_the_operands(self, backend):
        with pytest.raises(ValueError, match="kernel"):
            run(backend, "corr2d", [[1, 2]], [[1, 2, 3]], padding="valid")

    def test_channels_are_summed_and_a_1x1_kernel_mixes_them(self, backend):
        x = np.arange(12).reshape(1, 3, 2, 2)
        weight = np.array([[1, 10, 100], [1, 0, -1]])[:, :, None, None]
        for method in backend.methods_for("int32"):
            y = run(backend, "conv2d", x, weight, method=method)
            expected = np.einsum("nchw,oc->nohw", x, weight[:, :, 0, 0])
            assert_same(backend, y, expected, "int32", method)


class TestEmptiness:
    @pytest.mark.parametrize("dtype", ["int32", "float32"])
    def test_an_empty_batch(self, backend, dtype):
        for method in backend.methods_for(dtype):
            y = run(
                backend,
                "conv2d",
                np.ones((0, 2, 4, 5)),
                np.ones((3, 2, 2, 2)),
                dtype,
                method=method,
            )
            assert_same(backend, y, np.ones((0, 3, 3, 4)), dtype, method)
            y = run(backend, "corr2d", np.ones((0, 4, 5)), np.ones((2, 2)), dtype, method=method)
            assert_same(backend, y, np.ones((0, 3, 4)), dtype, method)
            y = run(
                backend,
                "conv_transpose2d",
                np.ones((0, 2, 4, 5)),
                np.ones((2, 3, 2, 2)),
                dtype,
                method=method,
            )
            assert_same(backend, y, np.ones((0, 3, 5, 6)), dtype, method)

    def test_an_empty_batch_by_fft(self, backend):
        arrays = np.ones((0, 2, 4, 5)), np.ones((3, 2, 2, 2))
        y = run(backend, "conv2d", *arrays, "float32", method="fft")
        assert_same(backend, y, np.ones((0, 3, 3, 4)), "float32")

    @pytest.mark.parametrize("dtype", ["int32", "float32"])
    def test_zero_input_channels_give_zeros(self, backend, dtype):
        for method in backend.methods_for(dtype):
            y = run(
                backend,
                "conv2d",
                np.ones((1, 0, 3, 3)),
                np.ones((2, 0, 2, 2)),
                dtype,
                method=method,
            )
            assert_same(backend, y, np.zeros((1, 2, 2, 2)), dtype, method)

    def test_zero_input_channels_by_fft(self, backend):
        arrays = np.ones((1, 0, 3, 3)), np.ones((2, 0, 2, 2))
        y = run(backend, "conv2d", *arrays, "float32", method="fft")
        assert_same(backend, y, np.zeros((1, 2, 2, 2)), "float32")

    def test_zero_input_channels_and_a_bias_give_the_bias(self, backend):
        arrays = [
            backend.array(a, "float32")
            for a in (np.ones((1, 0, 3, 3)), np.ones((2, 0, 2, 2)), np.array([5, -7]))
        ]
        expected = np.zeros((1, 2, 2, 2)) + np.array([5, -7])[:, None, None]
        for method in backend.methods_for("float32"):
            y = backend.functions.conv2d(*arrays, method=method)
            assert_same(backend, y, expected, "float32", method)

    def test_the_weight_gradient_of_an_empty_batch_is_zero(self, backend):
        arrays = [backend.array(np.ones(s), "float32") for s in ((0, 2, 4), (0, 3, 3))]
        dw = backend.functions.conv_weight_grad(*arrays, (2,))
        assert_same(backend, dw, np.zeros((3, 2, 2)), "float32")


class TestNonFinite:
    def test_zero_times_infinity_is_nan(self, backend):
        x, k = [[np.inf, 1.0]], [[0.0, 1.0]]
        for method in backends_under_test.ELEMENTWISE:
            with np.errstate(invalid="ignore"):
                y = run(backend, "corr2d", x, k, "float32", method=method)
            assert np.isnan(backend.to_numpy(y)).all(), method

    def test_a_huge_neighbour_does_not_spoil_auto(self, backend):
        """The Fourier transform would lose the small values beside 1e20."""
        x = np.ones((64, 64))
        x[0, 0] = 1e20
        y = backend.to_numpy(run(backend, "corr2d", x, np.ones((3, 3)), "float32"))
        assert y[0, 0] == np.float32(1e20)
        assert np.array_equal(y[2:, 2:], np.full((60, 60), 9))
