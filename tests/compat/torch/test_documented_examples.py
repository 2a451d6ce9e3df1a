"""The examples of torch's own documentation, of whole numbers: the same bits, on any arrays."""

import numpy as np
import pytest
from comparing import assert_same

from multiconv.compat.torch.nn import functional as compat

pytestmark = pytest.mark.needs_backend("torch")


def fold_of_ones(m, x):
    """How often each pixel is in a window, as the notes of `torch.nn.Fold` count it."""
    return m.fold(m.unfold(x * 0 + 1, (2, 3), padding=1), x.shape[2:], (2, 3), padding=1)


# Function of the module and arrays, and their shapes: large batches are fewer here.
EXAMPLES = {
    "conv1d": (lambda m, x, w: m.conv1d(x, w), (3, 16, 30), (20, 16, 5)),
    "conv2d": (lambda m, x, w: m.conv2d(x, w, padding=1), (1, 4, 5, 5), (8, 4, 3, 3)),
    "conv3d": (lambda m, x, w: m.conv3d(x, w), (2, 4, 10, 5, 7), (3, 4, 3, 3, 3)),
    "conv_transpose1d": (lambda m, x, w: m.conv_transpose1d(x, w), (2, 16, 20), (16, 33, 5)),
    "conv_transpose2d": (
        lambda m, x, w: m.conv_transpose2d(x, w, padding=1), (1, 4, 5, 5), (4, 8, 3, 3),
    ),
    "conv_transpose3d": (
        lambda m, x, w: m.conv_transpose3d(x, w), (2, 4, 8, 3, 4), (4, 5, 3, 3, 3),
    ),
    "nn.Unfold": (lambda m, x: m.unfold(x, kernel_size=(2, 3)), (2, 5, 3, 4)),
    "nn.Fold": (
        lambda m, x: m.fold(x, output_size=(4, 5), kernel_size=(2, 2)), (1, 3 * 2 * 2, 12),
    ),
    "nn.Fold, of ones": (fold_of_ones, (2, 3, 4, 5)),
    "nn.Conv2d": (
        lambda m, x, w, b: m.conv2d(x, w, b, stride=(2, 1), padding=(4, 2), dilation=(3, 1)),
        (2, 16, 25, 30), (33, 16, 3, 5), (33,),
    ),
    "nn.ConvTranspose2d": (
        lambda m, x, w, b: m.conv_transpose2d(x, w, b, stride=(2, 1), padding=(4, 2)),
        (2, 16, 10, 12), (16, 33, 3, 5), (33,),
    ),
    "nn.ConvTranspose2d, the size given": (
        lambda m, x, w: m.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
        (1, 16, 6, 6), (16, 16, 3, 3),
    ),
    "depth by depth": (
        lambda m, x, w: m.conv2d(x, w, padding="same", groups=4), (1, 4, 5, 5), (8, 1, 3, 5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_bit_for_bit(backend, name):
    import torch

    call, *shapes = EXAMPLES[name]
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-4, 5, shape).astype("float32") for shape in shapes]
    expected = call(torch.nn.functional, *map(torch.from_numpy, arrays))
    own = [backend.array(a) for a in arrays]
    assert_same(backend, call(compat, *own), expected.numpy(), "float32")


def test_a_convolution_is_the_matrix_of_patches_times_the_weights(backend):
    rng = np.random.default_rng(1)
    x, w = rng.integers(-5, 6, (1, 3, 10, 12)), rng.integers(-5, 6, (2, 3, 4, 5))
    patches = backend.to_numpy(compat.unfold(backend.array(x, "int32"), (4, 5)))
    product = (w.reshape(2, -1) @ patches).reshape(1, 2, 7, 8)
    result = compat.conv2d(backend.array(x, "int32"), backend.array(w, "int32"))
    assert_same(backend, result, product, "int32")
