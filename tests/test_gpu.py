"""The same exactness on a GPU, where the results must stay.

Every test here needs a device; where there is none, it is skipped with the reason.
"""

import backends_under_test
import bounds
import numpy as np
import oracle
import pytest
from comparing import assert_same
from strategies import PADDING_MODES, configurations, for_all

pytestmark = pytest.mark.gpu

METHODS = backends_under_test.ELEMENTWISE


def torch_on_gpu():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch.cuda.is_available() is False: no CUDA device for torch")
    return backends_under_test.Torch("cuda")


def jax_on_gpu():
    import jax

    try:
        jax.devices("gpu")
    except RuntimeError as error:
        pytest.skip(f"JAX has no GPU: {error}")
    return backends_under_test.Jax("gpu")


CHOICES = [name for name in ("torch", "jax") if name in backends_under_test.CHOSEN]


@pytest.fixture(params=CHOICES)
def gpu(request):
    return {"torch": torch_on_gpu, "jax": jax_on_gpu}[request.param]()


def methods_for(dtype):
    integer = dtype == "bool" or "int" in dtype
    return METHODS if integer else (*METHODS, "native")


def test_conv_is_exact_on_small_integers_by_every_method(gpu):
    @for_all(gpu, configurations(gpu.dtypes))
    def check(c):
        x, weight, bias = c.operands()
        expected = oracle.conv(x, weight, bias, **c.geometry)
        conv = getattr(gpu.functions, f"conv{c.axes}d")
        with gpu.wide(c.dtype):
            dtype = gpu.default_integer if c.dtype == "bool" else c.dtype
            arrays = [gpu.array(x, c.dtype), gpu.array(weight, c.dtype)]
            arrays += [] if bias is None else [gpu.array(bias, dtype)]
            for method in methods_for(c.dtype):
                y = conv(*arrays, **c.geometry, method=method)
                assert_same(gpu, y, expected, dtype, method)


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_the_gradients_are_exact_on_small_integers(gpu, mode):
    rng = np.random.default_rng(50)
    options = {"stride": (2, 1), "padding": 2, "groups": 2, "padding_mode": mode}
    x, weight = rng.integers(-3, 4, (2, 4, 6, 5)), rng.integers(-3, 4, (4, 2, 3, 2))
    grad = rng.integers(-3, 4, oracle.conv(x, weight, **options).shape)
    arrays = [gpu.array(a, "float32") for a in (x, weight, grad)]
    dx = gpu.functions.conv_input_grad(arrays[2], arrays[1], (6, 5), **options)
    dw = gpu.functions.conv_weight_grad(arrays[0], arrays[2], (3, 2), **options)
    assert_same(gpu, dx, oracle.input_grad(grad, weight, (6, 5), **options), "float32")
    assert_same(gpu, dw, oracle.weight_grad(x, grad, (3, 2), **options), "float32")


@pytest.mark.parametrize("method", [*METHODS[1:], "native"])
def test_full_precision_is_used(gpu, method):
    """TF32 keeps 11 bits of each factor, and would miss this limit a hundredfold."""
    rng = np.random.default_rng(51)
    x = rng.standard_normal((1, 64, 9, 9)).astype(np.float32)
    weight = rng.standard_normal((8, 64, 3, 3)).astype(np.float32)
    y = gpu.functions.conv2d(gpu.array(x), gpu.array(weight), method=method)
    exact = oracle.conv(x.astype(float), weight.astype(float))
    size = oracle.conv(abs(x).astype(float), abs(weight).astype(float))
    limit = 2 * np.sqrt(64 * 9) * float(bounds.ROUNDOFF["float32"]) * size
    assert (abs(gpu.to_numpy(y) - exact) <= limit).all()


def test_fft_keeps_its_bound(gpu):
    rng = np.random.default_rng(52)
    x = rng.standard_normal((2, 3, 40, 50)).astype(np.float32)
    weight = rng.standard_normal((4, 3, 7, 7)).astype(np.float32)
    y = gpu.functions.conv2d(gpu.array(x), gpu.array(weight), method="fft")
    assert gpu.is_native_array(y)
    exact = oracle.conv(x.astype(float), weight.astype(float))
    limit = bounds.fft_bound(x.astype(float), weight.astype(float), "float32")
    assert (abs(gpu.to_numpy(y) - exact) <= limit).all()


def test_integers_that_no_float_can_hold(gpu):
    with gpu.wide("int64"):
        arrays = gpu.array([[2**62 + 1]], "int64"), gpu.array([[1]], "int64")
        for method in METHODS:
            y = gpu.functions.corr2d(*arrays, method=method)
            assert int(gpu.to_numpy(y)[0, 0]) == 2**62 + 1, method


def test_matrices_stay_on_the_device(gpu):
    x, k = np.arange(20).reshape(4, 5), np.arange(4).reshape(2, 2)
    columns = gpu.functions.im2col(gpu.array(x, "float32"), (2, 2))
    assert_same(gpu, columns, oracle.im2col(x[None, None], (2, 2))[0], "float32")
    matrix = gpu.functions.toeplitz_matrix(gpu.array(k, "float32"), (4, 5))
    assert_same(gpu, matrix, oracle.toeplitz(k[None, None], (4, 5)), "float32")


@pytest.mark.needs_backend("torch")
def test_arrays_on_two_devices_are_an_error_that_names_them():
    gpu = torch_on_gpu()
    import torch

    with pytest.raises(ValueError, match="cuda") as caught:
        gpu.functions.corr2d(gpu.array(np.ones((3, 3)), "float32"), torch.ones(2, 2))
    assert "cpu" in str(caught.value)
