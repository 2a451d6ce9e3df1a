"""Layers to and from torch.nn, flax, equinox and keras: the same outputs, number for number."""

import functools
import sys

import backends_under_test
import libraries_under_test
import numpy as np
import oracle
import pytest
from comparing import check_error
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import PADDING_MODES, every_combination
from subprocesses import run_python

import multiconv as mc
from multiconv.core import geometry
from multiconv.core.installation import install_line
from multiconv.layers import shared as layers
from multiconv.layers.exchange.dialects import DIALECTS
from multiconv.layers.exchange.spelling import spell, understand

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
TORCH = ["torch"] if "torch" in backends_under_test.CHOSEN else []
LIBRARIES = [*TORCH, *libraries_under_test.CONVOLUTIONS]

SIZE = (6, 7)
CHANNELS = 4

ARGUMENTS = [
    layers.read(kernel, CHANNELS, CHANNELS, **options)
    for kernel in ((1, 1), (2, 3), (3, 2), (3, 3))
    for options in every_combination(
        stride=(1, 2, (2, 1)),
        dilation=(1, 2, (1, 2)),
        groups=(1, 2),
        padding=(
            *("valid", "same", "same_lower", "full"),
            *(0, 1, (0, 2), ((1, 0), (0, 2)), ((0, 1), (1, 1)), ((1, 1), (0, 1))),
        ),
        padding_mode=PADDING_MODES,
        bias=(True, False),
    )
]


def has(library, arguments):
    try:
        spell(arguments, DIALECTS[library])
    except ValueError:
        return False
    return True


@functools.cache
def common(library):
    """Layers that a library has, every form of padding and every mode about as often."""
    kinds = {}
    for arguments in ARGUMENTS:
        if has(library, arguments):
            kind = str(arguments.padding), arguments.padding_mode
            kinds.setdefault(kind, []).append(arguments)
    return st.sampled_from(list(kinds.values())).flatmap(st.sampled_from)


MODULES = {
    "torch": [
        {"padding": "same"},
        {"padding": "same", "padding_mode": "circular", "dilation": 2},
        {"padding": "valid", "stride": (2, 1), "bias": False},
        {"padding": (2, 1), "padding_mode": "reflect", "groups": 2},
        {"padding": 1, "padding_mode": "replicate", "stride": 2},
    ],
    "flax": [
        {},
        {"strides": 2},
        {"strides": None, "padding": "same_lower", "kernel_dilation": None},
        {"padding": "VALID", "kernel_dilation": (1, 2), "use_bias": False},
        {"padding": 1, "strides": (1, 2), "feature_group_count": 2},
        {"padding": [1, (0, 2)]},
        {"padding": "CIRCULAR"},
        {"padding": "CIRCULAR", "strides": 2, "kernel_dilation": 2},
        {"padding": "REFLECT", "strides": (2, 1)},
    ],
    "equinox": [
        {},
        {"padding": "same", "stride": 2},
        {"padding": "SAME_LOWER", "stride": (1, 2), "padding_mode": "reflect"},
        {"padding": "SAME", "stride": 2, "padding_mode": "CIRCULAR", "dilation": 2},
        {"padding": 2, "padding_mode": "replicate", "use_bias": False},
        {"padding": ((0, 1), (2, 0)), "groups": 2},
    ],
    "keras": [
        {},
        {"padding": "same", "strides": 2},
        {"padding": "SAME", "strides": (1, 2), "use_bias": False},
        {"padding": "same", "dilation_rate": 2, "groups": 2},
        {"padding": "same", "data_format": "channels_first"},
    ],
}
"""Options of a library's own (2, 3) convolution."""


@pytest.fixture(params=FACES)
def face(request):
    """Every backend under test that has a layer, in turn."""
    return backends_under_test.make(request.param)


@pytest.fixture(params=LIBRARIES)
def library(request):
    """Every library under test, in turn."""
    return request.param


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 4, shape).astype(np.float32)


def parameters(arguments, seed=0):
    bias = integers(arguments.bias_shape, seed + 1) if arguments.bias else None
    return integers(arguments.weight_shape, seed), bias


def make(face, arguments, dtype="float32"):
    """A layer of a backend with small integers as its parameters."""
    arrays = [None if p is None else face.array(p, dtype) for p in parameters(arguments)]
    return face.functions.Conv2D.from_parameters(arguments, *arrays)


def to_numpy(array):
    """The values of an array of any framework."""
    return np.array(array.detach().numpy() if hasattr(array, "detach") else array)


def values_of(face, layer):
    return [None if p is None else face.to_numpy(p) for p in (layer.weight, layer.bias)]


def run(library, module, x):
    """What a module gives for images (N, C, H, W), in its own layout and back."""
    if library == "torch":
        import torch

        return to_numpy(module(torch.from_numpy(x)))
    if library == "equinox":
        import jax

        return to_numpy(jax.vmap(module)(jax.numpy.asarray(x)))
    if getattr(module, "data_format", None) == "channels_first":
        return to_numpy(module(x))
    if library == "flax":
        import jax

        x = jax.numpy.asarray(x)
    return to_numpy(module(x.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)


def expected(arguments, x, weight, bias):
    """The outputs from the definition."""
    options = {name: v for name, v in arguments.options().items() if name != "method"}
    exact = [None if a is None else a.astype(int) for a in (x, weight, bias)]
    return oracle.conv(*exact, **options)


class TestTranslation:
    """What the arguments mean, without any library."""

    @pytest.mark.parametrize("name", DIALECTS)
    @given(data=st.data())
    def test_there_and_back_computes_the_same(self, name, data):
        arguments = data.draw(common(name))
        dialect = DIALECTS[name]
        again = understand(
            dialect, spell(arguments, dialect), arguments.weight_shape, bias=arguments.bias
        )
        found, wanted = (
            geometry.resolve(SIZE, a.kernel_size, a.stride, a.dilation, a.padding, a.padding_mode)
            for a in (again, arguments)
        )
        assert found.pads == wanted.pads
        assert found.padding_mode == wanted.padding_mode or not np.any(wanted.pads)
        assert (found.stride, found.dilation) == (wanted.stride, wanted.dilation)
        assert (again.groups, again.bias) == (arguments.groups, arguments.bias)
        assert again.weight_shape == arguments.weight_shape

    @pytest.mark.parametrize(
        ("name", "options", "spelt"),
        [
            ("torch", {"padding": "same"}, {"padding": "same", "padding_mode": "zeros"}),
            ("torch", {"padding": "full"}, {"padding": (1, 2)}),
            ("torch", {"padding": ((0, 1), (1, 1))}, {"padding": "same"}),
            ("torch", {"padding_mode": "symmetric"}, {"padding_mode": "zeros"}),
            ("flax", {"padding": "same", "stride": 2}, {"padding": "SAME", "strides": (2, 2)}),
            ("flax", {"padding": "full"}, {"padding": ((1, 1), (2, 2))}),
            ("flax", {"padding": "same", "padding_mode": "circular"}, {"padding": "CIRCULAR"}),
            (
                "flax",
                {"padding": ((0, 1), (1, 1)), "padding_mode": "reflect", "stride": 2},
                {"padding": "REFLECT"},
            ),
            (
                "equinox",
                {"padding": "same_lower", "stride": 2, "padding_mode": "replicate"},
                {"padding": "SAME_LOWER", "padding_mode": "REPLICATE"},
            ),
            ("keras", {"padding": ((0, 1), (1, 1))}, {"padding": "same"}),
            ("keras", {"padding": 0, "dilation": 2}, {"padding": "valid"}),
        ],
        ids=str,
    )
    def test_what_it_is_called(self, name, options, spelt):
        found = spell(layers.read((2, 3), 1, 1, **options), DIALECTS[name])
        assert {key: found[key] for key in spelt} == spelt

    @pytest.mark.parametrize(
        ("name", "options", "words"),
        [
            ("torch", {"padding": "same", "stride": 2}, ["'same'", "(2, 2)", "flax, equinox and"]),
            ("torch", {"padding": ((1, 0), (0, 0))}, ["both sides alike", "flax and equinox have"]),
            ("torch", {"padding": 1, "padding_mode": "symmetric"}, ["symmetric", "none", "pad"]),
            ("flax", {"padding": 1, "padding_mode": "circular"}, ["circular", "torch and equinox"]),
            (
                "flax",
                {"padding": "same", "stride": 2, "padding_mode": "reflect"},
                ["reflect", "equinox has it"],
            ),
            ("flax", {"padding": 1, "padding_mode": "replicate"}, ["replicate", "torch and"]),
            ("keras", {"padding": 1}, ["'valid' and 'same'", "((1, 1), (1, 1))", "torch, flax"]),
            ("keras", {"padding": "same_lower", "stride": 2}, ["same_lower", "flax and equinox"]),
            ("keras", {"stride": 2, "dilation": 2}, ["stride=(2, 2)", "dilation=(2, 2)"]),
            ("keras", {"padding": "same", "padding_mode": "reflect"}, ["reflect", "torch"]),
        ],
        ids=str,
    )
    def test_what_a_library_lacks(self, name, options, words):
        layer = mc.numpy.Conv2D((2, 3), **options)
        check_error(ValueError, lambda: layer.to_native(name), DIALECTS[name].title(2), *words)

    def test_an_unknown_library_or_layout(self):
        layer = mc.numpy.Conv2D(2)
        check_error(ValueError, lambda: layer.to_native("tensorflow"), "'torch'", "'keras'")
        check_error(TypeError, lambda: layer.to_native(None), "'torch'", "None")
        check_error(ValueError, lambda: layer.to_native("torch", layout="NHWC"), "'NCHW'", "NHWC")

    @pytest.mark.parametrize("given", [3, "Conv2d", np.zeros((2, 2))], ids=type)
    def test_what_is_no_module(self, given):
        call = lambda: mc.numpy.Conv2D.from_native(given)  # noqa: E731
        check_error(TypeError, call, "torch.nn.Conv2d", "keras.layers.Conv2D", type(given).__name__)


def test_our_own_layers_have_another_way(face):
    call = lambda: mc.numpy.Conv2D.from_native(face.functions.Conv2D(2))  # noqa: E731
    check_error(TypeError, call, "multiconv", "save and load")


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
class TestOutputs:
    """Against the definition, on small integers: every sum is exact."""

    def test_of_modules_made_of_layers(self, library):
        x = integers((2, CHANNELS, *SIZE), seed=9)

        @settings(max_examples=max(10, settings().max_examples // (2 if library == "torch" else 4)))
        @given(arguments=common(library), name=st.sampled_from(FACES))
        def check(arguments, name):
            face = backends_under_test.make(name)
            layer = make(face, arguments)
            module = layer.to_native(library)
            wanted = expected(arguments, x, *parameters(arguments))
            assert np.array_equal(run(library, module, x), wanted)
            again = face.functions.Conv2D.from_native(module)
            for found, value in zip(values_of(face, again), parameters(arguments), strict=True):
                assert np.array_equal(found, value) if value is not None else found is None
            if name == "numpy":
                assert np.array_equal(again(x), wanted)

        check()

    def module(self, library, options):
        """A library's own (2, 3) convolution with small integers as its parameters."""
        if library == "torch":
            import torch

            module = torch.nn.Conv2d(CHANNELS, 6, (2, 3), **options)
            state = {
                name: torch.from_numpy(integers(p.shape)) for name, p in module.state_dict().items()
            }
            module.load_state_dict(state)
        elif library == "flax":
            from flax import nnx

            def fill(_, shape, dtype):
                return integers(shape)

            fills = {"kernel_init": fill, "bias_init": fill, "rngs": nnx.Rngs(0)}
            module = nnx.Conv(CHANNELS, 6, (2, 3), **fills, **options)
        elif library == "equinox":
            import equinox
            import jax

            module = equinox.nn.Conv2d(CHANNELS, 6, (2, 3), key=jax.random.key(0), **options)
            module = jax.tree.map(lambda p: jax.numpy.asarray(integers(p.shape)), module)
        else:
            import keras

            module = keras.layers.Conv2D(6, (2, 3), **options)
            first = module.data_format == "channels_first"
            module.build((None, CHANNELS, None, None) if first else (None, None, None, CHANNELS))
            kernel = (2, 3, CHANNELS // module.groups, 6)
            module.set_weights([integers(s) for s in (kernel, (6,))][: 1 + module.use_bias])
        return module

    @pytest.mark.parametrize(
        ("library", "options"),
        [(library, options) for library in LIBRARIES for options in MODULES[library]],
        ids=str,
    )
    def test_of_layers_made_of_modules(self, library, options):
        module = self.module(library, options)
        x = integers((2, CHANNELS, *SIZE), seed=9)
        outputs = run(library, module, x)
        for name in FACES:
            face = backends_under_test.make(name)
            layer = face.functions.Conv2D.from_native(module, method="im2col")
            assert type(layer) is face.functions.Conv2D
            assert layer.arguments.method == "im2col"
            assert np.array_equal(face.to_numpy(layer(face.array(x, "float32"))), outputs)
            again = layer.to_native(library)
            assert type(again) is type(module)
            assert np.array_equal(run(library, again, x), outputs)

    @pytest.mark.needs_library("keras")
    @pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
    def test_of_keras_in_both_layouts(self, layout):
        arguments = layers.read((2, 3), CHANNELS, 6, padding="same", stride=2)
        module = make(backends_under_test.make("numpy"), arguments).to_native(
            "keras", layout=layout
        )
        assert module.data_format == {"NHWC": "channels_last", "NCHW": "channels_first"}[layout]
        x = integers((2, CHANNELS, *SIZE), seed=9)
        wanted = expected(arguments, x, *parameters(arguments))
        assert np.array_equal(run("keras", module, x), wanted)

    @pytest.mark.parametrize("order", ["OIHW", "HWIO"])
    @pytest.mark.parametrize("is_last", [False, True])
    def test_of_layers_in_every_order_and_back(self, face, library, order, is_last):
        arguments = layers.read(
            *((2, 3), CHANNELS, 6), groups=2, channels_last=is_last, weight_order=order
        )
        layer = make(face, arguments)
        x = integers((2, CHANNELS, *SIZE), seed=9)
        weight, bias = parameters(arguments)
        wanted = expected(arguments, x, weight.transpose(arguments.to_usual), bias)
        module = layer.to_native(library)
        assert np.array_equal(run(library, module, x), wanted)
        again = face.functions.Conv2D.from_native(module, channels_last=is_last, weight_order=order)
        assert again.arguments == arguments
        for one, two in zip(values_of(face, layer), values_of(face, again), strict=True):
            assert np.array_equal(one, two)
        images = x.transpose(0, 2, 3, 1) if is_last else x
        y = face.to_numpy(again(face.array(images, "float32")))
        assert np.array_equal(y.transpose(0, 3, 1, 2) if is_last else y, wanted)

    @pytest.mark.parametrize("name", ["flax", "keras"])
    def test_images_and_weights_as_the_modules_are(self, face, name):
        if name not in LIBRARIES:
            return
        module = self.module(name, {"padding": "SAME", "strides": 2})
        options = {"channels_last": True, "weight_order": "HWIO"}
        layer = face.functions.Conv2D.from_native(module, **options)
        assert layer.weight.shape == (2, 3, CHANNELS, 6)
        x = integers((2, CHANNELS, *SIZE), seed=9)
        found = face.to_numpy(layer(face.array(x.transpose(0, 2, 3, 1), "float32")))
        assert np.array_equal(found.transpose(0, 3, 1, 2), run(name, module, x))

    def test_without_channels(self, face, library):
        arguments = layers.read((1, 2))
        layer = make(face, arguments)
        module = layer.to_native(library)
        x = integers((2, *SIZE), seed=9)
        outputs = run(library, module, x[:, None])[:, 0]
        assert np.array_equal(face.to_numpy(layer(face.array(x, "float32"))), outputs)
        assert face.functions.Conv2D.from_native(module).weight.shape == (1, 1, 1, 2)


class TestParameters:
    DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64")

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_keep_their_dtype_and_values(self, face, library, dtype):
        if dtype not in face.dtypes or (library == "keras" and dtype == "complex64"):
            return
        wide = libraries_under_test.FRAMEWORKS.get(library, "torch") == "jax"
        with backends_under_test.make("jax" if wide else "numpy").wide(dtype), face.wide(dtype):
            layer = make(face, layers.read((2, 3), 4, 2, groups=2), dtype)
            again = face.functions.Conv2D.from_native(layer.to_native(library))
            for one, two in zip(values_of(face, layer), values_of(face, again), strict=True):
                assert np.array_equal(one, two)
            assert face.dtype_name(again.weight) == face.dtype_name(again.bias) == dtype

    @pytest.mark.needs_backend("torch")
    def test_are_copies_in_torch(self):
        import torch

        layer = mc.torch.Conv2D(3, in_channels=2, out_channels=2)
        module = layer.to_native("torch")
        again = mc.torch.Conv2D.from_native(module)
        with torch.no_grad():
            module.weight.zero_()
            module.bias.zero_()
        for one in (layer, again):
            assert torch.all(one.weight != 0)
            assert torch.all(one.bias != 0)
        assert all(p.requires_grad and p.is_leaf for p in again.parameters())
        assert all(p.requires_grad and p.is_leaf for p in module.parameters())

    def test_are_copies_in_numpy(self, library):
        layer = mc.numpy.Conv2D(3, in_channels=2, out_channels=2)
        before = layer.weight.copy()
        module = layer.to_native(library)
        layer.weight[:] = 0
        again = mc.numpy.Conv2D.from_native(module)
        assert np.array_equal(again.weight, before)
        again.weight[:] = 1
        assert np.array_equal(mc.numpy.Conv2D.from_native(module).weight, before)

    @pytest.mark.needs_backend("torch")
    def test_stay_on_their_device(self):
        import torch

        layer = mc.torch.Conv2D(3, in_channels=2, out_channels=2, device="meta")
        module = layer.to_native("torch")
        again = mc.torch.Conv2D.from_native(module)
        for one in (module, again):
            assert {p.device for p in one.parameters()} == {torch.device("meta")}

    @pytest.mark.needs_backend("torch")
    def test_torchs_generator_is_not_moved(self):
        import torch

        before = torch.random.get_rng_state()
        mc.torch.Conv2D.from_native(mc.torch.Conv2D(3, seed=0).to_native("torch"))
        assert torch.equal(torch.random.get_rng_state(), before)

    @pytest.mark.needs_backend("torch")
    @pytest.mark.needs_backend("jax")
    def test_jax_never_narrows(self):
        import torch

        module = torch.nn.Conv2d(1, 1, 3, dtype=torch.float64)
        call = lambda: mc.jax.Conv2D.from_native(module)  # noqa: E731
        check_error(ValueError, call, "float64", "float32", "jax_enable_x64")

    @pytest.mark.parametrize("library", libraries_under_test.CONVOLUTIONS)
    def test_a_library_on_jax_never_narrows(self, library):
        if libraries_under_test.FRAMEWORKS[library] != "jax":
            return
        layer = mc.numpy.Conv2D(3, dtype="float64")
        check_error(ValueError, lambda: layer.to_native(library), "float64", "jax_enable_x64")

    def test_must_have_one_dtype(self, library):
        layer = mc.numpy.Conv2D(3)
        layer.bias = layer.bias.astype(np.float16)
        check_error(ValueError, lambda: layer.to_native(library), "float32", "float16", "cast")

    @pytest.mark.needs_backend("torch")
    def test_gradients_go_on(self):
        import torch

        layer = mc.torch.Conv2D.from_native(torch.nn.Conv2d(2, 3, 2))
        layer(torch.ones(2, 4, 4)).sum().backward()
        assert layer.weight.grad.shape == (3, 2, 2, 2)


class TestRefusals:
    """A module that computes something else is an error that says what."""

    def refuses(self, module, *words):
        check_error(ValueError, lambda: mc.numpy.Conv2D.from_native(module), *words)

    @pytest.mark.needs_backend("torch")
    def test_torch(self):
        import torch

        class Scaled(torch.nn.Conv2d):
            def forward(self, x):
                return 2 * super().forward(x)

        self.refuses(torch.nn.ConvTranspose2d(1, 1, 2), "ConvTranspose2d", "transposed")
        self.refuses(torch.nn.Conv1d(1, 1, 2), "Conv1d", "two-dimensional")
        self.refuses(torch.nn.Conv3d(1, 1, 2), "Conv3d", "two-dimensional")
        self.refuses(torch.nn.Linear(1, 1), "Linear", "torch.nn.Conv2d")
        self.refuses(torch.nn.LazyConv2d(1, 2), "LazyConv2d", "call it")
        self.refuses(Scaled(1, 1, 2), "Scaled", "of its own")

    @pytest.mark.needs_backend("torch")
    def test_torch_without_changes_to_its_outputs(self):
        """A subclass that adds no arithmetic, and a parametrised weight."""
        import torch

        class Named(torch.nn.Conv2d):
            pass

        module = torch.nn.utils.parametrizations.weight_norm(Named(2, 3, 2))
        layer = mc.torch.Conv2D.from_native(module)
        assert torch.equal(layer.weight, module.weight)

    @pytest.mark.needs_library("flax")
    def test_flax(self):
        import jax
        from flax import nnx

        class Scaled(nnx.Conv):
            def __call__(self, x):
                return 2 * super().__call__(x)

        def conv(kernel_size=(2, 2), kind=nnx.Conv, **options):
            return kind(1, 1, kernel_size, rngs=nnx.Rngs(0), **options)

        self.refuses(conv(kind=nnx.ConvTranspose), "ConvTranspose", "transposed")
        self.refuses(nnx.Linear(1, 1, rngs=nnx.Rngs(0)), "Linear", "flax.nnx.Conv")
        self.refuses(conv(kind=Scaled), "Scaled", "of its own")
        self.refuses(conv(3), "kernel", "two spatial axes")
        self.refuses(conv((2, 2, 2)), "kernel", "two spatial axes")
        self.refuses(conv(padding="CAUSAL"), "CAUSAL")
        self.refuses(conv(padding=[(-1, 0), (0, 0)]), "padding", "-1")
        self.refuses(conv(input_dilation=2), "input_dilation", "transposed")
        self.refuses(conv(mask=jax.numpy.ones((2, 2, 1, 1))), "mask")
        self.refuses(conv(dtype="bfloat16"), "bfloat16", "float32", "module.dtype = None")
        self.refuses(conv(conv_general_dilated=lambda *_, **__: None), "conv_general_dilated")

    @pytest.mark.needs_library("equinox")
    def test_equinox(self):
        import equinox
        import jax

        class Scaled(equinox.nn.Conv2d):
            def __call__(self, x, *, key=None):
                return 2 * super().__call__(x)

        key = jax.random.key(0)
        self.refuses(equinox.nn.ConvTranspose2d(1, 1, 2, key=key), "ConvTranspose2d", "transposed")
        self.refuses(equinox.nn.Conv1d(1, 1, 2, key=key), "Conv1d", "two-dimensional")
        self.refuses(equinox.nn.Linear(1, 1, key=key), "Linear", "equinox.nn.Conv2d")
        self.refuses(Scaled(1, 1, 2, key=key), "Scaled", "of its own")
        many = equinox.filter_vmap(lambda k: equinox.nn.Conv2d(1, 1, 2, key=k))(
            jax.random.split(key, 3)
        )
        self.refuses(many, "(3, 1, 1, 2, 2)")

    @pytest.mark.needs_library("equinox")
    def test_equinox_general_class(self):
        import equinox
        import jax

        module = equinox.nn.Conv(2, 1, 3, 2, key=jax.random.key(0))
        assert mc.numpy.Conv2D.from_native(module).weight.shape == (3, 1, 2, 2)

    @pytest.mark.needs_library("keras")
    def test_keras(self):
        import keras

        class Scaled(keras.layers.Conv2D):
            def call(self, x):
                return 2 * super().call(x)

        def built(kind=keras.layers.Conv2D, shape=(None, 8, 8, 1), **options):
            module = kind(1, 2, **options)
            module.build(shape)
            return module

        self.refuses(built(keras.layers.Conv2DTranspose), "Conv2DTranspose", "transposed")
        self.refuses(built(keras.layers.Conv1D, (None, 8, 1)), "Conv1D", "keras.layers.Conv2D")
        self.refuses(built(keras.layers.DepthwiseConv2D), "DepthwiseConv2D")
        self.refuses(keras.layers.Conv2D(1, 2), "weight", "build")
        self.refuses(built(activation="relu"), "activation='relu'")
        self.refuses(built(Scaled), "Scaled", "of its own")
        self.refuses(built(dtype="mixed_bfloat16"), "bfloat16", "float32")
        layer = mc.numpy.Conv2D(2, dtype="complex64")
        check_error(ValueError, lambda: layer.to_native("keras"), "complex64", "torch")


class TestALibraryThatIsMissing:
    @pytest.mark.parametrize("library", DIALECTS)
    def test_is_named_with_the_line_that_installs_it(self, library, monkeypatch):
        for name in [n for n in sys.modules if n.split(".")[0] == library]:
            monkeypatch.delitem(sys.modules, name)
        from multiconv.layers.exchange import exchangeable as exchange

        monkeypatch.delitem(sys.modules, exchange._WINGS[library], raising=False)
        monkeypatch.setitem(sys.modules, library, None)
        call = lambda: mc.numpy.Conv2D(2).to_native(library)  # noqa: E731
        check_error(ImportError, call, library, install_line(library))

    def test_is_not_loaded_for_another(self):
        found = run_python("""
            import sys
            import multiconv as mc
            try:
                mc.numpy.Conv2D.from_native(3)
            except TypeError:
                names = ("torch", "jax", "flax", "equinox", "keras")
                print([name for name in names if name in sys.modules])
        """)
        assert found == "[]"


@pytest.mark.needs_library("keras")
def test_keras_on_the_other_framework():
    """Keras runs on one framework in a process; the other one, if it is under test, in its own."""
    others = {"jax", "torch"} - {libraries_under_test.FRAMEWORKS["keras"]}
    for other in others & set(backends_under_test.CHOSEN):
        found = run_python(
            """
            import keras, numpy as np
            import multiconv as mc
            print(keras.backend.backend())
            x = np.random.default_rng(0).integers(-4, 4, (2, 4, 6, 7)).astype("float32")
            for options in ({"stride": 2}, {"dilation": 2, "groups": 2}, {"bias": False}):
                options |= {"in_channels": 4, "out_channels": 6, "padding": "same"}
                layer = mc.numpy.Conv2D((2, 3), **options)
                layer.weight[:] = np.arange(layer.weight.size).reshape(layer.weight.shape) % 7 - 3
                if layer.bias is not None:
                    layer.bias[:] = range(6)
                module = layer.to_native("keras")
                y = module(x.transpose(0, 2, 3, 1))
                y = y.detach().numpy() if hasattr(y, "detach") else np.asarray(y)
                again = mc.numpy.Conv2D.from_native(module)
                print(np.array_equal(y.transpose(0, 3, 1, 2), layer(x)))
                print(np.array_equal(again(x), layer(x)))
            """,
            KERAS_BACKEND=other,
        )
        assert found.split() == [other, *["True"] * 6]
