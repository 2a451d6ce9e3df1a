"""Integers beside floats: each as the floats whose sum it is, so that all its digits count.

An integer of 64 bits is wider than any float. Cut into pieces, each a float, it is their sum; and
the sum of its products is that of all products of the pieces, over operands that are joined along
the axis that is summed.
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.rounding import PARTS, binary_format
from multiconv.exact.description import Sum
from multiconv.exact.integers import Operands


def in_floats(total: Sum, operands: Operands, backend: Backend) -> Operands:
    """Return operands that have the same sums and are all floats.

    A bias is the nearest float64.
    """
    first, second, bias = operands
    ours, theirs = (_pieces(a, total.result, backend) for a in (first, second))
    count = max(len(ours), len(theirs))  # one of them is 1: two integers have no float result
    first, second = (
        backend.xp.concat(pieces * (count // len(pieces)), axis=axis) if count > 1 else pieces[0]
        for pieces, axis in zip((ours, theirs), total.contracted, strict=True)
    )
    if bias is not None and _is_whole(bias, backend):
        bias = backend.astype(bias, "float64")
    return Operands(first, second, bias)


def _is_whole(array: Array, backend: Backend) -> bool:
    return dtypes.kind(backend.dtype_name(array.dtype)) == "integer"


def _pieces(array: Array, result: str, backend: Backend) -> list[Array]:
    """Return floats whose sum an array is: of the result's dtype, or of float32 if that is less."""
    if not _is_whole(array, backend):
        return [array]
    lowest, highest = dtypes.limits(backend.dtype_name(array.dtype))
    width, held = highest.bit_length() + (lowest < 0), highest.bit_length()
    real = PARTS.get(result, result)
    for dtype in (real, "float32"):
        if held <= binary_format(dtype)[0]:
            return [backend.astype(array, dtype)]
    dtype, step = ("float64", 32) if real == "float64" else ("float32", 24)
    bits, pieces = backend.astype(array, "int64"), []
    for low in range(0, width, step):
        piece = bits >> low
        if lowest == 0 or low + step < width:  # the highest of a signed one has the sign
            piece = piece & (2 ** min(step, width - low) - 1)
        pieces.append(backend.astype(piece, dtype) * 2.0**low)
    return pieces
