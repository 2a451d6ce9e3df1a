"""The torch layer is a module like any other: state, devices, dtypes, copies, compilers."""

import copy
import io
import pickle

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same, check_error
from subprocesses import run_python

pytestmark = pytest.mark.needs_backend("torch")

BACKEND = backends_under_test.Torch()
OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@pytest.fixture
def torch():
    import torch

    torch.compiler.reset()
    yield torch
    torch.compiler.reset()


@pytest.fixture
def Conv2D(torch):
    return BACKEND.functions.Conv2D


def integers(*shape, dtype="float32", seed=40):
    return BACKEND.array(np.random.default_rng(seed).integers(-3, 4, shape), dtype)


def whole(layer, seed=41):
    """The layer with whole numbers for parameters."""
    rng = np.random.default_rng(seed)
    state = {
        name: BACKEND.array(rng.integers(-3, 4, tuple(p.shape)), BACKEND.dtype_name(p))
        for name, p in layer.state_dict().items()
    }
    layer.load_state_dict(state)
    return layer


def expected(layer, x, **options):
    values = [BACKEND.to_numpy(a).astype(int) for a in (x, layer.weight)]
    bias = None if layer.bias is None else BACKEND.to_numpy(layer.bias).astype(int)
    return oracle.conv(*values, bias, **options)


class TestState:
    def test_parameters_and_state(self, torch, Conv2D):
        layer = Conv2D(3, in_channels=2, out_channels=4)
        assert isinstance(layer, torch.nn.Module)
        assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
        assert all(type(p) is torch.nn.Parameter for p in layer.parameters())
        assert all(p.requires_grad and p.is_leaf for p in layer.parameters())
        assert list(layer.state_dict()) == ["weight", "bias"]
        assert not list(layer.buffers())

    def test_without_a_bias(self, Conv2D):
        layer = Conv2D(3, bias=False)
        assert layer.bias is None
        assert list(layer.state_dict()) == ["weight"]
        assert [name for name, _ in layer.named_parameters()] == ["weight"]

    def test_loading_is_strict(self, Conv2D):
        layer, other = (
            Conv2D(3, in_channels=2, out_channels=4, seed=0),
            Conv2D(3, in_channels=2, out_channels=4, seed=1),
        )
        other.load_state_dict(layer.state_dict())
        assert other.weight.equal(layer.weight)
        assert other.bias.equal(layer.bias)
        with pytest.raises(RuntimeError, match="bias"):
            other.load_state_dict(Conv2D(3, in_channels=2, out_channels=4, bias=False).state_dict())
        with pytest.raises(RuntimeError, match="size mismatch"):
            other.load_state_dict(Conv2D(3, in_channels=2, out_channels=6).state_dict())

    @pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
    def test_torchs_own_layer_has_the_same_state(self, torch, Conv2D, mode):
        options = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
        theirs = whole(torch.nn.Conv2d(4, 6, (3, 2), **options, padding_mode=mode))
        ours = Conv2D((3, 2), in_channels=4, out_channels=6, **options, padding_mode=mode)
        ours.load_state_dict(theirs.state_dict())
        x = integers(2, 4, 6, 7)
        assert ours(x).equal(theirs(x))

    def test_saving(self, torch, Conv2D):
        layer, file = Conv2D(3, in_channels=2, out_channels=4), io.BytesIO()
        torch.save(layer.state_dict(), file)
        file.seek(0)
        again = Conv2D(3, in_channels=2, out_channels=4)
        again.load_state_dict(torch.load(file, weights_only=True))
        assert again.weight.equal(layer.weight)

    def test_the_whole_module_is_saved_and_copied(self, torch, Conv2D):
        layer, file = whole(Conv2D((3, 2), in_channels=4, out_channels=6, **OPTIONS)), io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        x = integers(1, 4, 6, 7)
        for again in (
            torch.load(file, weights_only=False),
            pickle.loads(pickle.dumps(layer)),
            copy.deepcopy(layer),
        ):
            assert_same(BACKEND, again(x).detach(), expected(layer, x, **OPTIONS), "float32")
            with torch.no_grad():
                again.weight.zero_()
            assert layer.weight.any()

    def test_the_repr_of_a_model(self, torch, Conv2D):
        model = torch.nn.Sequential(
            Conv2D(3, in_channels=1, out_channels=2, padding="same"), torch.nn.ReLU()
        )
        line = "(0): Conv2D(kernel_size=(3, 3), in_channels=1, out_channels=2, padding='same')"
        assert line in repr(model)


class TestDtypeAndDevice:
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64"])
    def test_the_argument(self, torch, Conv2D, dtype):
        layer = Conv2D(3, in_channels=2, out_channels=4, dtype=getattr(torch, dtype), device="cpu")
        assert {BACKEND.dtype_name(p) for p in layer.parameters()} == {dtype}

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64"])
    def test_its_name_as_in_other_libraries(self, torch, Conv2D, dtype):
        assert Conv2D(3, dtype=dtype).weight.dtype == getattr(torch, dtype)
        with pytest.raises(TypeError, match=r"floating-point dtype.*'int32'"):
            Conv2D(3, dtype="int32")

    @pytest.mark.parametrize(
        ("convert", "dtype"), [("half", "float16"), ("bfloat16", "bfloat16"), ("double", "float64")]
    )
    def test_conversion(self, Conv2D, convert, dtype):
        layer = getattr(whole(Conv2D((3, 2), in_channels=4, out_channels=6, **OPTIONS)), convert)()
        x = integers(2, 4, 5, 5, dtype=dtype)
        assert_same(BACKEND, layer(x).detach(), expected(layer, x, **OPTIONS), dtype)

    def test_to(self, torch, Conv2D):
        layer = whole(Conv2D(2)).to(torch.float64)
        x = integers(4, 5)
        y = layer(x.double())
        assert y.dtype == torch.float64
        layer.to(device="meta")
        assert layer.weight.device.type == "meta"
        assert layer(x.double().to("meta")).shape == (3, 4)

    def test_the_default_dtype_is_torchs(self, torch, Conv2D):
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            assert Conv2D(3).weight.dtype == torch.float64
        finally:
            torch.set_default_dtype(before)

    def test_on_the_meta_device(self, torch, Conv2D):
        for layer in (
            Conv2D(3, in_channels=2, out_channels=4, device="meta"),
            Conv2D(3, in_channels=2, out_channels=4, device=torch.device("meta")),
        ):
            assert {p.device.type for p in layer.parameters()} == {"meta"}
            assert layer(torch.empty(1, 2, 5, 5, device="meta")).shape == (1, 4, 3, 3)
        with torch.device("meta"):
            assert Conv2D(3).weight.device.type == "meta"
        layer = torch.nn.utils.skip_init(Conv2D, 3, in_channels=2, out_channels=4)
        assert (layer.weight.device.type, layer.weight.shape) == ("cpu", (4, 2, 3, 3))

    def test_a_dtype_that_the_package_does_not_calculate_with(self, torch, Conv2D):
        check_error(TypeError, lambda: Conv2D(3, dtype=torch.float8_e4m3fn), "dtype", "float8")

    def test_data_on_another_device(self, torch, Conv2D):
        x = torch.empty(1, 2, 5, 5, device="meta")
        check_error(
            ValueError,
            lambda: Conv2D(3, in_channels=2, out_channels=4)(x),
            "x",
            "weight",
            "meta",
            "cpu",
        )


class TestAutograd:
    def test_modes(self, torch, Conv2D):
        layer, x = whole(Conv2D((1, 2))), integers(3, 4)
        k, b = BACKEND.to_numpy(layer.weight).astype(int), int(layer.bias)
        want = oracle.corr2d(BACKEND.to_numpy(x).astype(int), k) + b
        for mode, requires in (
            ("enable_grad", True),
            ("no_grad", False),
            ("inference_mode", False),
        ):
            with getattr(torch, mode)():
                y = layer(x)
            assert y.requires_grad is requires
            assert_same(BACKEND, y.detach().clone(), want, "float32", mode)

    def test_made_under_inference_mode(self, torch, Conv2D):
        with torch.inference_mode():
            assert Conv2D((1, 2))(integers(3, 4)).shape == (3, 3)

    def test_gradcheck(self, torch, Conv2D):
        layer = Conv2D(
            (3, 2),
            in_channels=4,
            out_channels=2,
            **OPTIONS,
            padding_mode="reflect",
            dtype=torch.float64,
            seed=0,
        )
        generator = torch.Generator().manual_seed(0)
        x = torch.randn((1, 4, 4, 5), dtype=torch.float64, generator=generator).requires_grad_()

        def run(x, weight, bias):
            state = {"weight": weight, "bias": bias}
            return torch.func.functional_call(layer, state, (x,))

        assert torch.autograd.gradcheck(run, (x, layer.weight, layer.bias), fast_mode=True)
        assert torch.autograd.gradgradcheck(run, (x, layer.weight, layer.bias), fast_mode=True)

    def test_frozen_parameters(self, torch, Conv2D):
        layer = Conv2D(2).requires_grad_(False)
        x = integers(3, 4).requires_grad_()
        layer(x).sum().backward()
        assert layer.weight.grad is None
        assert x.grad is not None

    def test_the_textbooks_loop(self, torch, Conv2D):
        """As the book writes it: the data of the weight are changed in place."""
        x = torch.ones(6, 8)
        x[:, 2:6] = 0
        y = BACKEND.functions.corr2d(x, torch.tensor([[1.0, -1.0]]))
        layer = Conv2D((1, 2), bias=False, seed=0)
        for _ in range(30):
            loss = (layer(x) - y) ** 2
            layer.zero_grad()
            loss.sum().backward()
            layer.weight.data[:] -= 3e-2 * layer.weight.grad
        # The slower direction shrinks by 1 - 2 * 3e-2 * 30 = -0.8 a step: 0.8^30 < 0.002.
        assert np.round(layer.weight.detach().numpy(), 1).tolist() == [[1, -1]]

    def test_an_optimiser(self, torch, Conv2D):
        x = integers(1, 1, 6, 8)
        y = BACKEND.functions.conv2d(x, torch.tensor([[[[1.0, -1.0]]]]))
        layer = Conv2D((1, 2), in_channels=1, out_channels=1, seed=0)
        optimiser = torch.optim.SGD(layer.parameters(), lr=1e-3)
        losses = []
        for _ in range(20):
            optimiser.zero_grad()
            loss = ((layer(x) - y) ** 2).sum()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < losses[0]

    def test_hooks(self, Conv2D):
        layer, seen = Conv2D(2), []
        layer.register_forward_hook(lambda module, args, output: seen.append(output.shape))
        layer(integers(3, 4))
        assert seen == [(2, 3)]

    def test_vmap_over_an_ensemble(self, torch, Conv2D):
        layers = [whole(Conv2D((2, 3), in_channels=2, out_channels=4), seed) for seed in range(3)]
        x = integers(1, 2, 4, 5)
        parameters, _ = torch.func.stack_module_state(layers)
        run = torch.func.vmap(
            lambda state: torch.func.functional_call(layers[0], state, (x,)), in_dims=0
        )
        want = np.stack([expected(layer, x) for layer in layers])
        assert_same(BACKEND, run(parameters).detach(), want, "float32")


class TestCompilers:
    @pytest.mark.parametrize("form", ["textbook", "channels"])
    def test_the_whole_graph_with_gradients(self, torch, Conv2D, form):
        both = {"in_channels": 4, "out_channels": 6}
        options = both | OPTIONS if form == "channels" else {"padding": "same"}
        layer = whole(Conv2D((3, 2), **options))
        again = copy.deepcopy(layer)
        x = integers(2, 4, 6, 7)
        run = torch.compile(layer, fullgraph=True, backend="eager")
        y, want = run(x), again(x)
        assert y.equal(want)
        y.sum().backward()
        want.sum().backward()
        assert layer.weight.grad.equal(again.weight.grad)
        assert layer.bias.grad.equal(again.bias.grad)

    def test_a_change_of_the_weights_needs_no_new_graph(self, torch, Conv2D):
        layer, graphs = Conv2D(2, in_channels=1, out_channels=1), []

        def count(graph, inputs):
            graphs.append(graph)
            return graph.forward

        run = torch.compile(layer, fullgraph=True, backend=count)
        x = integers(1, 1, 4, 5)
        for seed in range(3):
            whole(layer, seed)
            assert_same(BACKEND, run(x).detach(), expected(layer, x), "float32")
        assert len(graphs) == 1

    def test_the_modules_own_compile(self, Conv2D):
        layer, x = whole(Conv2D(2, in_channels=1, out_channels=1)), integers(1, 1, 4, 5)
        layer.compile(fullgraph=True, backend="eager")
        assert_same(BACKEND, layer(x).detach(), expected(layer, x), "float32")

    @pytest.mark.parametrize("channels", [None, 4])
    def test_a_symbolic_trace_has_it_as_one_step(self, torch, Conv2D, channels):
        """Quantization and feature extraction read such graphs."""
        options = {"in_channels": channels, "out_channels": channels, "padding": 1}
        layer = Conv2D(3, **options, padding_mode="reflect")
        graph = torch.fx.symbolic_trace(torch.nn.Sequential(layer, torch.nn.ReLU()))
        x = integers(2, channels or 3, 5, 6)
        expected = torch.relu(layer(x))
        assert torch.equal(graph(x), expected)
        assert torch.equal(pickle.loads(pickle.dumps(graph))(x), expected)
        called = [n.target.__name__ for n in graph.graph.nodes if n.op == "call_function"]
        assert called == ["LayerArguments", "call"]

    def test_export(self, torch, Conv2D):
        layer, x = (
            whole(Conv2D((3, 2), in_channels=4, out_channels=6, **OPTIONS)),
            integers(2, 4, 6, 7),
        )
        program = torch.export.export(layer, (x,))
        assert set(program.state_dict) == {"weight", "bias"}
        y = program.module()(x).detach()
        assert_same(BACKEND, y, expected(layer, x, **OPTIONS), "float32")

    def test_the_first_call_of_a_process_may_be_compiled(self):
        out = run_python("""
            import torch
            from multiconv.torch import Conv2D
            layer = Conv2D((2, 2), bias=False)
            layer.weight.data[:] = torch.tensor([[0., 1.], [2., 3.]])
            run = torch.compile(layer, fullgraph=True, backend="eager")
            print(run(torch.arange(9.).reshape(3, 3)).tolist())
        """)
        assert out == "[[19.0, 25.0], [37.0, 43.0]]"
