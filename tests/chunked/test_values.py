"""Dask arrays in chunks of any sizes: the values are NumPy's own, bit for bit."""

import bounds
import numpy as np
import pytest
from chunking import assert_same_as_whole, computed, cuts, in_chunks
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import PADDING_MODES, configurations

import multiconv as mc

pytestmark = pytest.mark.slow  # so that dask is needed in the session with everything only

DTYPES = ("int8", "uint8", "int32", "int64", "bool")
CONV = {1: mc.conv1d, 2: mc.conv2d, 3: mc.conv3d}
TRANSPOSE = {1: mc.conv_transpose1d, 2: mc.conv_transpose2d, 3: mc.conv_transpose3d}


class TestIntegers:
    @given(configurations(DTYPES), st.data())
    def test_a_convolution(self, c, data):
        x, weight, bias = (None if a is None else a.astype(c.dtype) for a in c.operands())
        chunked = in_chunks(x, data.draw(cuts(x.shape)))
        y = CONV[c.axes](chunked, weight, bias, **c.geometry)
        assert_same_as_whole(y, CONV[c.axes](x, weight, bias, **c.geometry))

    @given(configurations(DTYPES), st.data())
    def test_the_gradient_of_the_input(self, c, data):
        grad, weight = (a.astype(c.dtype) for a in c.integers(c.y_shape, c.weight_shape))
        chunked = in_chunks(grad, data.draw(cuts(grad.shape)))
        dx = mc.conv_input_grad(chunked, weight, c.size, **c.geometry)
        assert_same_as_whole(dx, mc.conv_input_grad(grad, weight, c.size, **c.geometry))

    @given(configurations(DTYPES), st.data())
    def test_the_gradient_of_the_weight_of_two_arrays_that_are_cut_apart(self, c, data):
        x, grad = (a.astype(c.dtype) for a in c.integers(c.x_shape, c.y_shape))
        chunked = [in_chunks(a, data.draw(cuts(a.shape))) for a in (x, grad)]
        dw = mc.conv_weight_grad(*chunked, c.kernel, **c.geometry)
        assert_same_as_whole(dw, mc.conv_weight_grad(x, grad, c.kernel, **c.geometry))

    @given(configurations(DTYPES, modes=("zeros",)), st.data())
    def test_a_transposed_convolution(self, c, data):
        x, weight = (a.astype(c.dtype) for a in c.integers(c.y_shape, c.weight_shape))
        options = {name: v for name, v in c.geometry.items() if name != "padding_mode"}
        options["output_padding"] = data.draw(st.integers(0, 1))
        try:
            expected = TRANSPOSE[c.axes](x, weight, **options)
        except ValueError:
            assume(False)
        chunked = (in_chunks(a, data.draw(cuts(a.shape))) for a in (x, weight))
        assert_same_as_whole(TRANSPOSE[c.axes](*chunked, **options), expected)

    @given(configurations(("int32",), axes=2, batches=(0, 2)), st.data())
    def test_images_without_channels_and_their_gradients(self, c, data):
        x, k = c.integers((2, *c.size), c.kernel)
        options = {name: v for name, v in c.geometry.items() if name != "groups"}
        chunked = in_chunks(x, data.draw(cuts(x.shape)))
        y = mc.convolve2d(x, k, **options)
        assert_same_as_whole(mc.convolve2d(chunked, k, **options), y)
        dx = mc.conv_input_grad(y, k, c.size, **options)
        assert_same_as_whole(
            mc.conv_input_grad(in_chunks(y, data.draw(cuts(y.shape))), k, c.size, **options), dx
        )
        dw = mc.conv_weight_grad(x[0], y[0], c.kernel, **options)
        assert_same_as_whole(mc.conv_weight_grad(chunked[0], y[0], c.kernel, **options), dw)


class TestFloats:
    @given(configurations(("float32", "float64", "complex64"), axes=2), st.data())
    def test_direct_adds_up_an_image_in_the_order_of_the_whole(self, c, data):
        rng = np.random.default_rng(c.seed)
        x, k = (rng.normal(size=s).astype(c.dtype) for s in ((2, *c.size), c.kernel))
        options = {name: v for name, v in c.geometry.items() if name != "groups"}
        chunked = in_chunks(x, data.draw(cuts(x.shape)))
        y = mc.corr2d(chunked, k, method="direct", **options)
        assert_same_as_whole(y, mc.corr2d(x, k, method="direct", **options))

    @given(configurations(("float32", "float64", "complex64")), st.data())
    def test_direct_adds_up_channels_in_the_order_of_the_whole(self, c, data):
        rng = np.random.default_rng(c.seed)
        shapes = (c.x_shape, c.weight_shape, c.weight_shape[:1])
        x, weight, bias = (rng.normal(size=s).astype(c.dtype) for s in shapes)
        if c.dtype == "complex64":
            x, weight = x + 1j * x[..., ::-1], weight - 1j * weight[..., ::-1]
        options = {**c.geometry, "method": "direct"}
        y = CONV[c.axes](in_chunks(x, data.draw(cuts(x.shape))), weight, bias, **options)
        assert_same_as_whole(y, CONV[c.axes](x, weight, bias, **options))

    @pytest.mark.parametrize("filters", [1, 7])
    @pytest.mark.parametrize("groups", [1, 2])
    @pytest.mark.parametrize("chunks", [(1, -1, 30, 23), (3, 5, 61, 7)])
    def test_direct_mixes_many_channels_in_the_order_of_the_whole(self, filters, groups, chunks):
        rng = np.random.default_rng(filters)
        x = rng.normal(size=(3, 10 * groups, 61, 53)).astype("float32")
        weight = rng.normal(size=(filters * groups, 10, 3, 5)).astype("float32")
        options = {"groups": groups, "stride": (2, 1), "padding": 2, "method": "direct"}
        y = mc.conv2d(in_chunks(x, chunks), weight, **options)
        assert_same_as_whole(y, mc.conv2d(x, weight, **options))

    @pytest.mark.parametrize("method", ["direct", "im2col", "toeplitz", "folded", "auto"])
    def test_every_method_keeps_the_bound(self, method):
        @given(configurations(("float16", "float32", "float64"), batches=(None, 1, 2)), st.data())
        def check(c, data):
            rng = np.random.default_rng(c.seed)
            x, weight = (rng.normal(size=s).astype(c.dtype) for s in (c.x_shape, c.weight_shape))
            chunked = in_chunks(x, data.draw(cuts(x.shape)))
            y = CONV[c.axes](chunked, weight, method=method, **c.geometry)
            wide = computed(y).astype("float64")
            assert not bounds.elementwise_excess(wide, x, weight, None, c.dtype, **c.geometry)

        check()

    @pytest.mark.parametrize("mode", PADDING_MODES)
    def test_sums_of_16_bit_floats_are_rounded_once_across_the_blocks(self, mode):
        """Each term is at least 1/2048 of the sum: added in float16, every one would be lost."""
        x, grad = np.ones((1, 1, 64, 64), "float16"), np.ones((1, 1, 64, 64), "float16")
        options = {"padding": "same", "padding_mode": mode}
        dw = mc.conv_weight_grad(in_chunks(x, (1, 1, 7, 64)), grad, (3, 3), **options)
        expected = mc.conv_weight_grad(x, grad, (3, 3), **options)
        assert_same_as_whole(dw, expected)

    def test_a_number_that_is_not_finite_stays_in_its_window(self):
        x = np.ones((64, 64))
        x[40, 40] = np.inf
        y = mc.corr2d(in_chunks(x, (32, 32)), np.ones((3, 3)), method="folded")
        with np.errstate(invalid="ignore"):
            assert np.count_nonzero(np.isinf(computed(y))) == 9
