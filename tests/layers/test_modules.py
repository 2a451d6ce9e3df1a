"""The receptive fields of other libraries' modules, against those of the same numbers."""

import libraries_under_test
import pytest

import multiconv as mc
from multiconv import receptive_field

SAME = ((5, 1, 2), (2, 2))
LIBRARIES = [pytest.param("torch", marks=pytest.mark.needs_backend("torch"))]
LIBRARIES += list(libraries_under_test.CONVOLUTIONS)


def stack(library):
    """A convolution of 5 x 5 with a border of 2, an activation, and a pool of 2 x 2."""
    if library == "torch":
        from torch import nn

        return nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
    if library == "keras":
        import keras

        first = keras.layers.Conv2D(8, 5, padding="same", activation="relu")
        layers = [first, keras.layers.Dropout(0.5), keras.layers.AveragePooling2D(2)]
        return keras.Sequential([keras.Input((28, 28, 3)), *layers])
    import jax

    if library == "flax":
        from flax import nnx

        first = nnx.Conv(3, 8, (5, 5), rngs=nnx.Rngs(0))
        second = nnx.Conv(8, 8, (2, 2), strides=2, padding="VALID", rngs=nnx.Rngs(0))
        return nnx.Sequential(first, nnx.relu, second)
    from equinox import nn

    first = nn.Conv2d(3, 8, 5, padding=2, key=jax.random.key(0))
    return nn.Sequential([first, nn.Lambda(jax.nn.relu), nn.MaxPool2d(2, 2)])


class TestSequential:
    @pytest.mark.parametrize("library", LIBRARIES)
    def test_it_is_that_of_its_layers(self, library):
        assert receptive_field(stack(library)) == receptive_field(*SAME)

    @pytest.mark.parametrize("library", LIBRARIES)
    def test_layers_one_by_one_and_in_a_list(self, library):
        layers = list(getattr(stack(library), "layers", stack(library)))
        assert receptive_field(*layers) == receptive_field(layers) == receptive_field(*SAME)

    @pytest.mark.needs_backend("torch")
    def test_in_one_another_and_beside_ours(self):
        from torch import nn

        layer = mc.torch.Conv2D(3, in_channels=8, out_channels=8, dilation=2)
        net = nn.Sequential(stack("torch"), nn.BatchNorm2d(8), nn.Sequential(layer))
        assert receptive_field(net, (3, 2)) == receptive_field(*SAME, (3, 1, 0, 2), (3, 2))

    @pytest.mark.needs_backend("torch")
    def test_a_class_derived_from_it_is_one_unless_it_computes_otherwise(self):
        from torch import nn

        class Block(nn.Sequential):
            pass

        class Skipping(nn.Sequential):
            def forward(self, x):
                return x + super().forward(x)

        assert receptive_field(Block(stack("torch"))) == receptive_field(*SAME)
        with pytest.raises(TypeError, match="Skipping"):
            receptive_field(Skipping(stack("torch")))


@pytest.mark.needs_backend("torch")
class TestTorch:
    @pytest.mark.parametrize(
        ("make", "numbers"),
        [
            (lambda nn: nn.Conv1d(4, 4, 3, 2, 1, 2, groups=2), ((3,), 2, 1, 2)),
            (lambda nn: nn.Conv2d(4, 4, (3, 2), padding="same"), ((3, 2), 1, "same")),
            (lambda nn: nn.Conv3d(1, 1, 2, padding_mode="circular"), ((2, 2, 2),)),
            (lambda nn: nn.MaxPool2d(3, 1, 1, dilation=2), (3, 1, 1, 2)),
            (lambda nn: nn.AvgPool2d((2, 3)), ((2, 3), (2, 3))),
            (lambda nn: nn.GELU(), (1,)),
        ],
    )
    def test_one_module(self, make, numbers):
        from torch import nn

        assert receptive_field(make(nn)) == receptive_field(numbers)

    def test_what_it_sees_must_be_known(self):
        from torch import nn

        for module in (nn.Linear(2, 2), nn.GroupNorm(1, 2), nn.Upsample(scale_factor=2)):
            name = type(module).__name__
            net = nn.Sequential(nn.Conv2d(1, 1, 3), module)
            with pytest.raises(TypeError, match=rf"layers\[0\]\[1\] is a {name}, .* leave it out"):
                receptive_field(net)
        with pytest.raises(ValueError, match="ConvTranspose2D, of whose outputs"):
            receptive_field(nn.ConvTranspose2d(1, 1, 3))


@pytest.mark.needs_library("flax")
class TestFlax:
    def test_modules_of_linen(self):
        from flax import linen as nn

        second = nn.Conv(8, (2, 2), strides=2, padding="VALID")
        net = nn.Sequential([nn.Conv(8, (5, 5)), nn.relu, nn.Dropout(0.5), second])
        assert receptive_field(net) == receptive_field(*SAME)
        assert receptive_field(nn.Conv(8, 3, padding="CAUSAL")) == receptive_field(
            ((3,), 1, ((2, 0),))
        )
        with pytest.raises(ValueError, match="ConvTranspose2D, of whose"):
            receptive_field(nn.ConvTranspose(8, (3, 3)))

    def test_zeros_between_pixels_are_refused(self):
        from flax import linen, nnx

        for module in (
            linen.Conv(8, (3, 3), input_dilation=2),
            nnx.Conv(3, 8, (3, 3), input_dilation=(1, 2), rngs=nnx.Rngs(0)),
        ):
            with pytest.raises(ValueError, match="Conv has input_dilation"):
                receptive_field(module)

    def test_linen_holds_no_parameters(self):
        from flax import linen

        with pytest.raises(ValueError, match=r"flax\.linen, whose modules hold no parameters"):
            mc.jax.Conv2D.from_native(linen.Conv(8, (3, 3)))
