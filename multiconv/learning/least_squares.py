"""The kernel that fits best, by least squares on the patch matrix.

The patch matrix A has a row for every output and a column for every tap; it is never formed as a
whole. Blocks of its rows are reduced one after another to the triangular factor R of a QR
decomposition (Golub and Van Loan, "Matrix Computations", section 5.3; TSQR: Demmel, Grigori,
Hoemmen and Langou, 2012), which holds all there is to know: ``R^T R = A^T A``, without squaring the
condition number. All of it is float64, on the CPU, whatever the arrays are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.core import arguments, dtypes
from multiconv.core.arguments import IntOrInts
from multiconv.core.calls import takes
from multiconv.functions.matrices import im2col
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_MAXIMUM_ELEMENTS = 2**22  # of one block of the patch matrix: 32 MiB


@dataclass(frozen=True)
class NormalForm:
    """A least squares problem min |A w - y|^2, reduced to its triangular factor."""

    factor: FloatArray  # R, (unknowns, unknowns)
    target: FloatArray  # Q^T y, (unknowns, filters)
    beyond: float  # the squares of y outside the span of all columns
    rows: int

    @property
    def residual(self) -> float:
        """Return the least sum of squared errors that a kernel can reach."""
        left, _, _ = np.linalg.svd(self.factor)
        return self.beyond + float(np.sum((left.T @ self.target)[self.rank :] ** 2))

    @property
    def singular_values(self) -> FloatArray:
        """Return the singular values of A, largest first."""
        values: FloatArray = np.linalg.svd(self.factor, compute_uv=False)
        return values

    @property
    def largest_eigenvalue(self) -> float:
        """Return the largest eigenvalue of A^T A."""
        return float(self.singular_values[0] ** 2)

    @property
    def tolerance(self) -> float:
        """Return the singular value under which a direction counts as undetermined."""
        unknowns = self.factor.shape[1]
        largest = float(self.singular_values[0])
        return float(max(self.rows, unknowns) * np.finfo(np.float64).eps * largest)

    @property
    def rank(self) -> int:
        """Return how many directions of the kernel the data determine."""
        return int(np.sum(self.singular_values > self.tolerance))

    def solve(self) -> FloatArray:
        """Return the solution of least norm, (unknowns, filters)."""
        left, values, right = np.linalg.svd(self.factor)
        rank = self.rank
        solution: FloatArray = right[:rank].T @ (
            (left.T @ self.target)[:rank] / values[:rank, None]
        )
        return solution

    def undetermined(self) -> FloatArray:
        """Return an orthonormal basis of the directions that change no output, one per row."""
        _, _, right = np.linalg.svd(self.factor)
        basis: FloatArray = right[self.rank :]
        # A direction has no sign: let its first number of any size be positive.
        first = np.argmax(np.abs(basis) > 1e-6, axis=1)
        signs: FloatArray = np.sign(np.take_along_axis(basis, first[:, None], axis=1))
        return basis * signs

    def best_rate(self, scale: int) -> float:
        """Return the rate of gradient descent that converges fastest."""
        values = self.singular_values[: max(self.rank, 1)] ** 2
        total = float(values[0] + values[-1])
        return scale / total if total else 1.0

    def slowest_factor(self, lr: float, scale: int) -> float:
        """Return by what factor a step shrinks the error that it shrinks least."""
        values = self.singular_values[: max(self.rank, 1)] ** 2
        return float(np.max(np.abs(1 - 2 * lr * values / scale)))


@dataclass(frozen=True)
class SolvedKernel:
    """What `solve_kernel` returns.

    Attributes
    ----------
    weight : array of shape (kh, kw) or (O, C, kh, kw)
        The kernel of least squared error; of all such kernels the smallest.
    bias : array of shape (1,) or (O,), or None
        The bias, None where none was asked for.
    residual : float
        The sum of squared errors that is left.
    rank : int
        How many of a filter's numbers, bias included, the data determine.
    unknowns : int
        How many numbers a filter has, bias included.
    undetermined : ndarray of shape (unknowns - rank, unknowns)
        Directions of a filter, C order and the bias last, that change no output.
    """

    weight: Array
    bias: Array | None
    residual: float
    rank: int
    unknowns: int
    undetermined: FloatArray

    @property
    def is_determined(self) -> bool:
        """Tell whether the data determine the kernel."""
        return self.rank == self.unknowns

    @property
    def statement(self) -> str:
        """Say in a sentence what the data determine."""
        if self.is_determined:
            return f"the data determine all {self.unknowns} numbers of the kernel"
        free = self.unknowns - self.rank
        shown = "; ".join(
            np.array2string(row, precision=3, suppress_small=True, max_line_width=10**6)
            for row in self.undetermined[:4]
        )
        directions = "this direction" if free == 1 else f"these {free} directions"
        more = "" if free <= 4 else f"; and {free - 4} more"
        return (
            f"the data do not determine the kernel: of its {self.unknowns} numbers {self.rank} are "
            f"fixed, and adding any multiple of {directions} changes no output: {shown}{more}"
        )

    def __str__(self) -> str:
        return f"{self.weight}\n{self.statement}; residual {self.residual:.4g}"


@takes("x", "y")
def solve_kernel(x: Array, y: Array, kernel_size: IntOrInts, *, bias: bool = False) -> SolvedKernel:
    r"""Return the kernel that turns x into y with the least squared error.

    .. math:: \min_{w, b} \sum (corr2d(x, w) + b - y)^2

    by a QR decomposition of the patch matrix, block of rows by block, in float64 (Golub and Van
    Loan, "Matrix Computations", sections 5.3 and 5.5). Where several kernels fit equally, the
    smallest is given, and ``statement`` says which directions the data leave open.

    Parameters
    ----------
    x : array of shape (..., H, W) or (N, C, H, W)
        The images.
    y : array of shape (..., H', W') or (N, O, H', W')
        What the correlation should give, without padding: ``H' = H - kh + 1``.
    kernel_size : int, (int, int) or (O, C, kh, kw)
        Size of the kernel; with four numbers, of a bank of filters over channels.
    bias : bool, optional
        Whether a bias is fitted too.

    Returns
    -------
    SolvedKernel
        With ``weight``, ``bias``, ``residual``, ``rank`` and ``statement``.

    Raises
    ------
    ValueError
        If the shapes of x, y and kernel_size do not go together, or the data are not finite.
    TypeError
        As in `corr2d`, and for complex data.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> x = np.random.default_rng(0).normal(size=(6, 8))
    >>> solved = mc.solve_kernel(x, mc.corr2d(x, np.array([[1.0, -1.0]])), (1, 2))
    >>> solved.weight.round(12) + 0.0
    array([[ 1., -1.]])

    A constant image determines the sum of the taps only:

    >>> solved = mc.solve_kernel(np.ones((6, 8)), np.full((6, 7), 5.0), (1, 2))
    >>> solved.rank, solved.unknowns, solved.undetermined.round(3)
    (1, 2, array([[ 0.707, -0.707]]))
    >>> print(solved.statement.partition(":")[0])
    the data do not determine the kernel
    """
    backend, (x, y) = registry.backend_of({"x": x, "y": y})
    layer = read_shapes(backend, x, y, kernel_size, bias=bias, method="auto")
    dtype = floating(backend, x, y)
    system = normal_form(backend, layer, x, y)
    solution = system.solve().T
    taps = layer.fan_in
    weight = solution[:, :taps].reshape(layer.weight_shape)
    return SolvedKernel(
        backend.from_numpy(weight, dtype, x),
        backend.from_numpy(solution[:, taps], dtype, x) if layer.bias else None,
        system.residual,
        system.rank,
        solution.shape[1],
        system.undetermined(),
    )


def read_shapes(
    backend: Backend, x: Array, y: Array, kernel_size: Any, *, bias: bool, method: str
) -> LayerArguments:
    """Read the layer that the shapes of x, y and the kernel stand for."""
    given = arguments.count_axes("kernel_size", kernel_size, 2)
    size = arguments.sizes("kernel_size", kernel_size, given)
    x_shape, y_shape = tuple(x.shape), tuple(y.shape)
    if given == 2:
        layer = layers.read(size, bias=bias, method=method)
        layers.check_image(x)
        lead: tuple[int, ...] = x_shape[:-2]
    elif given == 4:
        filters, channels, *size_only = size
        layer = layers.read(tuple(size_only), channels, filters, bias=bias, method=method)
        if len(x_shape) != 4 or x_shape[1] != channels:
            msg = f"x must have the shape (N, {channels}, H, W), got the shape {x_shape}"
            raise ValueError(msg)
        lead = (x_shape[0], filters)
    else:
        msg = f"kernel_size must be an int, (kh, kw) or (O, C, kh, kw), got {kernel_size!r}"
        raise ValueError(msg)
    output = tuple(n - k + 1 for n, k in zip(x_shape[-2:], layer.kernel_size, strict=True))
    if min(output) < 1:
        msg = f"the kernel {layer.kernel_size} is larger than the images, {x_shape[-2:]}"
        raise ValueError(msg)
    if y_shape != (*lead, *output):
        msg = (
            f"y must have the shape {(*lead, *output)}, that of the correlation of x {x_shape} "
            f"with a kernel of {layer.kernel_size} without padding; got the shape {y_shape}"
        )
        raise ValueError(msg)
    if 0 in y_shape:
        msg = f"there is nothing to learn from: x has the shape {x_shape}"
        raise ValueError(msg)
    return layer


def floating(backend: Backend, x: Array, y: Array) -> str:
    """Return the dtype that a kernel learned from x and y has: theirs, float32 for integers."""
    names = [backend.dtype_name(a.dtype) for a in (x, y)]
    for name, dtype in zip(("x", "y"), names, strict=True):
        if dtype not in dtypes.SUPPORTED or dtypes.kind(dtype) == "complex":
            msg = f"{name} has the dtype {dtype}: kernels are learned from real numbers"
            raise TypeError(msg)
    result = dtypes.promote(*names, default_integer=backend.default_integer)
    return result if dtypes.kind(result) == "float" else "float32"


def normal_form(backend: Backend, layer: LayerArguments, x: Array, y: Array) -> NormalForm:
    """Reduce the patch matrix of x, with y beside it, to a triangular factor."""
    images = np.asarray(backend.to_numpy(x), dtype=np.float64)
    targets = np.asarray(backend.to_numpy(y), dtype=np.float64)
    for name, array in (("x", images), ("y", targets)):
        if not np.all(np.isfinite(array)):
            msg = f"{name} holds numbers that are not finite, and no kernel fits those"
            raise ValueError(msg)
    if layer.in_channels is None:
        images = layers.as_channel(images, np)
        targets = layers.as_channel(targets, np)
    unknowns = layer.fan_in + layer.bias
    filters = targets.shape[1]
    factor: FloatArray = np.zeros((0, unknowns + filters))
    rows = 0
    for block in _blocks(images, targets, layer):
        rows += len(block)
        factor = np.asarray(np.linalg.qr(np.concatenate([factor, block]), mode="r"))
    factor = np.concatenate([factor, np.zeros((unknowns + filters, unknowns + filters))])
    return NormalForm(
        factor[:unknowns, :unknowns],
        factor[:unknowns, unknowns:],
        float(np.sum(factor[unknowns:, unknowns:] ** 2)),
        rows,
    )


def _blocks(images: FloatArray, targets: FloatArray, layer: LayerArguments) -> Iterator[FloatArray]:
    """Yield blocks of rows of [A, 1, y], of a few images or a few output rows of one."""
    height, width = layer.kernel_size
    output_height, output_width = targets.shape[-2:]
    columns = layer.fan_in + layer.bias + targets.shape[1]
    step = max(1, min(_MAXIMUM_ELEMENTS // (columns * output_width), output_height))
    together = max(1, _MAXIMUM_ELEMENTS // (columns * output_width * output_height))
    for first in range(0, len(images), together):
        batch, wanted = images[first : first + together], targets[first : first + together]
        for top in range(0, output_height, step):
            bottom = min(top + step, output_height)
            patches = im2col(batch[:, :, top : bottom + height - 1], (height, width))
            patches = _rows(patches)
            y = _rows(wanted[:, :, top:bottom].reshape(*wanted.shape[:2], -1))
            ones = np.ones((len(y), int(layer.bias)))
            yield np.concatenate([patches, ones, y], axis=1)


def _rows(columns: FloatArray) -> FloatArray:
    """Turn (N, C, L) into (N * L, C)."""
    return columns.transpose(0, 2, 1).reshape(-1, columns.shape[1])
