r"""Least squares on the patch matrix A, with a row for every output and a column for every tap.

.. math:: \min_w |A w - y|^2

A is never formed as a whole. Blocks of its rows are reduced one after another to the triangular
factor R of a QR decomposition (Golub and Van Loan, "Matrix Computations", sections 5.3 and 5.5;
TSQR: Demmel, Grigori, Hoemmen and Langou, 2012). It holds all there is to know, for
:math:`R^T R = A^T A`, without squaring the condition number. A column of ones stands for the bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from multiconv.layers.shared import LayerArguments

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_BLOCK_ELEMENTS = 2**17  # 1 MiB, for a core's cache: five times faster than 2**22


@dataclass(frozen=True)
class NormalForm:
    """What the data say of a kernel, bias last."""

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


@np.errstate(over="ignore")  # of squares, to infinity: the solution is right
def normal_form(layer: LayerArguments, x: FloatArray, y: FloatArray) -> NormalForm:
    """Reduce the patch matrix of x, with y beside it, and solve what is left."""
    unknowns = layer.fan_in + layer.bias
    columns = unknowns + (layer.out_channels or 1)
    factor: FloatArray = np.zeros((0, columns))
    rows = 0
    for block in blocks(layer, x, y):
        rows += len(block)
        factor = np.asarray(np.linalg.qr(np.concatenate([factor, block]), mode="r"))
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


def eigenvalue_beyond(
    limit: float, layer: LayerArguments, x: FloatArray, y: FloatArray
) -> float | None:
    r"""Return the largest eigenvalue of A^T A where it is beyond a limit, None where it is not.

    None of them is negative and a tap's columns are parts of x, one of each channel, so that

    .. math:: \lambda_{max} \le \mathrm{tr}(A^T A) = \sum_j |a_j|^2 \le k_h k_w |x|^2 + m

    with the m ones of a bias last. Where that does not settle it, the small matrix itself does:

    .. math:: |\hat G - G| \le \gamma_m |A|^T |A| \implies |\hat\lambda_{max} - \lambda_{max}| \le
        \gamma_m \mathrm{tr}(G) \le n \gamma_m \lambda_{max}, \qquad G = A^T A

    for n columns (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.5, and Weyl's
    theorem): squaring the condition number spoils small eigenvalues, and not this one.
    """
    ones = layer.bias * (y.size // (layer.out_channels or 1))
    if layer.kernel_size[0] * layer.kernel_size[1] * float(np.vdot(x, x)) + ones <= limit:
        return None
    unit = max(float(np.max(np.abs(x))), float(layer.bias)) or 1.0  # whose square may overflow
    gram: Any = 0
    for block in blocks(layer, x, y):
        part = block[:, : layer.fan_in + layer.bias] / unit
        gram = gram + part.T @ part
    largest = float(np.linalg.eigvalsh(gram)[-1]) * unit * unit
    return largest if largest > limit else None


def blocks(layer: LayerArguments, x: FloatArray, y: FloatArray) -> Iterator[FloatArray]:
    """Yield blocks of rows of [A, 1, y]: of a few images, or of a few output lines of one."""
    x = np.asarray(x, np.float64).reshape(-1, layer.in_channels or 1, *x.shape[-2:])
    y = np.asarray(y, np.float64).reshape(-1, layer.out_channels or 1, *y.shape[-2:])
    windows = sliding_window_view(x, layer.kernel_size, axis=(2, 3))  # (N, C, H', W', kh, kw)
    windows, y = windows.transpose(0, 2, 3, 1, 4, 5), y.transpose(0, 2, 3, 1)
    images, height, width, filters = y.shape
    columns = layer.fan_in + layer.bias + filters
    # Few rows beside many columns would be dear: the factor is reduced again with every block.
    lines = max(1, max(_BLOCK_ELEMENTS, 4 * columns**2) // (columns * width))
    together = max(1, lines // height)
    for first in range(0, images, together):
        for top in range(0, height, lines):
            part = slice(first, first + together), slice(top, top + lines)
            targets = y[part].reshape(-1, filters)
            ones = np.ones((len(targets), int(layer.bias)))
            yield np.concatenate([windows[part].reshape(-1, layer.fan_in), ones, targets], axis=1)
