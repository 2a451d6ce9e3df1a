"""The fixed problems of ``multiconv exact --digest``: the same numbers on every machine.

The data come from a generator that counts (Philox), as whole numbers that are scaled by powers of
two; so nothing is rounded before the problems are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from multiconv.backends.base import NumPyArray


class Problem(NamedTuple):
    """A call of a public function.

    ``arrays`` hold numbers of ``dtype`` in float64, or complex ones; a gradient has a ``size``.
    """

    group: str
    function: str
    arrays: tuple[NumPyArray, ...]
    size: tuple[int, ...] | None = None
    dtype: str = "float32"
    options: Mapping[str, Any] = MappingProxyType({})


#: The groups, in the order of the whole digest, and what is in them.
GROUPS = {
    "forward": "one to three axes; strides, dilation, groups, a bias, a flipped kernel",
    "gradients": "of the image and of the weight, for the same",
    "transposed": "conv_transpose1d and 2d, with output_padding",
    "borders": "the five borders, forward and in gradients",
    "dtypes": "float16, float64, complex64, complex128",
    "cancellation": "products of very different size that nearly cancel",
    "limits": "subnormal numbers, ties, overflow, infinities, NaN",
    "training": "kernels learned in ten steps, with bias, momentum and means",
}


_BORDERS = ("zeros", "reflect", "symmetric", "replicate", "circular")


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
    calls: tuple[tuple[str, tuple[int, ...], dict[str, Any]], ...] = (
        ("conv1d", (19,), {"stride": 3, "padding": ((2, 1),)}),
        ("conv2d", (7, 8), {"dilation": 2, "padding": "same"}),
        ("conv2d", (6, 5), {"stride": 2, "padding": "full", "groups": 2}),
        ("conv3d", (4, 5, 6), {"stride": (1, 2, 1)}),
    )
    for key, (function, size, options) in enumerate(calls):
        x = numbers((2, 4, *size), key)
        weight = numbers((6, 4 // options.get("groups", 1), *(2,) * len(size)), key + 10)
        yield Problem("forward", function, (x, weight, numbers((6,), key + 20)), options=options)
    for function in ("corr2d", "convolve2d"):
        yield Problem("forward", function, (numbers((33, 35), 5), numbers((5, 4), 6)))


def _gradients() -> Iterator[Problem]:
    weight, grad, x = (
        numbers((6, 2, 3, 2), 30),
        numbers((2, 6, 4, 4), 31),
        numbers((2, 4, 7, 8), 32),
    )
    options = {"stride": 2, "padding": ((1, 1), (0, 1)), "groups": 2}
    yield Problem("gradients", "conv_input_grad", (grad, weight), (7, 8), options=options)
    yield Problem("gradients", "conv_weight_grad", (x, grad), (3, 2), options=options)
    long, slope = numbers((8, 1, 40, 40), 33), numbers((8, 1, 38, 38), 34)
    yield Problem("gradients", "conv_weight_grad", (long, slope), (3, 3))


def _transposed() -> Iterator[Problem]:
    options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
    for axes, size in ((1, (5,)), (2, (4, 5))):
        x, weight = numbers((2, 4, *size), 40 + axes), numbers((4, 3, *(3,) * axes), 50 + axes)
        yield Problem("transposed", f"conv_transpose{axes}d", (x, weight), options=options)


def _borders() -> Iterator[Problem]:
    x, weight, grad = (
        numbers((1, 2, 6, 7), 60),
        numbers((3, 2, 3, 3), 61),
        numbers((1, 3, 6, 7), 62),
    )
    for mode in _BORDERS:
        options = {"padding": 2, "dilation": 2, "padding_mode": mode}
        yield Problem("borders", "conv2d", (x, weight), options=options)
        if mode in ("reflect", "circular"):
            yield Problem("borders", "conv_input_grad", (grad, weight), (6, 7), options=options)
            yield Problem("borders", "conv_weight_grad", (x, grad), (3, 3), options=options)


def _dtypes() -> Iterator[Problem]:
    for dtype, bits in (("float16", 11), ("float64", 53), ("complex64", 24), ("complex128", 53)):
        x, weight = numbers((2, 3, 6, 6), 70, bits=bits), numbers((4, 3, 3, 3), 71, bits=bits)
        grad = numbers((2, 4, 4, 4), 72, bits=bits)
        if dtype.startswith("complex"):
            x, weight, grad = (a + 1j * np.flip(a) for a in (x, weight, grad))
        yield Problem("dtypes", "conv2d", (x, weight), dtype=dtype)
        yield Problem("dtypes", "conv_weight_grad", (x, grad), (3, 3), dtype=dtype)


def _cancellation() -> Iterator[Problem]:
    """Give every channel a twin whose weights are the neighbours, with the other sign."""
    for dtype, bits, spread in (("float32", 24, 30), ("float64", 53, 200)):
        x = numbers((1, 3, 12, 12), 80, bits=bits, spread=spread)
        weight = numbers((2, 3, 3, 3), 81, bits=bits, spread=spread)
        near = np.nextafter(weight.astype(dtype), np.array(0, dtype)).astype(np.float64)
        images, small = np.concatenate([x, x], axis=1), np.ldexp([3.0, -5.0], -140)
        for twin in (near, weight):
            both = np.concatenate([weight, -twin], axis=1)
            yield Problem("cancellation", "conv2d", (images, both, small), dtype=dtype)


def _limits() -> Iterator[Problem]:
    x, weight = numbers((1, 1, 12, 12), 90, spread=6), numbers((2, 1, 3, 3), 91, spread=6)
    for up, more in ((-75, -70), (-132, 2), (115, 5)):  # subnormal results, operands; overflow
        yield Problem("limits", "conv2d", (np.ldexp(x, up), np.ldexp(weight, more)))
    half = 2.0**-24
    ties = np.array([[1.0, half, half, 2.0**-60, -half, 1.0, 3 * half, -(2.0**-60), half]])
    yield Problem("limits", "corr2d", (ties, np.ones((1, 2))))
    yield Problem("limits", "corr2d", (ties, np.ones((1, 3))))
    wild = x.copy()
    wild[0, 0, 1, 2], wild[0, 0, 4, 4], wild[0, 0, 9, 0] = np.inf, -np.inf, np.nan
    yield Problem("limits", "conv2d", (wild, weight), options={"padding": 1})
