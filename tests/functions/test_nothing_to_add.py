"""Sums of no products: zeros of the right shape, through which zero gradients flow."""

import numpy as np
import pytest
from comparing import assert_same

from multiconv.methods.table import METHODS


def zeros(backend, *shape):
    return backend.array(np.zeros(shape), "float32")


@pytest.fixture(params=METHODS)
def method(request, backend):
    if request.param == "native" and not backend.native_dtypes:
        return "auto"
    return request.param


class TestAnAxisOfNoPixels:
    def test_a_border_makes_an_image_of_it(self, backend, method):
        arrays = zeros(backend, 1, 1, 0, 3), zeros(backend, 1, 1, 2, 2)
        y = backend.functions.conv2d(*arrays, None, 1, 1, method=method)
        assert_same(backend, y, np.zeros((1, 1, 1, 4)), "float32")

    def test_its_gradients(self, backend, method):
        f = backend.functions
        grad = zeros(backend, 1, 1, 1)
        dx = f.conv_input_grad(grad, zeros(backend, 1, 1, 2), (0,), padding=1, method=method)
        assert_same(backend, dx, np.zeros((1, 1, 0)), "float32")
        dw = f.conv_weight_grad(zeros(backend, 1, 1, 0), grad, (2,), padding=1, method=method)
        assert_same(backend, dw, np.zeros((1, 1, 2)), "float32")


class TestNoChannels:
    def test_their_gradients(self, backend, method):
        f = backend.functions
        grad, weight = zeros(backend, 1, 2, 4), zeros(backend, 2, 0, 2)
        dx = f.conv_input_grad(grad, weight, (5,), method=method)
        assert_same(backend, dx, np.zeros((1, 0, 5)), "float32")
        dw = f.conv_weight_grad(zeros(backend, 1, 0, 5), grad, (2,), method=method)
        assert_same(backend, dw, np.zeros((2, 0, 2)), "float32")


def test_taps_that_fall_on_the_border_alone(backend, method):
    x, weight = backend.array([[[5.0]]], "float32"), backend.array([[[7.0]]], "float32")
    y = backend.functions.conv_transpose1d(x, weight, None, 3, 1, 2, method=method)
    assert_same(backend, y, np.zeros((1, 1, 1)), "float32")


@pytest.mark.needs_backend("torch")
@pytest.mark.parametrize("method", METHODS)
class TestAutograd:
    CASES = (
        ("conv1d", (1, 1, 0), (2, 1, 2), {"padding": 1}),
        ("conv1d", (1, 0, 5), (2, 0, 3), {}),
        ("conv1d", (0, 2, 5), (2, 2, 3), {}),
        (
            "conv_transpose1d",
            (1, 1, 1),
            (1, 1, 1),
            {"stride": 3, "padding": 1, "output_padding": 2},
        ),
    )

    @pytest.mark.parametrize(("name", "x", "weight", "options"), CASES)
    def test_zero_gradients_come_back(self, method, name, x, weight, options):
        import torch

        from multiconv import torch as mc

        arrays = [torch.ones(shape, requires_grad=True) for shape in (x, weight)]
        getattr(mc, name)(*arrays, method=method, **options).sum().backward()
        for array in arrays:
            assert array.grad.shape == array.shape
            assert not array.grad.any()

    @pytest.mark.parametrize(("name", "x", "weight", "options"), CASES)
    def test_of_second_order(self, method, name, x, weight, options):
        import torch

        from multiconv import torch as mc

        arrays = [torch.ones(shape, requires_grad=True) for shape in (x, weight)]
        y = getattr(mc, name)(*arrays, method=method, **options).sum()
        first = torch.autograd.grad(y, arrays, create_graph=True)
        sum((gradient**2).sum() for gradient in first).backward()
        for array in arrays:
            assert array.grad is None or not array.grad.any()


@pytest.mark.needs_backend("jax")
def test_jax_differentiates_an_image_of_no_pixels():
    import jax
    import jax.numpy as jnp

    from multiconv import jax as mc

    dw = jax.grad(lambda w: mc.conv1d(jnp.ones((1, 1, 0)), w, padding=1).sum())(jnp.ones((2, 1, 2)))
    assert np.array_equal(dw, np.zeros((2, 1, 2)))
