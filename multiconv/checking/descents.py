r"""What is wrong with a gradient descent, found out from outside.

A descent on a squared error is linear: what is left of the distance to the solution, along an
eigenvector of :math:`A^T A` with the eigenvalue :math:`\lambda`, is a factor :math:`p(s)` of
:math:`s = 2 \eta \lambda`, whatever the rate :math:`\eta` and the number T of steps:

.. math::
    (1 - s)^T & \quad \text{as it should be} \\
    (1 + s)^T & \quad \text{with the wrong sign} \\
    r_T(s),\; r_{t+1} = (2 - s) r_t - r_{t-1} & \quad \text{where gradients are never set to zero}

Scaling the image scales the eigenvalues, so that p can be seen where these differ most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from multiconv.checking.complaints import Diagnosis
from multiconv.checking.exact import Floats, correlate2d
from multiconv.checking.task import Case, Value
from multiconv.checking.tasks.learn import stripes

# Runs a case, and gives what was learned; None for anything else.
Learn: TypeAlias = Callable[[Case], Floats | None]

# The stripes' eigenvalues are 30 and 6, those of (1, 1) and (1, -1): this kernel has both alike.
_KERNEL = np.array([[2.0, 0.0]])
_RATIO = 5
_STEPS = (1, 2, 3, 5, 10, 20, 50, 200, 1000)
_FAR = 0.25  # of the way: far enough to tell the ways apart
_SCALES = tuple(4.0**-k for k in range(11, -1, -1))

_SIGN = Diagnosis(
    "wrong-sign",
    "The step goes the wrong way: it adds the gradient, and should subtract it.",
    "Does the loss fall from step to step? Follow the sign of one step.",
)
_ZERO_GRAD = Diagnosis(
    "zero-grad",
    "The gradients are never set to zero: each step adds them to those before.",
    "What does backward() do with the gradient that is already there?",
)
_MEAN = Diagnosis(
    "wrong-scale",
    "The loss is averaged, not added up: every step is too small by their number.",
    "How does one step change if the image is twice as large?",
)
_SLOW = Diagnosis(
    "too-slow",
    "It goes the right way, but not far enough: the steps are too few or too small.",
    "How much does the loss fall in a step? How many steps would it need?",
)
_FAST = Diagnosis(
    "wrong-scale",
    "It diverges: the steps are too large.",
    "Print the loss: does it fall or grow?",
)
_STILL = Diagnosis(
    "no-step",
    "The kernel does not depend on y: no step changes it.",
    "Print the kernel before and after a step.",
)


class _Ways(NamedTuple):
    """How much of the way to the solution is made along the two eigenvectors."""

    long: float  # of the larger eigenvalue
    short: float


def diagnose(case: Case, learn: Learn) -> Diagnosis | None:
    """Say what is wrong with a descent that ends in the wrong place, None where that is unclear."""
    image, dtype = stripes(), case.arrays["x"].dtype.name
    first, again = (learn(_probe(image, _KERNEL, dtype)) for _ in range(2))
    if first is None or again is None:
        return None
    if np.isfinite(first).all() and not np.array_equal(first, again):
        return None  # it starts elsewhere each time
    for scale in _SCALES:
        ways = _ways(image * scale**0.5, dtype, learn)
        if ways is None:
            return None
        if abs(ways.long) >= _FAR:
            return _told_by(ways, image * scale**0.5, dtype, learn)
    ways = _ways(image, dtype, learn)
    return None if ways is None else _STILL if ways.long == 0 else _SLOW


def _told_by(ways: _Ways, image: Floats, dtype: str, learn: Learn) -> Diagnosis | None:
    if ways.long < 0:
        return _SIGN
    left = 1 - ways.long
    if left <= 0:
        return None
    steady, adding = (
        min(abs(1 - ways.short - short(left, steps)) for steps in _STEPS[fewest:])
        for short, fewest in ((_steady, 0), (_adding, 2))
    )
    if adding < steady:
        return _ZERO_GRAD
    twice = _ways(np.concatenate([image, image]) / 2**0.5, dtype, learn)
    if twice is not None and twice.long < 0.8 * ways.long:
        return _MEAN
    full = _ways(stripes(), dtype, learn)
    return _FAST if full is None or not abs(1 - full.long) < 1 else _SLOW


def _steady(left: float, steps: int) -> float:
    """Return p for the smaller eigenvalue, p being ``left`` for the larger."""
    return float((1 - (1 - left ** (1 / steps)) / _RATIO) ** steps)


def _adding(left: float, steps: int) -> float:
    """Return the same where gradients add up."""
    low, high = 0.0, 4 / steps**2  # p falls there from 1 to less than left
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _adding_factor(middle, steps) > left else (low, middle)
    return _adding_factor(low / _RATIO, steps)


def _adding_factor(s: float, steps: int) -> float:
    before, now = 1.0, 1 - s
    for _ in range(steps - 1):
        before, now = now, (2 - s) * now - before
    return now


def _ways(image: Floats, dtype: str, learn: Learn) -> _Ways | None:
    """Compare what is learned from two targets: where it started from falls out."""
    there, nowhere = (learn(_probe(image, k, dtype)) for k in (_KERNEL, 0 * _KERNEL))
    if there is None or nowhere is None:
        return None
    if there.shape != _KERNEL.shape or not np.isfinite(there - nowhere).all():
        return None
    a, b = (there - nowhere).ravel()
    return _Ways(float(a + b) / 2, float(a - b) / 2)


def _probe(image: Floats, kernel: Floats, dtype: str) -> Case:
    y = correlate2d(image, kernel).values
    inputs: dict[str, Value] = {
        "x": image.astype(dtype),
        "y": y.astype(dtype),
        "kernel_size": kernel.shape,
    }
    return Case("a descent looked at", inputs)
