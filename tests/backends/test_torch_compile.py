"""torch.compile takes our functions whole, and torch.export can write them down."""

import json

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same
from subprocesses import run_python

pytestmark = pytest.mark.needs_backend("torch")

METHODS = backends_under_test.NAMES_OF_METHODS
BACKEND = backends_under_test.Torch()


@pytest.fixture
def torch():
    import torch

    torch.compiler.reset()
    yield torch
    torch.compiler.reset()


@pytest.fixture
def mc():
    return BACKEND.functions


def operands(*shapes, dtype="float32", seed=21):
    rng = np.random.default_rng(seed)
    return [BACKEND.array(rng.integers(-3, 4, shape), dtype) for shape in shapes]


def exact(array):
    return BACKEND.to_numpy(array).astype(int)


def check(y, expected, method):
    if method == "fft":
        assert np.array_equal(np.round(BACKEND.to_numpy(y)), expected)
    else:
        assert_same(BACKEND, y, expected, "float32", method)


@pytest.mark.parametrize("method", METHODS)
class TestTheWholeGraph:
    def test_conv2d_and_its_gradients(self, torch, mc, method):
        options = {"stride": 2, "padding": "same", "dilation": (1, 2), "groups": 2}
        x, weight, bias = operands((2, 4, 6, 5), (4, 2, 3, 2), (4,))
        x.requires_grad_(), weight.requires_grad_()

        @torch.compile(fullgraph=True, backend="eager")
        def run(x, weight, bias):
            return mc.conv2d(x, weight, bias, **options, padding_mode="symmetric", method=method)

        y = run(x, weight, bias)
        arguments = options | {"padding_mode": "symmetric"}
        check(y.detach(), oracle.conv(*map(exact, (x, weight, bias)), **arguments), method)
        y.sum().backward()
        ones = np.ones(y.shape, int)
        dx = oracle.input_grad(ones, exact(weight), (6, 5), **arguments)
        dw = oracle.weight_grad(exact(x), ones, (3, 2), **arguments)
        check(x.grad, dx, method)
        check(weight.grad, dw, method)

    def test_corr2d(self, torch, mc, method):
        x, k = operands((5, 6), (2, 3))
        run = torch.compile(
            lambda x, k: mc.corr2d(x, k, padding=1, method=method),
            fullgraph=True,
            backend="eager",
        )
        check(run(x, k), oracle.corr2d(exact(x), exact(k), padding=1), method)

    def test_conv_transpose(self, torch, mc, method):
        x, weight = operands((2, 3, 4), (3, 2, 3))
        run = torch.compile(
            lambda x, w: mc.conv_transpose1d(x, w, stride=2, output_padding=1, method=method),
            fullgraph=True,
            backend="eager",
        )
        expected = oracle.conv_transpose(exact(x), exact(weight), stride=2, output_padding=1)
        check(run(x, weight), expected, method)

    def test_export(self, torch, mc, method):
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(operands((3, 2, 2, 2))[0])

            def forward(self, x):
                return mc.conv2d(x, self.weight, padding=1, method=method)

        model = Model()
        (x,) = operands((1, 2, 4, 5), seed=22)
        program = torch.export.export(model, (x,))
        y = program.module()(x).detach()
        check(y, oracle.conv(exact(x), exact(model.weight), padding=1), method)


@pytest.mark.parametrize("value", [2.5, [1, 2.0, 3], (1, 2, 3)])
def test_a_constant_border_around_open_channels(torch, mc, value):
    """Of one number or one per channel, where their count is open to the compiler."""
    x, weight = operands((2, 3, 4, 5), (4, 3, 2, 2))
    options = {"padding": 1, "padding_mode": "constant", "padding_value": value}
    run = torch.compile(
        lambda x, w: mc.conv2d(x, w, **options), fullgraph=True, backend="eager", dynamic=True
    )
    assert torch.equal(run(x, weight), mc.conv2d(x, weight, **options))


@pytest.mark.parametrize("face", ["multiconv", "multiconv.torch"])
@pytest.mark.parametrize("how", ["compile", "export"])
def test_the_first_call_of_a_process_may_be_compiled(face, how):
    """Nothing is left to be imported, looked up or remembered while the compiler reads along."""
    make = {
        "compile": "torch.compile(model, fullgraph=True, backend='eager')",
        "export": "torch.export.export(model, (x,)).module()",
    }[how]
    out = run_python(f"""
        import importlib, torch
        mc = importlib.import_module("{face}")
        class Model(torch.nn.Module):
            def forward(self, x):
                return mc.corr2d(x, torch.tensor([[0., 1.], [2., 3.]]))
        model, x = Model(), torch.arange(9.).reshape(3, 3)
        print({make}(x).tolist())
    """)
    assert out == "[[19.0, 25.0], [37.0, 43.0]]"


def test_through_the_top_level_functions(torch):
    import multiconv

    x, weight = operands((1, 2, 5), (2, 2, 3))
    run = torch.compile(multiconv.conv1d, fullgraph=True, backend="eager")
    check(run(x, weight), oracle.conv(exact(x), exact(weight)), "auto")


def test_matrices(torch, mc):
    x, k = operands((1, 2, 4, 5), (2, 2))
    columns = torch.compile(
        lambda x: mc.im2col(x, (2, 2), padding=1), fullgraph=True, backend="eager"
    )
    check(columns(x), oracle.im2col(exact(x), (2, 2), padding=1), "im2col")
    matrix = torch.compile(lambda k: mc.toeplitz_matrix(k, (3, 4)), fullgraph=True, backend="eager")
    check(matrix(k), oracle.toeplitz(exact(k)[None, None], (3, 4)), "toeplitz")


def test_sizes_that_change(torch, mc):
    """A second and a third size go through the same compiled function, with right values."""
    run = torch.compile(
        lambda x, w: mc.conv1d(x, w, stride=2, padding="same"), fullgraph=True, backend="eager"
    )
    for size in (5, 8, 11):
        x, weight = operands((2, 2, size), (3, 2, 3))
        expected = oracle.conv(exact(x), exact(weight), stride=2, padding="same")
        check(run(x, weight), expected, "auto")


@pytest.mark.parametrize("face", ["multiconv", "multiconv.torch"])
@pytest.mark.parametrize("method", ["auto", "direct"])
def test_the_first_call_of_a_process(face, method):
    """Nothing has been loaded, resolved or kept yet when the compiler reads along."""
    found = run_python(f"""
        import torch, {face} as mc
        run = torch.compile(
            lambda x, k: mc.corr2d(x, k, method="{method}"), fullgraph=True, backend="eager"
        )
        x = torch.arange(9.0).reshape(3, 3)
        print(run(x, torch.tensor([[0.0, 1.0], [2.0, 3.0]])).tolist())
    """)
    assert found == "[[19.0, 25.0], [37.0, 43.0]]"


@pytest.mark.slow
@pytest.mark.parametrize("method", [m for m in backends_under_test.EXACT if m != "loop"])
def test_inductor(method):
    """The real compiler, with gradients; needs a C++ compiler.

    In a process of its own, as `run_with_file` says why.
    """
    found = run_python(f"""
        import json, torch
        import multiconv as mc

        x = (torch.arange(2.0 * 4 * 6 * 5) % 7 - 3).reshape(2, 4, 6, 5)
        weight = (torch.arange(4.0 * 2 * 3 * 2) % 5 - 2).reshape(4, 2, 3, 2).requires_grad_()
        run = torch.compile(
            lambda x, w: mc.conv2d(x, w, padding=1, groups=2, method="{method}"), fullgraph=True
        )
        y = run(x, weight)
        y.sum().backward()
        print(json.dumps([y.tolist(), weight.grad.tolist()]))
    """)
    y, gradient = map(np.array, json.loads(found.splitlines()[-1]))
    x = (np.arange(2 * 4 * 6 * 5) % 7 - 3).reshape(2, 4, 6, 5)
    weight = (np.arange(4 * 2 * 3 * 2) % 5 - 2).reshape(4, 2, 3, 2)
    assert np.array_equal(y, oracle.conv(x, weight, padding=1, groups=2))
    ones = np.ones(y.shape, int)
    assert np.array_equal(gradient, oracle.weight_grad(x, ones, (3, 2), padding=1, groups=2))
