"""``compat.keras.ops`` against ``keras.ops``, on the backend that Keras runs on."""

import os

import numpy as np
import pytest
from comparing import assert_same, check_error
from hypothesis import strategies as st
from strategies import for_all, one_or_each

from multiconv.compat.keras import ops as compat

pytestmark = pytest.mark.needs_library("keras")

FORMATS = (None, "channels_last", "channels_first")


def images(data, axes, channels):
    """A batch of small images of whole numbers, and the keyword of its layout."""
    size = [data.draw(st.integers(2, 6)) for _ in range(axes)]
    name = data.draw(st.sampled_from(FORMATS))
    shape = (2, channels, *size) if name == "channels_first" else (2, *size, channels)
    return np.arange(np.prod(shape)).reshape(shape) % 7 - 3, {"data_format": name}


def options(data, axes):
    """Strides or dilation, for Keras refuses both at once on some backends, and padding."""
    which = data.draw(st.sampled_from(("strides", "dilation_rate")))
    return {
        which: data.draw(one_or_each(axes, st.integers(1, 2)).map(as_tuple)),
        "padding": data.draw(st.sampled_from(("valid", "same"))),
    }


def as_tuple(value):
    return tuple(value) if isinstance(value, list) else value


def check(backend, name, arrays, keywords, dtype="float32"):
    from keras import ops

    theirs = [np.asarray(a, dtype) for a in arrays]
    own = [backend.array(a, dtype) for a in arrays]
    try:
        expected = ops.convert_to_numpy(getattr(ops, name)(*theirs, **keywords))
    except ValueError:
        with pytest.raises(ValueError, match=r"inputs|no output"):
            getattr(compat, name)(*own, **keywords)
        return
    assert_same(backend, getattr(compat, name)(*own, **keywords), expected, dtype)


class TestAgainstKeras:
    def test_convolutions_are_equal(self, backend):
        @for_all(backend, st.data())
        def _(data):
            axes, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
            x, keywords = images(data, axes, 2)
            kernel = [data.draw(st.integers(1, 3)) for _ in range(axes)]
            k = np.arange(np.prod(kernel) * (2 // groups) * 4) % 5 - 2
            k = k.reshape(*kernel, 2 // groups, 4)
            check(backend, "conv", (x, k), keywords | options(data, axes))

    def test_depthwise_and_separable_are_equal(self, backend):
        @for_all(backend, st.data())
        def _(data):
            axes = data.draw(st.integers(1, 2))
            x, keywords = images(data, axes, 2)
            kernel = [data.draw(st.integers(1, 2)) for _ in range(axes)]
            each = np.arange(np.prod(kernel) * 4).reshape(*kernel, 2, 2) % 5 - 2
            mix = np.arange(12).reshape(*[1] * axes, 4, 3) % 3
            given = keywords | options(data, axes)
            check(backend, "depthwise_conv", (x, each), given)
            check(backend, "separable_conv", (x, each, mix), given)

    @pytest.mark.skipif(
        os.environ.get("KERAS_BACKEND") != "jax", reason="Keras's torch backend clamps the sizes"
    )
    def test_transposed_convolutions_are_equal(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            axes = data.draw(st.integers(1, 2))
            x, keywords = images(data, axes, 2)
            kernel = [data.draw(st.integers(1, 4)) for _ in range(axes)]
            k = np.arange(np.prod(kernel) * 6).reshape(*kernel, 3, 2) % 5 - 2
            extra = data.draw(st.sampled_from((None, 0, 1)))
            strides = tuple(data.draw(st.integers(1, 3)) for _ in range(axes))
            if extra is not None and extra >= min(strides):
                extra = None
            padding = data.draw(st.sampled_from(("valid", "same")))
            # XLA aborts the process at some sizes where an axis has no pads, 2 taps and stride 2.
            if padding == "same" and axes == 2 and (2, 2) in zip(kernel, strides, strict=True):
                extra = None
            given = {"strides": strides, "output_padding": extra, "padding": padding}
            check(backend, "conv_transpose", (x, k), keywords | given, "int32")

    def test_the_image_takes_the_dtype_of_the_kernel(self, backend):
        x, k = np.array([[[1], [2]]]), np.array([[[0.5]]])
        y = compat.conv(backend.array(x, "int32"), backend.array(k, "float32"))
        assert_same(backend, y, [[[0.5], [1.0]]], "float32")


class TestErrors:
    def one(self, backend, *shapes):
        return [backend.array(np.ones(shape), "float32") for shape in shapes]

    def test_channels_that_no_groups_divide(self, backend):
        x, k = self.one(backend, (1, 4, 3), (2, 2, 1))
        check_error(ValueError, lambda: compat.conv(x, k), "inputs", 3, "kernel", 2)

    def test_no_output(self, backend):
        x, k = self.one(backend, (1, 2, 1), (3, 1, 1))
        check_error(ValueError, lambda: compat.conv(x, k), "no output", "same")

    def test_causal_padding(self, backend):
        x, k = self.one(backend, (1, 4, 1), (3, 1, 1))
        check_error(ValueError, lambda: compat.conv(x, k, padding="causal"), "padding", "causal")

    def test_an_unknown_format(self, backend):
        x, k = self.one(backend, (1, 4, 1), (3, 1, 1))
        check_error(
            ValueError, lambda: compat.conv(x, k, data_format="NHWC"), "data_format", "NHWC"
        )

    def test_filters_for_other_channels(self, backend):
        x, k = self.one(backend, (1, 4, 2), (3, 1, 1))
        check_error(ValueError, lambda: compat.depthwise_conv(x, k), "inputs", 2, "kernel", 1)
        check_error(ValueError, lambda: compat.conv_transpose(x, k), "inputs", 2, "kernel", 1)


class TestFrameworks:
    def test_gradients_flow(self, differentiable):
        x, k = np.arange(6).reshape(1, 6, 1), np.ones((2, 1, 1))
        if differentiable.name == "torch":
            k = differentiable.array(k, "float32").requires_grad_()
            compat.conv(differentiable.array(x, "float32"), k, strides=2).sum().backward()
            found = k.grad.ravel().tolist()
        else:
            import jax

            x = differentiable.array(x, "float32")
            grad = jax.jit(jax.grad(lambda k: compat.conv(x, k, strides=2).sum()))
            found = grad(differentiable.array(k, "float32")).ravel().tolist()
        assert found == [6, 9]
