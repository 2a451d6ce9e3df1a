"""Channels behind the spatial axes, in functions and in layers."""

import numpy as np
import pytest
from comparing import assert_same
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
