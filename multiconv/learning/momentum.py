r"""Gradient descent with momentum, along one eigenvector of A^T A.

The steps are those of a heavy ball (Polyak, 1964; "Dive into Deep Learning", section 12.6),

.. math:: v' = \beta v + \nabla L(w), \qquad w' = w - \eta v'

so that along an eigenvector with the eigenvalue :math:`\lambda`, and :math:`a = 2 \eta \lambda`
over the number of outputs for the mean, the distance from the solution and the ball's last step go
through the matrix of `block`. Its eigenvalues are the roots of :math:`z^2 - (1 + \beta - a) z +
\beta`; both are inside the unit circle for :math:`0 < a < 2 (1 + \beta)`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.learning.normal_form import FloatArray, NormalForm


def block(a: FloatArray, momentum: float) -> NDArray[np.float64]:
    """Return what a step does to (distance, eta v), a matrix of 2 x 2 for every a."""
    found = np.empty((*a.shape, 2, 2))
    found[..., 0, 0], found[..., 0, 1] = 1 - a, -momentum
    found[..., 1, 0], found[..., 1, 1] = a, momentum
    return found


def shrink(a: FloatArray, momentum: float) -> FloatArray:
    """Return by what factor a step shrinks the distance in the long run; beyond 1 it grows."""
    middle = 1 + momentum - a
    inside: Any = middle**2 - 4 * momentum
    root = np.sqrt(np.maximum(inside, 0))
    return np.where(inside < 0, math.sqrt(momentum), (abs(middle) + root) / 2)


def best_rate(system: NormalForm, scale: int, momentum: float) -> float:
    """Return the rate that converges fastest with this momentum.

    It treats the largest and the smallest eigenvalue alike, as without momentum.
    """
    return (1 + momentum) * system.best_rate(scale)


def best(system: NormalForm) -> float:
    r"""Return the momentum that converges fastest, :math:`((\sqrt\kappa - 1)/(\sqrt\kappa + 1))^2`.

    With it the steps needed grow as the root of the condition number
    :math:`\kappa = \lambda_{max} / \lambda_{min}`, and not as itself (Polyak, 1964).
    """
    largest, smallest = np.sqrt(system.eigenvalues[[0, -1]])
    return float(((largest - smallest) / (largest + smallest)) ** 2) if largest else 0.0
