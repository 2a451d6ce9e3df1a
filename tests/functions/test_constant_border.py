"""A border of a number, or of one per channel."""

import functools

import numpy as np
import oracle
import pytest
from comparing import assert_same
from conventions import module
from strategies import share

import multiconv as mc

RNG = np.random.default_rng(3)
X, WEIGHT, BIAS = RNG.integers(0, 5, (2, 3, 5, 6)), RNG.integers(0, 4, (4, 3, 3, 2)), np.arange(4)
DTYPES = ("int32", "uint8", "float32", "complex64")
VALUES = (3, 3.0, np.int8(3), (1, 0, 2), [2, 2, 2])
OPTIONS = {"padding": ((1, 2), (0, 3)), "stride": (2, 1), "padding_mode": "constant"}


class TestNumbers:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(("number", "value"), list(enumerate(VALUES)))
    def test_every_method_sees_the_border(self, backend, dtype, number, value):
        expected = oracle.conv(X, WEIGHT, BIAS, **OPTIONS, padding_value=value)
        arrays = [backend.array(a, dtype) for a in (X, WEIGHT, BIAS)]
        case = number + DTYPES.index(dtype)
        for method in share(backend, backend.methods_for(dtype), case):
            call = functools.partial(backend.functions.conv2d, *arrays, **OPTIONS)
            y = call(padding_value=value, method=method)
            assert_same(backend, y, expected, dtype, method)

    def test_a_constant_zero_is_zeros(self, backend):
        arrays = backend.array(X, "int32"), backend.array(WEIGHT, "int32")
        options = OPTIONS | {"padding_mode": "zeros"}
        y = backend.functions.conv2d(*arrays, **OPTIONS)
        assert_same(backend, y, oracle.conv(X, WEIGHT, **options), "int32")
        assert mc.plan(*arrays, **OPTIONS).geometry.padding_mode == "zeros"

    def test_the_border_is_of_the_dtype_of_the_image(self, backend):
        """Not of the result's: a picture of bytes has a border of bytes."""
        x, weight = backend.array(X, "uint8"), backend.array(WEIGHT, "float32")
        y = backend.functions.conv2d(x, weight, **OPTIONS, padding_value=255)
        expected = oracle.conv(X, WEIGHT, **OPTIONS, padding_value=255)
        assert_same(backend, y, expected, "float32")
        with pytest.raises(ValueError, match=r"0 to 255.*uint8.*cast x to float32"):
            backend.functions.conv2d(x, weight, **OPTIONS, padding_value=0.5)

    @pytest.mark.parametrize("value", [10**30, 3.4028235e38, -3.4028235e38])
    def test_all_that_a_float_holds(self, backend, value):
        """Also what is written a little above the largest number, as its shortest digits are."""
        arrays = backend.array([[1.0]], "float32"), backend.array([[1.0, 0.0]], "float32")
        options = {"padding": ((0, 0), (1, 0)), "padding_mode": "constant"}
        y = backend.functions.corr2d(*arrays, **options, padding_value=value)
        assert np.array_equal(backend.to_numpy(y), [[np.float32(value)]])

    @pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
    def test_what_is_not_finite_stays_where_it_is(self, backend, value):
        x, k = np.ones((3, 4)), np.ones((1, 2))
        arrays = backend.array(x, "float32"), backend.array(k, "float32")
        options = {"padding": ((0, 0), (1, 0)), "padding_mode": "constant", "padding_value": value}
        expected = [[value + 1, 2, 2, 2]] * 3
        for method in ("auto", "direct", "im2col"):
            y = backend.functions.corr2d(*arrays, **options, method=method)
            assert np.array_equal(backend.to_numpy(y), expected, equal_nan=True), method


class TestArrays:
    @pytest.mark.parametrize("value", [np.array(3), np.array([1, 0, 2])])
    @pytest.mark.parametrize("dtype", ["int32", "float32"])
    def test_they_are_what_the_numbers_are(self, backend, dtype, value):
        arrays = [backend.array(a, dtype) for a in (X, WEIGHT, BIAS)]
        shown = backend.array(value, dtype)
        case = value.ndim + (dtype == "float32")
        for method in share(backend, backend.methods_for(dtype), case, of=2):
            call = functools.partial(backend.functions.conv2d, *arrays, **OPTIONS)
            y = call(padding_value=shown, method=method)
            expected = oracle.conv(X, WEIGHT, BIAS, **OPTIONS, padding_value=value)
            assert_same(backend, y, expected, dtype, method)

    def test_a_second_call_reads_the_new_numbers(self, backend):
        arrays = backend.array(X, "int32"), backend.array(WEIGHT, "int32")
        for value in (1, 2):
            shown = backend.array(np.array(value), "int32")
            y = backend.functions.conv2d(*arrays, **OPTIONS, padding_value=shown)
            expected = oracle.conv(X, WEIGHT, **OPTIONS, padding_value=value)
            assert_same(backend, y, expected, "int32")

    def test_gradients_flow_to_it(self, differentiable):
        """What an output has of it: the taps that lie on the border, of the channel."""
        backend = differentiable
        expected = [
            oracle.conv(X * 0, WEIGHT, **OPTIONS, padding_value=np.eye(3, dtype=int)[c]).sum()
            for c in range(3)
        ]
        x, weight, value = (backend.array(a, "float32") for a in (X, WEIGHT, np.array([1, 0, 2])))
        for method in backend.methods_for("float32"):
            if method == "fft":
                continue

            def total(value, method=method):
                options = OPTIONS | {"method": method}
                return mc.conv2d(x, weight, **options, padding_value=value).sum()

            if backend.name == "torch":
                leaf = value.clone().requires_grad_()
                found = module("torch").autograd.grad(total(leaf), leaf)[0]
            else:
                found = module("jax").jit(module("jax").grad(total))(value)
            assert backend.to_numpy(found).tolist() == expected, method


class TestOtherFunctions:
    def test_the_patch_matrix_has_the_border(self, backend):
        x = backend.array(X, "int32")
        options = {n: v for n, v in OPTIONS.items() if n != "stride"}
        cols = backend.functions.im2col(x, (3, 2), **options, padding_value=(1, 2, 3))
        y = WEIGHT.reshape(4, -1) @ backend.to_numpy(cols)
        expected = oracle.conv(X, WEIGHT, **options, padding_value=(1, 2, 3))
        assert np.array_equal(y.reshape(expected.shape), expected)

    def test_its_adjoint_leaves_the_border_out(self, backend):
        cols = backend.array(np.ones((4, 9)), "int32")
        sizes, zeros = ((2, 2), (2, 2)), {"padding": 1}
        plain = backend.functions.col2im(cols, *sizes, **zeros)
        constant = zeros | {"padding_mode": "constant", "padding_value": 5}
        for value in (5, backend.array(np.array(5), "int32")):
            found = backend.functions.col2im(cols, *sizes, **constant | {"padding_value": value})
            assert_same(backend, found, backend.to_numpy(plain), "int32")

    @pytest.mark.parametrize("value", [5, np.array(5), np.array([1, 2, 3])])
    def test_the_gradient_of_the_image_does_not_see_it(self, backend, value):
        mine = backend.array(value, "int32") if isinstance(value, np.ndarray) else value
        size, options = (5, 6), {"padding": 1, "stride": (1, 2)}
        grad = RNG.integers(-3, 4, (2, 4, *oracle.output_size(size, (3, 2), (1, 2), 1)))
        arrays = backend.array(grad, "int32"), backend.array(WEIGHT, "int32")
        expected = oracle.input_grad(grad, WEIGHT, size, **options)
        constant = options | {"padding_mode": "constant", "padding_value": mine}
        dx = backend.functions.conv_input_grad(*arrays, size, **constant)
        assert_same(backend, dx, expected, "int32")

    def test_the_gradient_of_the_weight_does(self, backend):
        value = np.array([1, 0, 2])
        y = oracle.conv(X, WEIGHT, **OPTIONS)
        arrays = backend.array(X, "int32"), backend.array(y, "int32")
        expected = oracle.weight_grad(X, y, (3, 2), **OPTIONS, padding_value=value)
        for mine in (tuple(value.tolist()), backend.array(value, "int32")):
            dw = backend.functions.conv_weight_grad(*arrays, (3, 2), **OPTIONS, padding_value=mine)
            assert_same(backend, dw, expected, "int32")

    def test_images_without_channels(self, backend):
        x, k = X[0], WEIGHT[0, 0]
        arrays = backend.array(x, "int32"), backend.array(k, "int32")
        y = backend.functions.convolve2d(*arrays, **OPTIONS, padding_value=7)
        assert_same(backend, y, oracle.convolve2d(x, k, **OPTIONS, padding_value=7), "int32")


class TestErrors:
    @pytest.mark.parametrize(
        ("value", "error", "parts"),
        [
            (300, ValueError, ("300", "0 to 255", "uint8", "cast x to int64")),
            (-1, ValueError, ("-1", "0 to 255")),
            (1j, ValueError, ("1j", "complex64")),
            ("7", TypeError, ("padding_value", "'7'", "number")),
            ((1, 2), ValueError, ("padding_value", "(3,)", "(2,)")),
            (np.ones((1, 3)), ValueError, ("padding_value", "(3,)", "(1, 3)")),
            (np.ones(3), TypeError, ("padding_value", "float64", "uint8", "cast")),
            (np.ones((), np.int16), TypeError, ("padding_value", "int16", "uint8")),
            (None, TypeError, ("padding_value", "None")),
        ],
    )
    def test_what_no_border_shows(self, value, error, parts):
        arrays = X.astype("uint8"), WEIGHT.astype("uint8")
        with pytest.raises(error) as caught:
            mc.conv2d(*arrays, **OPTIONS, padding_value=value)
        assert all(part in str(caught.value) for part in parts), caught.value

    @pytest.mark.parametrize("value", [1e39, -1e300, 10**40, (0, 1e50, 0)])
    def test_what_a_narrow_float_does_not_reach(self, backend, value):
        arrays = backend.array(X, "float32"), backend.array(WEIGHT, "float32")
        with pytest.raises(ValueError, match=r"padding_value=.*3\.4028234.*float32.*cast x"):
            backend.functions.conv2d(*arrays, **OPTIONS, padding_value=value)

    @pytest.mark.parametrize("value", [1, (0, 1), np.ones(())])
    def test_other_borders_show_no_number(self, value):
        with pytest.raises(ValueError, match=r"padding_mode='reflect'.*padding_mode='constant'"):
            mc.corr2d(X, WEIGHT[0, 0], padding=1, padding_mode="reflect", padding_value=value)

    def test_no_matrix_adds_a_constant(self):
        with pytest.raises(TypeError, match="no argument 'padding_value'"):
            mc.toeplitz_matrix(WEIGHT, (5, 6), padding_value=1)
