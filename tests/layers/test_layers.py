"""Conv2D in every face: one set of arguments, first weights, outputs and gradients."""

import copy
import math
import pickle

import backends_under_test
import bounds
import numpy as np
import oracle
import pytest
from comparing import assert_same, check_error
from strategies import BORDERS, PADDING_MODES, configurations, for_all

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]


@pytest.fixture(params=FACES)
def face(request):
    """Every backend under test that has a layer, in turn."""
    return backends_under_test.make(request.param)


@pytest.fixture
def Conv2D(face):
    return face.functions.Conv2D


def with_parameters(face, layer, weight, bias):
    """The layer with these parameters."""
    old = face.to_numpy(layer.weight)
    assert old.shape == np.shape(weight)
    dtype = face.dtype_name(layer.weight)
    new = {"weight": face.array(weight, dtype)}
    if bias is not None:
        new["bias"] = face.array(bias, dtype)
    if face.name == "jax":
        return layer.replace(**new)
    if face.name == "torch":
        layer.load_state_dict(new)
    else:
        for name, values in new.items():
            setattr(layer, name, values)
    return layer


def run(face, layer, x, dy):
    """Output and the gradients of sum(y * dy) in x, weight and bias, by the face's own idiom."""
    if face.name == "numpy":
        y = layer(x)
        return y, layer.backward(dy), layer.weight_grad, layer.bias_grad
    if face.name == "torch":
        x = x.clone().requires_grad_()
        layer.zero_grad()
        y = layer(x)
        y.backward(dy)
        return (
            y.detach(),
            x.grad,
            layer.weight.grad,
            None if layer.bias is None else layer.bias.grad,
        )
    import jax

    y, pullback = jax.vjp(lambda layer, x: layer(x), layer, x)
    grads, dx = pullback(dy)
    return y, dx, grads.weight, grads.bias


def plain_philox(key, block):
    """Philox4x64-10 from the paper's definition, in Python's integers: the words of one block."""
    mask = 2**64 - 1
    words, keys = [block, 0, 0, 0], [key, 0]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
        words = [
            second >> 64 ^ words[1] ^ keys[0],
            second & mask,
            first >> 64 ^ words[3] ^ keys[1],
            first & mask,
        ]
        keys = [(keys[0] + 0x9E3779B97F4A7C15) & mask, (keys[1] + 0xBB67AE8584CAA73B) & mask]
    return words


def first_parameters(seed, weight_shape, bias_shape):
    """What a layer must start with, in float64: 24 bits of each word, in +-1/sqrt(fan_in)."""
    count, fan_in = math.prod(weight_shape), math.prod(weight_shape[-3:])
    total = count + math.prod(bias_shape)
    words = [w for block in range(total // 4 + 1) for w in plain_philox(seed % 2**64, block + 1)]
    drawn = [(2 * ((word >> 40) / 2**24) - 1) * (1 / math.sqrt(fan_in)) for word in words[:total]]
    return np.reshape(drawn[:count], weight_shape), np.array(drawn[count:])


class TestRandomNumbers:
    def uniform(self, seed, count):
        """The numbers that layers draw, from a kernel that scales them by a power of two."""
        from multiconv.layers import shared as layers

        weight, _ = layers.initial_parameters(
            layers.read((count // 16, 16), bias=False), seed, "float64"
        )
        return (weight.ravel() * math.sqrt(count) + 1) / 2

    def test_the_known_answers(self):
        """The first words of seed 3, as NumPy's documentation of Philox draws them."""
        known = [17234461323001060555, 1460271564492649549, 7061929949163127335]
        assert plain_philox(3, 1)[:3] == known
        expected = [(word >> 40) / 2**24 for word in known]
        assert self.uniform(3, 2**8)[:3].tolist() == expected

    def test_a_longer_stream_begins_as_a_shorter_one(self):
        from multiconv.layers import shared as layers

        weight, bias = layers.initial_parameters(layers.read(3, 1, 2), 5)
        longer, _ = layers.initial_parameters(layers.read(3, 1, 3, bias=False), 5)
        assert np.array_equal(np.concatenate([weight.ravel(), bias]), longer.ravel()[:20])

    def test_the_numbers_are_spread_evenly(self):
        numbers = self.uniform(0, 2**16)
        assert numbers.min() >= 0
        assert numbers.max() < 1
        counts = np.histogram(numbers, bins=16, range=(0, 1))[0]
        deviation = math.sqrt(2**16 / 16 * (15 / 16))  # of a binomial count
        assert np.max(abs(counts - 2**12)) <= 5 * deviation

    def test_neighbouring_seeds_and_numbers_are_independent(self):
        """The correlation of n independent pairs deviates by 1/sqrt(n)."""
        first, second = (self.uniform(seed, 2**16) - 0.5 for seed in (0, 1))
        for one, other in ((first, second), (first[1:], first[:-1])):
            assert abs(np.mean(one * other)) * 12 <= 5 / math.sqrt(2**16 - 1)


def channels(first, second):
    """Both numbers of channels, as the keywords that layers take."""
    return {"in_channels": first, "out_channels": second}


SHAPES = [
    ((1, 2), {}, (1, 2), (1,)),
    (3, {}, (3, 3), (1,)),
    ((2, 3), channels(4, 6), (6, 4, 2, 3), (6,)),
    (3, {**channels(4, 6), "groups": 2}, (6, 2, 3, 3), (6,)),
    (1, {**channels(3, 3), "groups": 3}, (3, 1, 1, 1), (3,)),
]


class TestFirstWeights:
    @pytest.mark.parametrize(("size", "options", "weight", "bias"), SHAPES)
    @pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63 - 1, 2**64 - 1, -1, np.int64(3)])
    def test_are_bit_identical_on_every_backend(
        self, face, Conv2D, size, options, weight, bias, seed
    ):
        layer = Conv2D(size, **options, seed=seed)
        expected = first_parameters(int(seed), weight, bias)
        for array, values in zip((layer.weight, layer.bias), expected, strict=True):
            assert face.dtype_name(array) == "float32"
            assert face.to_numpy(array).shape == values.shape
            assert face.to_numpy(array).tobytes() == values.astype(np.float32).tobytes()

    @pytest.mark.parametrize("dtype", ["float16", "float64"])
    def test_of_other_dtypes_are_the_same_everywhere(self, face, Conv2D, dtype):
        """16-bit weights are the float32 ones rounded: not all frameworks round float64 at once."""
        from multiconv.layers import shared as layers

        arguments = layers.read(3, 128, 128)
        weight, bias = layers.initial_parameters(arguments, 0, dtype)
        small, _ = first_parameters(0, (2, 128, 3, 3), (0,))
        assert np.array_equal(weight[:2], small.astype(weight.dtype))
        with face.wide(dtype):
            layer = Conv2D(
                3, in_channels=128, out_channels=128, seed=0, dtype=native_dtype(face, dtype)
            )
            assert face.dtype_name(layer.weight) == face.dtype_name(layer.bias) == dtype
            for array, values in ((layer.weight, weight), (layer.bias, bias)):
                assert np.count_nonzero(face.to_numpy(array) != values.astype(dtype)) == 0

    @pytest.mark.needs_backend("torch")
    @pytest.mark.needs_backend("jax")
    def test_of_bfloat16(self):
        found = []
        for name in ("torch", "jax"):
            face = backends_under_test.make(name)
            dtype = native_dtype(face, "bfloat16")
            layer = face.functions.Conv2D(3, in_channels=64, out_channels=64, seed=0, dtype=dtype)
            assert face.dtype_name(layer.weight) == "bfloat16"
            found.append(face.to_numpy(layer.weight).tobytes())
        assert found[0] == found[1]

    def test_lie_within_one_over_the_root_of_fan_in(self, face, Conv2D):
        for size, given, fan_in in (
            (5, {}, 25),
            (3, channels(8, 16), 72),
            (7, channels(2, 64), 98),
        ):
            for seed in range(3):
                layer = Conv2D(size, **given, seed=seed)
                values = [face.to_numpy(p).ravel() for p in (layer.weight, layer.bias)]
                limit = np.float32(1 / math.sqrt(fan_in))
                assert np.max(abs(np.concatenate(values))) <= limit
        assert values[0].max() > 0.9 * limit
        assert values[0].min() < -0.9 * limit

    def test_without_a_seed_are_fresh(self, face, Conv2D):
        drawn = {face.to_numpy(Conv2D(3).weight).tobytes() for _ in range(4)}
        assert len(drawn) == 4

    def test_leave_the_frameworks_generators_alone(self, face, Conv2D):
        before = np.random.get_state()[1].tobytes()  # noqa: NPY002
        Conv2D(3)
        Conv2D(3, seed=0)
        assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
        if face.name == "torch":
            import torch

            state = torch.random.get_rng_state()
            Conv2D(3)
            assert torch.equal(torch.random.get_rng_state(), state)

    def test_the_weight_does_not_depend_on_the_bias(self, face, Conv2D):
        with_bias, without = Conv2D(3, seed=1), Conv2D(3, seed=1, bias=False)
        assert without.bias is None
        assert np.array_equal(face.to_numpy(with_bias.weight), face.to_numpy(without.weight))


def native_dtype(face, name):
    """The dtype as the face's framework writes it."""
    if face.name == "torch":
        import torch

        return getattr(torch, name)
    if face.name == "jax":
        import jax

        return getattr(jax.numpy, name)
    return np.dtype(name)


class TestOutputsAndGradients:
    def test_with_channels(self, face, Conv2D):
        """Every border, padding, stride, dilation, group and batch, bit for bit."""

        @for_all(face, configurations(("float32",), axes=2, modes=BORDERS), times=0.5)
        def check(c):
            x, weight, grad = c.integers(c.x_shape, c.weight_shape, c.y_shape)
            _, _, bias = c.operands()
            both = channels(c.groups * c.in_each, len(weight))
            layer = Conv2D(c.kernel, **both, bias=c.bias, **c.geometry, seed=0)
            layer = with_parameters(face, layer, weight, bias)
            found = run(face, layer, face.array(x, "float32"), face.array(grad, "float32"))
            axes = (-2, -1) if c.batch is None else (0, -2, -1)
            expected = (
                oracle.conv(x, weight, bias, **c.geometry),
                oracle.input_grad(grad, weight, c.size, **c.geometry),
                oracle.weight_grad(x, grad, c.kernel, **c.geometry),
                grad.sum(axes) if c.bias else None,
            )
            for what, got, want in zip(("y", "dx", "dw", "db"), found, expected, strict=True):
                if want is None:
                    assert got is None
                else:
                    assert_same(face, got, want, "float32", what)

    @pytest.mark.parametrize(
        ("mode", "lead"),
        [*((mode, (2,)) for mode in PADDING_MODES), *(("zeros", n) for n in ((), (2, 3), (0,)))],
    )
    def test_the_textbook_form(self, face, Conv2D, lead, mode):
        options = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2)}
        rng = np.random.default_rng(1)
        x, k = rng.integers(-3, 4, (*lead, 5, 6)), rng.integers(-3, 4, (3, 2))
        images = x.reshape(-1, 1, 5, 6)
        y = oracle.conv(images, k[None, None], **options, padding_mode=mode)
        grad = rng.integers(-3, 4, y.shape)
        layer = with_parameters(face, Conv2D((3, 2), **options, padding_mode=mode), k, [2])
        out = (*lead, *y.shape[2:])
        found = run(face, layer, face.array(x, "float32"), face.array(grad.reshape(out), "float32"))
        dx = oracle.input_grad(grad, k[None, None], (5, 6), **options, padding_mode=mode)
        dw = oracle.weight_grad(images, grad, (3, 2), **options, padding_mode=mode)
        expected = ((y + 2).reshape(out), dx.reshape(x.shape), dw[0, 0], [grad.sum()])
        for what, got, want in zip(("y", "dx", "dw", "db"), found, expected, strict=True):
            assert_same(face, got, want, "float32", what)

    @pytest.mark.parametrize("method", ["loop", "direct", "im2col", "toeplitz", "fft", "auto"])
    def test_by_every_method(self, face, Conv2D, method):
        rng = np.random.default_rng(2)
        x, w, b = (rng.integers(-3, 4, s) for s in ((2, 2, 5, 6), (4, 1, 2, 3), (4,)))
        grad = rng.integers(-3, 4, (2, 4, 4, 4))
        layer = Conv2D((2, 3), in_channels=2, out_channels=4, groups=2, method=method)
        found = run(
            face,
            with_parameters(face, layer, w, b),
            *(face.array(a, "float32") for a in (x, grad)),
        )
        expected = (
            oracle.conv(x, w, b, groups=2),
            oracle.input_grad(grad, w, (5, 6), groups=2),
            oracle.weight_grad(x, grad, (2, 3), groups=2),
            grad.sum((0, 2, 3)),
        )
        for what, got, want in zip(("y", "dx", "dw", "db"), found, expected, strict=True):
            if method == "fft":  # within a half of whole numbers: rounding gives them back
                assert np.array_equal(np.round(face.to_numpy(got)), want), what
            else:
                assert_same(face, got, want, "float32", what)

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_floats_keep_the_derived_bound(self, face, Conv2D, dtype):
        options = {"stride": (2, 1), "padding": "same", "groups": 2}
        rng = np.random.default_rng(3)
        x, w, b, grad = (
            rng.normal(size=s).astype(dtype)
            for s in ((2, 4, 5, 6), (4, 2, 3, 2), (4,), (2, 4, 3, 6))
        )
        with face.wide(dtype):
            layer = Conv2D(
                (3, 2), in_channels=4, out_channels=4, **options, dtype=native_dtype(face, dtype)
            )
            layer = with_parameters(face, layer, w, b)
            y, dx, dw, db = run(face, layer, *(face.array(a, dtype) for a in (x, grad)))
            names = [face.dtype_name(a) for a in (y, dx, dw, db)]
            y, dx, dw, db = (face.to_numpy(a).astype(float) for a in (y, dx, dw, db))
        assert names == [dtype] * 4
        exact_x, exact_w, exact_grad = map(oracle.exactly, (x, w, grad))
        assert not bounds.elementwise_excess(y, x, w, b, dtype, **options)
        cases = (
            (dx, lambda x, w, g: oracle.input_grad(g, w, (5, 6), **options), 2 * 6),
            (dw, lambda x, w, g: oracle.weight_grad(x, g, (3, 2), **options), 2 * 18),
            (db, lambda x, w, g: g.sum((0, 2, 3)), 2 * 18),
        )
        for found, adjoint, products in cases:
            exact = adjoint(exact_x, exact_w, exact_grad)
            magnitude = adjoint(abs(exact_x), abs(exact_w), abs(exact_grad))
            limit = bounds.real_bound(exact, magnitude, products, dtype)
            assert np.all(abs(oracle.exactly(found) - exact) <= limit)

    def test_sums_over_many_outputs_are_not_carried_in_float16(self, face, Conv2D):
        """Above 2048 float16 cannot count by ones."""
        layer = Conv2D(1, in_channels=1, out_channels=2, dtype=native_dtype(face, "float16"))
        x, grad = (face.array(np.ones(s), "float16") for s in ((4096, 1, 1, 1), (4096, 2, 1, 1)))
        _, _, dw, db = run(face, layer, x, grad)
        assert_same(face, dw, np.full((2, 1, 1, 1), 4096), "float16", "dw")
        assert_same(face, db, [4096, 4096], "float16", "db")

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
    def test_an_image_of_whole_numbers(self, face, Conv2D, dtype):
        x = np.arange(20).reshape(4, 5) % 2
        layer = with_parameters(face, Conv2D((2, 2)), [[1, 2], [3, 4]], [5])
        expected = oracle.corr2d(x, np.array([[1, 2], [3, 4]])) + 5
        y = layer(face.array(x, dtype))
        y = y.detach() if face.name == "torch" else y
        assert_same(face, y, expected, "float32")

    def test_a_wider_image_makes_a_wider_output(self, face, Conv2D):
        with face.wide("float64"):
            layer = with_parameters(face, Conv2D((1, 2)), [[1, 2]], [3])
            arrays = (face.array(np.ones(s), "float64") for s in ((2, 3), (2, 2)))
            y, dx, dw, db = run(face, layer, *arrays)
            assert_same(face, y, np.full((2, 2), 6), "float64")
            assert_same(face, dx, [[1, 3, 2]] * 2, "float64")
            # The gradients of the parameters are theirs.
            assert_same(face, dw, [[4, 4]], "float32")
            assert_same(face, db, [4], "float32")

    def test_the_convolution_functions_agree(self, face, Conv2D):
        layer = Conv2D(3, in_channels=2, out_channels=4, padding="same", seed=5)
        x = face.array(np.random.default_rng(4).normal(size=(1, 2, 5, 6)), "float32")
        expected = face.functions.conv2d(x, layer.weight, layer.bias, padding="same")
        assert np.array_equal(face.to_numpy(layer(x)), face.to_numpy(expected))


STRIPES = np.ones((6, 8))
STRIPES[:, 2:6] = 0


class TestTraining:
    """Ten steps of w - lr g, by hand: the error shrinks by 1 - 2 * 3e-2 * 6 = 0.64 at every one."""

    @pytest.mark.parametrize("form", ["textbook", "channels"])
    def test_both_forms_find_the_edge_detector(self, face, Conv2D, form):
        given, shape = ({}, (6, 8)) if form == "textbook" else (channels(1, 1), (1, 1, 6, 8))
        x = STRIPES.reshape(shape)
        y = oracle.corr2d(x, np.array([[1, -1]]))
        layer = Conv2D((1, 2), **given, bias=False)
        layer = with_parameters(face, layer, np.zeros(layer.weight.shape), None)
        target = face.array(y, "float32")
        for _ in range(10):
            output = face.to_numpy(layer(face.array(x, "float32")))
            slope = face.array(2 * (output - face.to_numpy(target)), "float32")
            _, _, dw, _ = run(face, layer, face.array(x, "float32"), slope)
            weight = face.to_numpy(layer.weight) - np.float32(3e-2) * face.to_numpy(dw)
            layer = with_parameters(face, layer, weight, None)
            if face.name == "numpy":
                layer.zero_grad()
        assert np.round(face.to_numpy(layer.weight).ravel(), 1).tolist() == [1, -1]


class TestPlace:
    def test_the_layer_of_a_face_is_the_backends(self, face, Conv2D):
        import multiconv

        assert multiconv.get_backend(face.name).Conv2D is Conv2D
        module = __import__(f"multiconv.{face.name}", fromlist=["Conv2D"])
        assert module.Conv2D is Conv2D
        assert "Conv2D" in module.__all__

    @pytest.mark.needs_backend("strict")
    def test_a_backend_without_a_layer_says_who_has_one(self):
        import multiconv

        array = backends_under_test.make("strict").array([1.0])
        with pytest.raises(AttributeError, match="numpy, torch and jax"):
            _ = multiconv.get_backend_of(array).Conv2D

    def test_all_take_the_same_arguments(self, Conv2D):
        import inspect

        parameters = inspect.signature(Conv2D).parameters
        kinds = [p.kind for p in parameters.values()]
        assert kinds == [inspect.Parameter.POSITIONAL_OR_KEYWORD] + [
            inspect.Parameter.KEYWORD_ONLY
        ] * (len(kinds) - 1)
        defaults = {name: p.default for name, p in parameters.items()}
        assert defaults == {
            "kernel_size": inspect.Parameter.empty,
            "in_channels": None,
            "out_channels": None,
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "groups": 1,
            "bias": True,
            "padding_mode": "zeros",
            "padding_value": 0,
            "channels_last": False,
            "weight_order": None,
            "method": "auto",
            "dtype": None,
            "device": None,
            "weight_init": "default",
            "seed": None,
            "key": None,
        }

    def test_the_repr_shows_what_was_chosen(self, Conv2D):
        assert repr(Conv2D((1, 2))) == "Conv2D(kernel_size=(1, 2))"
        shown = repr(
            Conv2D(3, in_channels=2, out_channels=4, stride=2, padding="same", bias=False, groups=2)
        )
        for part in (
            "kernel_size=(3, 3)",
            "in_channels=2",
            "out_channels=4",
            "stride=(2, 2)",
            "padding='same'",
            "groups=2",
            "bias=False",
        ):
            assert part in shown
        assert "dilation" not in shown

    def test_copies_and_pickles_are_equal_and_apart(self, face, Conv2D):
        layer = Conv2D(3, in_channels=2, out_channels=4, padding=1, seed=0)
        x = face.array(np.ones((1, 2, 4, 4)), "float32")
        for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert type(again) is Conv2D
            assert again.arguments == layer.arguments
            assert np.array_equal(face.to_numpy(again(x)), face.to_numpy(layer(x)))
            assert again.weight is not layer.weight


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "args", "options", "words"),
        [
            (TypeError, (2.5,), {}, ("kernel_size", "2.5")),
            (TypeError, ("3",), {}, ("kernel_size", "3")),
            (TypeError, (None,), {}, ("kernel_size", "None")),
            (ValueError, (0,), {}, ("kernel_size", "1", "0")),
            (ValueError, ((3, 3, 3),), {}, ("kernel_size", "2", "3")),
            (ValueError, ((3,),), {}, ("kernel_size", "2", "1")),
            (ValueError, (3,), {"in_channels": 2}, ("in_channels", "out_channels", "2")),
            (ValueError, (3,), {"out_channels": 2}, ("in_channels", "out_channels", "2")),
            (ValueError, (3,), channels(-1, 2), ("in_channels", "0", "-1")),
            (ValueError, (3,), channels(2, 0), ("out_channels", "1", "0")),
            (ValueError, (3,), channels(2, -1), ("out_channels", "1", "-1")),
            (TypeError, (3,), channels(2.0, 2), ("in_channels", "2.0")),
            (TypeError, (3,), channels(True, 2), ("in_channels", "True")),
            (ValueError, (3,), channels(3, 4) | {"groups": 2}, ("groups=2", "in_channels=3")),
            (ValueError, (3,), channels(4, 3) | {"groups": 2}, ("groups=2", "out_channels=3")),
            (ValueError, (3,), {"groups": 2}, ("groups=2", "in_channels")),
            (ValueError, (3,), {"groups": 0}, ("groups", "1", "0")),
            (ValueError, (3,), {"stride": 0}, ("stride", "1", "0")),
            (TypeError, (3,), {"stride": True}, ("stride", "True")),
            (ValueError, (3,), {"dilation": (1, 0)}, ("dilation", "0")),
            (ValueError, (3,), {"padding": -1}, ("padding", "-1")),
            (ValueError, (3,), {"padding": "smae"}, ("padding", "same")),
            (ValueError, (3,), {"padding_mode": "periodic"}, ("padding_mode", "circular")),
            (ValueError, (3,), {"method": "winograd"}, ("method", "winograd")),
            (TypeError, (3,), {"bias": None}, ("bias", "None")),
            (TypeError, (3,), {"bias": 1}, ("bias", "1")),
            (TypeError, (3,), {"seed": 1.5}, ("seed", "1.5")),
            (TypeError, (3,), {"seed": "a"}, ("seed", "a")),
            (TypeError, (3,), {"seed": True}, ("seed", "True")),
            (TypeError, (3,), {"dtype": "nonsense"}, ("dtype", "float")),
        ],
    )
    def test_an_argument(self, Conv2D, error, args, options, words):
        check_error(error, lambda: Conv2D(*args, **options), *words)

    @pytest.mark.parametrize("dtype", ["int32", "bool"])
    def test_a_dtype_that_is_not_floating(self, face, Conv2D, dtype):
        dtype = native_dtype(face, "bool_" if (face.name, dtype) == ("jax", "bool") else dtype)
        check_error(TypeError, lambda: Conv2D(3, dtype=dtype), "dtype", "float")

    @pytest.mark.parametrize("dtype", [3.5, object(), "float32x"])
    def test_a_dtype_that_is_none(self, Conv2D, dtype):
        check_error(TypeError, lambda: Conv2D(3, dtype=dtype), "dtype", "float")

    def test_an_image_with_too_few_axes(self, face, Conv2D):
        x = face.array(np.ones(5), "float32")
        check_error(ValueError, lambda: Conv2D((1, 2))(x), "x", "(5,)")
        check_error(
            ValueError, lambda: Conv2D((1, 2), in_channels=1, out_channels=1)(x), "x", "(5,)"
        )

    def test_something_that_is_no_array(self, Conv2D):
        check_error(TypeError, lambda: Conv2D((1, 2))("image"), "x", "str")

    def test_channels_that_do_not_match(self, face, Conv2D):
        x = face.array(np.ones((1, 3, 5, 5)), "float32")
        check_error(
            ValueError, lambda: Conv2D(3, in_channels=2, out_channels=4)(x), "channel", "3", "2"
        )

    def test_a_kernel_larger_than_the_image(self, face, Conv2D):
        x = face.array(np.ones((2, 5)), "float32")
        check_error(ValueError, lambda: Conv2D(3)(x), "kernel", "3", "2")

    def test_an_image_of_another_framework(self, face, Conv2D):
        for other in set(backends_under_test.CHOSEN) - {face.name}:
            x = backends_under_test.make(other).array(np.ones((5, 5)), "float32")
            check_error(TypeError, lambda x=x: Conv2D(3)(x), "x", "weight")


@pytest.mark.needs_backend("numpy")
class TestTheNumPyLayer:
    @pytest.fixture
    def Conv2D(self):
        from multiconv.numpy import Conv2D

        return Conv2D

    def test_the_gradients_add_up_until_they_are_set_to_zero(self, Conv2D):
        layer, x, dy = Conv2D((1, 2)), np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)
        for count in (1, 2, 3):
            layer(x)
            layer.backward(dy)
            assert layer.weight_grad.tolist() == [[4 * count] * 2]
            assert layer.bias_grad.tolist() == [4 * count]
        layer.zero_grad()
        assert layer.weight_grad.tolist() == [[0, 0]]
        assert layer.bias_grad.tolist() == [0]

    def test_the_gradients_are_there_from_the_start(self, Conv2D):
        layer = Conv2D(3, in_channels=2, out_channels=4)
        assert (layer.weight_grad.shape, layer.bias_grad.shape) == ((4, 2, 3, 3), (4,))
        assert not layer.weight_grad.any()
        assert not layer.bias_grad.any()

    def test_without_a_bias_it_has_no_gradient(self, Conv2D):
        layer = Conv2D((1, 2), bias=False)
        layer(np.ones((2, 3), np.float32))
        layer.backward(np.ones((2, 2), np.float32))
        layer.zero_grad()
        assert layer.bias is None
        assert layer.bias_grad is None

    def test_backward_belongs_to_the_last_call(self, Conv2D):
        layer = Conv2D((1, 1))
        layer(np.full((2, 2), 3, np.float32))
        layer(np.full((3, 2), 5, np.float32))
        assert layer.backward(np.ones((3, 2), np.float32)).shape == (3, 2)
        assert layer.weight_grad.tolist() == [[30]]

    def test_backward_before_a_call(self, Conv2D):
        check_error(RuntimeError, lambda: Conv2D(3).backward(np.ones((2, 2))), "backward", "layer")

    def test_backward_of_the_wrong_shape(self, Conv2D):
        layer = Conv2D((1, 2))
        layer(np.ones((2, 3), np.float32))
        call = lambda: layer.backward(np.ones((2, 3), np.float32))  # noqa: E731
        check_error(ValueError, call, "(2, 2)", "(2, 3)")
        assert not layer.weight_grad.any()

    def test_backward_of_another_batch_of_the_same_size(self, Conv2D):
        layer = Conv2D((1, 2))
        layer(np.ones((2, 3, 4, 5), np.float32))
        call = lambda: layer.backward(np.ones((3, 2, 4, 4), np.float32))  # noqa: E731
        check_error(ValueError, call, "(2, 3, 4, 4)", "(3, 2, 4, 4)")

    @pytest.mark.parametrize("given", [{}, channels(1, 1)], ids=["textbook", "channels"])
    def test_backward_of_a_nested_list_or_a_number(self, Conv2D, given):
        layer = Conv2D((1, 2), **given)
        layer(np.ones((1, 2, 3), np.float32))
        check_error(TypeError, lambda: layer.backward("dy"), "dy")
        check_error(TypeError, lambda: layer.backward(1.0), "dy")

    def test_a_nested_list_is_taken_as_everywhere_in_the_face(self, Conv2D):
        for given, x in (({}, [[1.0, 2.0, 4.0]]), (channels(1, 1), [[[1.0, 2.0, 4.0]]])):
            layer = Conv2D((1, 2), **given, bias=False)
            layer.weight[...] = 1
            y = layer(x)
            assert y.ravel().tolist() == [3, 6]
            assert layer.backward(np.ones_like(y)).ravel().tolist() == [1, 2, 1]

    def test_neither_image_nor_gradient_is_changed(self, Conv2D):
        x, dy = np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)
        x.flags.writeable = dy.flags.writeable = False
        layer = Conv2D((1, 2))
        layer(x)
        layer.backward(dy)

    def test_the_device_is_the_cpu(self, Conv2D):
        assert Conv2D(3, device="cpu").weight.shape == (3, 3)
        check_error(ValueError, lambda: Conv2D(3, device="cuda"), "device", "cuda", "cpu")
