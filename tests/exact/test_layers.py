"""Layers of the exact mode: outputs and gradients have the same bits on every backend."""

import backends_under_test
import numpy as np
import pytest
from rounded import found
from transformed import bias_grad, drawn

ARGUMENTS = {
    "kernel_size": (3, 2),
    "in_channels": 4,
    "out_channels": 6,
    "groups": 2,
    "stride": 2,
    "padding": 1,
    "padding_mode": "replicate",
    "method": "exact",
    "seed": 5,
}
NUMPY = backends_under_test.NumPy()


def by_numpy(layer, x, cotangent):
    y = layer(x)
    dx = layer.backward(cotangent(y.shape))
    return y, dx, layer.weight_grad, layer.bias_grad


def by_torch(layer, x, cotangent):
    import torch

    x = torch.from_numpy(x).requires_grad_()
    y = layer(x)
    y.backward(torch.from_numpy(cotangent(y.shape)))
    return y, x.grad, layer.weight.grad, layer.bias.grad


def by_jax(layer, x, cotangent):
    import jax

    y, back = jax.vjp(lambda layer, x: layer(x), layer, jax.numpy.asarray(x))
    gradients, dx = back(jax.numpy.asarray(cotangent(y.shape)))
    return y, dx, gradients.weight, gradients.bias


WAYS = {"numpy": by_numpy, "torch": by_torch, "jax": by_jax}
CHOSEN = [name for name in backends_under_test.CHOSEN if name in WAYS]


def cotangent(shape):
    return drawn(tuple(shape), seed=8)[0]


def bits(name, arrays):
    backend = backends_under_test.make(name)
    return [found(backend, array) for array in arrays]


@pytest.mark.parametrize("name", CHOSEN)
class TestEveryLayer:
    def test_with_channels(self, name):
        (x,) = drawn((2, 4, 6, 5))
        layers = [
            backends_under_test.make(each).functions.Conv2D(**ARGUMENTS) for each in ("numpy", name)
        ]
        expected = bits("numpy", by_numpy(layers[0], x, cotangent))
        for ours, right in zip(
            bits(name, WAYS[name](layers[1], x, cotangent)), expected, strict=True
        ):
            assert np.array_equal(ours, right)

    def test_transposed(self, name):
        (x,) = drawn((2, 4, 3, 2))
        arguments = {
            **{k: v for k, v in ARGUMENTS.items() if k != "padding_mode"},
            "output_padding": 1,
        }
        layers = [
            backends_under_test.make(each).functions.ConvTranspose2D(**arguments)
            for each in ("numpy", name)
        ]
        expected = bits("numpy", by_numpy(layers[0], x, cotangent))
        for ours, right in zip(
            bits(name, WAYS[name](layers[1], x, cotangent)), expected, strict=True
        ):
            assert np.array_equal(ours, right)

    def test_of_the_textbook(self, name):
        (x,) = drawn((3, 5, 4))
        layers = [
            backends_under_test.make(each).functions.Conv2D((2, 2), method="exact", seed=3)
            for each in ("numpy", name)
        ]
        expected = bits("numpy", by_numpy(layers[0], x, cotangent))
        for ours, right in zip(
            bits(name, WAYS[name](layers[1], x, cotangent)), expected, strict=True
        ):
            assert np.array_equal(ours, right)


class TestNumPyLayer:
    def layer(self, dtype="float32"):
        return NUMPY.functions.Conv2D(**ARGUMENTS, dtype=dtype)

    def test_the_gradient_of_the_bias_is_rounded_once(self):
        layer = self.layer()
        y = layer(drawn((2, 4, 6, 5))[0])
        dy = np.full(y.shape, 2.0**-30, np.float32)
        dy[0, :, 0, 0], dy[1, :, 0, 0] = 1, -1  # between them all others are lost but in one sum
        layer.backward(dy)
        assert np.array_equal(layer.bias_grad, bias_grad(dy))
        assert np.all(layer.bias_grad > 0)

    def test_one_image_is_a_batch_of_one(self):
        (x,) = drawn((4, 6, 5))
        one, batch = self.layer(), self.layer()
        dy = cotangent(one(x).shape)
        batch(x[None])
        assert np.array_equal(one.backward(dy), batch.backward(dy[None])[0])
        assert np.array_equal(one.weight_grad, batch.weight_grad)
        assert np.array_equal(one.bias_grad, batch.bias_grad)

    def test_a_gradient_that_underflows_keeps_its_sign(self):
        layer = NUMPY.functions.Conv1D(1, in_channels=1, out_channels=1, method="exact")
        layer(np.full((1, 1, 1), 2.0**-100, np.float32))
        layer.backward(np.full((1, 1, 1), -(2.0**-100), np.float32))
        assert np.signbit(layer.weight_grad).all()
        assert not layer.weight_grad.any()

    def test_gradients_add_up(self):
        layer = self.layer()
        (x,) = drawn((2, 4, 6, 5))
        dy = cotangent(layer(x).shape)
        layer.backward(dy)
        once = layer.weight_grad.copy(), layer.bias_grad.copy()
        layer.backward(dy)
        assert np.array_equal(layer.weight_grad, 2 * once[0])
        assert np.array_equal(layer.bias_grad, 2 * once[1])
