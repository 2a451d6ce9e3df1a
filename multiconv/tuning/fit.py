"""Seconds for each unit, from counts and the times they took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multiconv.methods.base import Counts

_ROUNDS = 4000
_FAR = 4


def fitted(samples: Sequence[tuple[Counts, float]]) -> dict[str, float]:
    """Return the non-negative seconds per unit that explain the times best, in relative terms.

    Minimises the sum of (predicted / measured - 1)^2, one unit after another (coordinate descent
    for non-negative least squares: Franc, Hlavac and Navara, 2005). A unit that some counts lack is
    zero there.
    """
    units = list(dict.fromkeys(unit for counts, _ in samples for unit in counts))
    rows = np.array([[counts.get(unit, 0.0) / t for unit in units] for counts, t in samples])
    scale = np.where(rows.any(axis=0), np.abs(rows).max(axis=0, initial=0), 1.0)
    rows = rows / scale
    gram, target = rows.T @ rows, rows.sum(axis=0)
    seconds = np.zeros(len(units))
    for _ in range(_ROUNDS):
        for i in range(len(units)):
            if gram[i, i] > 0:
                left = target[i] - gram[i] @ seconds
                seconds[i] = max(seconds[i] + left / gram[i, i], 0.0)
    return {unit: float(s) for unit, s in zip(units, seconds / scale, strict=True)}


def undisturbed(samples: Sequence[tuple[Counts, float]]) -> dict[str, float]:
    """Return what is `fitted` without the samples that are off by more than a factor of four.

    Something else ran while they were taken. A unit that only they have keeps its first value.
    """
    first = fitted(samples)
    near = [sample for sample in samples if 1 / _FAR < _ratio(sample, first) < _FAR]
    return first | (fitted(near) if near else {})


def _ratio(sample: tuple[Counts, float], seconds: dict[str, float]) -> float:
    counts, measured = sample
    return sum(seconds[unit] * count for unit, count in counts.items()) / measured
