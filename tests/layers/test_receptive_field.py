"""receptive_field against the support of real gradients, and against the formula."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import check_error

from multiconv import receptive_field

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]

# Stacks of layers as (kernel_size, stride, padding, dilation), for an image of 13 x 12.
STACKS = [
    [(3, 1, 0, 1)],
    [((2, 3), (2, 1), ((1, 0), (0, 2)), (1, 2))],
    [(3, 2, 1, 1), (2, 1, 1, 2)],
    [(2, 1, "same", 1), (2, 1, "same_lower", 1), (3, 1, "full", 2)],
    [(1, 2, 0, 1), (3, 1, 1, 1), (2, 2, 1, 1)],
    [((1, 3), (1, 2), (0, 1), (1, 1)), ((3, 1), (3, 1), (2, 0), (1, 1))],
]
SIZE = (13, 12)


def layers_of(face, stack, channels):
    """Layers with weights of one, through which no gradient can cancel."""
    layers = []
    for kernel, stride, padding, dilation in stack:
        given = {"in_channels": channels, "out_channels": channels} if channels else {}
        layer = face.functions.Conv2D(
            kernel, **given, stride=stride, padding=padding, dilation=dilation, bias=False
        )
        ones = face.array(np.ones(tuple(layer.weight.shape)), "float32")
        if face.name == "jax":
            layer = layer.replace(weight=ones)
        elif face.name == "torch":
            layer.load_state_dict({"weight": ones})
        else:
            layer.weight[...] = 1
        layers.append(layer)
    return layers


def gradients(face, layers, shape):
    """Which pixels every output depends on: (*outputs, H, W) of True and False, one channel."""
    x = face.array(np.ones(shape), "float32")

    def forward(x):
        for layer in layers:
            x = layer(x)
        return x

    if face.name == "jax":
        import jax

        jacobian = np.array(jax.jit(jax.jacrev(forward))(x))
        y_shape = jacobian.shape[: len(shape)]
    elif face.name == "torch":
        import torch

        jacobian = torch.autograd.functional.jacobian(forward, x).numpy()
        y_shape = jacobian.shape[: len(shape)]
    else:
        y_shape = forward(x).shape
        jacobian = np.zeros((*y_shape, *shape))
        for place in np.ndindex(y_shape):
            slope = np.zeros(y_shape, np.float32)
            slope[place] = 1
            for layer in reversed(layers):
                slope = layer.backward(slope)
            jacobian[place] = slope
    if len(shape) == 3:  # the first output channel, over all input channels
        jacobian, y_shape = jacobian[0].any(axis=-3), y_shape[1:]
    return jacobian.astype(bool), y_shape


def predicted(field, place, size=None):
    """The pixels of the image that `pixels` names, as (H, W) of True and False."""
    inside = [
        [p for p in pixels if 0 <= p < n]
        for pixels, n in zip(field.pixels(place, size), SIZE, strict=True)
    ]
    image = np.zeros(SIZE, bool)
    image[np.ix_(*inside)] = True
    return image


def meets_a_border(stack, place):
    """Whether an output reads a border position of any layer."""
    sizes = [SIZE]
    for kernel, stride, padding, dilation in stack:
        kernel = oracle.per_axis(kernel, 2)  # noqa: PLW2901
        sizes.append(oracle.output_size(sizes[-1], kernel, stride, padding, dilation))
    for axis in range(2):
        seen = {place[axis]}
        for layer, size in zip(reversed(stack), sizes[-2::-1], strict=True):
            k, s, d = (oracle.per_axis(layer[i], 2)[axis] for i in (0, 1, 3))
            kernel = oracle.per_axis(layer[0], 2)
            low, _ = oracle.resolve_pads(layer[2], size, kernel, layer[1], layer[3])[axis]
            seen = {p * s - low + t * d for p in seen for t in range(k)}
            if min(seen) < 0 or max(seen) >= size[axis]:
                return True
    return False


@pytest.fixture(params=FACES)
def face(request):
    return backends_under_test.make(request.param)


@pytest.mark.parametrize("stack", STACKS, ids=range(len(STACKS)))
class TestAgainstGradients:
    @pytest.mark.parametrize("channels", [0, 2], ids=["textbook", "channels"])
    def test_an_output_sees_exactly_these_pixels(self, face, stack, channels):
        layers = layers_of(face, stack, channels)
        found, y_shape = gradients(face, layers, (channels, *SIZE) if channels else SIZE)
        field = receptive_field(*layers)
        assert field == receptive_field(*stack)
        wrong = [
            place
            for place in np.ndindex(y_shape)
            if not np.array_equal(found[place], predicted(field, place))
        ]
        # Away from the borders there is no doubt; at them, a pixel may be hidden (see below).
        assert not [place for place in wrong if not meets_a_border(stack, place)]
        assert not [p for p in np.ndindex(y_shape) if (found[p] & ~predicted(field, p)).any()]

    def test_at_the_borders_too(self, face, stack):
        """A pixel that only a border of zeros between two layers would hand on is not seen."""
        layers = layers_of(face, stack, 0)
        found, y_shape = gradients(face, layers, SIZE)
        field = receptive_field(*layers)
        for place in np.ndindex(y_shape):
            assert np.array_equal(found[place], predicted(field, place, SIZE)), place

    def test_size_jump_and_offset_are_the_extent_of_the_support(self, stack):
        field = receptive_field(*stack)
        for axis in range(2):
            support = field.support[axis]
            assert (support[0], support[-1]) == (0, field.size[axis] - 1)
            assert list(support) == sorted(set(support))
            for p in (0, 1, 5):
                start = field.offset[axis] + p * field.jump[axis]
                seen = field.pixels((p, p))[axis]
                assert seen == tuple(start + s for s in support)

    def test_the_formula(self, stack):
        """size' = size + d (k - 1) jump, offset' = offset - low jump, jump' = s jump."""
        size, jump, offset = [1, 1], [1, 1], [0, 0]
        for kernel, stride, padding, dilation in stack:
            kernel, stride, dilation = (oracle.per_axis(v, 2) for v in (kernel, stride, dilation))  # noqa: PLW2901
            pads = oracle.resolve_pads(padding, SIZE, kernel, stride, dilation)
            for axis in range(2):
                size[axis] += dilation[axis] * (kernel[axis] - 1) * jump[axis]
                offset[axis] -= pads[axis][0] * jump[axis]
                jump[axis] *= stride[axis]
        field = receptive_field(*stack)
        assert field[:3] == (tuple(size), tuple(jump), tuple(offset))

    def test_size_is_the_smallest_image_with_one_output(self, stack):
        """Without padding; through every layer in turn."""
        bare = [(kernel, stride, 0, dilation) for kernel, stride, _, dilation in stack]
        size = receptive_field(*bare).size
        for kernel, stride, _, dilation in bare:
            size = oracle.output_size(size, oracle.per_axis(kernel, 2), stride, 0, dilation)
        assert size == (1, 1)


class TestTuples:
    def test_what_is_left_out(self):
        assert receptive_field((3,)) == receptive_field((3, 1)) == receptive_field((3, 1, 0, 1))
        assert receptive_field([3, 1]) == receptive_field((3, 1))

    def test_three_layers_of_three(self):
        field = receptive_field((3, 1, 1), (3, 2, 1), (3, 1, 1))
        assert (field.size, field.jump, field.offset) == ((9, 9), (2, 2), (-4, -4))

    def test_two_layers_of_three_are_one_of_five(self):
        assert receptive_field((3,), (3,)) == receptive_field((5,))

    def test_a_dilated_kernel_has_holes(self):
        field = receptive_field((3, 1, 0, 2))
        assert field.size == (5, 5)
        assert field.support == ((0, 2, 4), (0, 2, 4))
        # A plain layer after it fills them.
        assert receptive_field((3, 1, 0, 2), (2,)).support[0] == (0, 1, 2, 3, 4, 5)

    def test_a_stride_larger_than_the_kernel_leaves_holes(self):
        assert receptive_field((1, 3), (3,)).support[0] == (0, 3, 6)
        assert receptive_field((2, 3), (2,)).support[0] == (0, 1, 3, 4)

    @pytest.mark.parametrize("axes", [1, 3])
    def test_other_numbers_of_axes(self, axes):
        field = receptive_field(((3,) * axes, 2, ((1, 0),) * axes), (3, 1, 1))
        assert field.size == (7,) * axes
        assert field.jump == (2,) * axes
        assert field.offset == (-3,) * axes
        assert field.pixels(1) == ((-1, 0, 1, 2, 3, 4, 5),) * axes

    def test_it_is_made_of_plain_integers(self):
        field = receptive_field((np.int64(3), np.int32(2), np.int64(1)))
        assert all(type(v) is int for part in field[:3] for v in part)
        assert all(type(v) is int for axis in field.support for v in axis)

    def test_every_face_has_it(self, face):
        assert face.functions.receptive_field((3,)) == receptive_field((3,))

    @pytest.mark.parametrize("name", FACES)
    def test_layers_and_tuples_may_be_mixed(self, name):
        layer = backends_under_test.make(name).functions.Conv2D(
            3, in_channels=1, out_channels=2, stride=2, padding="full"
        )
        field = receptive_field((3, 1, 1), layer)
        assert field == receptive_field((3, 1, 1), (3, 2, 2))


class TestVeryLarge:
    """Sizes that nobody could list one by one."""

    def test_evenly_spaced_pixels_are_a_range(self):
        field = receptive_field((10**9,))
        assert field[:3] == ((10**9,) * 2, (1, 1), (0, 0))
        assert field.support[0] == range(10**9)
        assert receptive_field((10**9, 1, 0, 3)).support[0] == range(0, 3 * 10**9 - 2, 3)
        assert receptive_field((10**6, 10**6), (10**6,)).support[0] == range(10**12)

        assert receptive_field((10**30,)).support[0] == range(10**30)

    def test_a_few_far_apart_are_listed(self):
        far = 10**30
        field = receptive_field((2, 1, 0, far), (2, 1, 0, 3))
        assert field.support[0] == field.pixels(0)[0] == (0, 3, far, far + 3)

    def test_others_are_not_listed(self):
        field = receptive_field((10**9, 1, 0, 2), (2, 1, 0, 3))
        assert field.size == (2 * 10**9 + 2,) * 2
        assert field.support == (None, None)
        check_error(ValueError, lambda: field.pixels(0), "position=0", "too many")

    def test_the_image_limits_what_is_listed(self):
        field = receptive_field((10**9, 1, 10**9 - 1))
        assert field.pixels(3, 28)[0] == (0, 1, 2, 3)
        assert field.pixels(10**9, 28)[0] == tuple(range(1, 28))

    def test_holes_of_many_layers_are_found(self):
        layers = [(3, 1, 0, 7), (4, 5), (2, 3, 0, 3), (5, 1, 0, 2)]
        (size, _), _, _, (support, _) = receptive_field(*layers)
        seen, jump = {0}, 1
        for layer in layers:
            kernel, stride, _, dilation = (*layer, *(1, 1, 0, 1)[len(layer) :])
            seen = {s + t * dilation * jump for s in seen for t in range(kernel)}
            jump *= stride
        assert support == tuple(sorted(seen))
        assert size == max(seen) + 1


class TestErrors:
    def test_of_a_transposed_layer(self):
        from multiconv.layers.numpy import ConvTranspose2D

        layer = ConvTranspose2D(2, in_channels=1, out_channels=1)
        call = lambda: receptive_field((3,), layer)  # noqa: E731
        check_error(ValueError, call, "layers[1]", "ConvTranspose2D", "phase")

    @pytest.mark.parametrize(
        ("error", "layers", "words"),
        [
            (ValueError, (), ("layer",)),
            (TypeError, (3,), ("layers[0]", "3")),
            (TypeError, ((3,), "conv"), ("layers[1]", "conv")),
            (TypeError, ((),), ("layers[0]", "kernel_size")),
            (TypeError, ((3, 1, 1, 1, 1),), ("layers[0]", "kernel_size")),
            (TypeError, (("3",),), ("layers[0]", "kernel_size")),
            (ValueError, ((3, 0),), ("layers[0]", "stride", "1")),
            (ValueError, ((0,),), ("layers[0]", "kernel_size", "1")),
            (ValueError, ((3, 1, -1),), ("layers[0]", "padding", "-1")),
            (ValueError, ((3, 1, "smae"),), ("layers[0]", "padding", "same")),
            (ValueError, ((3, 2, "same"),), ("layers[0]", "same", "stride", "pairs")),
            (ValueError, (((3, 3),), ((3, 3, 3),)), ("axes", "2", "3")),
            (ValueError, (((3, 3), (1, 1, 1)),), ("layers[0]", "2", "3")),
            (TypeError, ((3, 1, 0, 1.5),), ("layers[0]", "dilation", "1.5")),
        ],
    )
    def test_of_layers(self, error, layers, words):
        check_error(error, lambda: receptive_field(*layers), *words)

    def test_of_positions(self):
        field = receptive_field((3,))
        check_error(ValueError, lambda: field.pixels((1, 2, 3)), "position", "2", "3")
        check_error(ValueError, lambda: field.pixels(-1), "position", "0", "-1")


def test_layers_may_be_one_list():
    import multiconv as mc

    layers = [mc.numpy.Conv2D(3, padding=1), mc.numpy.Conv2D(3, stride=2)]
    assert receptive_field(layers) == receptive_field(*layers)
