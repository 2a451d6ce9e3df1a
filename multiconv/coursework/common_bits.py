"""How many bits the results of several frameworks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Window:
    """A part of a result: where it begins in the whole, and its numbers."""

    start: tuple[int, int]
    values: NDArray[Any]


@dataclass(frozen=True)
class CommonBits:
    """What ``results`` of a method have in common, over the pixels that all of them have.

    ``bits`` is the number of bits that the significand of their dtype has, and ``equal`` the part
    of the pixels where all of them are shared.
    """

    method: str
    results: int
    size: tuple[int, ...]
    bits: int
    minimum: int
    median: float
    equal: float


def common_bits(results: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Return for every element how many leading bits of the significand all results share.

    Parameters
    ----------
    results : sequence of array
        Floats of one shape and one dtype, whose significands have p bits: 24 for float32.

    Returns
    -------
    array of int64
        p where all results are equal, and otherwise p less the bits of their distance in units of
        the last place of the largest: p - 1 for neighbours, also on both sides of a power of two,
        whose written bits all differ. It is 0 where nothing is shared, as by numbers of different
        sign, and where one is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.float32(1)
    >>> near = np.nextafter(one, np.float32(2))
    >>> [int(common_bits([one, other])) for other in (one, near, np.float32(1.25), -one)]
    [24, 23, 2, 0]
    """
    numbers = np.stack([np.asarray(result) for result in results])
    precision = np.finfo(numbers.dtype).nmant + 1
    wide = numbers.astype(np.float64)
    finite = np.isfinite(wide).all(axis=0)
    wide = np.where(finite, wide, 0)
    distance = wide.max(axis=0) - wide.min(axis=0)
    _, exponent = np.frexp(abs(wide).max(axis=0))
    _, lost = np.frexp(np.ldexp(distance, precision - exponent))  # the bits of a whole number
    shared = np.clip(precision - lost, 0, precision - 1).astype(np.int64)
    return np.where(finite, np.where(distance == 0, precision, shared), 0)


def in_common(method: str, windows: Sequence[Window]) -> CommonBits | None:
    """Return the common bits of several results, None where they have no pixel in common."""
    parts = _overlap(windows)
    if not parts or not parts[0].size:
        return None
    bits = common_bits(parts)
    precision = np.finfo(parts[0].dtype).nmant + 1
    size = parts[0].shape
    least, median = int(bits.min()), float(np.median(bits))
    equal = float(np.mean(bits == precision))
    return CommonBits(method, len(parts), size, precision, least, median, equal)


def _overlap(windows: Sequence[Window]) -> list[NDArray[Any]]:
    """Return of every window the pixels that all windows have."""
    if not windows:
        return []
    starts = np.array([window.start for window in windows])
    stops = starts + [window.values.shape for window in windows]
    low, high = starts.max(axis=0), stops.min(axis=0)
    return [
        window.values[tuple(slice(max(0, a), max(0, b)) for a, b in zip(*ends, strict=True))]
        for window, *ends in zip(windows, low - starts, high - starts, strict=True)
    ]
