"""What the compiled loops of the exact mode are handed, and when they are worth being loaded."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray, Terms
from multiconv.backends.loops import compiled
from multiconv.backends.loops.exactly import blocks
from multiconv.backends.loops.exactly.loaded import loops
from multiconv.backends.loops.threads import shared
from multiconv.core.geometry import Geometry

# From so many products on, threads are worth being woken.
_SHARED = 2**20
_U = 2.0**-53
# Numbers that are looked at together, before the next are.
_BLOCK = 2**14
#: So many outputs, or so large a part of them, may be left uncertain.
_FEW, _PART = 64, 0.01


def certified_taps(
    x: NumPyArray, weight: NumPyArray, geometry: Geometry
) -> tuple[NumPyArray, NumPyArray] | None:
    """Correlate float32 (N, G, 1, *size) with (G, O, 1, *kernel), zeros around, rounded once.

    Returns the result, and where it is not certain; None where the loops are not for this.
    """
    shape = (x.shape[0], *weight.shape[:2], *geometry.output_size)
    products = math.prod(shape) * geometry.taps
    module = loops(products)
    if module is None or geometry.axes > 2 or {x.dtype.str, weight.dtype.str} != {"<f4"}:
        return None
    missing = (1,) * (2 - geometry.axes)
    x = compiled.plain(x).reshape(*x.shape[:2], *missing, *x.shape[3:])
    kernel = weight.astype(np.float64).reshape(*weight.shape[:2], *missing, *weight.shape[3:])
    size = _largest(module, x)
    if not np.isfinite(size).all() or not np.isfinite(kernel).all():
        return None
    terms = size[:, :, None] * np.abs(kernel).sum((2, 3))
    error = np.ascontiguousarray((geometry.taps + 12) * _U * terms).reshape(-1)
    if _has_bits(module, x, size, kernel, 53):
        error[:] = 0
    y, unsure = np.empty(shape, np.float32), np.zeros(shape, np.bool_)

    def add(*, twice: bool) -> int:
        options = _options(geometry)
        arguments = x.reshape(-1), x.shape, kernel, error, options, y.reshape(-1)
        output = (*missing, *geometry.output_size)
        rows = math.prod(shape[:3]) * output[0]
        return _counted(
            lambda *part: module.certified_taps(
                *arguments, unsure.reshape(-1), output, twice, *part
            ),
            rows,
            products,
        )

    if add(twice=False) > max(_FEW, _PART * y.size):
        error[:] = 0 if _has_bits(module, x, size, kernel, 104) else error * _U * geometry.taps
        add(twice=True)
    return y, unsure


def largest(array: NumPyArray) -> float:
    """Return the largest absolute value, without an array of all of them."""
    return max(abs(float(array.max())), abs(float(array.min())))  # NaN where the first is


def are_multiples(array: NumPyArray, exponent: int) -> bool:
    """Tell whether all numbers are multiples of 2**exponent, block by block."""
    # Where these are powers of float32 too, and what is lost beneath them is told by coming back.
    dtype: Any
    dtype = np.float32 if array.dtype.itemsize <= 4 and abs(exponent) <= 100 else np.float64
    if abs(exponent) > 1000:
        return False
    flat, unit, inverse = array.reshape(-1), dtype(2.0**exponent), dtype(2.0**-exponent)
    for start in range(0, flat.size, _BLOCK):
        values = flat[start : start + _BLOCK].astype(dtype, copy=False)
        whole: NumPyArray = values * inverse
        np.rint(whole, out=whole)
        whole *= unit
        if not np.array_equal(whole, values):
            return False
    return True


def certified_sums(
    wanted: str,
    first: NumPyArray,
    second: NumPyArray,
    bias: NumPyArray | None,
    geometry: Geometry,
) -> tuple[NumPyArray, NumPyArray] | None:
    """Sum up float32 with zeros around: a result, or a gradient; None where it is not for this."""
    y_size = {"y": geometry.output_size, "x": first.shape[3:], "weight": second.shape[3:]}[wanted]
    if 0 in (*first.shape, *second.shape) or any(n < 1 for n in geometry.output_size):
        return None
    if wanted == "y":
        return blocks.correlated(first, second, bias, geometry)
    if bias is not None or (y_size != geometry.output_size and wanted == "weight"):
        return None
    if wanted == "weight":
        return blocks.weight_gradient(first, second, geometry)
    if max(geometry.stride) > 1:
        return None
    return blocks.image_gradient(first, second, geometry)


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
    _counted(lambda *part: module.sums(*arguments, *part) or 0, places.size, every)
    return found


def _counted(function: Any, count: int, products: int) -> int:
    """Add up what a function returns for parts of a range, on several threads if it is long."""
    if products < _SHARED:
        return int(function(0, count))
    found: list[int] = []  # appending is safe from any thread
    shared(lambda start, stop: found.append(function(start, stop)), count)
    return sum(found)


def _largest(module: ModuleType, x: NumPyArray) -> NumPyArray:
    """Return the largest absolute value of every channel, in float64."""
    lead = x.shape[:2]
    rows = x.reshape(math.prod(lead) * x.shape[2], -1).view(np.int32)
    found = np.empty(rows.shape[0], np.int32)
    shared(lambda *part: module.largest(rows, found, *part), rows.shape[0])
    largest: NumPyArray = found.view(np.float32).reshape(*lead, -1).max(-1, initial=0)
    return largest.astype(np.float64)


def _has_bits(
    module: ModuleType, x: NumPyArray, size: NumPyArray, kernel: NumPyArray, bits: int
) -> bool:
    """Tell whether all sums, on the way too, are below 2**bits times the unit of all products."""
    mantissa, exponent = np.frexp(kernel[kernel != 0])
    if not mantissa.size or not size.any():
        return True
    whole = (mantissa * 2.0**24).astype(np.int64)  # of float32
    low = int((exponent - 24 + np.frexp((whole & -whole).astype(np.float64))[1] - 1).min())
    terms = math.ceil(math.log2(math.prod(kernel.shape[2:])))
    needed = int(np.frexp(size.max())[1]) + int(exponent.max()) + terms - low - bits
    return bool(module.are_multiples(x.reshape(-1), 2.0**-needed))


def _options(geometry: Geometry) -> tuple[int, ...]:
    missing = 2 - geometry.axes
    return (
        *(0,) * missing,
        *(low for low, _ in geometry.pads),
        *(1,) * missing,
        *geometry.stride,
        *(1,) * missing,
        *geometry.dilation,
    )


def _bits(array: NumPyArray, width: int) -> NumPyArray:
    floats = np.ascontiguousarray(array, f"f{width // 8}").reshape(-1)
    return floats.view(f"i{width // 8}")
