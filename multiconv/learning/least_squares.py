"""The kernel that fits best, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multiconv.backends.base import Array
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.learning import problem
from multiconv.learning.normal_form import FloatArray


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
        How many of a filter's numbers, bias included, the data determine; of several groups, in
        that where they determine least.
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
def solve_kernel(
    x: Array,
    y: Array,
    kernel_size: IntOrInts,
    *,
    bias: bool = False,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    padding_value: float | Sequence[float] = 0,
) -> SolvedKernel:
    r"""Return the kernel that turns x into y with the least squared error.

    .. math:: \min_{w, b} \sum (corr2d(x, w) + b - y)^2

    by a QR decomposition of the patch matrix, block of rows by block, in float64 (Golub and Van
    Loan, "Matrix Computations", sections 5.3 and 5.5). Where several kernels fit equally, the
    smallest is given, and ``statement`` says which directions the data leave open.

    Parameters
    ----------
    x, y, kernel_size
        As in `learn_kernel`.
    bias : bool, optional
        Whether a bias is fitted too.
    stride, padding, dilation, groups, padding_mode, padding_value : optional
        Those of the correlation that gave y, as in `conv2d`; the value of a constant border is a
        number, or one per channel.

    Returns
    -------
    SolvedKernel
        With ``weight``, ``bias``, ``residual``, ``rank`` and ``statement``.

    Raises
    ------
    ValueError
        If the shapes of x, y and kernel_size do not go together, or the data are not finite.
    TypeError
        As in `corr2d`; for complex numbers, and for arrays that have no numbers here.

    Warns
    -----
    UserWarning
        As in `corr2d`, without channels.

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

    A dilated kernel, and a border that the correlation had:

    >>> options = {"padding": "same", "dilation": 2, "padding_mode": "reflect"}
    >>> y = mc.corr2d(x, np.array([[1.0, -1.0]]), **options)
    >>> mc.solve_kernel(x, y, (1, 2), **options).weight.round(12) + 0.0
    array([[ 1., -1.]])
    """
    given = problem.read(
        x,
        y,
        kernel_size,
        bias=bias,
        method="auto",
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        padding_value=padding_value,
    )
    layer, found = given.layer, given.normal_form
    weight, offset = np.split(found.solution.T, [layer.fan_in], axis=1)
    array = given.backend.from_numpy
    return SolvedKernel(
        array(weight.reshape(layer.weight_shape), given.dtype, given.x),
        array(offset[:, 0], given.dtype, given.x) if layer.bias else None,
        found.residual,
        found.rank,
        len(found.solution),
        found.undetermined,
    )
