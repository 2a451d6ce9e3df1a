"""Correlations of whole numbers, whose sums are known: do the ways of float64 find each of them.

An algorithm that transforms tiles, or whose error is small in norm alone, would lose the outputs
that meet small numbers only, beside others that are larger by 2**60.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.core.geometry import Geometry
from multiconv.exact.description import OPERANDS, Sum, Wanted
from multiconv.exact.products import correlated

#: What is summed, channels, filters and side: methods go other ways for one channel, for fewer
#: filters than channels by far, for others, and for the gradient of a kernel.
_WAYS: tuple[tuple[Wanted, int, int, int], ...] = (
    ("y", 1, 2, 12),
    ("y", 24, 2, 24),
    ("y", 24, 8, 24),
    ("weight", 24, 2, 24),
)
#: The same for loops, which are for many products: of tiles of filters, whole and in part.
_LOOPS: tuple[tuple[Wanted, int, int, int], ...] = (
    ("y", 1, 2, 40),
    ("y", 24, 15, 24),
    ("weight", 24, 2, 24),
)
#: Taps along an axis, and the last columns of outputs, which meet small numbers only.
_TAPS, _SMALL = 3, 6


def differing(backend: Backend, like: Array) -> str | None:
    """Tell which sums are wrong, and how many."""
    for wanted, channels, filters, side in _WAYS:
        geometry = Geometry((side,) * 2, (_TAPS,) * 2, (1, 1), (1, 1), ((0, 0),) * 2)
        is_few = channels > 1 and wanted == "y" and 4 * filters <= channels
        if is_few and not backend.multiplies_first(channels, filters, geometry, "float64"):
            continue  # it would go the same way as more of them
        x, weight, y = _drawn(channels, filters, side)
        right = _by_definition(wanted, x, weight, y)
        given = {"x": x.astype(np.float64), "weight": weight, "y": y}
        if wanted == "y":
            given["x"][..., : -_SMALL - _TAPS + 1] *= 2.0**60
        operands = (
            backend.from_numpy(given[role].astype(np.float64), "float64", like)
            for role in OPERANDS[wanted]
        )
        total = Sum(wanted, geometry, 1, geometry.output_size, "float64")
        run = backend.compile(partial(correlated, total, backend=backend), operations=_TAPS**2)
        found = backend.to_numpy(run(*operands))
        if wanted == "y":
            found, right = found[..., -_SMALL:], right[..., -_SMALL:]
        wrong = int(np.count_nonzero(found != right))
        if wrong:
            return f"{wrong} of {found.size} sums with {channels} channels are wrong"
    return None


def differing_in_loops(backend: Backend, like: Array) -> str | None:
    """Tell which sums of the loops that round by themselves are wrong, and how many.

    Those over channels are told that nothing is rounded on the way, so that no output may be in
    doubt where numbers are small. Those over taps find out: all numbers are small there.
    """
    for wanted, channels, filters, side in _LOOPS:
        geometry = Geometry((side,) * 2, (_TAPS,) * 2, (1, 1), (1, 1), ((0, 0),) * 2)
        x, weight, y = _drawn(channels, filters, side)
        right = _by_definition(wanted, x, weight, y)
        given = {"x": x.astype(np.float32), "weight": weight, "y": y}
        is_single = channels == 1
        compared = slice(None)
        if wanted == "y" and not is_single:
            given["x"][..., : -_SMALL - _TAPS + 1] *= 2.0**60
            compared = slice(-_SMALL, None)
        first, second = (
            backend.from_numpy(given[role].astype(np.float32), "float32", like)
            for role in OPERANDS[wanted]
        )
        found = (
            backend.certified_taps(first, second, geometry)
            if is_single
            else backend.certified_sums(wanted, first, second, None, geometry, is_exact=True)
        )
        if found is None:
            continue
        values, unsure, sums = (
            a[..., compared] for a in (*map(backend.to_numpy, found), right.astype(np.float32))
        )
        wrong = int(np.count_nonzero(unsure | (values != sums)))
        if wrong:
            return f"{wrong} of {sums.size} sums with {channels} channels are wrong"
    return None


def _drawn(channels: int, filters: int, side: int) -> tuple[NumPyArray, NumPyArray, NumPyArray]:
    """Return whole numbers, with groups, whose sums nearly cancel, and stay below 2**53."""
    inner = side - _TAPS + 1
    shapes = (
        (2, 1, channels, side, side),
        (1, filters, channels, _TAPS, _TAPS),
        (2, 1, filters, inner, inner),
    )
    x, weight, y = (
        integers(math.prod(shape), 2**20, key).reshape(shape) for key, shape in enumerate(shapes)
    )
    half = channels // 2
    x[:, :, half : 2 * half] = x[:, :, :half]
    weight[:, :, half : 2 * half] = 1 - weight[:, :, :half]
    x[1], y[1] = x[0], 1 - y[0]
    return x, weight, y


def _by_definition(wanted: Wanted, x: NumPyArray, weight: NumPyArray, y: NumPyArray) -> NumPyArray:
    inner = y.shape[-1]
    found = np.zeros((y if wanted == "y" else weight).shape, np.int64)
    for u, v in np.ndindex(_TAPS, _TAPS):
        seen = x[..., u : u + inner, v : v + inner]
        if wanted == "y":
            found += np.einsum("ngcpq,goc->ngopq", seen, weight[..., u, v])
        else:
            found[..., u, v] = np.einsum("ngcpq,ngopq->goc", seen, y)
    return found


def integers(count: int, below: int, key: int = 0) -> NumPyArray:
    """Return whole numbers in (-below, below), of a stream of Philox's, which counts."""
    bits: Any = np.random.Philox(key=key).random_raw(count)
    numbers: NumPyArray = (bits >> np.uint64(1)).astype(np.int64) % (2 * below - 1) - (below - 1)
    return numbers
