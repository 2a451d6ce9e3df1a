"""Layers of every kind to and from the libraries: what they give, number for number."""

import backends_under_test
import libraries_under_test
import numpy as np
import pytest
from comparing import check_error
from strategies import every_combination

from multiconv.backends import registry
from multiconv.layers import shared as layers
from multiconv.layers.exchange.dialects import TRANSPOSED
from multiconv.layers.table import KINDS, NAMES, layer_of

NUMPY = {name: layer_of(registry.load("numpy"), name) for name in NAMES}
LIBRARIES = [
    *(["torch"] if "torch" in backends_under_test.CHOSEN else []),
    *libraries_under_test.CONVOLUTIONS,
]


@pytest.fixture(params=LIBRARIES)
def library(request):
    """Every library under test, in turn."""
    return request.param


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 4, shape).astype(np.float32)


def to_numpy(array):
    """The values of an array of any framework."""
    return np.array(array.detach().numpy() if hasattr(array, "detach") else array)


def run(library, module, x):
    """What a module gives for images (N, C, *spatial), in its own layout and back."""
    if library == "torch":
        import torch

        return to_numpy(module(torch.from_numpy(x)))
    if library == "equinox":
        import jax

        return to_numpy(jax.vmap(module)(jax.numpy.asarray(x)))
    last = np.moveaxis(x, 1, -1)
    if library == "flax":
        import jax

        last = jax.numpy.asarray(last)
    return np.moveaxis(to_numpy(module(last)), -1, 1)


def made(kind, kernel_size, **options):
    """A NumPy layer with small integers as its parameters."""
    groups = options.get("groups", 1)
    arguments = layers.read(kernel_size, 2 * groups, 3 * groups, kind=kind, **options)
    bias = integers(arguments.bias_shape, 1) if arguments.bias else None
    return NUMPY[kind].from_parameters(arguments, integers(arguments.weight_shape), bias)


def image(kind, groups=1):
    return integers((2, 2 * groups, *(5, 4, 3)[: KINDS[kind].axes]), 2)


def there_and_back(library, layer):
    """Whether the library has the layer; then its module and what comes back give its numbers."""
    x = image(layer.kind, layer.arguments.groups)
    try:
        expected = layer(x)
    except ValueError:  # the options leave nothing
        return False
    try:
        module = layer.to_native(library)
    except ValueError as refusal:
        assert library in str(refusal)  # noqa: PT017 (most are no refusals)
        return False
    assert np.array_equal(run(library, module, x), expected), layer
    again = type(layer).from_native(module)
    assert np.array_equal(again(x), expected), layer
    return True


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
class TestOutputs:
    @pytest.mark.parametrize("kind", NAMES)
    def test_of_modules_made_of_layers(self, library, kind):
        choices = every_combination(
            kernel=(2, 3),
            stride=(1, 2, 3),
            dilation=(1, 2),
            groups=(1, 2),
            padding=("valid", "same", "same_lower", 1, ((1, 0), (0, 2), (2, 1))),
            extra=(0, 1),
        )
        axes, transposed = KINDS[kind]
        found = 0
        # Some of them, among which every choice of every option is.
        for options in choices[:: {1: 19, 2: 37, 3: 37}[axes]]:
            size, extra = options.pop("kernel"), options.pop("extra")
            if not isinstance(options["padding"], (str, int)):
                options["padding"] = options["padding"][:axes]
            if transposed and extra < max(options["stride"], options["dilation"]):
                options["output_padding"] = extra
            found += there_and_back(library, made(kind, size, **options))
        assert found > 0

    @pytest.mark.needs_library("flax")
    @pytest.mark.parametrize("padding", ["SAME", "VALID", 1, [(0, 2)], [(3, 4)]])
    @pytest.mark.parametrize("transpose_kernel", [False, True])
    def test_of_flax_in_both_orders_of_the_kernel(self, padding, transpose_kernel):
        from flax import nnx

        for size, stride, dilation in ((3, 2, 1), (2, 3, 2), (2, 4, 1)):
            module = nnx.ConvTranspose(
                2, 3, (size,), stride, padding=padding, kernel_dilation=dilation,
                transpose_kernel=transpose_kernel, rngs=nnx.Rngs(0),
                kernel_init=lambda _, shape, dtype: integers(shape),
            )  # fmt: skip
            x = image("ConvTranspose1D")
            try:
                layer = NUMPY["ConvTranspose1D"].from_native(module)
            except ValueError as refusal:
                assert str(padding) in str(refusal)  # noqa: PT017
                assert padding == [(3, 4)]
                continue
            assert np.array_equal(layer(x), run("flax", module, x))

    @pytest.mark.needs_library("equinox")
    @pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER", "VALID", 1, ((0, 1),)])
    @pytest.mark.parametrize(("size", "stride", "extra"), [(3, 2, 1), (2, 4, 0), (4, 3, 2)])
    def test_of_equinoxs_own(self, padding, size, stride, extra):
        import equinox
        import jax

        module = equinox.nn.ConvTranspose1d(
            2,
            4,
            size,
            stride,
            padding=padding,
            output_padding=extra,
            groups=2,
            key=jax.random.key(0),
        )
        module = jax.tree.map(lambda p: jax.numpy.asarray(integers(p.shape)), module)
        x = image("ConvTranspose1D")
        layer = NUMPY["ConvTranspose1D"].from_native(module)
        assert np.array_equal(layer(x), run("equinox", module, x))

    @pytest.mark.needs_library("keras")
    @pytest.mark.parametrize("padding", ["same", "valid"])
    @pytest.mark.parametrize("extra", [None, 0, 1])
    def test_of_keras_own(self, padding, extra):
        import keras

        for size, stride in ((2, 2), (3, 2), (4, 3), (1, 2)):
            module = keras.layers.Conv1DTranspose(
                3, size, stride, padding=padding, output_padding=extra
            )
            module.build((None, None, 2))
            module.set_weights([integers((size, 3, 2)), integers((3,))])
            x = image("ConvTranspose1D")
            layer = NUMPY["ConvTranspose1D"].from_native(module)
            assert np.array_equal(layer(x), run("keras", module, x))

    @pytest.mark.parametrize("name", ["flax", "keras"])
    def test_of_causal_ones(self, name):
        if name not in libraries_under_test.CONVOLUTIONS:
            return
        layer = made("Conv1D", 3, padding=((4, 0),), dilation=2)
        module = layer.to_native(name)
        assert there_and_back(name, layer)
        if name == "keras":
            assert module.padding == "causal"
            return
        from flax import nnx

        module = nnx.Conv(2, 3, (3,), padding="CAUSAL", kernel_dilation=2, rngs=nnx.Rngs(0))
        assert NUMPY["Conv1D"].from_native(module).arguments.padding == ((4, 0),)


class TestParameters:
    @pytest.mark.needs_backend("torch")
    def test_no_input_channels(self):
        import torch

        with pytest.warns(UserWarning, match="zero-element"):
            module = torch.nn.Conv2d(0, 33, 3)
        layer = NUMPY["Conv2D"].from_native(module)
        assert np.array_equal(layer.bias, module.bias.detach().numpy())
        y = layer(np.ones((1, 0, 4, 4), np.float32))
        assert np.array_equal(y, np.broadcast_to(layer.bias[:, None, None], (1, 33, 2, 2)))
        with pytest.warns(UserWarning, match="zero-element"):
            assert layer.to_native("torch").weight.shape == (33, 0, 3, 3)

    def test_of_the_other_byte_order(self, library):
        layer = made("Conv1D", 2)
        x, expected = image("Conv1D"), layer(image("Conv1D"))
        for name in ("weight", "bias"):
            values = getattr(layer, name)
            setattr(layer, name, values.astype(values.dtype.newbyteorder()))
        assert np.array_equal(run(library, layer.to_native(library), x), expected)

    @pytest.mark.parametrize("kind", NAMES)
    @pytest.mark.needs_backend("torch")
    def test_in_every_face(self, kind):
        layer = made(kind, 2)
        module = layer.to_native("torch")
        for name in (n for n in backends_under_test.CHOSEN if n != "strict"):
            face = backends_under_test.make(name)
            again = layer_of(registry.load(name), kind).from_native(module)
            x = face.array(image(kind), "float32")
            assert np.array_equal(face.to_numpy(again(x)), layer(image(kind)))


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "options", "words"),
        [
            ("torch", {"padding": ((1, 0),)}, ["both ends alike", "((1, 0),)", "flax and equinox"]),
            (
                "torch",
                {"stride": 2, "padding": ((0, 1),)},
                ["both ends", "flax, equinox and keras have it"],
            ),
            ("flax", {"groups": 2}, ["no groups", "2", "torch and equinox have it"]),
            (
                "equinox",
                {"dilation": 3, "output_padding": 2},
                ["output_padding", "(1,)", "torch and flax have it"],
            ),
            ("keras", {"padding": ((0, 1),)}, ["'valid' and 'same'", "flax and equinox have it"]),
            ("keras", {"stride": 2, "dilation": 2}, ["stride=(2,)", "dilation=(2,)"]),
        ],
        ids=str,
    )
    def test_what_a_library_lacks(self, name, options, words):
        layer = made("ConvTranspose1D", 3, **options)
        check_error(ValueError, lambda: layer.to_native(name), TRANSPOSED[name].title(1), *words)

    def test_the_layout_has_the_letters_of_the_axes(self):
        call = lambda: made("Conv1D", 2).to_native("torch", layout="NCHW")  # noqa: E731
        check_error(ValueError, call, "layout", "'NCL'", "torch.nn.Conv1d")
        call = lambda: made("Conv3D", 2).to_native("keras", layout="NHWC")  # noqa: E731
        check_error(ValueError, call, "'NDHWC' or 'NCDHW'", "keras.layers.Conv3D")

    @pytest.mark.needs_backend("torch")
    def test_a_module_of_another_kind_is_sent_to_its_layer(self):
        import torch

        module = torch.nn.ConvTranspose3d(1, 1, 2)
        for kind in set(NAMES) - {"ConvTranspose3D"}:
            call = lambda kind=kind: NUMPY[kind].from_native(module)  # noqa: E731
            words = ["ConvTranspose3d", "ConvTranspose3D.from_native(module)", kind]
            check_error(ValueError, call, *words)

    @pytest.mark.needs_library("flax")
    def test_flax_around_a_circle(self):
        from flax import nnx

        for name, value in (("padding", "CIRCULAR"), ("mask", np.ones((2, 1, 1)))):
            module = nnx.ConvTranspose(1, 1, (2,), **{name: value}, rngs=nnx.Rngs(0))
            call = lambda module=module: NUMPY["ConvTranspose1D"].from_native(module)  # noqa: E731
            check_error(ValueError, call, "ConvTranspose", name)

    @pytest.mark.needs_library("equinox")
    def test_equinox_around_a_circle(self):
        import equinox
        import jax

        module = equinox.nn.ConvTranspose1d(
            1, 1, 2, padding="SAME", padding_mode="CIRCULAR", key=jax.random.key(0)
        )
        check_error(ValueError, lambda: NUMPY["ConvTranspose1D"].from_native(module), "CIRCULAR")
