"""JAX's tutorial "Generalized convolutions in JAX", its images smaller: the same bits."""

import numpy as np
import pytest
from comparing import assert_same

from multiconv.compat.jax import lax as compat

pytestmark = pytest.mark.needs_backend("jax")

# A square in a black image, and a kernel of the tutorial's, with one of the three channels empty.
IMAGE = np.zeros((1, 30, 26, 3), "float32")
for _x in range(3):
    for _y in range(3):
        IMAGE[:, 3 + 9 * _x : 9 + 9 * _x, 2 + 8 * _y : 8 + 8 * _y, _x] = 1.0 + _y
KERNEL = np.zeros((3, 3, 3, 3), "float32")
KERNEL[..., 0, 0] += np.array([[1, 1, 0], [1, 0, -1], [0, -1, -1]])
KERNEL[..., 2, 1] += np.array([[0, 2, 1], [1, 0, -1], [-1, -2, 0]])
SIGNAL = (np.arange(20, dtype="float32").reshape(1, 10, 2) * 5) % 7
LINE = np.arange(12, dtype="float32").reshape(3, 2, 2) - 5
VOLUME = (np.arange(8 * 7 * 6, dtype="float32").reshape(1, 8, 7, 6, 1) * 5) % 11
CUBE = (np.arange(27, dtype="float32").reshape(3, 3, 3, 1, 1) * 7) % 5 - 2
NAMES = ("NHWC", "HWIO", "NHWC")


FIRST = IMAGE.transpose(0, 3, 1, 2), KERNEL.transpose(3, 2, 0, 1)
ONES, TWOS = (1, 1), (2, 2)


def general(*options, names=NAMES, **keywords):
    """`conv_general_dilated`, with numbers of axes that are made from these names."""

    def call(m, x, w):
        numbers = m.conv_dimension_numbers(x.shape, w.shape, names)
        return m.conv_general_dilated(x, w, *options, dimension_numbers=numbers, **keywords)

    return call


EXAMPLES = {
    "conv": (lambda m, x, w: m.conv(x, w, ONES, "SAME"), *FIRST),
    "conv_with_general_padding": (
        lambda m, x, w: m.conv_with_general_padding(x, w, ONES, ((2, 2), (2, 2)), ONES, ONES),
        *FIRST,
    ),
    "SAME": (general(ONES, "SAME", ONES, ONES), IMAGE, KERNEL),
    "VALID": (general(ONES, "VALID", ONES, ONES), IMAGE, KERNEL),
    "SAME with a stride": (general(TWOS, "SAME", ONES, ONES), IMAGE, KERNEL),
    "VALID with a wide kernel": (general(ONES, "VALID", ONES, (12, 12)), IMAGE, KERNEL),
    "zeros between pixels": (general(ONES, ((0, 0), (0, 0)), TWOS, ONES), IMAGE, KERNEL),
    "transposed": (
        general(ONES, ((2, 2), (2, 2)), TWOS, ONES), IMAGE, KERNEL[::-1, ::-1].copy(),
    ),
    "transposed, by its name": (
        lambda m, x, w: m.conv_transpose(x, w, TWOS, ((2, 2), (2, 2))), IMAGE, KERNEL,
    ),
    "transposed, SAME": (lambda m, x, w: m.conv_transpose(x, w, TWOS, "SAME"), IMAGE, KERNEL),
    "lines": (
        general((1,), "SAME", (1,), (1,), names=("NWC", "WIO", "NWC")), SIGNAL, LINE,
    ),
    "lines with a stride": (
        general((2,), [(1, 1)], (1,), (2,), names=("NWC", "WIO", "NWC")), SIGNAL, LINE,
    ),
    "volumes": (
        general((1, 1, 1), "SAME", (1, 1, 1), (1, 1, 1), names=("NHWDC", "HWDIO", "NHWDC")),
        VOLUME, CUBE,
    ),
    "channel by channel": (
        general(ONES, "SAME", feature_group_count=3), IMAGE, KERNEL[:, :, :1],
    ),
    "patches": (
        lambda m, x, w: m.conv_general_dilated_patches(x, (3, 2), TWOS, "SAME"), *FIRST,
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", EXAMPLES.values(), ids=EXAMPLES)
def test_bit_for_bit(backend, call):
    from jax import lax

    function, *arrays = call
    expected = function(lax, *arrays)
    result = function(compat, *map(backend.array, arrays))
    assert_same(backend, result, np.asarray(expected), "float32")
