"""What the loops of the exact mode are handed."""

from __future__ import annotations

import math

import numpy as np

from multiconv.backends.base import NumPyArray, Terms
from multiconv.backends.loops.exactly import blocks
from multiconv.backends.loops.exactly.loaded import counted, loops
from multiconv.core.geometry import Geometry

#: How many products in floats take as long as one in integers.
_COST = 64


def certified_sums(
    wanted: str,
    first: NumPyArray,
    second: NumPyArray,
    bias: NumPyArray | None,
    geometry: Geometry,
    *,
    is_exact: bool = False,
) -> tuple[NumPyArray, NumPyArray] | None:
    """Sum up float32 with zeros around: a result, or a gradient; None where it is not for this."""
    y_size = {"y": geometry.output_size, "x": first.shape[3:], "weight": second.shape[3:]}[wanted]
    if 0 in (*first.shape, *second.shape) or any(n < 1 for n in geometry.output_size):
        return None
    if wanted == "y":
        return blocks.correlated(first, second, bias, geometry, is_exact=is_exact)
    if bias is not None or (y_size != geometry.output_size and wanted == "weight"):
        return None
    if wanted == "weight":
        return blocks.weight_gradient(first, second, geometry, is_exact=is_exact)
    if max(geometry.stride) > 1:
        return None
    return blocks.image_gradient(first, second, geometry, is_exact=is_exact)


def certified(high: NumPyArray, error: NumPyArray) -> tuple[NumPyArray, NumPyArray] | None:
    """Round sums (N, G, O, *size) to float32, each (N, G, O) with its error; None without loops."""
    module = loops(high.size)
    if module is None or math.prod(error.shape[3:]) != 1 or not high.flags.c_contiguous:
        return None
    error = np.ascontiguousarray(np.broadcast_to(error.reshape(error.shape[:3]), high.shape[:3]))
    y, unsure = np.empty(high.shape, np.float32), np.zeros(high.shape, np.bool_)
    rows = error.size
    module.certify(
        high.reshape(rows, -1), error.reshape(-1), y.reshape(-1), unsure.reshape(-1), 0, rows
    )
    return y, unsure


def sums(
    first: NumPyArray, second: NumPyArray, bias: NumPyArray | None, places: NumPyArray, terms: Terms
) -> NumPyArray | None:
    """Return the bits of the exact sums at places of the result; None without loops."""
    tables = [*terms.tables]
    every = places.size * terms.contracted[0] * math.prod(t[0].shape[1] for t in tables)
    module = loops(every)
    missing = 3 - len(tables)
    if module is None or missing < 0:
        return None
    alone = np.zeros((1, 1), np.int64)
    tables += [(alone, alone)] * missing
    width = terms.source[1]
    found = np.empty(places.size, np.int64)
    fields = 2 ** (width - terms.source[0])
    arguments = (
        places.astype(np.int64),
        (*terms.shape, *(1,) * missing),
        *(_bits(array, width) for array in (first, second)),
        np.empty(0, f"i{width // 8}") if bias is None else _bits(bias, width),
        *((*steps, *(0,) * missing) for steps in terms.steps),
        terms.contracted,
        tuple(np.ascontiguousarray(column) for table in tables for column in table),
        terms.source,
        terms.target,
        2 * fields // 24 + 8,
        found,
    )
    counted(lambda *part: module.sums(*arguments, *part) or 0, places.size, _COST * every)
    return found


def _bits(array: NumPyArray, width: int) -> NumPyArray:
    floats = np.ascontiguousarray(array, f"f{width // 8}").reshape(-1)
    return floats.view(f"i{width // 8}")
