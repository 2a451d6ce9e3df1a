"""Convolutions that ask for float32, made to do so where there is no CUDA."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same

pytestmark = pytest.mark.needs_backend("torch")

BACKEND = backends_under_test.Torch()
OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@pytest.fixture
def torch(monkeypatch):
    import torch

    from multiconv.backends.ieee import torch as ieee
    from multiconv.backends.native import torch as native

    raw = ieee._raw
    asked = []

    def counted(*arguments):
        asked.append(arguments)
        return raw(*arguments)

    monkeypatch.setattr(native, "rounds_products", lambda kind, operation: operation == "conv")
    monkeypatch.setattr(native, "can_ask", lambda kind: True)
    monkeypatch.setattr(ieee, "_raw", counted)
    torch.compiler.reset()
    yield torch
    torch.compiler.reset()
    assert asked, "nothing asked for float32"


@pytest.fixture
def mc():
    return BACKEND.functions


def numbers(*shapes, seed=5):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, shape) for shape in shapes]


def tensors(*shapes, seed=5):
    return [BACKEND.array(a, "float32") for a in numbers(*shapes, seed=seed)]


def exact(tensor):
    return BACKEND.to_numpy(tensor).astype(int)


def test_values_and_both_gradients(torch, mc):
    x, weight, bias = tensors((2, 4, 6, 9), (4, 2, 3, 2), (4,))
    x.requires_grad_(), weight.requires_grad_()
    y = mc.conv2d(x, weight, bias, **OPTIONS, method="native")
    assert_same(
        BACKEND, y.detach(), oracle.conv(*map(exact, (x, weight, bias)), **OPTIONS), "float32"
    )
    grad = tensors(tuple(y.shape), seed=6)[0]
    y.backward(grad)
    dx = oracle.input_grad(exact(grad), exact(weight), (6, 9), **OPTIONS)
    dw = oracle.weight_grad(exact(x), exact(grad), (3, 2), **OPTIONS)
    assert_same(BACKEND, x.grad, dx, "float32")
    assert_same(BACKEND, weight.grad, dw, "float32")
    with torch.no_grad():
        found = mc.conv_input_grad(grad, weight, (6, 9), **OPTIONS, method="native")
        assert_same(BACKEND, found, dx, "float32")
        found = mc.conv_weight_grad(x, grad, (3, 2), **OPTIONS, method="native")
        assert_same(BACKEND, found, dw, "float32")


def test_the_transposed_convolution(torch, mc):
    x, weight, grad = tensors((2, 4, 5), (4, 1, 3), (2, 2, 12))
    x.requires_grad_(), weight.requires_grad_()
    options = {"stride": 2, "output_padding": 1, "groups": 2}
    y = mc.conv_transpose1d(x, weight, **options, method="native")
    expected = oracle.conv_transpose(exact(x), exact(weight), **options)
    assert_same(BACKEND, y.detach(), expected, "float32")
    y.backward(grad)
    dx = oracle.conv(exact(grad), exact(weight), stride=2, groups=2)
    dw = oracle.weight_grad(exact(grad), exact(x), (3,), stride=2, groups=2)
    assert_same(BACKEND, x.grad, dx, "float32")
    assert_same(BACKEND, weight.grad, dw, "float32")


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_derivatives_of_every_order_ask_too(torch, mc):
    x, weight = tensors((1, 2, 6), (2, 2, 3))
    dx, dw = tensors((1, 2, 6), (2, 2, 3), seed=7)

    def run(x, weight):
        return mc.conv1d(x, weight, padding=1, method="native")

    def loss(x, weight):
        return (run(x, weight) ** 2).sum()

    _, dy = torch.func.jvp(run, (x, weight), (dx, dw))
    plain = torch.nn.functional.conv1d
    assert torch.equal(dy, plain(dx, weight, padding=1) + plain(x, dw, padding=1))
    for argument in (0, 1):
        found = torch.func.hessian(loss, argument)(x, weight)
        expected = torch.func.hessian(
            lambda x, weight: (plain(x, weight, padding=1) ** 2).sum(), argument
        )(x, weight)
        assert torch.equal(found, expected)
    x.requires_grad_(), weight.requires_grad_()
    (first,) = torch.autograd.grad(run(x, weight).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), weight)
    (first,) = torch.autograd.grad(plain(x, weight, padding=1).square().sum(), x, create_graph=True)
    assert torch.equal(second, torch.autograd.grad(first.square().sum(), weight)[0])


@pytest.mark.parametrize("places", [(0, None), (None, 0), (0, 0), (1, 3)])
def test_vmap_over_images_and_kernels(torch, mc, places):
    x, weight = tensors((3, 2, 4, 6), (3, 4, 2, 3))
    plain = torch.nn.functional.conv1d
    pairs = [[0 if place is None else i for place in places] for i in range(3)]
    expected = [plain(x[i], weight[j], groups=2) for i, j in pairs]
    arrays = [
        array[0] if place is None else array.movedim(0, place)
        for array, place in zip((x, weight), places, strict=True)
    ]
    run = torch.func.vmap(
        lambda x, weight: mc.conv1d(x, weight, groups=2, method="native"), in_dims=places
    )
    assert torch.equal(run(*arrays), torch.stack(expected))


@pytest.mark.parametrize("backend", ["aot_eager", "eager"])
def test_a_compiled_graph_is_whole_and_asks_too(torch, mc, backend):
    x, weight = tensors((2, 4, 6, 9), (4, 2, 3, 2))
    x.requires_grad_(), weight.requires_grad_()
    run = torch.compile(
        lambda x, weight: mc.conv2d(x, weight, **OPTIONS, method="native"),
        fullgraph=True,
        backend=backend,
    )
    y = run(x, weight)
    assert_same(BACKEND, y.detach(), oracle.conv(exact(x), exact(weight), **OPTIONS), "float32")
    y.sum().backward()
    ones = np.ones(y.shape, int)
    dx = oracle.input_grad(ones, exact(weight), (6, 9), **OPTIONS)
    dw = oracle.weight_grad(exact(x), ones, (3, 2), **OPTIONS)
    assert_same(BACKEND, x.grad, dx, "float32")
    assert_same(BACKEND, weight.grad, dw, "float32")


def test_without_asking_it_goes_through_float64(torch, mc, monkeypatch):
    from multiconv.backends.native import torch as native

    x, weight = tensors((1, 2, 6), (2, 2, 3))
    mc.conv1d(x, weight, method="native")
    monkeypatch.setattr(native, "can_ask", lambda kind: False)
    x = x * 4097  # what neither TF32 nor bfloat16 holds
    y = mc.conv1d(x, weight, method="native")
    assert_same(BACKEND, y, oracle.conv(exact(x), exact(weight)), "float32")
    assert y.dtype == torch.float32
