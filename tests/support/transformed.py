"""Exact convolutions whose bits the tests compare under transforms."""

from fractions import Fraction

import numpy as np
from rounded import bits_of

OPTIONS = {
    "stride": (2, 1),
    "padding": ((1, 1), (0, 1)),
    "dilation": (1, 2),
    "groups": 2,
    "padding_mode": "reflect",
}


def drawn(*shapes, seed=1):
    """Arrays of float32 whose sums round, some of them to zero in any but an exact sum."""
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal(shape) * 2.0 ** rng.integers(-9, 9, shape) for shape in shapes]
    return [value.astype(np.float32) for value in values]


def arrays(backend, *values, dtype="float32"):
    return [backend.array(value, dtype) for value in values]


def exact(functions, name, *operands, **options):
    return getattr(functions, name)(*operands, **options, method="exact")


def bias_grad(cotangent):
    """The sums of the channels in float32, from the definition."""
    channels = np.moveaxis(cotangent, 1, 0).reshape(cotangent.shape[1], -1)
    sums = [bits_of(sum(map(Fraction, map(float, channel))), "float32") for channel in channels]
    return np.array(sums, "u4").view("f4")
