"""Exact sums under PyTorch's machinery: the bits are those of NumPy, and of each sum by itself."""

import backends_under_test
import numpy as np
import pytest
from rounded import found
from subprocesses import run_python, run_with_file
from transformed import OPTIONS, arrays, bias_grad, drawn, exact

import multiconv

pytestmark = pytest.mark.needs_backend("torch")

BACKEND = backends_under_test.Torch()
NUMPY = backends_under_test.NumPy()
SHAPES = ((2, 4, 5, 4), (6, 2, 3, 2), (6,))
Y_SHAPE = (2, 6, 3, 3)


@pytest.fixture
def torch():
    import torch

    torch.compiler.reset()
    yield torch
    torch.compiler.reset()


@pytest.fixture
def mc():
    return BACKEND.functions


def conv(x, weight, bias=None):
    return multiconv.conv2d(x, weight, bias, **OPTIONS, method="exact")


def assert_bits(result, expected):
    ours = found(BACKEND, result)
    kind = BACKEND if hasattr(expected, "detach") else NUMPY
    theirs = found(kind, expected)
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)


def by_numpy(x, weight, bias, cotangent):
    """The result and its three gradients."""
    functions = NUMPY.functions
    return (
        exact(functions, "conv2d", x, weight, bias, **OPTIONS),
        exact(functions, "conv_input_grad", cotangent, weight, (5, 4), **OPTIONS),
        exact(functions, "conv_weight_grad", x, cotangent, (3, 2), **OPTIONS),
        bias_grad(cotangent),
    )


def values_and_gradients(run, operands, cotangent):
    leaves = [operand.detach().requires_grad_() for operand in operands]
    y = run(*leaves)
    y.backward(cotangent)
    return y, *[leaf.grad for leaf in leaves]


class TestGradients:
    def check(self, run, arranged=lambda array: array):
        values, (cotangent,) = drawn(*SHAPES), drawn(Y_SHAPE, seed=2)
        operands = [arranged(a) for a in arrays(BACKEND, *values)]
        results = values_and_gradients(run, operands, *arrays(BACKEND, cotangent))
        for result, expected in zip(results, by_numpy(*values, cotangent), strict=True):
            assert_bits(result, expected)

    def test_eager(self, torch):
        self.check(conv)

    @pytest.mark.parametrize("dynamic", [None, True], ids=["static", "dynamic"])
    def test_compiled(self, torch, dynamic):
        self.check(torch.compile(conv, fullgraph=True, backend="aot_eager", dynamic=dynamic))

    @pytest.mark.slow
    def test_by_the_real_compiler(self):
        run_with_file(
            __file__,
            """
            import torch
            TestGradients().check(torch.compile(conv, fullgraph=True))
            """,
        )

    def test_any_order_of_memory(self, torch):
        def last(array):
            return array.movedim(1, -1).contiguous().movedim(-1, 1) if array.ndim > 1 else array

        self.check(conv, last)

    def test_any_number_of_threads(self, torch):
        before = torch.get_num_threads()
        try:
            for count in (1, 2):
                torch.set_num_threads(count)
                self.check(conv)
        finally:
            torch.set_num_threads(before)

    def test_inside_autocast(self, torch):
        with torch.autocast("cpu", torch.bfloat16):
            self.check(conv)

    def test_each_has_the_dtype_of_its_operand(self, torch, mc):
        x, weight = drawn((1, 2, 5), (3, 2, 2))
        (x,), (weight,) = arrays(BACKEND, x, dtype="bfloat16"), arrays(BACKEND, weight)
        (cotangent,) = arrays(BACKEND, *drawn((1, 3, 4), seed=2))
        _, dx, dw = values_and_gradients(
            lambda x, w: mc.conv1d(x, w, method="exact"), (x, weight), cotangent
        )
        wide = mc.conv_input_grad(cotangent.double(), weight, 5, method="exact")
        assert (dx.dtype, dw.dtype) == (torch.bfloat16, torch.float32)
        error = (dx.double() - wide).abs()
        assert bool((error <= wide.abs() * 2.0**-8 * (1 + 2.0**-40)).all())
        assert_bits(dw, mc.conv_weight_grad(x, cotangent, 2, method="exact"))

    def test_of_complex_numbers_are_conjugated_as_by_torch(self, torch, mc):
        (x, weight, cotangent) = (
            torch.complex(*arrays(BACKEND, *drawn(shape, shape, seed=seed)))
            for seed, shape in enumerate(((1, 2, 5), (3, 2, 2), (1, 3, 4)))
        )
        _, dx, dw = values_and_gradients(
            lambda x, w: mc.conv1d(x, w, method="exact"), (x, weight), cotangent
        )
        right = mc.conv_input_grad(cotangent, weight.conj(), 5, method="exact")
        assert_bits(torch.view_as_real(dx), torch.view_as_real(right))
        right = mc.conv_weight_grad(x.conj(), cotangent, 2, method="exact")
        assert_bits(torch.view_as_real(dw), torch.view_as_real(right))

        _, dx, _ = values_and_gradients(
            lambda x, w: mc.conv1d(x, w, method="exact"), (x.real.contiguous(), weight), cotangent
        )
        right = mc.conv_input_grad(cotangent, weight.conj(), 5, method="exact").real
        assert_bits(dx, right.contiguous())

    def test_of_gradients(self, torch, mc):
        """The derivative of dx in its two operands is the convolution, and the other gradient."""
        x, weight, bias = (a.requires_grad_() for a in arrays(BACKEND, *drawn(*SHAPES)))
        cotangent, change = arrays(BACKEND, *drawn(Y_SHAPE, SHAPES[0], seed=2))
        cotangent.requires_grad_()
        (dx,) = torch.autograd.grad(conv(x, weight, bias), x, cotangent, create_graph=True)
        to_weight, to_cotangent = torch.autograd.grad(dx, (weight, cotangent), change)
        assert_bits(to_cotangent, conv(change, weight))
        expected = mc.conv_weight_grad(change, cotangent, (3, 2), **OPTIONS, method="exact")
        assert_bits(to_weight, expected)

    def test_of_a_transposed_convolution(self, torch, mc):
        """With output_padding the convolution that it belongs to has more outputs."""
        x, weight = drawn((2, 2, 4), (2, 3, 3))
        options = {"stride": 2, "output_padding": 1, "padding": 1, "method": "exact"}
        y = mc.conv_transpose1d(*arrays(BACKEND, x, weight), **options)
        (cotangent,) = drawn(tuple(y.shape), seed=2)
        _, dx, dw = values_and_gradients(
            lambda *a: mc.conv_transpose1d(*a, **options),
            arrays(BACKEND, x, weight),
            *arrays(BACKEND, cotangent),
        )
        geometry = {"stride": 2, "padding": 1}
        whole = exact(NUMPY.functions, "conv1d", cotangent, weight, **geometry)
        assert_bits(dx, np.ascontiguousarray(whole[..., : x.shape[-1]]))
        filled = np.zeros((2, 2, whole.shape[-1]), np.float32)
        filled[..., : x.shape[-1]] = x
        right = exact(NUMPY.functions, "conv_weight_grad", cotangent, filled, 3, **geometry)
        assert_bits(dw, right)


class TestForwardMode:
    def test_two_products_are_rounded_once(self, torch, mc):
        """dx w is 1 + 2**-24 and x dw is 2**-40: the first alone rounds to 1, as 1 + x dw does."""
        x, dx = np.array([[[1], [0]]]), np.array([[[1], [2.0**-24]]])
        weight, dw = np.ones((1, 2, 1)), np.array([[[2.0**-40], [0]]])
        x, weight, dx, dw = arrays(BACKEND, x, weight, dx, dw)
        _, dy = torch.func.jvp(lambda *a: mc.conv1d(*a, method="exact"), (x, weight), (dx, dw))
        assert_bits(dy, np.full((1, 1, 1), 1 + 2.0**-23, np.float32))

    def test_dual_numbers(self, torch):
        from torch.autograd import forward_ad

        operands = arrays(BACKEND, *drawn(*SHAPES))
        tangents = arrays(BACKEND, *drawn(*SHAPES, seed=3))
        with forward_ad.dual_level():
            y = forward_ad.unpack_dual(conv(*map(forward_ad.make_dual, operands, tangents)))
        _, expected = torch.func.jvp(conv, tuple(operands), tuple(tangents))
        assert_bits(y.tangent, expected)
        assert_bits(y.primal, conv(*operands))

    def test_the_derivative_in_the_bias_is_the_bias(self, torch):
        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))
        _, dy = torch.func.jvp(lambda b: conv(x, weight, b), (bias,), (bias,))
        assert_bits(dy, bias[:, None, None].expand(Y_SHAPE).contiguous())

    def test_jacobians_agree(self, torch):
        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))

        def of_weight(weight):
            return conv(x, weight, bias)

        assert_bits(torch.func.jacrev(of_weight)(weight), torch.func.jacfwd(of_weight)(weight))

    def test_hessian(self, torch, mc):
        (image,) = arrays(BACKEND, np.arange(12).reshape(3, 4) % 5)

        def loss(k):
            return (mc.corr2d(image, k, method="exact") ** 2).sum()

        columns = mc.im2col(image, (2, 2)).numpy()
        hessian = torch.func.hessian(loss)(torch.ones(2, 2))
        assert np.array_equal(hessian.reshape(4, 4), 2 * columns @ columns.T)


class TestVmap:
    @pytest.mark.parametrize("axes", [(0, None, None), (None, 1, None), (0, 1, 0)], ids=str)
    def test_values_and_gradients_of_a_batch(self, torch, axes):
        single = arrays(BACKEND, *drawn(*SHAPES))
        many = [
            one if axis is None else torch.stack(arrays(BACKEND, *drawn(*[one.shape] * 3)), axis)
            for one, axis in zip(single, axes, strict=True)
        ]
        (cotangent,) = arrays(BACKEND, *drawn(Y_SHAPE, seed=2))

        def run(*operands):
            y, back = torch.func.vjp(conv, *operands)
            return y, *back(cotangent)

        results = torch.func.vmap(run, axes)(*many)
        for i in range(3):
            member = [
                a if axis is None else a.select(axis, i) for a, axis in zip(many, axes, strict=True)
            ]
            for result, expected in zip(results, run(*member), strict=True):
                assert_bits(result[i], expected)

    def test_of_another_and_inside_a_compiled_function(self, torch):
        x, weight, bias = arrays(BACKEND, *drawn((2, *SHAPES[0]), (3, *SHAPES[1]), SHAPES[2]))
        vmap = torch.func.vmap
        over_both = vmap(vmap(conv, (0, None, None)), (None, 0, None))
        expected = torch.stack([torch.stack([conv(a, w, bias) for a in x]) for w in weight])
        assert_bits(over_both(x, weight, bias), expected)

        compiled = torch.compile(vmap(conv, (0, None, None)), fullgraph=True, backend="eager")
        assert_bits(compiled(x, weight[0], bias), expected[0])


@pytest.mark.parametrize("face", ["multiconv", "multiconv.torch"])
def test_the_first_call_of_a_process_may_be_compiled(face):
    """The operator is not registered yet when the compiler reads along."""
    found_there = run_python(f"""
        import torch, {face} as mc
        run = torch.compile(
            lambda x, k: mc.corr2d(x, k, method="exact"), fullgraph=True, backend="eager"
        )
        x = torch.arange(9.0).reshape(3, 3)
        print(run(x, torch.tensor([[0.0, 1.0], [2.0, 3.0]])).tolist())
    """)
    assert found_there == "[[19.0, 25.0], [37.0, 43.0]]"


def test_a_call_that_nothing_compiles_does_not_load_the_compiler():
    """Which takes seconds."""
    found_there = run_python("""
        import sys, torch
        import multiconv as mc
        k = torch.ones(2, 2, requires_grad=True)
        mc.corr2d(torch.arange(9.0).reshape(3, 3), k, method="exact").sum().backward()
        print(k.grad.tolist(), "torch._dynamo" in sys.modules)
    """)
    assert found_there == "[[8.0, 12.0], [20.0, 24.0]] False"


class TestWithoutNumbers:
    def test_exported(self, torch):
        class Model(torch.nn.Module):
            def forward(self, x, weight, bias):
                return conv(x, weight, bias)

        operands = tuple(arrays(BACKEND, *drawn(*SHAPES)))
        program = torch.export.export(Model(), operands)
        assert "multiconv.exact_sum" in str(program.graph)
        assert_bits(program.module()(*operands), conv(*operands))

    def test_meta_and_fake_tensors_have_the_shape(self, torch):
        from torch._subclasses.fake_tensor import FakeTensorMode

        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))
        y = conv(x.to("meta"), weight.to("meta"), bias.to("meta"))
        assert (y.shape, y.dtype, y.device.type) == (Y_SHAPE, torch.float32, "meta")
        with FakeTensorMode() as mode:
            fake = conv(*map(mode.from_tensor, (x, weight, bias)))
        assert (fake.shape, fake.dtype) == (Y_SHAPE, torch.float32)

    def test_the_operator_keeps_the_rules_of_operators(self, torch):
        from multiconv.exact.torch import _operator

        x, weight, bias = (a.requires_grad_() for a in arrays(BACKEND, *drawn(*SHAPES)))
        described = ("y", (5, 4), (3, 2), (2, 1), (1, 2), (1, 1, 0, 1), "reflect", 2, (3, 3))
        torch.library.opcheck(_operator, (x, weight, bias, *described, "float32"))
