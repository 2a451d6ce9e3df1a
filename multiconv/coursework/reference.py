"""The exact results, and how far a float may lie from them.

A product of two float32 is exact in float64. The sums keep their rounding errors beside them, so
that only sums of these are rounded, some 1e-30 of the bound; rounding to odd before the last cast
then gives what the exact sum rounds to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.checking.sum_bounds import elementwise_bound, fft_bound
from multiconv.coursework.cases import Case

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Exact:
    """One exact result.

    ``rounded`` has the dtype of the case; the exact numbers are ``high + low``. ``bound`` holds
    element by element, ``bound_in_norm`` is that of the Fourier method; integers have neither.
    """

    rounded: NDArray[Any]
    high: Floats
    low: Floats
    bound: Floats | None = None
    bound_in_norm: float | None = None


def exact(case: Case, names: Sequence[str] = ("y", "dx", "dk")) -> dict[str, Exact]:
    """Return the result ``y`` and the gradients ``dx`` and ``dk`` of ``sum(y * g)``, or some only.

    All three are correlations: dx of g, inside a border of zeros, with the flipped kernel, and dk
    of the image with g.
    """
    x, k, g = (array.astype(np.float64) for array in (case.x, case.k, case.g))
    kh, kw = k.shape
    bordered = np.pad(g, ((kh - 1, kh - 1), (kw - 1, kw - 1)))
    pairs = {"y": (x, k), "dx": (bordered, k[::-1, ::-1]), "dk": (x, g)}
    return {name: _exact(a, b, case.dtype) for name, (a, b) in pairs.items() if name in names}


def _exact(a: Floats, b: Floats, dtype: str) -> Exact:
    high, low = _correlate(a, b)
    if np.dtype(dtype).kind == "i":
        return Exact(high.astype(dtype), high, low)
    magnitude, _ = _correlate(abs(a), abs(b))
    lengths = [2 ** math.ceil(math.log2(n + m)) for n, m in zip(a.shape, b.shape, strict=True)]
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return Exact(
        _to_odd(high, low).astype(dtype),
        high,
        low,
        elementwise_bound(high, magnitude, b.size, dtype),
        float(fft_bound(norms, tuple(lengths), 1, dtype)),
    )


def _correlate(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the correlation as the sum of two floats each, by the shorter of two loops."""
    rows, columns = (n - m + 1 for n, m in zip(a.shape, b.shape, strict=True))
    if b.size <= rows * columns:
        high, low = np.zeros((rows, columns)), np.zeros((rows, columns))
        for i, j in np.ndindex(*b.shape):
            high, error = _two_sum(high, a[i : i + rows, j : j + columns] * b[i, j])
            low += error
    else:
        pairs = [
            _sum(a[p : p + b.shape[0], q : q + b.shape[1]] * b)
            for p, q in np.ndindex(rows, columns)
        ]
        high, low = np.array(pairs).reshape(rows, columns, 2).transpose(2, 0, 1)
    return _two_sum(high, low)


def _sum(terms: Floats) -> tuple[float, float]:
    """Add halves to halves, and collect the rounding errors."""
    terms, low = terms.ravel(), 0.0
    while terms.size > 1:
        half = terms.size // 2
        sums, errors = _two_sum(terms[:half], terms[half : 2 * half])
        low += float(errors.sum())
        terms = np.concatenate([sums, terms[2 * half :]])
    return float(terms[0]), low


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the rounded sum and its error (Knuth; Higham, 2002, section 4.3)."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def _to_odd(high: Floats, low: Floats) -> Floats:
    """Round ``high + low`` to the neighbour with an odd last bit, unless it is a float64 itself.

    Rounded on to 24 bits that is the exact sum rounded once (Boldo and Melquiond, 2008).
    """
    is_even = high.view(np.int64) & 1 == 0
    towards = np.where(low > 0, np.inf, -np.inf)
    return np.where(is_even & (low != 0), np.nextafter(high, towards), high)
