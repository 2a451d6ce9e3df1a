"""What can be read on a layer, how its weights are drawn, and images with the channels last."""

import backends_under_test
import numpy as np
import pytest
from comparing import check_error

import multiconv as mc
from multiconv.layers.initial import INITIAL
from multiconv.layers.table import KINDS, NAMES
from multiconv.planning.axis_order import weight_orders

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
BOTH = {"in_channels": 4, "out_channels": 6, "groups": 2}


@pytest.fixture(params=FACES)
def face(request):
    """Every backend under test that has layers, in turn."""
    return backends_under_test.make(request.param)


@pytest.fixture(params=NAMES)
def kind(request):
    """Every layer, in turn."""
    return request.param


def make(face, kind, *args, **kwargs):
    return getattr(getattr(mc, face.name), kind)(*args, **kwargs)


def weights(face, layer):
    return [None if p is None else face.to_numpy(p) for p in (layer.weight, layer.bias)]


class TestReading:
    def test_every_argument_as_it_was_read(self, face, kind):
        axes = KINDS[kind].axes
        layer = make(face, kind, 3, **BOTH, stride=2, padding=1, dilation=2)
        assert (layer.in_channels, layer.out_channels, layer.groups) == (4, 6, 2)
        assert layer.kernel_size == (3,) * axes
        assert (layer.stride, layer.dilation) == ((2,) * axes, (2,) * axes)
        assert layer.padding == ((1, 1),) * axes
        assert layer.output_padding == (0,) * axes
        assert (layer.padding_mode, layer.padding_value, layer.method) == ("zeros", 0, "auto")
        assert layer.channels_last is False

    def test_the_textbooks_layer_has_no_channels(self, face):
        layer = make(face, "Conv2D", (1, 2), padding="same", padding_mode="edge")
        assert (layer.in_channels, layer.out_channels) == (None, None)
        assert (layer.padding, layer.padding_mode) == ("same", "replicate")

    def test_they_do_not_change(self, face):
        layer = make(face, "Conv2D", 3)
        check_error(
            AttributeError, lambda: setattr(layer, "stride", 2), "stride", "does not change"
        )
        assert layer.stride == (1, 1)


class TestInitialWeights:
    @pytest.mark.parametrize("name", INITIAL)
    def test_they_are_the_same_everywhere(self, face, name):
        given = BOTH | {"weight_init": name, "seed": 3}
        expected = weights(backends_under_test.make("numpy"), mc.numpy.Conv2D(3, **given))
        for mine, numpys in zip(
            weights(face, make(face, "Conv2D", 3, **given)), expected, strict=True
        ):
            assert np.array_equal(mine, numpys)

    @pytest.mark.parametrize(
        ("name", "deviation"),
        [
            ("default", (1 / (3 * 100)) ** 0.5),
            ("lecun_uniform", 0.1),
            ("lecun_normal", 0.1),
            ("glorot_uniform", (2 / (100 + 400)) ** 0.5),
            ("glorot_normal", (2 / (100 + 400)) ** 0.5),
            ("he_uniform", (2 / 100) ** 0.5),
            ("he_normal", (2 / 100) ** 0.5),
            ("zeros", 0.0),
        ],
    )
    def test_their_mean_and_deviation(self, name, deviation):
        """Of 40000 numbers: both are within five standard errors, at most 2 % of the deviation."""
        given = {"in_channels": 4, "out_channels": 16, "dtype": "float64", "seed": 0}
        both = [mc.numpy.Conv2D(5, weight_init=name, **given | {"seed": s}) for s in range(25)]
        drawn = np.concatenate([layer.weight.ravel() for layer in both])
        assert abs(drawn.mean()) <= 5 * deviation / len(drawn) ** 0.5
        assert abs(drawn.std() - deviation) <= 5 * deviation / (2 * len(drawn)) ** 0.5
        if name.endswith("uniform"):
            assert np.abs(drawn).max() <= deviation * 3**0.5
        has_bias = any(layer.bias.any() for layer in both)
        assert has_bias == (name == "default")

    def test_torchs_names(self):
        for name in ("kaiming_normal", "kaiming_normal_"):
            layer = mc.numpy.Conv2D(3, weight_init=name)
            assert layer.arguments.weight_init == "he_normal"

    def test_what_is_none(self, face):
        call = lambda: make(face, "Conv2D", 3, weight_init="he")  # noqa: E731
        check_error(ValueError, call, "weight_init", "'he'", "he_uniform")

    def test_they_are_drawn_anew(self, face, kind):
        layer = make(face, kind, 3, **BOTH, weight_init="he_normal", seed=0)
        expected = weights(face, make(face, kind, 3, **BOTH, weight_init="he_normal", seed=5))
        before = weights(face, layer)
        layer = layer.reset_parameters(5) or layer
        for found, wanted in zip(weights(face, layer), expected, strict=True):
            assert np.array_equal(found, wanted)
        layer = layer.reset_parameters() or layer
        assert not np.array_equal(weights(face, layer)[0], before[0])


class TestKeys:
    @pytest.mark.needs_backend("jax")
    def test_a_key_draws_the_weights_of_jax_also_in_a_transformation(self, kind):
        import jax

        def drawn(key):
            return getattr(mc.jax, kind)(3, **BOTH, key=key)

        key = jax.random.key(1)
        layer, other = drawn(key), drawn(jax.random.key(2))
        assert not np.array_equal(layer.weight, other.weight)
        bound = layer.arguments.fan_in**-0.5
        assert np.abs(np.asarray(layer.weight)).max() <= bound
        assert np.array_equal(jax.jit(drawn)(key).bias, layer.bias)
        many = jax.vmap(drawn)(jax.random.split(key, 3))
        assert many.weight.shape == (3, *layer.weight.shape)
        assert np.array_equal(other.reset_parameters(key=key).weight, layer.weight)

    @pytest.mark.needs_backend("jax")
    def test_a_seed_and_a_key_are_one_too_many(self):
        import jax

        call = lambda: mc.jax.Conv2D(3, seed=0, key=jax.random.key(0))  # noqa: E731
        check_error(ValueError, call, "seed or key")

    def test_others_have_seeds(self, face):
        if face.name != "jax":
            check_error(TypeError, lambda: make(face, "Conv2D", 3, key=1), "key", "JAX", "seed=0")


class TestChannelsLast:
    def test_the_numbers_are_those_of_channels_first(self, face, kind):
        axes = KINDS[kind].axes
        rng = np.random.default_rng(1)
        plain, last = (
            make(face, kind, 2, **BOTH, stride=2, padding=1, seed=1, channels_last=c)
            for c in (False, True)
        )
        x = rng.integers(-3, 4, (2, 4, *(5, 6, 4)[:axes]))
        y = face.to_numpy(plain(face.array(x, "float32")))
        dy = rng.integers(-3, 4, y.shape)
        xs, dys = (np.moveaxis(a, 1, -1) for a in (x, dy))
        for lead in (slice(None), 0):
            found = run(
                face, last, face.array(xs[lead], "float32"), face.array(dys[lead], "float32")
            )
            expected = run(
                face, plain, face.array(x[lead], "float32"), face.array(dy[lead], "float32")
            )
            for what, mine, theirs in zip(("y", "dx", "dw", "db"), found, expected, strict=True):
                others = face.to_numpy(theirs)
                moves = what in ("y", "dx")
                others = np.moveaxis(others, -1 - axes, -1) if moves else others
                # The order of additions may be another one: a handful of roundings of small sums.
                bound = 64 * 2.0**-24 * max(1.0, np.abs(others).max())
                assert np.abs(face.to_numpy(mine) - others).max() <= bound, what

    def test_it_needs_channels(self, face):
        call = lambda: make(face, "Conv2D", 3, channels_last=True)  # noqa: E731
        check_error(ValueError, call, "channels_last=True", "in_channels")

    def test_a_file_keeps_it(self, face, tmp_path):
        options = {
            "channels_last": True,
            "padding_mode": "constant",
            "padding_value": (1, 2.5, 0, -1),
        }
        layer = make(face, "Conv2D", 3, **BOTH, padding=1, weight_init="he_normal", **options)
        mc.save(layer, tmp_path / "layer.safetensors")
        loaded = mc.load(tmp_path / "layer.safetensors", face.name)
        assert loaded.arguments == layer.arguments
        x = face.array(np.random.default_rng(0).normal(size=(5, 6, 4)), "float32")
        assert np.array_equal(face.to_numpy(loaded(x)), face.to_numpy(layer(x)))


def run(face, layer, x, dy):
    """Output and the gradients of sum(y * dy) in x, weight and bias, by the face's own idiom."""
    if face.name == "numpy":
        layer.zero_grad()
        y = layer(x)
        return y, layer.backward(dy), layer.weight_grad, layer.bias_grad
    if face.name == "torch":
        layer.zero_grad()
        x = x.clone().requires_grad_()
        y = layer(x)
        y.backward(dy)
        return y.detach(), x.grad, layer.weight.grad, layer.bias.grad
    import jax

    y, pullback = jax.vjp(lambda layer, x: layer(x), layer, x)
    grads, dx = pullback(dy)
    return y, dx, grads.weight, grads.bias

    def test_a_file_keeps_the_order_of_the_weight(self, face, kind, tmp_path):
        order = weight_orders(KINDS[kind].axes)[1]
        layer = make(face, kind, 2, **BOTH, weight_order=order, seed=4)
        mc.save(layer, tmp_path / "layer.safetensors")
        loaded = mc.load(tmp_path / "layer.safetensors", face.name)
        assert loaded.weight_order == order
        assert tuple(loaded.weight.shape) == tuple(layer.weight.shape)
        assert np.array_equal(face.to_numpy(loaded.weight), face.to_numpy(layer.weight))


class TestWeightOrder:
    def test_a_seed_means_the_same_filters(self, face, kind):
        axes = KINDS[kind].axes
        usual, first = weight_orders(axes)
        plain, moved = (make(face, kind, 2, **BOTH, seed=3, weight_order=o) for o in (usual, first))
        assert plain.arguments == make(face, kind, 2, **BOTH, seed=3).arguments
        expected = np.moveaxis(face.to_numpy(plain.weight), (0, 1), (-1, -2))
        assert np.array_equal(face.to_numpy(moved.weight), expected)
        assert repr(moved).count("weight_order") == 1
        assert "weight_order" not in repr(plain)

    @pytest.mark.parametrize("channels_last", [False, True])
    def test_outputs_and_gradients(self, face, kind, channels_last):
        axes = KINDS[kind].axes
        rng = np.random.default_rng(2)
        options = {"stride": 2, "padding": 1, "channels_last": channels_last}
        layers = [
            make(face, kind, 2, **BOTH, **options, seed=1, weight_order=o)
            for o in weight_orders(axes)
        ]
        whole = rng.integers(-3, 4, layers[0].arguments.usual_shape)
        plain, moved = (
            type(layer).from_parameters(
                layer.arguments,
                face.array(np.transpose(whole, layer.arguments.from_usual), "float32"),
                layer.bias * 0,
            )
            for layer in layers
        )
        size = (5, 6, 4)[:axes]
        x = rng.integers(-3, 4, (2, *size, 4) if channels_last else (2, 4, *size))
        y = face.to_numpy(plain(face.array(x, "float32")))
        both = face.array(x, "float32"), face.array(rng.integers(-3, 4, y.shape), "float32")
        found, expected = run(face, moved, *both), run(face, plain, *both)
        for what, mine, theirs in zip(("y", "dx", "dw", "db"), found, expected, strict=True):
            others = face.to_numpy(theirs)
            others = np.moveaxis(others, (0, 1), (-1, -2)) if what == "dw" else others
            # Small whole numbers: every sum is exact in float32.
            assert np.array_equal(face.to_numpy(mine), others), what

    @pytest.mark.needs_backend("jax")
    def test_a_key_means_the_same_filters(self):
        import jax

        plain, moved = (
            mc.jax.Conv2D(3, **BOTH, key=jax.random.key(0), weight_order=o) for o in (None, "HWIO")
        )
        expected = np.moveaxis(np.asarray(plain.weight), (0, 1), (-1, -2))
        assert np.array_equal(moved.weight, expected)

    @pytest.mark.needs_backend("torch")
    def test_a_compiler_takes_it(self):
        import torch

        layer = mc.torch.Conv2D(3, **BOTH, weight_order="HWIO", channels_last=True, seed=0)
        compiled = torch.compile(layer, fullgraph=True, backend="eager")
        x = torch.ones(1, 5, 5, 4)
        assert torch.equal(compiled(x), layer(x))
        assert layer.state_dict()["weight"].shape == (3, 3, 4, 6)

    def test_it_needs_channels_and_the_right_letters(self, face):
        call = lambda: make(face, "Conv2D", 3, weight_order="HWIO")  # noqa: E731
        check_error(ValueError, call, "weight_order='HWIO' needs channels", "(kh, kw)")
        call = lambda: make(face, "Conv1D", 3, **BOTH, weight_order="HWIO")  # noqa: E731
        check_error(ValueError, call, "'OIW', 'WIO'")
