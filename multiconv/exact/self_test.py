"""Does a device calculate as the exact mode assumes: asked once of each, before it is used.

Compiled loops are asked when one is in use for the first time. Each probe computes what has one
right answer and compares every bit. None is random: the numbers come from a counter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.exact.known_sums import differing, differing_in_loops, integers
from multiconv.methods.base import MethodRefusal


class Finding(NamedTuple):
    """What a probe has found: ``problem`` is None where all is as assumed."""

    name: str
    assumption: str
    problem: str | None


class _Probe(NamedTuple):
    name: str
    assumption: str
    run: Callable[[Backend, Array], str | None]


_refusals: dict[Hashable, str | None] = {}


def require(backend: Backend, like: Array) -> None:
    """Raise a `MethodRefusal` where the device of an array does not calculate as assumed."""
    _require(FIRST, backend, like)


def require_loops(backend: Backend, like: Array) -> None:
    """Do so where loops that round by themselves do not, once such a loop is in use.

    To load them takes longer than many an exact result does.
    """
    _require(LOOPS, backend, like)


def _require(probes: tuple[_Probe, ...], backend: Backend, like: Array) -> None:
    key = (backend, backend.signature(like)[2], probes is LOOPS)
    if key not in _refusals:
        found = backend.undisturbed(lambda: findings(backend, like, probes))
        wrong = [finding for finding in found if finding.problem]
        _refusals[key] = f"{wrong[0].assumption}, and {wrong[0].problem}" if wrong else None
    reason = _refusals[key]
    if reason is not None:
        raise MethodRefusal("exact", f"{reason}; method='direct' needs no such thing")


def findings(
    backend: Backend, like: Array, probes: tuple[_Probe, ...] | None = None
) -> list[Finding]:
    """Run probes, if none are given all there are, on the device of an array."""
    probes = PROBES if probes is None else probes
    with backend.wide():
        return [Finding(p.name, p.assumption, _tried(p, backend, like)) for p in probes]


def _tried(probe: _Probe, backend: Backend, like: Array) -> str | None:
    try:
        return probe.run(backend, like)
    except Exception as error:  # whatever a framework raises for what it has not
        return f"this device says {type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _products(backend: Backend, like: Array) -> str | None:
    """Multiply whole numbers whose partial sums all stay below 2**53, and which nearly cancel."""
    half, columns = 256, 8
    left = integers(columns * half, 2**21).reshape(columns, half)
    right = integers(half * columns, 2**21, key=1).reshape(half, columns)
    first = np.concatenate([left, -left], axis=1)
    second = np.concatenate([right, right + 1], axis=0)
    given = [backend.from_numpy(a.astype(np.float64), "float64", like) for a in (first, second)]
    found = backend.to_numpy(backend.matmul(*given))
    wrong = int(np.count_nonzero(found != (first @ second).astype(np.float64)))
    return f"{wrong} of {found.size} sums of whole numbers are wrong" if wrong else None


def _small_beside_large(backend: Backend, like: Array) -> str | None:
    """Multiply numbers of very different size with one: an error in norm shows in the small."""
    size = 32
    exponents = np.linspace(-200, 200, size).astype(np.int64)
    rows = np.ldexp(1 + integers(size * size, 2**52).reshape(size, size) / 2**53, exponents)
    given = [backend.from_numpy(a, "float64", like) for a in (rows, np.eye(size))]
    found = backend.to_numpy(backend.matmul(*given))
    wrong = int(np.count_nonzero(found != rows))
    return f"{wrong} of {found.size} small numbers are lost beside large ones" if wrong else None


def _two_sums(backend: Backend, like: Array) -> str | None:
    """Add products to numbers, and ask for the rounding errors, compiled as the mode is."""
    count = 64
    factors = [integers(count, 2**23, key) / 2**20 for key in (1, 2)]
    large = np.ldexp(integers(count, 2**52) / 2**52, np.arange(count) % 48)

    def two_sum(a: Array, x: Array, w: Array) -> Array:
        b = x * w
        total = a + b
        rest = total - a
        return (a - (total - rest)) + (b - rest)

    given = [backend.from_numpy(a, "float64", like) for a in (large, *factors)]
    found = backend.to_numpy(backend.compile(two_sum, operations=10)(*given))
    terms = zip(large.tolist(), (factors[0] * factors[1]).tolist(), strict=True)
    right = [float(Fraction(a) + Fraction(b) - Fraction(a + b)) for a, b in terms]
    wrong = int(np.count_nonzero(found != np.array(right)))
    return f"{wrong} of {count} rounding errors are wrong" if wrong else None


def _whole_numbers(backend: Backend, like: Array) -> str | None:
    """Multiply, add with wrap-around, shift and mask, as the sums in integers do."""
    a = integers(64, 2**31)
    b = integers(64, 2**31, key=1)
    x, y = (backend.from_numpy(values, "int64", like) for values in (a, b))
    forty = backend.from_numpy(np.full(64, 40), "int64", like)
    mask = backend.from_numpy(np.full(64, 2**24 - 1), "int64", like)

    def calculate(x: Array, y: Array, forty: Array, mask: Array) -> Array:
        product = x * y
        return ((product + product + product) >> forty) + (product & mask)

    found = backend.to_numpy(backend.compile(calculate, operations=10)(x, y, forty, mask))
    wrong = int(np.count_nonzero(found != calculate(a, b, np.int64(40), np.int64(2**24 - 1))))
    return f"{wrong} of {found.size} results are wrong" if wrong else None


def _rounding(backend: Backend, like: Array) -> str | None:
    """Cast float64 to float32: ties go to the even neighbour, and all else to the nearest."""
    ulp = 2.0**-23
    steps = np.array([0.5, 1.5, 0.5 + 2.0**-29, 0.5 - 2.0**-29, 2.5, -0.5, -1.5])
    values = np.concatenate([1 + ulp * steps, -1 - ulp * steps, [3.5e38, -3.5e38]])
    given = backend.from_numpy(values, "float64", like)
    with np.errstate(over="ignore"):
        found = backend.to_numpy(backend.astype(given, "float32"))
        wrong = int(np.count_nonzero(found != values.astype(np.float32)))
    return f"{wrong} of {found.size} numbers are rounded otherwise" if wrong else None


#: What is asked before the first exact result, and before the first that a loop has given.
FIRST = (
    _Probe("products", "float64 products must keep 53 bits", _products),
    _Probe("small", "float64 products must be accurate one by one", _small_beside_large),
    _Probe("sums", "every way to sums in float64 must add up the products alone", differing),
    _Probe("two sums", "a compiler must leave the order of a sum alone", _two_sums),
    _Probe("integers", "int64 must wrap around, shift and mask", _whole_numbers),
    _Probe("rounding", "a cast must round to the nearest, ties to even", _rounding),
)
LOOPS = (_Probe("loops", "loops that round by themselves must find every sum", differing_in_loops),)
PROBES = (*FIRST, *LOOPS)
