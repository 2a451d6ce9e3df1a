r"""Least squares on the patch matrix A, with a row for every output and a column for every tap.

.. math:: \min_w |A w - y|^2

A is never formed as a whole. Blocks of its rows are reduced one after another to the triangular
factor R of a QR decomposition (Golub and Van Loan, "Matrix Computations", sections 5.3 and 5.5;
TSQR: Demmel, Grigori, Hoemmen and Langou, 2012). It holds all there is to know, for
:math:`R^T R = A^T A`, without squaring the condition number. A column of ones stands for the bias.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from multiconv.backends import numpy as backends
from multiconv.core import geometry as sizes
from multiconv.core.geometry import Geometry
from multiconv.layers.shared import LayerArguments
from multiconv.methods.borders import extend

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_BLOCK_ELEMENTS = 2**17  # 1 MiB, for a core's cache: five times faster than 2**22


@dataclass(frozen=True)
class NormalForm:
    """What the data say of a kernel, bias last.

    Groups of channels are problems of their own. Rank and directions are those of the group that
    is determined least; the eigenvalues are of all.
    """

    solution: FloatArray  # the smallest kernels that fit best, (unknowns, filters)
    residual: float  # the least sum of squared errors
    rank: int  # how many directions of a filter the data determine
    undetermined: FloatArray  # an orthonormal basis of the others, one per row
    determined: FloatArray  # the singular directions that are determined, one per row
    eigenvalues: FloatArray  # of A^T A in these, largest first; a zero where there is none

    def best_rate(self, scale: int) -> float:
        """Return the rate of gradient descent that converges fastest."""
        total = float(self.eigenvalues[0] + self.eigenvalues[-1])
        return scale / total if total else 1.0


def normal_form(layer: LayerArguments, x: FloatArray, y: FloatArray) -> NormalForm:
    """Reduce the patch matrix of x, with y beside it, and solve what is left."""
    return normal_form_of([factor_of(*group) for group in by_group(layer, x, y)], layer)


def normal_form_of(factors: Sequence[Factor], layer: LayerArguments) -> NormalForm:
    """Solve what the factors of the layer's groups leave."""
    return _joined([_solved(factor, layer.fan_in + layer.bias) for factor in factors])


class Factor(NamedTuple):
    """The triangular factor R of [A, 1, y] for one group, and how many rows that has."""

    triangle: FloatArray
    rows: int


def factor_of(layer: LayerArguments, x: FloatArray, y: FloatArray) -> Factor:
    """Reduce the rows of a layer with one group, block by block."""
    columns = layer.fan_in + layer.bias + (layer.out_channels or 1)
    return reduced(itertools.chain([np.zeros((0, columns))], blocks(layer, x, y)))


def reduced(blocks: Iterable[FloatArray | Factor]) -> Factor:
    """Reduce blocks of rows, and what other blocks were reduced to, to one factor."""
    triangle: Any = None
    rows = 0
    for block in blocks:
        found, count = block if isinstance(block, Factor) else (block, len(block))
        rows += count
        stacked = found if triangle is None else np.concatenate([triangle, found])
        triangle = np.linalg.qr(stacked, mode="r")
    return Factor(np.asarray(triangle), rows)


@np.errstate(over="ignore")  # of squares, to infinity: the solution is right
def _solved(found: Factor, unknowns: int) -> NormalForm:
    """Return the normal form of a layer with one group."""
    factor, rows = found
    columns = factor.shape[1]
    factor = np.concatenate([factor, np.zeros((columns, columns))])
    left, values, right = np.linalg.svd(factor[:unknowns, :unknowns])
    target = left.T @ factor[:unknowns, unknowns:]
    rank = int(np.sum(values > max(rows, unknowns) * np.finfo(np.float64).eps * values[0]))
    beyond = np.concatenate([factor[unknowns:, unknowns:], target[rank:]])
    basis = right[rank:]
    # A direction has no sign: let its first number of any size be positive.
    first = np.argmax(np.abs(basis) > 1e-6, axis=1)
    return NormalForm(
        right[:rank].T @ (target[:rank] / values[:rank, None]),
        float(np.sum(beyond**2)),
        rank,
        basis * np.sign(np.take_along_axis(basis, first[:, None], axis=1)),
        right[:rank],
        values[: max(rank, 1)] ** 2,
    )


def _joined(groups: list[NormalForm]) -> NormalForm:
    weakest = min(groups, key=lambda group: group.rank)
    values = np.sort(np.concatenate([group.eigenvalues for group in groups]))[::-1]
    return replace(
        weakest,
        solution=np.concatenate([group.solution for group in groups], axis=1),
        residual=math.fsum(group.residual for group in groups),
        eigenvalues=values[: max(int(np.sum(values > 0)), 1)],
    )


def eigenvalue_beyond(
    limit: float, layer: LayerArguments, x: FloatArray, y: FloatArray
) -> float | None:
    r"""Return the largest eigenvalue of A^T A where it is beyond a limit, None where it is not.

    None of them is negative and a tap's columns are parts of x, one of each channel, so that

    .. math:: \lambda_{max} \le \mathrm{tr}(A^T A) = \sum_j |a_j|^2 \le k_h k_w |x|^2 + m

    with the border that x is given, and the m ones of a bias last. Where that does not settle it,
    the small matrix itself does, or that of each group:

    .. math:: |\hat G - G| \le \gamma_m |A|^T |A| \implies |\hat\lambda_{max} - \lambda_{max}| \le
        \gamma_m \mathrm{tr}(G) \le n \gamma_m \lambda_{max}, \qquad G = A^T A

    for n columns (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.5, and Weyl's
    theorem): squaring the condition number spoils small eigenvalues, and not this one.
    """
    ones = layer.bias * (y.size // (layer.out_channels or 1))
    shown = _with_border(x, geometry(layer, x.shape[-2:]))
    if math.prod(layer.kernel_size) * float(np.vdot(shown, shown)) + ones <= limit:
        return None
    unit = max(float(np.max(np.abs(x))), float(layer.bias)) or 1.0  # whose square may overflow
    largest = max(_largest(*group, unit) for group in by_group(layer, x, y)) * unit * unit
    return largest if largest > limit else None


def _largest(layer: LayerArguments, x: FloatArray, y: FloatArray, unit: float) -> float:
    """Return the largest eigenvalue of A^T A for a layer with one group, over the unit's square."""
    gram: Any = 0
    for block in blocks(layer, x, y):
        part = block[:, : layer.fan_in + layer.bias] / unit
        gram = gram + part.T @ part
    return float(np.linalg.eigvalsh(gram)[-1])


def by_group(
    layer: LayerArguments, x: FloatArray, y: FloatArray
) -> Iterator[tuple[LayerArguments, FloatArray, FloatArray]]:
    """Yield each group of channels as a problem of its own."""
    if layer.groups == 1:
        yield layer, x, y
        return
    channels, filters = ((count or 1) // layer.groups for count in (x.shape[1], y.shape[1]))
    part = replace(layer, groups=1, in_channels=channels, out_channels=filters)
    for group in range(layer.groups):
        seen = slice(group * channels, (group + 1) * channels)
        yield part, x[:, seen], y[:, group * filters : (group + 1) * filters]


def geometry(layer: LayerArguments, size: tuple[int, ...]) -> Geometry:
    """Return the correlation that the layer is on images of a size."""
    return sizes.resolve(
        size,
        layer.kernel_size,
        layer.stride,
        layer.dilation,
        layer.padding,
        layer.padding_mode,
    )


def blocks(layer: LayerArguments, x: FloatArray, y: FloatArray) -> Iterator[FloatArray]:
    """Yield blocks of rows of [A, 1, y]: of a few images, or of a few output lines of one.

    The layer has one group.
    """
    x = np.asarray(x, np.float64).reshape(-1, layer.in_channels or 1, *x.shape[-2:])
    y = np.asarray(y, np.float64).reshape(-1, layer.out_channels or 1, *y.shape[-2:])
    whole = geometry(layer, x.shape[-2:])
    x, whole = _with_border(x, whole), whole.padded()
    y = y.transpose(0, 2, 3, 1)
    images, height, width, filters = y.shape
    columns = layer.fan_in + layer.bias + filters
    # Few rows beside many columns would be dear: the factor is reduced again with every block.
    lines = max(1, max(_BLOCK_ELEMENTS, 4 * columns**2) // (columns * width))
    together = max(1, lines // height)
    for first in range(0, images, together):
        some = slice(first, first + together)
        for top in range(0, height, lines):
            bottom = min(top + lines, height)
            slab, part = whole.part(0, top, bottom)
            met = backends.BACKEND.windows(x[some, :, slab], part)  # (N, C, kh, kw, H', W')
            targets = y[some, top:bottom].reshape(-1, filters)
            patches = met.transpose(0, 4, 5, 1, 2, 3).reshape(-1, layer.fan_in)
            ones = np.ones((len(targets), int(layer.bias)))
            yield np.concatenate([patches, ones, targets], axis=1)


def _with_border(x: FloatArray, seen: Geometry) -> FloatArray:
    border: FloatArray = extend(x, seen, backends.BACKEND)
    return border
