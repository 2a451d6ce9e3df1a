"""The compiled loops of the exact mode, which lie in folders by what they do."""

from __future__ import annotations

from multiconv.backends.loops.exactly.digits.numba import sums
from multiconv.backends.loops.exactly.rounding.numba import (
    are_multiples,
    certify,
    certify_rows,
    largest,
)
from multiconv.backends.loops.exactly.taps.numba import HALVES, ONCE, TWICE, certified_taps

__all__ = [
    "HALVES",
    "ONCE",
    "TWICE",
    "are_multiples",
    "certified_taps",
    "certify",
    "certify_rows",
    "largest",
    "sums",
]
