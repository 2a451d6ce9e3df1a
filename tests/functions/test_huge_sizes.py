"""Sizes that no memory holds: said in bytes, before a framework dies of them."""

import functools

import numpy as np
import oracle
import pytest
from comparing import assert_same, check_error


@pytest.fixture
def arrays(backend):
    return backend.array(np.ones((1, 1, 5)), "float32"), backend.array(
        np.ones((1, 1, 2)), "float32"
    )


class TestRefused:
    @pytest.mark.parametrize("exponent", [40, 62, 100])
    def test_padding(self, backend, arrays, exponent):
        call = functools.partial(backend.functions.conv1d, *arrays, padding=2**exponent)
        check_error(ValueError, call, "padding", "float32", "TiB" if exponent == 40 else "EiB")
        call = functools.partial(backend.functions.im2col, arrays[0], (2,), padding=2**exponent)
        check_error(ValueError, call, "padding", "array")

    def test_dilation(self, backend, arrays):
        call = functools.partial(backend.functions.conv1d, *arrays, dilation=10**30)
        check_error(ValueError, call, "dilation", str(10**30 + 1), "5")

    @pytest.mark.parametrize("option", ["stride", "dilation", "padding"])
    def test_a_transposed_convolution(self, backend, arrays, option):
        call = functools.partial(backend.functions.conv_transpose1d, *arrays, **{option: 2**62})
        check_error(ValueError, call, "array" if option != "padding" else "padding")

    def test_a_matrix_of_many_groups(self, backend):
        weight = backend.array(np.ones((128, 1, 3, 3)), "float32")
        call = functools.partial(
            backend.functions.toeplitz_matrix, weight, (128, 100, 100), groups=128
        )
        elements = (128 * 98**2) * (128 * 100**2)
        check_error(ValueError, call, "input_size", str(elements), "sparse=True")

    @pytest.mark.parametrize("exponent", [40, 63])
    def test_a_sparse_matrix(self, backend, exponent):
        weight = backend.array(np.ones((2, 2)), "float32")
        size = (2**exponent, 2**exponent)
        call = functools.partial(backend.functions.toeplitz_matrix, weight, size, sparse=True)
        check_error(ValueError, call, "array", "int64", "EiB")


class TestHarmless:
    """Numbers without end that move nothing."""

    def test_a_stride_beyond_the_image(self, backend, arrays):
        assert_same(backend, backend.functions.conv1d(*arrays, stride=2**62), [[[2]]], "float32")

    def test_the_dilation_of_a_single_tap(self, backend, arrays):
        x, weight = arrays
        y = backend.functions.conv1d(x, weight[:, :, :1], dilation=10**30)
        assert_same(backend, y, np.ones((1, 1, 5)), "float32")

    def test_the_stride_of_a_single_input(self, backend, arrays):
        x, weight = arrays
        for stride in (2**62, 2**63, 10**30):
            y = backend.functions.conv_transpose1d(x[:, :, :1], weight, stride=stride)
            assert_same(backend, y, [[[1, 1]]], "float32")

    def test_a_stride_about_what_a_single_input_reaches(self, backend, arrays):
        x, weight = arrays
        for stride in range(1, 9):
            options = {"stride": stride, "padding": 1, "dilation": 3}
            y = backend.functions.conv_transpose1d(x[:, :, :1], weight, **options)
            ones = np.ones((1, 1, 1), int), np.ones((1, 1, 2), int)
            assert_same(backend, y, oracle.conv_transpose(*ones, **options), "float32")


@pytest.mark.needs_backend("torch")
def test_the_meta_device_holds_any_size():
    import torch

    from multiconv import torch as mc

    x = torch.ones(1, 1, 1, 1, device="meta").expand(10**6, 64, 512, 512)
    y = mc.conv2d(x, torch.ones(64, 64, 3, 3, device="meta"))
    assert y.shape == (10**6, 64, 510, 510)


@pytest.mark.slow  # for the newest JAX only: old ones need a package more to export
@pytest.mark.needs_backend("jax")
def test_a_batch_of_any_size_is_exported():
    import jax
    import jax.export
    import jax.numpy as jnp

    from multiconv import jax as mc

    (n,) = jax.export.symbolic_shape("n")
    for method in ("auto", "native", "direct"):
        run = jax.jit(lambda x, m=method: mc.conv2d(x, jnp.ones((2, 1, 2, 2)), method=m))
        exported = jax.export.export(run)(jax.ShapeDtypeStruct((n, 1, 8, 8), jnp.float32))
        assert np.array_equal(exported.call(jnp.ones((3, 1, 8, 8))), np.full((3, 2, 7, 7), 4))
