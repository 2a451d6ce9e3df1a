r"""How far rounding may lead gradient descent, and a solution in closed form, from the exact one.

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
from multiconv.coursework.error_growth import Growth, power_norms


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

    @property
    def length(self) -> float:
        """The Frobenius norm of A."""
        return math.sqrt(float(np.trace(self.gram)))


class Descent(NamedTuple):
    """A path of gradient descent, and how far from it a rounded one may be.

    The first of every array belongs to the start, the others to what each step gave.
    """

    weights: NDArray[np.float64]  # in float64, of shape (steps + 1, n)
    distances: NDArray[np.float64]  # in the Euclidean norm, of a rounded path from these
    losses: NDArray[np.float64]
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
def descent_bound(
    system: Moments,
    start: ArrayLike,
    lr: float,
    steps: int,
    dtype: str,
    *,
    mean: bool = False,
    momentum: float = 0.0,
) -> Descent:
    """Return the path of gradient descent on a squared error, and how far rounding leads from it.

    The dtype is float32 or float64; a bias is a column of ones. From where a number could overflow
    nothing is promised, and the distances are infinite.
    """
    if dtype not in ("float32", "float64"):
        msg = f"dtype is {dtype!r}: the bound is derived for float32 and float64"
        raise ValueError(msg)
    recursion = _Recursion(system, lr, 2 / system.rows if mean else 2.0, dtype, momentum, steps)
    weight = np.asarray(start, dtype=np.float64)
    velocity = np.zeros_like(weight)
    promised = True
    weights, distances, losses, errors = [], [], [], []
    for _ in range(steps + 1):
        point = recursion.at(weight, velocity)
        weights.append(weight)
        distances.append(recursion.up * recursion.off if promised else math.inf)
        losses.append(point.loss)
        errors.append(point.loss_error if promised else math.inf)
        promised = recursion.rounded(point) and promised
        weight, velocity = recursion.in_float64(point, weight, velocity)
    count = system.rows if mean else 1
    return Descent(
        np.array(weights), np.array(distances), np.array(losses) / count, np.array(errors) / count
    )


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


class _Point(NamedTuple):
    """What the bounds of the next step are made of, on both paths."""

    reach: NDArray[np.float64]  # |w| and how far from it any path may be
    speed: NDArray[np.float64]  # the same of the velocity
    image: float  # || |A| |w| ||
    loss: float
    loss_error: float  # infinite where the loss could overflow
    residual: float  # its norm, rounded or not
    d_sums: NDArray[np.float64]  # |A|^T d


@dataclass
class _Recursion:
    r"""The steps of `descent_bound`; what is taken from the moments is rounded up.

    The exact path is, with s = 2, over the number m of rows for the mean,

    .. math:: r = A w - y, \quad g = s A^T r, \quad v' = \beta v + g, \quad w' = w - \eta v'

    From a rounded point :math:`\hat w`, n being the number of unknowns, a step costs, in any order
    of summation [H, section 3.1],

    .. math::
        |\hat r - r| &\le d = \gamma_{n+2} (|A| |\hat w| + |y|) \\
        |\hat g - g| &\le s |A|^T (d + \gamma_{m+6} |\hat r|) \\
        \text{velocity} &\le \gamma_3 (\beta |\hat v| + |\hat g|), \quad
            \text{0 without momentum} \\
        \text{update} &\le \gamma_3 (|\hat w| + \eta |\hat v'|)

    and the exact steps from there carry these errors on as `Growth` says.

    Sums over the rows that change from step to step are bounded by the Cauchy-Schwarz inequality,
    so that the moments are all that is needed of A. The path that is returned is computed in
    float64 from them; its own distance from the exact one follows the same recursion, with the
    unit roundoff of float64, and is part of the distances, as is underflow.
    """

    system: Moments
    lr: float
    scale: float
    dtype: str
    momentum: float
    steps: int

    def __post_init__(self) -> None:
        system, rows, unknowns = self.system, self.system.rows, len(self.system.cross)
        self.u, self.tiny = unit_roundoff(self.dtype), smallest_normal(self.dtype)
        self.limit = float(np.finfo(self.dtype).max) / 4
        # Of sums in float64 over all rows, and how far up to round what they gave.
        self.sums = gamma(rows + 2 * unknowns + 8, unit_roundoff("float64"))
        self.up = up = 1 + 4 * self.sums
        self.lengths, self.length = up * system.lengths, up * system.length
        self.gram, self.cross = up * system.gram_magnitude, up * system.cross_magnitude
        self.target = up * system.target
        step = self.lr * self.scale
        off = 12 * self.sums * (1 + step * self.length**2)
        norms = power_norms(step * system.gram, self.momentum, off, self.steps + 1)
        self.path, self.own = Growth(norms), Growth(norms)

    @property
    def off(self) -> float:
        """How far a rounded path may be from the one in float64."""
        return self.path.total + self.own.total

    def at(self, weight: NDArray[np.float64], velocity: NDArray[np.float64]) -> _Point:
        """Look at the loss and the residual where the two paths are."""
        system, rows, unknowns = self.system, self.system.rows, len(weight)
        reach, speed = abs(weight) + self.off, abs(velocity) + self.off / self.lr
        image = math.sqrt(_number(float(reach @ self.gram @ reach)))
        loss = float(weight @ system.gram @ weight - 2 * (weight @ system.cross) + system.target)
        spread = float(reach @ self.gram @ reach + 2 * (reach @ self.cross)) + self.target
        loss_own = self.sums * _number(spread)
        residual = math.sqrt(_number(max(loss, 0.0) + loss_own))

        rounding, lost = gamma(unknowns + 2, self.u), (2 * unknowns + 2) * self.tiny
        d_norm = rounding * (image + math.sqrt(self.target)) + lost * math.sqrt(rows)
        d_sums = rounding * (self.gram @ reach + self.cross) + lost * self.up * system.columns
        off = self.length * self.off + d_norm
        largest = residual + off
        error = off * (2 * residual + off) + gamma(rows + 3, self.u) * largest**2
        error += 2 * rows * self.tiny + loss_own
        fits = largest**2 < self.limit
        error = self.up * error if fits else math.inf
        return _Point(reach, speed, image, loss, error, largest, d_sums)

    def rounded(self, point: _Point) -> bool:
        """Take a step on the rounded path; return whether no number of it could overflow."""
        rows, lr, reach = self.system.rows, self.lr, point.reach
        lengths = self.lengths * point.residual
        slope = self.scale * (point.d_sums + gamma(rows + 6, self.u) * lengths)
        slope = slope + 2 * rows * self.tiny
        steepness = 2 * lengths + slope
        speed = self.scale / 2 * steepness + slope
        if self.momentum:
            speed = self.momentum * point.speed + speed
            slope = slope + gamma(3, self.u) * speed + 3 * self.tiny
            speed = speed + slope
        drift = gamma(3, self.u) * (reach + lr * speed) + 3 * self.tiny
        images = 2 * (point.image + math.sqrt(self.target))
        steepest = np.maximum(steepness, speed)
        peak = _number(max(images, *steepest, *(reach + lr * steepest)))
        distance = self.path.add(drift, lr * slope, self.momentum)
        return peak < self.limit and math.isfinite(distance)

    def in_float64(
        self, point: _Point, weight: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Take a step on the path that is returned, whose own distance grows as well."""
        gradient = self.scale * (self.system.gram @ weight - self.system.cross)
        slope = self.scale * self.sums * (self.gram @ point.reach + self.cross)
        velocity = self.momentum * velocity + gradient
        three = gamma(3, unit_roundoff("float64"))
        if self.momentum:
            slope = slope + three * (self.momentum * point.speed + abs(gradient) + slope)
        drift = three * (abs(weight) + self.lr * abs(velocity))
        self.own.add(drift, self.lr * slope, self.momentum)
        return weight - self.lr * velocity, velocity


def _number(value: float) -> float:
    """Return infinity for what is none, as where two infinities were subtracted."""
    return math.inf if math.isnan(value) else float(value)
