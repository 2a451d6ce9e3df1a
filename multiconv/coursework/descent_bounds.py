r"""How far rounding may lead a step of gradient descent, or a solution, from the exact one.

Every bound is derived, none is a tolerance that somebody chose.

References
----------
.. [H] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM, 2002: section
   3.1 (inner products), section 19.3 (QR factorization).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multiconv.core.rounding import gamma, smallest_normal, smallest_subnormal, unit_roundoff


class Moments(NamedTuple):
    r"""The sums over the rows of a least squares problem min ||A w - y|| that its bounds need.

    A magnitude has every number replaced by its absolute value.
    """

    rows: int
    gram: NDArray[np.float64]  # A^T A, of shape (n, n)
    gram_magnitude: NDArray[np.float64]
    cross: NDArray[np.float64]  # A^T y, of shape (n,)
    cross_magnitude: NDArray[np.float64]
    columns: NDArray[np.float64]  # the sums of |A| over the rows
    target: float  # the square of ||y||

    @property
    def lengths(self) -> NDArray[np.float64]:
        """The Euclidean lengths of the columns of A."""
        return np.asarray(np.sqrt(np.diag(self.gram)), dtype=np.float64)


class Steps(NamedTuple):
    """How far each step of a descent is from the exact step out of the same place.

    A descent of T steps has T + 1 places. Where a number could overflow the bounds are infinite.
    """

    defects: NDArray[np.float64]  # of every step and number, of shape (T, n)
    bounds: NDArray[np.float64]  # what rounding may do to them
    losses: NDArray[np.float64]  # before every step, of shape (T,)
    loss_errors: NDArray[np.float64]


def moments(blocks: Iterable[tuple[ArrayLike, ArrayLike]]) -> Moments:
    """Add up the moments of a least squares problem, given in blocks: rows of A, their targets."""
    total: Moments | None = None
    for block in blocks:
        a, y = (np.asarray(array, dtype=np.float64) for array in block)
        size = abs(a)
        sums = (a.T @ a, size.T @ size, a.T @ y, size.T @ abs(y), size.sum(axis=0), float(y @ y))
        part = Moments(len(a), *sums)
        total = part if total is None else Moments(*map(operator.add, total, part))
    if total is None:
        raise ValueError("blocks is empty: there are no rows to add up")
    return total


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def step_bounds(
    system: Moments,
    weights: ArrayLike,
    lr: float,
    dtype: str,
    *,
    mean: bool = False,
    momentum: float = 0.0,
) -> Steps:
    r"""Compare every step of a rounded descent with the exact step from where it was.

    With s = 2, over the number m of rows for the mean, n unknowns and a rounded point
    :math:`\hat w`, the exact step is

    .. math:: r = A \hat w - y, \quad g = s A^T r, \quad v' = \beta v + g, \quad
        w' = \hat w - \eta v'

    Of the rounded one, in any order of summation [H, section 3.1],

    .. math::
        |\hat r - r| &\le d = \gamma_{n+2} (|A| |\hat w| + |y|) \\
        |\hat g - g| &\le s |A|^T (d + \gamma_{m+6} |\hat r|) \\
        \text{velocity} &\le \gamma_3 (\beta |\hat v| + |\hat g|), \quad
            \text{0 without momentum} \\
        \text{update} &\le \gamma_3 (|\hat w| + \eta |\hat v'|)

    The velocity is not told, and known from the last step up to its update, so that an error of
    that comes in once more, times the momentum. Errors of earlier steps do not count: they are in
    the place where the descent is, so that the bound is as sharp after many steps as after one.

    Sums over the rows are bounded by the Cauchy-Schwarz inequality, so that the moments are all
    that is needed of A. The rounding of these, and underflow, are part of the bounds. The dtype is
    float32 or float64; a bias is a column of ones.
    """
    if dtype not in ("float32", "float64"):
        msg = f"dtype is {dtype!r}: the bound is derived for float32 and float64"
        raise ValueError(msg)
    places = np.asarray(weights, dtype=np.float64)
    before = places[:-1]
    moved = np.diff(before, axis=0, prepend=before[:1])
    rounding = _Rounding(system, lr, 2 / system.rows if mean else 2.0, dtype, momentum)
    slope = rounding.scale * (before @ system.gram - system.cross)
    defects = abs(np.diff(places, axis=0) + lr * slope - momentum * moved)
    bounds = rounding.of_steps(before, abs(moved))
    losses, errors = rounding.of_losses(before)
    count = system.rows if mean else 1
    return Steps(defects, bounds, losses / count, errors / count)


def stationarity(
    system: Moments, weight: ArrayLike, dtype: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return how far a rounded solution of least squares is from the normal equations.

    .. math:: |A^T (A \hat w - y)| \le u |A|^T |A| |\hat w|
        + \gamma_{8 n (m + n)}(u_{64})\, (a + \max a)\, (a^T |\hat w| + \|y\|_2), \quad
        a_j = \|A_{:j}\|_2

    The first term stands for rounding the solution to its dtype, the second for the QR
    factorization in float64, which is backward stable column by column [H, theorem 19.4, with 8
    for the "small integer constant"], and for directions that were dropped as undetermined. It
    holds however ill-conditioned the problem is. The left side is returned, and the right one.
    """
    weight = np.asarray(weight, dtype=np.float64)
    rows, unknowns = system.rows, len(system.cross)
    size, lengths = abs(weight), system.lengths
    gradient = abs(system.gram @ weight - system.cross)
    rounded = unit_roundoff(dtype) * size + smallest_subnormal(dtype)
    stable = gamma(8 * unknowns * (rows + unknowns), unit_roundoff("float64"))
    norm = max(float(np.max(lengths)), 0.0) if unknowns else 0.0
    # A dropped direction has a singular value below max(m, n) eps ||A||.
    reached = lengths @ size + math.sqrt(system.target)
    bound = system.gram_magnitude @ rounded * (1 + 1e-6) + stable * (lengths + norm) * reached
    return np.asarray(gradient), np.asarray(bound, dtype=np.float64)


@dataclass
class _Rounding:
    """The terms of `step_bounds`, of many places at once; what the moments give is rounded up."""

    system: Moments
    lr: float
    scale: float
    dtype: str
    momentum: float

    def __post_init__(self) -> None:
        system, rows, unknowns = self.system, self.system.rows, len(self.system.cross)
        self.u, self.tiny = unit_roundoff(self.dtype), smallest_normal(self.dtype)
        self.limit = float(np.finfo(self.dtype).max) / 4
        # Of sums in float64 over all rows, and how far up to round what they gave.
        self.sums = gamma(rows + 2 * unknowns + 8, unit_roundoff("float64"))
        self.up = up = 1 + 4 * self.sums
        self.lengths = up * system.lengths
        self.gram, self.cross = up * system.gram_magnitude, up * system.cross_magnitude
        self.target = up * system.target

    def of_steps(
        self, places: NDArray[np.float64], moved: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Bound the defect of the step from each place; ``moved`` is how far the one before went.

        It is infinite where a number of the step could overflow.
        """
        size, lr, three = abs(places), self.lr, gamma(3, self.u)
        slope, steepness = self._slopes(places)
        # The rate times the velocity: before, which the update has rounded, and after.
        before = (moved + three * size + 3 * self.tiny) * (1 + 3 * three)
        after = lr * (steepness + slope)
        if self.momentum:
            after = self.momentum * before + after
            slope = slope + three * after / lr + 3 * self.tiny
            after = after * (1 + three) + 3 * lr * self.tiny
        update = three * (size + after) + 3 * self.tiny
        known = three * (size + 2 * moved) * (1 + 4 * three) + 4 * self.tiny
        known[0] = 0  # the first velocity is zero
        ours = lr * self.scale * (size @ self.gram + self.cross) + 2 * (size + moved + after)
        bounds = lr * slope + update + self.momentum * known + self.sums * ours
        bounds[~self._fits(places, np.maximum(size + after, after / lr))] = np.inf
        return np.asarray(self.up * bounds)

    def of_losses(
        self, places: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sums of squared errors, and how far rounding may lead from them."""
        rows = self.system.rows
        exact, own = self._losses(places)
        residual, off = np.sqrt(np.maximum(exact, 0) + own), self._off(places)
        error = off * (2 * residual + off) + gamma(rows + 3, self.u) * (residual + off) ** 2
        error = self.up * (error + 2 * rows * self.tiny + own)
        error[~((residual + off) ** 2 < self.limit)] = np.inf
        return exact, np.asarray(error)

    def _fits(self, places: NDArray[np.float64], largest: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell where no number of a step could overflow, of which these are the largest."""
        rest = self._residuals(places)
        slope, steepness = self._slopes(places)
        peak = np.max(np.maximum(2 * rest[:, None] * self.lengths + slope, largest), axis=1)
        peak = np.maximum(peak, np.max(steepness + slope, axis=1))
        peak = np.maximum(peak, 2 * (self._images(places) + math.sqrt(self.target)))
        # Comparisons with what is no number are false, as they should be.
        return np.asarray((peak < self.limit) & (rest**2 < self.limit))

    def _slopes(
        self, places: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bound the error of the gradient, and the gradient itself."""
        rows, unknowns = self.system.rows, places.shape[1]
        lost = (2 * unknowns + 2) * self.tiny
        d_sums = gamma(unknowns + 2, self.u) * (abs(places) @ self.gram + self.cross)
        d_sums = d_sums + lost * self.up * self.system.columns
        lengths = self._residuals(places)[:, None] * self.lengths
        error = self.scale * (d_sums + gamma(rows + 6, self.u) * lengths) + 2 * rows * self.tiny
        return error, self.scale * lengths

    def _residuals(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound the norm of the residual, rounded or not."""
        exact, own = self._losses(places)
        return np.asarray(np.sqrt(np.maximum(exact, 0) + own) + self._off(places))

    def _off(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound the norm of what the residual is off by."""
        unknowns, lost = places.shape[1], (2 * places.shape[1] + 2) * self.tiny
        norms = gamma(unknowns + 2, self.u) * (self._images(places) + math.sqrt(self.target))
        return np.asarray(norms + lost * math.sqrt(self.system.rows))

    def _images(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return || |A| |w| ||."""
        size = abs(places)
        return np.asarray(np.sqrt(np.sum((size @ self.gram) * size, axis=1)))

    def _losses(
        self, places: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sums of squared errors, and how far they are off in float64."""
        system, size = self.system, abs(places)
        exact = np.sum((places @ system.gram - 2 * system.cross) * places, axis=1) + system.target
        spread = np.sum((size @ self.gram + 2 * self.cross) * size, axis=1) + self.target
        return exact, np.asarray(self.sums * spread)
