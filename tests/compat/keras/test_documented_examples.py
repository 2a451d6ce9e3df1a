"""The layers of Keras's own examples, as the operations they are made of: the same bits."""

import numpy as np
import pytest
from comparing import assert_same

from multiconv.compat.keras import ops as compat

pytestmark = pytest.mark.needs_library("keras")


def numbers(*shape):
    """Whole numbers from -3 to 3, whose sums are exact in float32."""
    return np.random.default_rng(0).integers(-3, 4, shape).astype("float32")


# Of the layers' examples: images, kernels and what the layer was made with.
EXAMPLES = {
    "Conv1D": ("conv", [(4, 10, 12), (3, 12, 32)], {}),
    "Conv2D": ("conv", [(4, 10, 10, 12), (3, 3, 12, 32)], {}),
    "Conv3D": ("conv", [(4, 6, 6, 6, 12), (3, 3, 3, 12, 8)], {}),
    "Conv1DTranspose": ("conv_transpose", [(4, 10, 12), (3, 32, 12)], {"strides": 2}),
    "Conv2DTranspose": ("conv_transpose", [(4, 10, 8, 12), (2, 2, 32, 12)], {"strides": 2}),
    "Conv2DTranspose, same": (
        "conv_transpose", [(4, 10, 8, 12), (3, 3, 32, 12)], {"strides": (2, 1), "padding": "same"},
    ),
    "Conv3DTranspose": ("conv_transpose", [(2, 4, 5, 4, 6), (2, 2, 2, 8, 6)], {"strides": 2}),
    "DepthwiseConv1D": ("depthwise_conv", [(4, 10, 12), (3, 12, 3)], {"strides": 2}),
    "DepthwiseConv2D": ("depthwise_conv", [(4, 10, 10, 12), (3, 3, 12, 2)], {"padding": "same"}),
    "SeparableConv1D": (
        "separable_conv", [(4, 10, 12), (4, 12, 2), (1, 24, 4)], {"padding": "valid"},
    ),
    "SeparableConv2D": (
        "separable_conv", [(4, 10, 10, 12), (4, 3, 12, 2), (1, 1, 24, 4)], {"padding": "same"},
    ),
    "dilated": (
        "conv", [(2, 9, 9, 4), (3, 3, 4, 5)], {"dilation_rate": (2, 3), "padding": "same"},
    ),
    "channels first": (
        "conv", [(2, 4, 9, 9), (3, 3, 2, 6)], {"data_format": "channels_first", "strides": 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_bit_for_bit(backend, name):
    from keras import ops

    function, shapes, keywords = EXAMPLES[name]
    arrays = [numbers(*shape) for shape in shapes]
    expected = ops.convert_to_numpy(getattr(ops, function)(*arrays, **keywords))
    result = getattr(compat, function)(*map(backend.array, arrays), **keywords)
    assert_same(backend, result, expected, "float32")
