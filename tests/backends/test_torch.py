"""PyTorch's own machinery keeps working: derivatives, transforms, the meta device."""

import functools
import warnings

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same

pytestmark = pytest.mark.needs_backend("torch")

METHODS = backends_under_test.NAMES_OF_METHODS
EXACT = backends_under_test.EXACT
BACKEND = backends_under_test.Torch()


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def mc():
    return BACKEND.functions


def operands(*shapes, dtype="float64", seed=20):
    rng = np.random.default_rng(seed)
    return [BACKEND.array(rng.integers(-3, 4, shape), dtype) for shape in shapes]


OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@pytest.mark.parametrize("method", METHODS)
class TestDerivatives:
    @pytest.mark.parametrize(("dtype", "mode"), [("float64", "reflect"), ("complex128", "zeros")])
    def test_gradcheck_of_first_and_second_order(self, torch, mc, method, dtype, mode):
        generator = torch.Generator().manual_seed(0)
        arrays = [
            torch.randn(s, dtype=getattr(torch, dtype), generator=generator).requires_grad_()
            for s in ((1, 2, 3, 4), (2, 1, 2, 2), (2,))
        ]

        def run(x, weight, bias):
            return mc.conv2d(x, weight, bias, **OPTIONS, padding_mode=mode, method=method)

        assert torch.autograd.gradcheck(run, arrays, fast_mode=True)
        assert torch.autograd.gradgradcheck(run, arrays, fast_mode=True)

    def test_gradcheck_of_the_transposed_convolution(self, torch, mc, method):
        generator = torch.Generator().manual_seed(0)
        arrays = [
            torch.randn(s, dtype=torch.float64, generator=generator).requires_grad_()
            for s in ((1, 2, 3, 2), (2, 1, 2, 2), (2,))
        ]

        def run(x, weight, bias):
            return mc.conv_transpose2d(
                x, weight, bias, stride=2, output_padding=(1, 0), groups=2, method=method
            )

        assert torch.autograd.gradcheck(run, arrays, fast_mode=True)
        assert torch.autograd.gradgradcheck(run, arrays, fast_mode=True)

    @pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
    def test_forward_mode(self, torch, mc, method):
        x, weight, dx, dw = operands((2, 4, 6), (4, 2, 3), (2, 4, 6), (4, 2, 3))

        def run(x, weight):
            return mc.conv1d(x, weight, groups=2, padding=1, method=method)

        y, dy = torch.func.jvp(run, (x, weight), (dx, dw))
        expected = run(dx, weight) + run(x, dw)
        if method == "fft":
            limit = 64 * float(np.finfo(float).eps) * float(abs(x).sum() * abs(weight).sum())
            assert float(abs(dy - expected).max()) <= limit
        else:
            assert torch.equal(dy, expected)
            assert torch.equal(y, run(x, weight))

    def test_torch_func_grad(self, torch, mc, method):
        x, weight, cotangent = operands((2, 4, 6), (4, 2, 3), (2, 4, 6))

        def loss(weight):
            return (mc.conv1d(x, weight, groups=2, padding=1, method=method) * cotangent).sum()

        dw = torch.func.grad(loss)(weight)
        expected = oracle.weight_grad(
            *(BACKEND.to_numpy(a).astype(int) for a in (x, cotangent)), (3,), 1, 1, 1, 2
        )
        assert np.array_equal(np.round(dw.numpy()), expected)

    def test_vmap_over_images_and_over_kernels(self, torch, mc, method):
        x, weight = operands((3, 2, 5, 6), (3, 4, 2, 3, 2))

        def run(x, weight):
            return mc.conv2d(x, weight, padding=1, method=method)

        both = torch.func.vmap(run)(x, weight)
        images = torch.func.vmap(run, in_dims=(0, None))(x, weight[0])
        kernels = torch.func.vmap(run, in_dims=(None, 0))(x[0], weight)
        x, weight = (BACKEND.to_numpy(a).astype(int) for a in (x, weight))
        for found, pairs in (
            (both, zip(x, weight, strict=True)),
            (images, ((a, weight[0]) for a in x)),
            (kernels, ((x[0], w) for w in weight)),
        ):
            expected = np.stack([oracle.conv(a, w, padding=1) for a, w in pairs])
            assert np.array_equal(np.round(found.numpy()), expected)

    def test_per_sample_gradients(self, torch, mc, method):
        x, weight = operands((3, 2, 5), (2, 2, 3))

        def loss(weight, x):
            return mc.conv1d(x, weight, method=method).sum()

        found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weight, x)
        ones = np.ones((1, 2, 3), int)
        expected = [oracle.weight_grad(a[None].numpy().astype(int), ones, (3,)) for a in x]
        assert np.array_equal(np.round(found.numpy()), np.stack(expected))

    def test_the_meta_device_gives_shape_and_dtype(self, torch, mc, method):
        x = torch.empty(2, 4, 50, 70, device="meta", dtype=torch.float16)
        weight = torch.empty(6, 2, 3, 2, device="meta", dtype=torch.float32)
        if method == "loop":
            x = x[..., :8, :9]
        y = mc.conv2d(x, weight, **OPTIONS, method=method)
        expected = oracle.output_size(x.shape[2:], (3, 2), (2, 1), OPTIONS["padding"], (1, 2))
        assert (y.shape, y.dtype, y.device.type) == ((2, 6, *expected), torch.float32, "meta")


class TestRequiresGrad:
    def test_it_is_kept_where_asked_for(self, torch, mc):
        x, weight = operands((1, 1, 5), (1, 1, 2))
        assert not mc.conv1d(x, weight).requires_grad
        assert mc.conv1d(x.clone().requires_grad_(), weight).requires_grad
        assert mc.conv1d(x, weight.clone().requires_grad_()).requires_grad
        with torch.no_grad():
            assert not mc.conv1d(x, weight.clone().requires_grad_()).requires_grad

    def test_the_inputs_keep_theirs(self, torch, mc):
        x, weight = operands((1, 1, 5), (1, 1, 2), dtype="float32")
        x.requires_grad_()
        mc.conv1d(x, weight.double()).sum().backward()
        assert x.requires_grad
        assert x.grad.dtype == torch.float32
        assert not weight.requires_grad

    def test_parameters_learn(self, torch, mc):
        parameter = torch.nn.Parameter(torch.zeros(1, 2))
        x = BACKEND.array(np.arange(12).reshape(3, 4) % 5, "float32")
        y = mc.corr2d(x, parameter)
        assert type(y) is torch.Tensor
        ((y - 1) ** 2).sum().backward()
        columns = oracle.im2col(BACKEND.to_numpy(x)[None, None].astype(int), (1, 2))[0]
        assert parameter.grad.tolist() == [(-2 * columns.sum(1)).tolist()]

    def test_a_mixed_dtype_gradient_has_the_dtype_of_its_input(self, torch, mc):
        x, weight = operands((1, 1, 5), (1, 1, 2), dtype="float16")
        x.requires_grad_()
        weight = weight.to(torch.bfloat16).requires_grad_()
        mc.conv1d(x, weight).sum().backward()
        assert (x.grad.dtype, weight.grad.dtype) == (torch.float16, torch.bfloat16)

    def test_autocast_does_not_change_the_dtype(self, torch, mc):
        x, weight = operands((1, 1, 5), (1, 1, 2), dtype="float32")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for method in EXACT:
                assert mc.conv1d(x, weight, method=method).dtype == torch.float32, method

    @pytest.mark.parametrize("method", EXACT)
    def test_autocast_does_not_narrow_the_gradients(self, torch, mc, method):
        """Integers beyond the eight bits of bfloat16 come back exactly."""
        rng = np.random.default_rng(7)
        numbers = rng.integers(-300, 301, (2, 2, 6)), rng.integers(-300, 301, (4, 2, 3))
        for compiled in (False, True) if method != "loop" else (False,):
            x, weight = (torch.tensor(a, dtype=torch.float32).requires_grad_() for a in numbers)
            run = functools.partial(mc.conv1d, method=method)
            if compiled:
                torch.compiler.reset()
                run = torch.compile(run, fullgraph=True, backend="aot_eager")
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y = run(x, weight)
                y.backward(torch.full_like(y, 3.0))
            grad = np.full(y.shape, 3)
            assert_same(BACKEND, x.grad, oracle.input_grad(grad, numbers[1], (6,)), "float32")
            assert_same(BACKEND, weight.grad, oracle.weight_grad(numbers[0], grad, (3,)), "float32")

    def test_second_derivatives_of_integers_are_exact(self, torch, mc):
        x, weight, grad = operands((2, 2, 5), (2, 2, 3), (2, 2, 3))
        x.requires_grad_(), weight.requires_grad_(), grad.requires_grad_()
        (dx,) = torch.autograd.grad(mc.conv1d(x, weight), x, grad, create_graph=True)
        (dw,) = torch.autograd.grad(dx.sum(), weight, create_graph=True)
        expected = oracle.weight_grad(
            np.ones((2, 2, 5), int), BACKEND.to_numpy(grad).astype(int), (3,)
        )
        assert_same(BACKEND, dw.detach(), expected, "float64")


class TestInferenceMode:
    @pytest.mark.parametrize("method", METHODS)
    def test_it_works(self, torch, mc, method):
        x, weight = operands((1, 2, 5, 6), (2, 2, 3, 2))
        with torch.inference_mode():
            y = mc.conv2d(x, weight, method=method)
        exact = oracle.conv(*(BACKEND.to_numpy(a).astype(int) for a in (x, weight)))
        assert np.array_equal(np.round(y.numpy()), exact)


class TestPrograms:
    @pytest.mark.parametrize("method", [m for m in METHODS if m != "loop"])
    def test_a_traced_program(self, torch, mc, method):
        x, k = operands((6, 7), (3, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated, and traces constants
            program = torch.jit.trace(lambda x, k: mc.corr2d(x, k, method=method), (x, k))
        y = program(x + 1, k)
        expected = oracle.corr2d(*(BACKEND.to_numpy(a).astype(int) for a in (x + 1, k)))
        assert np.array_equal(np.round(y.numpy()) if method == "fft" else y.numpy(), expected)

    @pytest.mark.parametrize("method", ["auto", "native", "im2col", "direct", "fft"])
    @pytest.mark.parametrize("padding", [0, 1, "same", "full"])
    def test_an_exported_program_of_two_open_axes(self, torch, mc, method, padding):
        weight = operands((2, 1, 3, 3))[0]

        class Filter(torch.nn.Module):
            def forward(self, x):
                return mc.conv2d(x, weight, padding=padding, method=method)

        axes = {0: "n", 2: "h", 3: "w"}
        sizes = {i: torch.export.Dim(name, min=5, max=512) for i, name in axes.items()}
        (x,) = operands((6, 1, 9, 12))
        program = torch.export.export(Filter(), (x,), dynamic_shapes={"x": sizes}).module()
        for shape in ((5, 1, 5, 5), (6, 1, 20, 7)):
            (x,) = operands(shape)
            found = np.round(program(x).numpy())
            expected = oracle.conv(
                *(BACKEND.to_numpy(a).astype(int) for a in (x, weight)), padding=padding
            )
            assert np.array_equal(found, expected)

    def test_a_sparse_matrix_is_where_its_weight_is(self, torch, mc):
        weight = torch.ones(2, 2, device="cpu")
        with torch.device("meta"):
            assert mc.toeplitz_matrix(weight, (3, 3), sparse=True).device.type == "cpu"
