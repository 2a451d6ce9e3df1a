"""The fixed problems of ``multiconv exact --digest``: the same numbers on every machine.

The data come from a generator that counts (Philox), as whole numbers that are scaled by powers of
two; so nothing is rounded before the problems are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.arguments import PADDING_MODES

_SIZES = {"conv1d": (9,), "conv2d": (7, 8), "conv3d": (4, 5, 6)}


class Problem(NamedTuple):
    """A call of a public function, with arrays of NumPy that hold numbers of ``dtype``."""

    group: str
    function: str
    arrays: tuple[NumPyArray, ...]
    dtype: str = "float32"
    options: Mapping[str, Any] = {}
    sizes: tuple[Any, ...] = ()


#: The groups, in the order of the whole digest, and what is in them.
GROUPS = {
    "forward": "conv1d to 3d, corr2d, convolve2d; strides, dilations, groups, a bias",
    "gradients": "of the image and of the weight, for the same",
    "transposed": "conv_transpose1d to 3d, with output_padding",
    "borders": "the five borders, forward and both gradients",
    "dtypes": "float16, float64, complex64, complex128",
    "cancellation": "products of very different size that nearly cancel",
    "limits": "subnormal numbers, ties, overflow, infinities, NaN",
    "training": "kernels learned in ten steps, with bias, momentum and means",
}


def problems() -> Iterator[Problem]:
    """Yield every problem but those of training, group by group."""
    yield from _forward()
    yield from _gradients()
    yield from _transposed()
    yield from _borders()
    yield from _dtypes()
    yield from _cancellation()
    yield from _limits()


def numbers(shape: tuple[int, ...], key: int, *, bits: int = 24, spread: int = 0) -> NumPyArray:
    """Return numbers of so many bits, in (-1, 1), times powers of two up to 2**spread."""
    raw = np.random.Philox(key=key).random_raw((2, *shape))
    whole = (raw[0] >> np.uint64(64 - bits)).astype(np.int64)
    signed = np.where(raw[0] & np.uint64(1), whole, -whole)
    exponents = (raw[1] % np.uint64(2 * spread + 1)).astype(np.int64) - spread
    scaled: NumPyArray = np.ldexp(signed.astype(np.float64), exponents - bits)
    return scaled


def _forward() -> Iterator[Problem]:
    options = (
        {},
        {"stride": 2, "padding": 1},
        {"dilation": 2, "padding": "same"},
        {"groups": 2, "padding": "full"},
    )
    for key, (function, size) in enumerate(_SIZES.items()):
        for chosen in options:
            groups = chosen.get("groups", 1)
            x = numbers((2, 4, *size), key)
            weight = numbers((6, 4 // int(str(groups)), *(2,) * len(size)), key + 10)
            bias = numbers((6,), key + 20)
            yield Problem("forward", function, (x, weight, bias), options=chosen)
    for function in ("corr2d", "convolve2d"):
        yield Problem("forward", function, (numbers((33, 35), 5), numbers((5, 4), 6)))


def _gradients() -> Iterator[Problem]:
    weight, grad, x = (
        numbers((6, 2, 3, 2), 30),
        numbers((2, 6, 4, 4), 31),
        numbers((2, 4, 7, 8), 32),
    )
    chosen = {"stride": 2, "padding": ((1, 1), (0, 1)), "groups": 2}
    yield Problem("gradients", "conv_input_grad", (grad, weight), "float32", chosen, ((7, 8),))
    yield Problem("gradients", "conv_weight_grad", (x, grad), "float32", chosen, ((3, 2),))
    long, slope = numbers((8, 1, 40, 40), 33), numbers((8, 1, 38, 38), 34)
    yield Problem("gradients", "conv_weight_grad", (long, slope), sizes=((3, 3),))


def _transposed() -> Iterator[Problem]:
    for axes, size in ((1, (5,)), (2, (4, 5)), (3, (3, 2, 4))):
        x, weight = numbers((2, 4, *size), 40 + axes), numbers((4, 3, *(3,) * axes), 50 + axes)
        chosen = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
        yield Problem("transposed", f"conv_transpose{axes}d", (x, weight), options=chosen)


def _borders() -> Iterator[Problem]:
    x, weight, grad = (
        numbers((1, 2, 6, 7), 60),
        numbers((3, 2, 3, 3), 61),
        numbers((1, 3, 6, 7), 62),
    )
    for mode in PADDING_MODES:
        chosen = {"padding": 2, "dilation": 2, "padding_mode": mode}
        yield Problem("borders", "conv2d", (x, weight), options=chosen)
        yield Problem("borders", "conv_input_grad", (grad, weight), "float32", chosen, ((6, 7),))
        yield Problem("borders", "conv_weight_grad", (x, grad), "float32", chosen, ((3, 3),))


def _dtypes() -> Iterator[Problem]:
    for dtype, bits in (("float16", 11), ("float64", 53), ("complex64", 24), ("complex128", 53)):
        x, weight = numbers((2, 3, 6, 6), 70, bits=bits), numbers((4, 3, 3, 3), 71, bits=bits)
        grad = numbers((2, 4, 4, 4), 72, bits=bits)
        if dtype.startswith("complex"):
            x, weight, grad = (a + 1j * np.flip(a) for a in (x, weight, grad))
        yield Problem("dtypes", "conv2d", (x, weight), dtype)
        yield Problem("dtypes", "conv_input_grad", (grad, weight), dtype, sizes=((6, 6),))
        yield Problem("dtypes", "conv_weight_grad", (x, grad), dtype, sizes=((3, 3),))


def _cancellation() -> Iterator[Problem]:
    """Give every channel a twin with weights of the other sign, but for their last bits."""
    for dtype, bits, spread in (("float32", 24, 30), ("float64", 53, 200)):
        x = numbers((1, 3, 12, 12), 80, bits=bits, spread=spread)
        weight = numbers((2, 3, 3, 3), 81, bits=bits, spread=spread)
        twin = np.nextafter(weight.astype(dtype), np.array(0, dtype)).astype(np.float64)
        images = np.concatenate([x, x], axis=1)
        yield Problem(
            "cancellation", "conv2d", (images, np.concatenate([weight, -twin], axis=1)), dtype
        )
        exact = np.concatenate([weight, -weight], axis=1)
        yield Problem("cancellation", "conv2d", (images, exact, np.ldexp([3.0, -5.0], -140)), dtype)


def _limits() -> Iterator[Problem]:
    small = np.ldexp(numbers((1, 1, 12, 12), 90, spread=6), -75)
    kernel = np.ldexp(numbers((2, 1, 3, 3), 91, spread=6), -70)
    yield Problem("limits", "conv2d", (small, kernel))
    yield Problem("limits", "conv2d", (np.ldexp(small, 200), np.ldexp(kernel, 75)))
    half = np.array([[[[1.0, 2.0**-24, 2.0**-24, 2.0**-60, -(2.0**-24), 2.0**-149]]]])
    yield Problem("limits", "conv2d", (half, np.ones((1, 1, 1, 2))))
    yield Problem("limits", "conv2d", (half, np.ones((1, 1, 1, 3))))
    wild = numbers((1, 1, 6, 6), 92)
    wild[0, 0, 1, 2], wild[0, 0, 4, 4], wild[0, 0, 5, 0] = np.inf, -np.inf, np.nan
    yield Problem("limits", "conv2d", (wild, numbers((2, 1, 2, 2), 93)), options={"padding": 1})
