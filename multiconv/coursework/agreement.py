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
    finite = np.isfinite(result)
    if not finite.all():
        return Agreement(f"it is not finite, {_at(~finite, result, exact)}", digest=digest)
    bound = exact.bound_in_norm if in_norm else exact.bound
    error = np.abs((result.astype(np.float64) - exact.high) - exact.low)
    fractions = None if bound is None else error / bound
    largest = None if fractions is None else float(np.max(fractions))
    count = int(np.count_nonzero(result != exact.rounded))
    problem = None
    if count and (fractions is None or (must_be_equal and not in_norm)):
        where = _at(error, result, exact)
        problem = f"{count} of {result.size} numbers are not the exact ones, {where}"
    elif count and fractions is not None and largest is not None and largest > 1:
        where = _at(fractions, result, exact)
        problem = f"its largest error is {largest:.3g} times the bound, {where}"
    return Agreement(problem, count == 0, largest, digest)


def _at(badness: NDArray[Any], result: NDArray[Any], exact: Exact) -> str:
    """Say what stands at the worst place, and what should."""
    worst = np.unravel_index(np.argmax(badness), result.shape)
    place = ", ".join(map(str, worst))
    return f"at [{place}] {result[worst]:.9g} instead of {exact.rounded[worst]:.9g}"
