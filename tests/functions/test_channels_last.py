"""Channels behind the spatial axes, in functions and in layers."""

import numpy as np
import pytest
from comparing import assert_same, check_error
from strategies import BORDERS, configurations, for_all

import multiconv as mc


def last(images, axes):
    """(..., C, *spatial) -> (..., *spatial, C)."""
    return np.moveaxis(images, -1 - axes, -1)


def kernel_first(weight):
    """(O, C/groups, *kernel) -> (*kernel, C/groups, O)."""
    return np.moveaxis(weight, (0, 1), (-1, -2))


class TestFunctions:
    def test_they_are_what_they_are_with_channels_first(self, backend):
        @for_all(backend, configurations(("int32",), modes=BORDERS), times=0.5)
        def check(c):
            f, axes = backend.functions, c.axes
            x, weight, bias = c.operands()
            (grad,) = c.integers(c.y_shape)

            def own(array, order):
                return None if array is None else backend.array(order(array), "int32")

            def images(array):
                return own(array, lambda a: last(a, axes))

            def same(y, expected, what):
                assert_same(backend, y, expected, "int32", what)

            options, kernel = c.geometry, own(weight, kernel_first)
            plain = [a if a is None else a.astype("int32") for a in (x, weight, bias, grad)]
            x, weight, bias, grad = plain
            y = getattr(mc, f"conv{axes}d")(x, weight, bias, **options)
            added = None if bias is None else backend.array(bias, "int32")
            found = getattr(f, f"conv{axes}d")(
                images(x), kernel, added, **options, channels_last=True
            )
            same(found, last(y, axes), "conv")
            dx = mc.conv_input_grad(grad, weight, c.size, **options)
            for size in (c.size, last(dx, axes).shape):
                found = f.conv_input_grad(images(grad), kernel, size, **options, channels_last=True)
                same(found, last(dx, axes), "dx")
            dw = kernel_first(mc.conv_weight_grad(x, grad, c.kernel, **options))
            for size in (c.kernel, dw.shape):
                found = f.conv_weight_grad(
                    images(x), images(grad), size, **options, channels_last=True
                )
                same(found, dw, "dw")

    @pytest.mark.parametrize("axes", [1, 2, 3])
    def test_the_transposed_one_takes_the_weight_of_its_convolution(self, backend, axes):
        rng = np.random.default_rng(axes)
        x, weight = (
            rng.integers(-4, 5, (2, 4, *(3, 4, 2)[:axes])),
            rng.integers(-4, 5, (4, 3, *(2, 3, 2)[:axes])),
        )
        options = {"stride": 2, "padding": 1, "groups": 2}
        expected = getattr(mc, f"conv_transpose{axes}d")(
            x.astype("int32"), weight.astype("int32"), **options
        )
        arrays = backend.array(last(x, axes), "int32"), backend.array(kernel_first(weight), "int32")
        y = getattr(backend.functions, f"conv_transpose{axes}d")(
            *arrays, **options, channels_last=True
        )
        assert_same(backend, y, last(expected, axes), "int32")

    def test_an_error_says_which_axes_it_speaks_of(self, backend):
        x, weight = (
            backend.array(np.ones((5, 6, 2)), "int32"),
            backend.array(np.ones((3, 3, 4, 1)), "int32"),
        )
        with pytest.raises(ValueError, match=r"2 channels.*x is \(N, H, W, C\).*kw, C/groups, O\)"):
            backend.functions.conv2d(x, weight, channels_last=True)

    def test_a_method_that_refuses_says_why(self, backend):
        arrays = [backend.array(np.ones(s), "int32") for s in ((5, 6, 1), (2, 2, 1, 1))]
        with pytest.raises(ValueError, match="fft") as caught:
            backend.functions.conv2d(*arrays, channels_last=True, method="fft")
        assert type(caught.value).__name__ == "MethodRefusal"

    def test_it_is_true_or_false(self):
        with pytest.raises(TypeError, match="channels_last must be True or False, got 1"):
            mc.conv2d(np.ones((3, 3, 1)), np.ones((2, 2, 1, 1)), channels_last=1)

    def test_an_error_names_the_order_that_takes_torchs_weight(self):
        x, weight = np.ones((5, 6, 2)), np.ones((4, 2, 3, 3))
        with pytest.raises(ValueError, match=r"weight_order='OIHW' takes weight \(O, C/groups, kh"):
            mc.conv2d(x, weight, channels_last=True)
        y = mc.conv2d(x, weight, channels_last=True, weight_order="OIHW")
        assert y.shape == (3, 4, 4)


ORDERS = {1: ("OIW", "WIO"), 2: ("OIHW", "HWIO"), 3: ("OIDHW", "DHWIO")}


class TestWeightOrder:
    """Weights of either order beside images of either order."""

    @pytest.mark.parametrize(
        ("axes", "images_last"), [(1, False), (1, True), (2, False), (2, True), (3, False)]
    )
    def test_the_numbers_are_the_same(self, backend, axes, images_last):
        weights_last = not images_last
        rng = np.random.default_rng(axes)

        def drawn(*shape):
            return rng.integers(-4, 5, shape).astype("int32")

        size, kernel = (5, 4, 6)[:axes], (2, 3, 2)[:axes]
        x, weight, bias = drawn(2, 4, *size), drawn(6, 2, *kernel), drawn(6)
        options = {"stride": 2, "padding": 1, "groups": 2}
        functions = backend.functions
        conv, transposed = (f"{name}{axes}d" for name in ("conv", "conv_transpose"))
        y = getattr(mc, conv)(x, weight, bias, **options)
        grad = drawn(*y.shape)
        own = {"channels_last": images_last, "weight_order": ORDERS[axes][weights_last]} | options

        def images(array):
            return last(array, axes) if images_last else array

        def weights(array):
            return kernel_first(array) if weights_last else array

        def given(array):
            return backend.array(array, "int32")

        xs, ws, dys = given(images(x)), given(weights(weight)), given(images(grad))
        found = getattr(functions, conv)(xs, ws, given(bias), **own)
        assert_same(backend, found, images(y), "int32", "conv")
        found = getattr(functions, transposed)(dys, ws, **own)
        expected = getattr(mc, transposed)(grad, weight, **options)
        assert_same(backend, found, images(expected), "int32", "conv_transpose")
        dx = images(mc.conv_input_grad(grad, weight, size, **options))
        dw = weights(mc.conv_weight_grad(x, grad, kernel, **options))
        for whole in (size, dx.shape):
            found = functions.conv_input_grad(dys, ws, whole, **own)
            assert_same(backend, found, dx, "int32", "dx")
        for whole in (kernel, dw.shape):
            found = functions.conv_weight_grad(xs, dys, whole, **own)
            assert_same(backend, found, dw, "int32", "dw")
        plan = mc.plan(images(x), weights(weight), **own)
        assert plan.output_shape == images(y).shape

    def test_four_axes_have_a_star(self, backend):
        rng = np.random.default_rng(0)
        x, grad = rng.integers(-3, 4, (1, 2, 2, 3, 2, 3)), rng.integers(-3, 4, (1, 3, 1, 2, 1, 2))
        x, grad = x.astype("int32"), grad.astype("int32")
        expected = kernel_first(mc.conv_weight_grad(x, grad, (2, 2, 2, 2)))
        arrays = backend.array(x, "int32"), backend.array(grad, "int32")
        options = {"weight_order": "*IO", "method": "direct"}
        found = backend.functions.conv_weight_grad(*arrays, (2, 2, 2, 2), **options)
        assert_same(backend, found, expected, "int32")

    @pytest.mark.parametrize(
        ("order", "error", "words"),
        [
            ("WIO", ValueError, ["'OIHW', 'HWIO'", "'WIO'"]),
            ("hwio", ValueError, ["did you mean 'HWIO'"]),
            (True, TypeError, ["'HWIO'", "True"]),
        ],
    )
    def test_what_is_none(self, order, error, words):
        call = lambda: mc.conv2d(np.ones((1, 3, 3)), np.ones((2, 2, 1, 1)), weight_order=order)  # noqa: E731
        check_error(error, call, "weight_order", *words)

    def test_an_error_says_which_axes_it_speaks_of(self):
        call = lambda: mc.conv2d(np.ones((3, 4, 4)), np.ones((2, 2, 1, 5)), weight_order="HWIO")  # noqa: E731
        check_error(ValueError, call, "3 channels", "'HWIO' it takes weight (kh, kw, C/groups, O)")

    def test_other_names_of_it(self):
        call = lambda: mc.conv2d(np.ones((1, 3, 3)), np.ones((2, 2, 1, 1)), kernel_format="HWIO")  # noqa: E731
        check_error(TypeError, call, "did you mean weight_order")
