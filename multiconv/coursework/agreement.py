"""Whether a result agrees with the exact one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework.reference import Exact


@dataclass(frozen=True)
class Agreement:
    """What was found out about one result.

    The sign of a zero does not count. A ``digest`` is the same for results of the same bits.
    """

    problem: str | None  # why it does not agree
    is_bit_equal: bool = False  # to the exact numbers, rounded once
    fraction: float | None = None  # the largest error over its bound, where there is one
    digest: str | None = None

    @property
    def severity(self) -> tuple[bool, float]:
        """The key by which the worse of two is the larger."""
        return self.problem is not None, self.fraction or 0.0


def judge(result: NDArray[Any], exact: Exact, *, in_norm: bool, must_be_equal: bool) -> Agreement:
    """Compare a result with the exact one.

    ``in_norm`` asks for the bound of the Fourier method, element-wise bounds apart; it also lifts
    ``must_be_equal``, which asks for the exact numbers themselves.
    """
    if result.shape != exact.rounded.shape:
        return Agreement(f"its shape is {result.shape}, not {exact.rounded.shape}")
    if result.dtype != exact.rounded.dtype:
        return Agreement(f"its dtype is {result.dtype}, not {exact.rounded.dtype}")
    digest = hashlib.sha256((result + result.dtype.type(0)).tobytes()).hexdigest()
    if not np.isfinite(result).all():
        return Agreement("it is not finite", digest=digest)
    fraction = _fraction(result, exact, in_norm)
    count = int(np.count_nonzero(result != exact.rounded))
    problem = None
    if count and (fraction is None or (must_be_equal and not in_norm)):
        problem = f"{count} of {result.size} numbers are not the exact ones"
    elif count and fraction is not None and fraction > 1:
        problem = f"its largest error is {fraction:.3g} times the bound"
    return Agreement(problem, count == 0, fraction, digest)


def _fraction(result: NDArray[Any], exact: Exact, in_norm: bool) -> float | None:
    bound = exact.bound_in_norm if in_norm else exact.bound
    if bound is None:
        return None
    error = np.abs((result.astype(np.float64) - exact.high) - exact.low)
    return float(np.max(error / bound))
