"""Conv1D to Conv3D and their transposed ones: one class behind them, everywhere the same."""

import copy
import math
import pickle

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same, check_error
from strategies import BORDERS, configurations, for_all

import multiconv as mc
from multiconv.backends import registry
from multiconv.layers import shared as layers
from multiconv.layers.table import KINDS, NAMES, layer_of

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
BOTH = {"in_channels": 2, "out_channels": 4}
TRANSPOSED = [name for name in NAMES if KINDS[name].transposed]
FORWARD = [name for name in NAMES if not KINDS[name].transposed]


@pytest.fixture(params=FACES)
def face(request):
    """Every backend under test that has layers, in turn."""
    return backends_under_test.make(request.param)


@pytest.fixture(params=NAMES)
def kind(request):
    """Every layer, in turn."""
    return request.param


def layer_class(face, kind):
    return layer_of(registry.load(face.name), kind)


def filled(face, kind, weight, bias, **arguments):
    """A layer with these parameters."""
    read = layers.read(kind=kind, bias=bias is not None, **arguments)
    arrays = [None if p is None else face.array(p, "float32") for p in (weight, bias)]
    return layer_class(face, kind).from_parameters(read, *arrays)


def run(face, layer, x, dy):
    """Output and the gradients of sum(y * dy) in x, weight and bias, by the face's own idiom."""
    if face.name == "numpy":
        y = layer(x)
        return y, layer.backward(dy), layer.weight_grad, layer.bias_grad
    if face.name == "torch":
        x = x.clone().requires_grad_()
        y = layer(x)
        y.backward(dy)
        bias = None if layer.bias is None else layer.bias.grad
        return y.detach(), x.grad, layer.weight.grad, bias
    import jax

    y, pullback = jax.vjp(lambda layer, x: layer(x), layer, x)
    grads, dx = pullback(dy)
    return y, dx, grads.weight, grads.bias


def check_run(face, layer, x, dy, expected):
    found = run(face, layer, face.array(x, "float32"), face.array(dy, "float32"))
    for what, got, want in zip(("y", "dx", "dw", "db"), found, expected, strict=True):
        if want is None:
            assert got is None
        else:
            assert_same(face, got, want, "float32", what)


class TestValuesAndGradients:
    @pytest.mark.parametrize("axes", [1, 3])
    def test_of_the_convolutions(self, face, axes):
        """Every border, padding, stride, dilation, group and batch, bit for bit."""

        @for_all(face, configurations(("float32",), axes=axes, modes=BORDERS), times=0.5)
        def check(c):
            x, weight, dy = c.integers(c.x_shape, c.weight_shape, c.y_shape)
            _, _, bias = c.operands()
            both = {"in_channels": c.groups * c.in_each, "out_channels": len(weight)}
            layer = filled(
                face, f"Conv{axes}D", weight, bias, **both, kernel_size=c.kernel, **c.geometry
            )
            others = tuple(a for a in range(dy.ndim) if a != dy.ndim - 1 - axes)
            expected = (
                oracle.conv(x, weight, bias, **c.geometry),
                oracle.input_grad(dy, weight, c.size, **c.geometry),
                oracle.weight_grad(x, dy, c.kernel, **c.geometry),
                dy.sum(others) if c.bias else None,
            )
            check_run(face, layer, x, dy, expected)

    @pytest.mark.parametrize("axes", [1, 2, 3])
    def test_of_the_transposed_ones(self, face, axes):
        """They are the adjoints of the convolutions: x and dy of one are dy and x of the other."""

        @for_all(face, configurations(("float32",), axes=axes, modes=("zeros",)), times=0.5)
        def check(c):
            small, weight, large = c.integers(c.y_shape, c.weight_shape, c.x_shape)
            (bias,) = c.integers((c.groups * c.in_each,))
            options = {n: v for n, v in c.geometry.items() if n != "padding_mode"}
            pads = oracle.resolve_pads(c.padding, c.size, c.kernel, c.stride, c.dilation)
            stride, dilation = (oracle.per_axis(v, axes) for v in (c.stride, c.dilation))
            # What the convolution leaves over of its input, is what output_padding adds.
            extra = tuple(
                (n + sum(p) - d * (k - 1) - 1) % s
                for n, p, d, k, s in zip(c.size, pads, dilation, c.kernel, stride, strict=True)
            )
            options |= {"padding": pads, "output_padding": extra}
            both = {"in_channels": len(weight), "out_channels": len(bias)}
            given = bias if c.bias else None
            layer = filled(
                face,
                f"ConvTranspose{axes}D",
                weight,
                given,
                **both,
                kernel_size=c.kernel,
                **options,
            )
            known = c.geometry | {"padding": pads}
            y = oracle.input_grad(small, weight, c.size, **known)
            others = tuple(a for a in range(large.ndim) if a != large.ndim - 1 - axes)
            expected = (
                y + bias.reshape(-1, *(1,) * axes) if c.bias else y,
                oracle.conv(large, weight, None, **known),
                oracle.weight_grad(large, small, c.kernel, **known),
                large.sum(others) if c.bias else None,
            )
            check_run(face, layer, small, large, expected)

    def test_an_output_padding_of_a_stride_or_more(self, face):
        """With a dilation it may be: then the convolution has outputs that x has no pixels for."""
        x, weight = np.array([[1, 2]]), np.array([[[1, 10]]])
        layer = filled(
            face,
            "ConvTranspose1D",
            weight,
            None,
            kernel_size=2,
            in_channels=1,
            out_channels=1,
            dilation=3,
            output_padding=2,
        )
        dy = np.array([[1, 2, 3, 4, 5, 6, 7]])
        expected = ([[1, 2, 0, 10, 20, 0, 0]], [[41, 52]], [[[1 + 4, 4 + 10]]], None)
        check_run(face, layer, x, dy, expected)

    def test_the_function_agrees(self, face, kind):
        function = kind.replace("ConvTranspose", "conv_transpose").replace("Conv", "conv").lower()
        axes, transposed = KINDS[kind]
        options = {"stride": 2, "padding": "same", "dilation": 1, "groups": 2}
        options |= {"output_padding": 1} if transposed else {"padding_mode": "replicate"}
        layer = layer_class(face, kind)(3, **BOTH, **options, seed=1)
        x = np.random.default_rng(0).normal(size=(1, 2, *(5, 6, 4)[:axes]))
        x = face.array(x, "float32")
        expected = getattr(face.functions, function)(x, layer.weight, layer.bias, **options)
        assert np.array_equal(face.to_numpy(layer(x)), face.to_numpy(expected))

    @pytest.mark.parametrize("name", ["ConvTranspose1D", "Conv3D"])
    def test_no_input_channels_give_the_bias(self, face, name):
        layer = layer_class(face, name)(2, in_channels=0, out_channels=3, seed=0)
        x = face.array(np.ones((1, 0, 4, 4, 4)[: 2 + KINDS[name].axes]), "float32")
        y = face.to_numpy(layer(x))
        bias = face.to_numpy(layer.bias)
        assert np.abs(bias).max() <= 1
        assert np.array_equal(y, np.broadcast_to(bias.reshape(3, *(1,) * (y.ndim - 2)), y.shape))


class TestWhatTheyShare:
    def test_there_are_six(self):
        assert set(NAMES) == {f"Conv{t}{n}D" for t in ("", "Transpose") for n in (1, 2, 3)}

    def test_one_seed_gives_the_same_bits(self, face, kind):
        layer = layer_class(face, kind)(3, **BOTH, groups=2, seed=7)
        axes, transposed = KINDS[kind]
        shape = (2, 2, *(3,) * axes) if transposed else (4, 1, *(3,) * axes)
        assert tuple(layer.weight.shape) == shape
        assert tuple(layer.bias.shape) == (4,)
        expected = layer_of(registry.load("numpy"), kind)(3, **BOTH, groups=2, seed=7)
        limit = 1 / math.sqrt(3**axes)  # one channel in each group
        for name in ("weight", "bias"):
            values = face.to_numpy(getattr(layer, name))
            assert values.tobytes() == getattr(expected, name).tobytes()
            assert np.max(np.abs(values)) <= np.float32(limit)

    def test_save_and_load(self, face, kind, tmp_path):
        path = tmp_path / "layer.safetensors"
        extra = {"output_padding": 1} if KINDS[kind].transposed else {"padding_mode": "reflect"}
        layer = layer_class(face, kind)(3, **BOTH, **extra, stride=2, padding=1, seed=3)
        mc.save(layer, path)
        for other in FACES:
            target = backends_under_test.make(other)
            again = mc.load(path, other)
            assert type(again) is layer_class(target, kind)
            assert again.arguments == layer.arguments
            for name in ("weight", "bias"):
                first, second = getattr(layer, name), getattr(again, name)
                assert face.to_numpy(first).tobytes() == target.to_numpy(second).tobytes()

    def test_the_repr_is_a_call(self, face, kind):
        shown = repr(layer_class(face, kind)(2, **BOTH, stride=3, bias=False))
        assert shown.startswith(f"{kind}(kernel_size=(2")
        assert shown.endswith("bias=False)")
        assert "stride=(3" in shown
        assert "padding" not in shown
        again = eval(shown, {kind: layer_class(face, kind)})
        assert repr(again) == shown

    def test_copies_and_pickles(self, face, kind):
        layer = layer_class(face, kind)(2, **BOTH, seed=0)
        for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert type(again) is type(layer)
            assert again.arguments == layer.arguments
            assert np.array_equal(face.to_numpy(again.weight), face.to_numpy(layer.weight))

    def test_a_subclass_keeps_its_name(self, face, kind):
        class Mine(layer_class(face, kind)):
            pass

        assert repr(Mine(2, **BOTH)).startswith("Mine(")
        check_error(TypeError, lambda: Mine(2, strides=2), "Mine", "strides", "stride")

    def test_the_layer_of_a_backend_without_any(self):
        backend = registry.load("numpy")

        class Other(type(backend)):
            name = "other"

        with pytest.raises(AttributeError, match="no Conv3D; numpy, torch and jax"):
            layer_of(Other(), "Conv3D")


@pytest.mark.needs_backend("torch")
class TestTorch:
    @pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
    def test_torchs_own_have_the_same_state(self, kind):
        import torch

        axes, transposed = KINDS[kind]
        options = {"stride": 2, "padding": 1, "groups": 2} | BOTH
        options |= {"output_padding": 1} if transposed else {"dilation": 2}
        theirs = getattr(torch.nn, kind.replace("D", "d"))(kernel_size=3, **options)
        ours = layer_of(registry.load("torch"), kind)(3, **options)
        state = {n: torch.round(4 * p) for n, p in theirs.state_dict().items()}
        theirs.load_state_dict(state)
        ours.load_state_dict(state)
        x = torch.arange(2 * 6**axes).reshape(1, 2, *(6,) * axes) % 5 - 2.0
        assert torch.equal(ours(x), theirs(x))

    def test_compiled_whole(self, kind):
        import torch

        torch.compiler.reset()
        layer = layer_of(registry.load("torch"), kind)(2, **BOTH, stride=2, padding="same", seed=0)
        x = torch.ones(1, 2, *(5,) * KINDS[kind].axes)
        run = torch.compile(layer, fullgraph=True, backend="eager")
        y = run(x)
        assert torch.equal(y, layer(x))
        y.sum().backward()
        assert layer.weight.grad.shape == layer.weight.shape
        torch.compiler.reset()


@pytest.mark.needs_backend("jax")
class TestJax:
    def test_they_are_pytrees_through_every_transformation(self, kind):
        import jax

        axes = KINDS[kind].axes
        make = layer_of(registry.load("jax"), kind)
        layers_ = [make(2, **BOTH, stride=2, seed=seed) for seed in range(2)]
        x = jax.numpy.ones((1, 2, *(4,) * axes))
        run = jax.jit(lambda layer, x: layer(x))
        grads = jax.grad(lambda layer: run(layer, x).sum())(layers_[0])
        assert type(grads) is make
        assert grads.bias.tolist() == [run(layers_[0], x)[0, 0].size] * 4
        stack = jax.tree.map(lambda *p: jax.numpy.stack(p), *layers_)
        many = jax.vmap(lambda layer: layer(x))(stack)
        each = np.stack([layer(x) for layer in layers_])
        products = layers_[0].arguments.fan_in + 1
        bound = 2 * products * np.finfo(np.float32).eps * (products + 1)  # of weights below 1
        assert np.all(np.abs(np.asarray(many) - each) <= bound)


class TestErrors:
    """Calls that other libraries take: the answer is the call that works here."""

    @pytest.mark.parametrize(
        ("kind", "args", "kwargs", "call"),
        [
            ("Conv2D", (16, 16, 3), {}, "Conv2D(3, in_channels=16, out_channels=16)"),
            ("Conv2D", (1, 1), {"kernel_size": (1, 2)}, "Conv2D((1, 2), in_channels=1, out_cha"),
            ("Conv2D", (3, 8, 5, 2, 1), {}, "in_channels=3, out_channels=8, stride=2, padding=1)"),
            ("Conv2D", (32, 3), {}, "Conv2D(3, in_channels=1, out_channels=32)"),
            ("Conv2D", (32,), {"kernel_size": 3}, "Conv2D(3, in_channels=1, out_channels=32)"),
            ("Conv2D", ((1, 2), 3, 4), {}, "Conv2D((1, 2), in_channels=3, out_channels=4)"),
            ("Conv1D", (2, 4, 3), {"bias": False}, "Conv1D(3, in_channels=2, out_channels=4, bi"),
            ("ConvTranspose2D", (8, 4, 2, 2, 0, 1), {}, "stride=2, padding=0, output_padding=1)"),
        ],
    )
    def test_another_librarys_order(self, face, kind, args, kwargs, call):
        make = layer_class(face, kind)
        message = check_error(TypeError, lambda: make(*args, **kwargs), "keyword", call)
        eval(message.partition("keyword: ")[2], {kind: make})

    @pytest.mark.parametrize("kind", [name for name in NAMES if name != "Conv2D"])
    def test_missing_channels(self, face, kind):
        make = layer_class(face, kind)
        call = f"{kind}(3, in_channels=1, out_channels=1)"
        check_error(ValueError, lambda: make(3), "in_channels and out_channels", call)
        call = f"{kind}(3, in_channels=5, out_channels=1)"
        check_error(ValueError, lambda: make(3, in_channels=5), "out_channels", call)

    @pytest.mark.parametrize(
        ("given", "meant"),
        [("strides", "stride"), ("use_bias", "bias"), ("filters", "out_channels"), ("mode", "pad")],
    )
    def test_another_librarys_names(self, face, given, meant):
        call = lambda: layer_class(face, "Conv2D")(3, **{given: 1})  # noqa: E731
        check_error(TypeError, call, "Conv2D", given, f"did you mean {meant}")

    def test_a_border_of_a_transposed_one(self, face):
        make = layer_class(face, "ConvTranspose2D")
        call = lambda: make(3, **BOTH, padding_mode="reflect")  # noqa: E731
        check_error(TypeError, call, "ConvTranspose2D", "padding_mode", "cuts off")

    def test_an_output_padding_that_is_too_large(self, face):
        make = layer_class(face, "ConvTranspose2D")
        call = lambda: make(3, **BOTH, stride=(3, 2), output_padding=2)  # noqa: E731
        check_error(ValueError, call, "output_padding", "axis 1", "2", "at most 1 works")

    def test_the_wrong_number_of_axes(self, face, kind):
        axes = KINDS[kind].axes
        call = lambda: layer_class(face, kind)((2,) * (axes + 1), **BOTH)  # noqa: E731
        check_error(ValueError, call, "kernel_size", str(axes), str(axes + 1))

    @pytest.mark.parametrize("size", [10**9, 10**30])
    def test_more_weights_than_there_is_memory(self, face, size):
        call = lambda: layer_class(face, "Conv2D")(size, bias=False)  # noqa: E731
        check_error(ValueError, call, "kernel_size", "bytes", 4 * size**2)

    def test_a_bias_in_the_place_of_a_flag(self, face):
        call = lambda: layer_class(face, "Conv2D")(3, bias=np.zeros(4))  # noqa: E731
        check_error(TypeError, call, "bias", "True or False", "ndarray")

    @pytest.mark.parametrize("device", ["nonsense", "tpu:77", 3.5, []], ids=repr)
    def test_a_device_that_is_none(self, face, device):
        call = lambda: layer_class(face, "Conv2D")(3, device=device)  # noqa: E731
        with pytest.raises((TypeError, ValueError), match=r"is no device of .* 'cpu"):
            call()

    @pytest.mark.needs_backend("numpy")
    def test_an_image_of_another_framework(self, face):
        """The advice is about x alone: nobody passed a weight."""
        for other in set(FACES) - {face.name}:
            x = backends_under_test.make(other).array(np.ones((5, 5)), "float32")
            message = check_error(TypeError, lambda x=x: layer_class(face, "Conv2D")(3)(x), "x=")
            assert "weight=" not in message

    @pytest.mark.needs_backend("jax")
    @pytest.mark.parametrize("dtype", ["float64", "complex128"])
    def test_jax_never_narrows(self, dtype):
        call = lambda: layer_of(registry.load("jax"), "Conv2D")(3, dtype=dtype)  # noqa: E731
        check_error(ValueError, call, dtype, "jax_enable_x64", "cast")


@pytest.mark.needs_backend("numpy")
class TestComplexGradientsInNumPy:
    def test_a_complex_layer_has_them(self):
        layer = filled(
            backends_under_test.NumPy(), "Conv2D", np.ones((1, 2)), None, kernel_size=(1, 2)
        )
        layer.weight = np.array([[1, 2j]], np.complex64)
        layer.zero_grad()
        assert layer(np.array([[1, 1j, 3]])).tolist() == [[1 - 2, 7j]]
        assert layer.backward(np.array([[1, 1j]])).tolist() == [[1, 2j + 1j, -2]]
        assert layer.weight_grad.tolist() == [[1 - 1, 1j + 3j]]

    @pytest.mark.parametrize("name", ["x", "dy"])
    def test_a_real_one_cannot_hold_them(self, name):
        layer = layer_of(registry.load("numpy"), "Conv2D")(2)
        x, dy = np.ones((3, 3)), np.ones((2, 2))
        layer(x.astype(complex) if name == "x" else x)
        call = lambda: layer.backward(dy.astype(complex) if name == "dy" else dy)  # noqa: E731
        check_error(TypeError, call, name, "complex128", "float32", "dtype='complex64'")
        assert not layer.weight_grad.any()
