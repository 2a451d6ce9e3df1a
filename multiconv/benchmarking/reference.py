"""The exact results: sums of small integers, which no order of additions rounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.benchmarking import rounded
from multiconv.benchmarking.cells import Cell
from multiconv.core import rounding

Floats: TypeAlias = NDArray[np.float64]

_LARGEST = 4  # of the numbers, so that a product is at most 16
_FEW_TAPS = 64  # above this many a Fourier transform takes less time


@dataclass(frozen=True)
class Operands:
    """The numbers of a cell: integers between -4 and 4, and what comes of them.

    Or what `rounded` draws, whose sums are rounded: ``exact`` has them rounded once then, and
    ``bounds`` those of all methods but "exact", number by number.

    ``g`` is what a loss would hand back to the result, ``bias`` that of a layer. ``exact`` has the
    result ``y``, or ``dx`` and ``dw``; ``norms`` the products of norms that the Fourier method's
    bound of each is made of, with the number of terms and the lengths.
    """

    x: NDArray[Any]
    weight: NDArray[Any]
    g: NDArray[Any]
    bias: NDArray[Any]
    exact: dict[str, Floats]
    bounds_in_norm: dict[str, float]
    bounds: dict[str, Floats] = field(default_factory=dict)


def operands(cell: Cell, dtype: str) -> Operands:
    """Draw the numbers, the same ones every time, and compute what must come out."""
    if cell.data != "integers":
        return _rounded(cell)
    rng = np.random.default_rng([*cell.x, *cell.weight])

    def draw(shape: tuple[int, ...]) -> Floats:
        return rng.integers(-_LARGEST, _LARGEST + 1, shape).astype(np.float64)

    x, weight, g = draw(cell.x), draw(cell.weight), draw(cell.output)
    filters = cell.output[1] if not cell.is_image else 1
    bias = draw((filters,))
    if cell.stage == "forward":
        y = _result(cell, x, weight)
        exact = {"y": y + bias.reshape(-1, *[1] * cell.axes) if cell.is_layer else y}
    else:
        exact = dict(zip(("dx", "dw"), _gradients(cell, x, weight, g), strict=True))
    pairs = {"y": (x, weight), "dx": (g, weight), "dw": (x, g)}
    bounds = {name: _bound_in_norm(cell, *pairs[name], dtype) for name in exact}
    return Operands(x, weight, g, bias, exact, bounds)


def _rounded(cell: Cell) -> Operands:
    x, weight, g = rounded.drawn(cell)
    exact: dict[str, Any] = rounded.expected(cell, x, weight, g)
    bounds = rounded.bounds(cell, x, weight, g)
    return Operands(x, weight, g, np.zeros(1), exact, dict.fromkeys(exact, math.inf), bounds)


def _bound_in_norm(cell: Cell, a: Floats, b: Floats, dtype: str) -> float:
    """Return the bound of the Fourier method (see `fft_bound`), with all channels in each norm.

    By Cauchy and Schwarz the sum of the channels' products is at most the product of the norms.
    """
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        return 0.0
    spatial = zip(cell.x[-cell.axes :], cell.output[-cell.axes :], cell.kernel, strict=True)
    reach = [max(n, m * cell.stride) + k + 2 * cell.padding for n, m, k in spatial]
    lengths = [2 ** math.ceil(math.log2(n)) for n in reach]
    terms = 1 if cell.is_image else max(*cell.x[:2], *cell.output[:2])
    norms = float(np.linalg.norm(a.ravel()) * np.linalg.norm(b.ravel()))
    return rounding.fft_factor(lengths, terms, dtype) * norms


def _result(cell: Cell, x: Floats, weight: Floats) -> Floats:
    if cell.transposed:
        return _spread(cell, x, weight, cell.output)
    if cell.taps > _FEW_TAPS and math.prod(cell.weight) == cell.taps and cell.stride == 1:
        return _by_fourier(cell, x, weight)
    return _correlate(cell, x, weight)


def _gradients(cell: Cell, x: Floats, weight: Floats, g: Floats) -> tuple[Floats, Floats]:
    if cell.transposed:  # the roles of image and result are exchanged
        return _correlate(cell, g, weight), _gather(cell, g, x)
    return _spread(cell, g, weight, cell.x), _gather(cell, x, g)


def _correlate(cell: Cell, x: Floats, weight: Floats) -> Floats:
    """Return the correlation, a matrix product per tap."""
    size = tuple(
        (n + 2 * cell.padding - k) // cell.stride + 1
        for n, k in zip(x.shape[-cell.axes :], cell.kernel, strict=True)
    )
    padded, y = _padded(cell, _grouped(cell, x)), None
    for tap, place in _taps(cell, size):
        part = _grouped_weight(cell, weight)[_last(tap)] @ _flat(padded[_last(place)])
        y = part if y is None else y + part
    assert y is not None
    batch = x.shape[: x.ndim - cell.axes - 1] if not cell.is_image else ()
    found: Floats = y.reshape(*batch, *(() if cell.is_image else (-1,)), *size)
    return found


def _spread(cell: Cell, g: Floats, weight: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the adjoint of the correlation: every tap adds its product back to its place."""
    padded = np.zeros_like(_padded(cell, _grouped(cell, np.zeros(shape))))
    size, flat = g.shape[-cell.axes :], _flat(_grouped(cell, g))
    for tap, place in _taps(cell, size):
        transposed = np.swapaxes(_grouped_weight(cell, weight)[_last(tap)], -1, -2)
        part = transposed @ flat
        padded[_last(place)] += part.reshape(*part.shape[:-1], *size)
    inner = tuple(slice(cell.padding, n - cell.padding) for n in padded.shape[-cell.axes :])
    found: Floats = padded[_last(inner)].reshape(shape)
    return found


def _gather(cell: Cell, x: Floats, g: Floats) -> Floats:
    """Return the gradient of the weight: a product of image and cotangent for every tap."""
    padded, flat = _padded(cell, _grouped(cell, x)), _flat(_grouped(cell, g))
    found = np.zeros_like(_grouped_weight(cell, np.zeros(cell.weight)))
    for tap, place in _taps(cell, g.shape[-cell.axes :]):
        shifted = np.swapaxes(_flat(padded[_last(place)]), -1, -2)
        found[_last(tap)] = (flat @ shifted).sum(axis=0)
    return found.reshape(cell.weight)


def _grouped(cell: Cell, array: Floats) -> Floats:
    """View an array as (batch, groups, channels, *spatial)."""
    spatial = array.shape[-cell.axes :]
    batch = 1 if cell.is_image else array.shape[0]
    return array.reshape(batch, cell.groups, -1, *spatial)


def _grouped_weight(cell: Cell, weight: Floats) -> Floats:
    """View a weight as (groups, filters, channels, *kernel)."""
    channels = 1 if cell.is_image else weight.shape[1]
    return weight.reshape(cell.groups, -1, channels, *cell.kernel)


def _padded(cell: Cell, grouped: Floats) -> Floats:
    return np.pad(grouped, [*[(0, 0)] * 3, *[(cell.padding, cell.padding)] * cell.axes])


def _flat(grouped: Floats) -> Floats:
    return grouped.reshape(*grouped.shape[:3], -1)


def _last(places: tuple[Any, ...]) -> Any:
    """Return the index that has these places on the last axes."""
    return (..., *places)


def _taps(cell: Cell, size: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """Yield every tap, and the places of the padded image that it meets."""
    for tap in itertools.product(*map(range, cell.kernel)):
        yield (
            tap,
            tuple(
                slice(start, start + (n - 1) * cell.stride + 1, cell.stride)
                for start, n in zip(tap, size, strict=True)
            ),
        )


def _by_fourier(cell: Cell, x: Floats, weight: Floats) -> Floats:
    """Return the correlation of one channel, rounded to the integers that it consists of.

    Its error, far below one half, is checked against the bound.
    """
    axes = tuple(range(-cell.axes, 0))
    size = x.shape[-cell.axes :]
    lengths = [
        2 ** math.ceil(math.log2(n + 2 * cell.padding + k))
        for n, k in zip(size, cell.kernel, strict=True)
    ]
    norms = float(np.linalg.norm(x.ravel()) * np.linalg.norm(weight.ravel()))
    assert rounding.fft_factor(lengths, 1, "float64") * norms < 0.25, "rounding would be a guess"
    kernel = weight.reshape(cell.kernel)
    transformed = np.fft.rfftn(x, lengths, axes) * np.conj(np.fft.rfftn(kernel, lengths, axes))
    around = np.fft.irfftn(transformed, lengths, axes)
    shift = np.roll(around, [cell.padding] * cell.axes, axes)
    inner = tuple(slice(0, n) for n in cell.output[-cell.axes :])
    return np.asarray(np.rint(shift[_last(inner)]) + 0.0, dtype=np.float64)
