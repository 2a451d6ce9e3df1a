r"""How far a rounded sum of products may lie from the exact one.

Every bound is derived, none is a tolerance that somebody chose. They are evaluated in float64,
whose own rounding, some 1e-15 of a bound, is left out.

References
----------
.. [H] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM, 2002: chapter
   2 (the model of floating point), section 3.1 (inner products), section 3.6 (complex numbers),
   section 19.3 (QR factorization), section 24.1 (the fast Fourier transform).
.. [P] C. Percival, "Rapid multiplication modulo the sum and difference of highly composite
   numbers", *Mathematics of Computation* 72, 2003, pages 387-395, section 2 (convolution by the
   fast Fourier transform).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multiconv.core import dtypes

__all__ = [
    "Descent",
    "Moments",
    "descent_bound",
    "elementwise_bound",
    "fft_bound",
    "gamma",
    "moments",
    "smallest_subnormal",
    "stationarity",
    "unit_roundoff",
]

_PARTS = {"complex64": "float32", "complex128": "float64"}

# Bits of the significand, the hidden one included, and the exponent of the smallest subnormal.
_FORMATS = {
    "bfloat16": (8, -133),
    "float16": (11, -24),
    "float32": (24, -149),
    "float64": (53, -1074),
}


def unit_roundoff(dtype: str) -> float:
    r"""Return the largest relative error of rounding to nearest.

    .. math:: u = 2^{-t}

    with t bits in the significand, the hidden one included [H, section 2.1].

    Parameters
    ----------
    dtype : str
        The name of a float or complex dtype; a complex one has the roundoff of its parts.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For a dtype that does not round.

    Examples
    --------
    >>> from multiconv.coursework.bounds import unit_roundoff
    >>> from multiconv.coursework.bounds import unit_roundoff
    >>> unit_roundoff("float32") == 2.0**-24
    True
    """
    return 2.0 ** -_format(dtype)[0]


def smallest_subnormal(dtype: str) -> float:
    r"""Return the smallest positive number: the most that an operation loses to underflow.

    Parameters
    ----------
    dtype : str
        The name of a float or complex dtype.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For a dtype that does not round.

    Examples
    --------
    >>> from multiconv.coursework.bounds import smallest_subnormal
    >>> from multiconv.coursework.bounds import smallest_subnormal
    >>> smallest_subnormal("float16") == 2.0**-24
    True
    """
    return 2.0 ** _format(dtype)[1]


def gamma(n: int, u: float) -> float:
    r"""Return the bound on the relative error of n roundings, one after another.

    .. math:: \prod_{i=1}^{n} (1 + \delta_i)^{\pm 1} = 1 + \theta, \quad
        |\delta_i| \le u, \quad |\theta| \le \gamma_n = \frac{n u}{1 - n u}

    [H, lemma 3.1].

    Parameters
    ----------
    n : int
        Number of roundings.
    u : float
        The unit roundoff.

    Returns
    -------
    float
        Infinite where n u reaches 1: then nothing is promised.

    Examples
    --------
    >>> from multiconv.coursework.bounds import gamma
    >>> from multiconv.coursework.bounds import gamma
    >>> gamma(3, 2.0**-3)
    0.6
    """
    return n * u / (1 - n * u) if n * u < 1 else math.inf


def elementwise_bound(
    exact: ArrayLike, magnitude: ArrayLike, products: int, dtype: str
) -> NDArray[np.float64]:
    r"""Return the bound that every method but ``fft`` keeps, for each output.

    .. math:: |\hat y - y| \le \gamma_{n+1}(u_{acc})\, S + 2\, u_{out}\, |y| + (n + 1)\, \eta,
        \qquad S = \sum_{i=1}^{n} |x_i| |w_i|

    Each of the n products is rounded once and takes part in at most n further roundings, in any
    order of summation, a bias among them [H, section 3.1]. The second term stands for rounding
    to a result narrower than the sums, twice where a bias is added in between, and is left out
    where the two have the same dtype; the third for gradual underflow.

    Each part of a complex output is a sum of 2 n real products with S at most
    :math:`\sum |x_i| |w_i|`, by Cauchy and Schwarz; the modulus of the error is at most
    :math:`\sqrt 2` times that of the larger part.

    Parameters
    ----------
    exact : array_like
        The exact outputs y.
    magnitude : array_like
        S for each of them, of the same shape.
    products : int
        The number n of products in one output.
    dtype : str
        The name of the result's dtype, whose `accumulator` it is summed in.

    Returns
    -------
    ndarray of float64
        Of the common shape of exact and magnitude.

    Raises
    ------
    ValueError
        For a dtype that does not round: integers have to be equal.

    Examples
    --------
    >>> from multiconv.coursework.bounds import elementwise_bound
    >>> from multiconv.coursework.bounds import elementwise_bound
    >>> round(float(elementwise_bound(19.0, 19.0, 4, "float32") / (19 * 2.0**-24)), 6)
    5.000001
    """
    sums = dtypes.accumulator(dtype)
    roundings = 2 * products + 1 if dtype in _PARTS else products + 1
    parts = 2 if dtype in _PARTS else 1
    bound = math.sqrt(parts) * gamma(roundings, unit_roundoff(sums)) * np.asarray(magnitude, float)
    if sums != dtype:
        bound = bound + 2 * unit_roundoff(dtype) * np.abs(np.asarray(exact))
    return np.asarray(bound + parts * roundings * smallest_subnormal(dtype), dtype=np.float64)


def fft_bound(
    norms: ArrayLike, lengths: tuple[int, ...], channels: int, dtype: str
) -> NDArray[np.float64]:
    r"""Return the bound of the Fourier method, the same for all outputs of one image and filter.

    .. math:: \max |\hat y - y| \le u \left(C + 8.3 \log_2 \prod_a L_a\right)
        \sum_{c=1}^{C} \|x_c\|_2 \|w_c\|_2

    Transforms mix all pixels, so that only the norms of the image and the kernel count. The error
    of one transform grows like the logarithm of its length [H, theorem 24.2], and so does that of
    the three transforms of a convolution [P]; C counts the product of the transforms and the sum
    over channels. The constant is smaller than that of the worst case, which has every rounding
    at its largest and in phase: 8.3 allows each of the three transforms an error of 2.77 u for
    every doubling of its length.

    Parameters
    ----------
    norms : array_like
        The sum over the channels of the product of the norms of image and kernel.
    lengths : tuple of int
        The transform's length on each axis, or more.
    channels : int
        The number C of channels that are summed.
    dtype : str
        The name of the result's dtype.

    Returns
    -------
    ndarray of float64
        Of the shape of norms. For a dtype narrower than its sums, twice its unit roundoff times
        the exact output comes on top, as in `elementwise_bound`.

    Raises
    ------
    ValueError
        For a dtype that does not round.

    Examples
    --------
    >>> from multiconv.coursework.bounds import fft_bound
    >>> from multiconv.coursework.bounds import fft_bound
    >>> round(float(fft_bound(1.0, (128, 128), 1, "float32") / 2.0**-24), 6)
    117.2
    """
    sums = dtypes.accumulator(dtype)
    factor = channels + 8.3 * math.log2(math.prod(lengths))
    bound = unit_roundoff(sums) * factor * np.asarray(norms, dtype=np.float64)
    return np.asarray(bound + smallest_subnormal(dtype), dtype=np.float64)


class Moments(NamedTuple):
    r"""The sums over the rows of a least squares problem min ||A w - y|| that its bounds need.

    All are float64. The second of each pair has every number replaced by its absolute value.

    Attributes
    ----------
    rows : int
        The number m of rows of A.
    gram, gram_magnitude : ndarray of shape (n, n)
        :math:`A^T A`.
    cross, cross_magnitude : ndarray of shape (n,)
        :math:`A^T y`.
    columns : ndarray of shape (n,)
        The sum of :math:`|A|` over the rows.
    target : float
        :math:`\|y\|_2^2`.
    """

    rows: int
    gram: NDArray[np.float64]
    gram_magnitude: NDArray[np.float64]
    cross: NDArray[np.float64]
    cross_magnitude: NDArray[np.float64]
    columns: NDArray[np.float64]
    target: float

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

    Attributes
    ----------
    weights : ndarray of shape (steps + 1, n)
        The path, in float64: the start, and the weight after each step.
    distances : ndarray of shape (steps + 1,)
        How far from it, in the Euclidean norm, the weight of a rounded path may be.
    losses, loss_errors : ndarray of shape (steps + 1,)
        The loss at each of these weights, and how far the loss of a rounded path may be from it.
    """

    weights: NDArray[np.float64]
    distances: NDArray[np.float64]
    losses: NDArray[np.float64]
    loss_errors: NDArray[np.float64]


def moments(blocks: Iterable[tuple[ArrayLike, ArrayLike]]) -> Moments:
    """Add up the moments of a least squares problem, a block of rows at a time.

    Parameters
    ----------
    blocks : iterable of (array of shape (m', n), array of shape (m',))
        Rows of A and the elements of y that belong to them.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        If there are no blocks.

    Examples
    --------
    >>> from multiconv.coursework.bounds import moments
    >>> found = moments([([[1.0, 0.0], [1.0, -2.0]], [1.0, -1.0]), ([[0.0, 1.0]], [3.0])])
    >>> found.rows, found.gram.tolist(), found.cross.tolist(), found.target
    (3, [[2.0, -2.0], [-2.0, 5.0]], [0.0, 5.0], 11.0)
    """
    total: Moments | None = None
    for block in blocks:
        a, y = (np.asarray(array, dtype=np.float64) for array in block)
        part = Moments(
            len(a),
            a.T @ a,
            abs(a).T @ abs(a),
            a.T @ y,
            abs(a).T @ abs(y),
            abs(a).sum(axis=0),
            float(y @ y),
        )
        total = part if total is None else _added(total, part)
    if total is None:
        raise ValueError("blocks is empty: there are no rows to add up")
    return total


def descent_bound(
    system: Moments,
    start: ArrayLike,
    lr: float,
    steps: int,
    dtype: str,
    *,
    mean: bool = False,
) -> Descent:
    r"""Return the path of gradient descent on a squared error, and how far rounding leads from it.

    The exact path is, with s = 2, over the number m of rows for the mean,

    .. math:: r = A w - y, \quad g = s A^T r, \quad w' = w - \eta g

    Let e bound the distance of a rounded path from it. From the rounded point :math:`\hat w`, n
    being the number of unknowns, a step costs, in any order of summation [H, section 3.1],

    .. math::
        |\hat r - r| &\le d = \gamma_{n+2} (|A| |\hat w| + |y|) \\
        |\hat g - g| &\le s |A|^T (d + \gamma_{m+6} |\hat r|) \\
        \text{update} &\le \gamma_3 (|\hat w| + \eta |\hat g|)

    and the exact step from the rounded point contracts the distance, so that

    .. math:: e' = \rho e + \|\eta |\hat g - g| + \text{update}\|_2, \quad
        \rho = \|I - \eta s A^T A\|_2

    Sums over the rows that change from step to step are bounded by the Cauchy-Schwarz inequality,
    so that the moments are all that is needed of A. The path that is returned is computed in
    float64 from them; its own distance from the exact one follows the same recursion, with the
    unit roundoff of float64, and is part of the distances, as is underflow. From where a number
    could overflow nothing is promised, and the distances are infinite.

    Parameters
    ----------
    system : Moments
        The problem, of one filter; a bias is a column of ones.
    start : array_like of shape (n,)
        Where both paths start.
    lr : float
        The learning rate :math:`\eta`.
    steps : int
        Number of steps.
    dtype : {"float32", "float64"}
        What the rounded path is computed in.
    mean : bool, optional
        Whether the loss is the mean of the squared errors instead of their sum.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError
        For another dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.coursework.bounds import descent_bound, moments
    >>> system = moments([(np.eye(2), [1.0, -1.0])])
    >>> path = descent_bound(system, [0.0, 0.0], 0.25, 3, "float32")
    >>> path.weights[:, 0].tolist(), path.losses.tolist()
    ([0.0, 0.5, 0.75, 0.875], [2.0, 0.5, 0.125, 0.03125])
    >>> bool(path.distances[0] == 0), bool(path.distances[3] < 1e-5)
    (True, True)
    """
    if dtype not in ("float32", "float64"):
        msg = f"dtype is {dtype!r}: the bound is derived for float32 and float64"
        raise ValueError(msg)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return _descend(system, np.asarray(start, dtype=np.float64), lr, steps, dtype, mean)


def _added(first: Moments, second: Moments) -> Moments:
    return Moments(
        first.rows + second.rows,
        first.gram + second.gram,
        first.gram_magnitude + second.gram_magnitude,
        first.cross + second.cross,
        first.cross_magnitude + second.cross_magnitude,
        first.columns + second.columns,
        first.target + second.target,
    )


def _descend(
    system: Moments,
    weight: NDArray[np.float64],
    lr: float,
    steps: int,
    dtype: str,
    mean: bool,
) -> Descent:
    rows, unknowns = system.rows, len(system.cross)
    u, tiny = unit_roundoff(dtype), _smallest_normal(dtype)
    limit = float(np.finfo(dtype).max) / 4
    scale = 2 / rows if mean else 2.0
    sums = gamma(rows + 2 * unknowns + 8, unit_roundoff("float64"))  # of float64, over all rows
    up = 1 + 4 * sums
    lengths, length = up * system.lengths, up * system.length
    gram, cross, target = (
        up * system.gram_magnitude,
        up * system.cross_magnitude,
        up * system.target,
    )
    shrink = up * (_spectral_norm(np.eye(unknowns) - lr * scale * system.gram))
    shrink += up * 11 * sums * (1 + lr * scale * length**2)

    distance = own = 0.0
    promised = True
    weights, distances, losses, errors = [], [], [], []
    for _ in range(steps + 1):
        size = abs(weight)
        reach = size + own + distance
        image = math.sqrt(_number(float(reach @ gram @ reach)))  # || |A| |w| ||
        loss = float(weight @ system.gram @ weight - 2 * (weight @ system.cross) + system.target)
        loss_own = sums * _number(float(reach @ gram @ reach + 2 * (reach @ cross)) + target)
        residual = math.sqrt(_number(max(loss, 0.0) + loss_own))

        # d, the error of the residual: its norm, and |A|^T d
        rounding, lost = gamma(unknowns + 2, u), (2 * unknowns + 2) * tiny
        d_norm = rounding * (image + math.sqrt(target)) + lost * math.sqrt(rows)
        d_sums = rounding * (gram @ reach + cross) + lost * up * system.columns
        off = length * (own + distance) + d_norm
        error = off * (2 * residual + off) + gamma(rows + 3, u) * (residual + off) ** 2
        error += 2 * rows * tiny + loss_own
        count = rows if mean else 1
        weights.append(weight)
        distances.append(up * (distance + own) if promised else math.inf)
        losses.append(loss / count)
        is_finite = promised and (residual + off) ** 2 < limit
        errors.append(up * error / count if is_finite else math.inf)

        # the rounded path
        slope = scale * (d_sums + gamma(rows + 6, u) * lengths * (residual + off))
        slope = slope + 2 * rows * tiny
        steepness = 2 * lengths * (residual + off) + slope
        local = lr * slope + gamma(3, u) * (reach + lr * scale / 2 * steepness + lr * slope)
        peak = _number(max(2 * (image + math.sqrt(target)), *steepness, *(reach + lr * steepness)))
        distance = up * (shrink * distance + float(np.linalg.norm(local + 3 * tiny)))
        promised = promised and peak < limit and math.isfinite(distance)

        # the path in float64
        gradient = scale * (system.gram @ weight - system.cross)
        own_slope = scale * sums * (gram @ (size + own) + cross)
        three = gamma(3, unit_roundoff("float64"))
        own_local = lr * own_slope + three * (size + lr * abs(gradient))
        own = up * (shrink * own + float(np.linalg.norm(own_local)))
        weight = weight - lr * gradient
    return Descent(*(np.array(found) for found in (weights, distances, losses, errors)))


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
    holds however ill-conditioned the problem is.

    Parameters
    ----------
    system : Moments
        The problem.
    weight : array_like of shape (n,)
        The solution, in its dtype.
    dtype : str
        The name of that dtype.

    Returns
    -------
    gradient, bound : ndarray of shape (n,)
        The left side and the right one.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.coursework.bounds import moments, stationarity
    >>> gradient, bound = stationarity(moments([(np.eye(2), [0.1, -1.0])]), [0.1, -1.0], "float32")
    >>> bool((gradient <= bound).all()), bool((bound < 1e-6).all())
    (True, True)
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


def _smallest_normal(dtype: str) -> float:
    """Return what a processor that flushes subnormal numbers to zero loses at most."""
    bits, exponent = _format(dtype)
    return float(2.0 ** (exponent + bits - 1))


def _spectral_norm(matrix: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(matrix, 2)) if np.isfinite(matrix).all() else math.inf


def _number(value: float) -> float:
    """Return infinity for what is none, as where two infinities were subtracted."""
    return math.inf if math.isnan(value) else float(value)


def _format(dtype: str) -> tuple[int, int]:
    part = _PARTS.get(dtype, dtype)
    if part not in _FORMATS:
        rounding = ", ".join([*_FORMATS, *_PARTS])
        msg = f"dtype is {dtype!r}, whose results are exact: bounds exist for {rounding}"
        raise ValueError(msg)
    return _FORMATS[part]
