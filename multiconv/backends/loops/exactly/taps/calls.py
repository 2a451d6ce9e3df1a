"""Sums of single channels by the compiled loop: its bounds, and what is done where they fail."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import compiled, pages
from multiconv.backends.loops.exactly.loaded import counted, loops
from multiconv.backends.loops.threads import shared
from multiconv.core.geometry import Geometry

_U = 2.0**-53
#: So many outputs, or so large a part of them, may be left uncertain; one of so many rows is tried.
_FEW, _PART, _PROBED = 64, 0.01, 32
#: Bits of the sums of a kernel, beyond which halves of pixels are of no use.
_WIDEST = 44


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
    y, unsure = pages.empty(shape, np.dtype(np.float32)), np.zeros(shape, np.bool_)

    output = (*missing, *geometry.output_size)
    count, columns = math.prod(shape[:3]) * output[0], output[1]

    def add(mode: int, shift: float, *some: int) -> int:
        def work(start: int, stop: int) -> int:
            found: int = module.certified_taps(
                x.reshape(-1),
                x.shape,
                kernel,
                error,
                _options(geometry),
                y.reshape(-1),
                unsure.reshape(-1),
                output,
                mode,
                shift,
                start,
                stop,
            )
            return found

        return work(*some) if some else counted(work, count, products)

    # Where a few rows in the middle are mostly uncertain, the others are not tried.
    few = range(count // 2, count // 2 + count // _PROBED)
    is_hard = add(module.ONCE, 0.0, few.start, few.stop) > max(_FEW, _PART * len(few) * columns)
    if is_hard or add(module.ONCE, 0.0) > max(_FEW, _PART * y.size):
        shift = _shift(module, x, size, kernel, error)
        if shift:
            add(module.HALVES, shift)
        else:
            error[:] = 0 if _has_bits(module, x, size, kernel, 104) else terms.reshape(-1)
            error *= (geometry.taps + 12) * geometry.taps * _U * _U
            add(module.TWICE, 0.0)
    return y, unsure


def _shift(
    module: ModuleType, x: NumPyArray, size: NumPyArray, kernel: NumPyArray, error: NumPyArray
) -> float:
    """Return what cuts pixels into halves (see `multiconv.exact.halves`), and set its errors.

    It is 0 where the kernel has too many bits.
    """
    sums = np.abs(kernel).sum((2, 3))
    top, whole = math.frexp(size.max())[1], float(sums.max()) * (1 + 2.0**-20)
    width = max(math.frexp(whole)[1] - _lowest(kernel), 2)
    step = top + width - 53
    if not (size.any() and whole) or width > _WIDEST or abs(step) > 900:
        return 0.0
    is_exact = module.are_multiples(x.reshape(-1), 2.0 ** -(step - 1 + width - 53))
    factor = 0.0 if is_exact else (math.prod(kernel.shape[2:]) + 12) * _U * 2.0 ** (step - 1)
    error[:] = np.broadcast_to(factor * sums, (x.shape[0], *sums.shape)).reshape(-1)
    return float(1.5 * 2.0 ** (52 + step))


def _lowest(kernel: NumPyArray) -> int:
    """Return the exponent of the lowest bit of numbers of float32, not all of them zeros."""
    mantissa, exponent = np.frexp(kernel[kernel != 0])
    whole = (mantissa * 2.0**24).astype(np.int64)
    last = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int((exponent - 24 + last).min())


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
    exponent = np.frexp(kernel[kernel != 0])[1]
    if not exponent.size or not size.any():
        return True
    terms = math.ceil(math.log2(math.prod(kernel.shape[2:])))
    needed = int(np.frexp(size.max())[1]) + int(exponent.max()) + terms - _lowest(kernel) - bits
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
