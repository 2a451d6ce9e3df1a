"""One rounding of sums that are known up to an error: where both ends round to the same number."""

from __future__ import annotations

from typing import NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.exact.formats import Format, decoded, format_of


class Value(NamedTuple):
    """Sums in float64: each is within ``error`` of ``(high + low) * 2**scale``.

    ``low`` is None where nothing is known below ``high``, ``scale`` where it is 0.
    """

    high: Array
    low: Array | None
    error: Array
    scale: Array | None = None


def rounded(value: Value, result: str, backend: Backend) -> tuple[Array, Array]:
    """Return the rounded sums, and where they are not certain."""
    if result == "float64":
        return _in_float64(value, backend)
    return _narrowed(value, result, backend)


def in_float64(array: Array, backend: Backend) -> Array:
    """Cast to float64, subnormal numbers too where casts take them for zeros."""
    values = backend.astype(array, "float64")
    name = backend.dtype_name(array.dtype)
    if not backend.flushes_subnormals or name == "float64":
        return values
    form = format_of(name)
    mantissa, exponent = decoded(array, backend)
    tiny = backend.astype(mantissa, "float64") * 2.0**form.lowest
    return backend.xp.where(exponent == form.lowest, tiny, values)


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a + b rounded, and the error of that (Knuth, 1969): their sum is exact."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def power(exponent: Array, backend: Backend) -> Array:
    """Return 2**exponent, of int64 within the normal numbers."""
    return backend.from_bits((exponent + 1023) << 52, "float64")


def _narrowed(value: Value, result: str, backend: Backend) -> tuple[Array, Array]:
    """Round to a format of less than half of float64's bits."""
    xp = backend.xp
    high, low, error, scale = value
    if scale is not None:
        by = power(scale, backend)
        high, error = high * by, error * by
        low = None if low is None else low * by
    if low is not None:
        error = error + xp.abs(low)
        # An end that rounds in float64 to a midpoint could then round away from the sum.
        error = xp.where(error > 0, error + xp.abs(high) * 2.0**-51, error)
    elif scale is None and result == "float32":
        found = backend.certified(high, error)
        if found is not None:
            return found
    below = nearest(high - error, result, backend)
    above = nearest(high + error, result, backend)
    if backend.flushes_subnormals:
        form = format_of(result)
        smallest = 2.0 ** (form.lowest + form.precision - 1)
        is_tiny = xp.abs(high) <= smallest
        # Where floats compare as their bits do, but for -0.
        unsure = (below != above) | (is_tiny & ((high != 0) | (error != 0)))
        below = xp.where(below == 0, xp.zeros_like(below), below)
    else:
        unsure = backend.as_bits(below) != backend.as_bits(above)
    if scale is not None:
        unsure = unsure | ~xp.isfinite(high)
    return below, unsure


def _in_float64(value: Value, backend: Backend) -> tuple[Array, Array]:
    xp = backend.xp
    high, low, error, scale = value
    low = xp.zeros_like(high) if low is None else low
    # The addition of an end is rounded to float64 itself, and that twice only where it is certain.
    slack = error * (1 + 2.0**-50)
    slack = xp.where(error > 0, slack + xp.abs(low) * 2.0**-50, slack)
    below, above = high + (low - slack), high + (low + slack)
    unsure = (below != above) | ~xp.isfinite(below)
    is_zero = (below == 0) & (above == 0)
    y = below
    if scale is not None:
        scale = xp.clip(scale, -2000, 2000)
        half = scale // 2
        y = y * power(half, backend) * power(scale - half, backend)
    size = xp.abs(y)
    # Beyond these the last rounding is not that of a normal number.
    is_plain = (size > 2.0**-1020) & (size < 2.0**1022)
    y = xp.where(is_zero, xp.zeros_like(y), y)
    return y, unsure | ~(is_plain | is_zero)


def nearest(values: Array, result: str, backend: Backend) -> Array:
    """Round float64 to a dtype, once."""
    if result in ("float32", "float64"):
        return backend.astype(values, result)
    # Casts to 16 bits go through float32 in some frameworks, and round twice.
    return backend.astype(_of_few_bits(values, format_of(result), backend), result)


def _of_few_bits(values: Array, form: Format, backend: Backend) -> Array:
    """Round float64 to what a narrow format holds, by its bits."""
    xp = backend.xp
    bits, dropped = backend.as_bits(values), 53 - form.precision
    last = (bits >> dropped) & 1
    bits = (bits + (2 ** (dropped - 1) - 1) + last) >> dropped
    near = backend.from_bits(bits << dropped, "float64")
    # Subnormal numbers are multiples of the smallest: those of the last bit of this sum.
    shift = 1.5 * 2.0 ** (52 + form.lowest)
    tiny = (values + shift) - shift
    tiny = xp.where((tiny == 0) & (values < 0), -xp.zeros_like(tiny), tiny)
    return xp.where(xp.abs(values) < 2.0 ** (form.lowest + form.precision - 1), tiny, near)
