r"""How far errors that every step of a linear recursion adds lead from its exact path.

An error :math:`d_j` that step j adds is carried on by the steps that follow,

.. math:: e_t \le \sum_{j < t} \|M^{t - 1 - j}\|_2 \|d_j\|_2

Without momentum M is :math:`I - \eta s A^T A`, which is symmetric, so that its powers are as long
as the powers of its length. With momentum :math:`\beta` the distance and :math:`\eta` times that
of the velocity go on together, by

.. math:: M = \begin{pmatrix} I - \eta s A^T A & -\beta I \\ \eta s A^T A & \beta I \end{pmatrix}

which in the eigenvectors of :math:`A^T A` falls apart into blocks of 2 x 2. It is longer than 1,
though its powers shrink in the end. If their rounding E is at most :math:`\epsilon` long, and no
power up to the k-th longer than C, then every product of factors M and r factors E is at most
:math:`\epsilon^r C^{r + 1}` long, so that

.. math:: \|(M + E)^k\|_2 \le \|M^k\|_2 + C ((1 + C \epsilon)^k - 1)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiconv.core.rounding import gamma, unit_roundoff
from multiconv.learning.momentum import block


@np.errstate(over="ignore", invalid="ignore")
def power_norms(
    matrix: NDArray[np.float64], momentum: float, off: float, steps: int
) -> NDArray[np.float64]:
    """Bound the norms of the powers 0 to ``steps`` of M, from eta s A^T A.

    ``off`` bounds in norm what that matrix, or the multiplication by it, is rounded by.
    """
    powers = np.arange(steps + 1)
    if not np.isfinite(matrix).all():
        return np.where(powers, np.inf, 1.0)
    if not momentum:
        shrink = float(np.linalg.norm(np.eye(len(matrix)) - matrix, 2)) + off
        return np.asarray(shrink**powers)
    factor = block(np.linalg.eigvalsh(matrix), momentum)
    power, norms = factor, np.ones(steps + 1)
    for k in powers[1:]:
        norms[k] = np.sqrt(np.max(np.sum(power**2, axis=(-2, -1))))  # Frobenius's
        power = power @ factor
    longest = np.maximum(np.maximum.accumulate(norms), np.sqrt(2))
    # The matrix stands in M twice, and so does its rounding.
    return np.asarray(norms + longest * np.expm1(powers * np.log1p(longest * 2 * off)))


class Growth:
    """The distance of a path whose steps are off from the exact one, with the norms of powers."""

    def __init__(self, norms: NDArray[np.float64]) -> None:
        self.total = 0.0
        self._norms, self._errors = norms, np.zeros(len(norms))
        self._count = 0

    @np.errstate(over="ignore", invalid="ignore")
    def add(self, drift: NDArray[np.float64], slope: NDArray[np.float64], momentum: float) -> float:
        """Take a step that is off by these, number by number; return the distance after it.

        ``slope`` is what the rate times the velocity is off by, and ``drift`` what else the new
        weight is off by.
        """
        parts = [drift + slope, slope] if momentum else [drift + slope]
        self._errors[self._count] = np.linalg.norm(np.concatenate(parts))
        self._count += 1
        reached = self._norms[: self._count][::-1] @ self._errors[: self._count]
        self.total = float(reached) * (1 + gamma(self._count + 8, unit_roundoff("float64")))
        return self.total
