"""The promotion rule, over the canonical names of dtypes, so that it cannot differ by backend.

A name is what NumPy calls the dtype: ``"int8"``, ``"bfloat16"``, ``"complex64"``. Backends
translate their own dtype objects to names and back; nothing here knows an array.
"""

from __future__ import annotations

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = frozenset(SIGNED + UNSIGNED)
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
SUPPORTED = ("bool", *SIGNED, *UNSIGNED, *FLOATS, *COMPLEX)

_KIND_ORDER = ("bool", "integer", "float", "complex")


def kind(name: str) -> str:
    """Return ``"bool"``, ``"integer"``, ``"float"`` or ``"complex"``."""
    if name == "bool":
        return "bool"
    if name in INTEGERS:
        return "integer"
    return "complex" if name in COMPLEX else "float"


def promote(first: str, second: str, *, default_integer: str) -> str:
    """Return the dtype of a product of the two.

    Integers follow the array API standard, an integer with a float gives that float, and bool
    counts as the library's default integer. ``uint64`` with a signed integer has no integer result;
    since integers never pass through floating point, that is an error rather than ``float64``.
    """
    first = default_integer if first == "bool" else first
    second = default_integer if second == "bool" else second
    if first == second:
        return first
    if first in INTEGERS and second in INTEGERS:
        return _promote_integers(first, second)
    if first in INTEGERS:
        return second
    if second in INTEGERS:
        return first
    return _promote_floats(first, second)


def accumulator(name: str) -> str:
    """Return the dtype that sums are carried in: 16-bit floats are too narrow to add up in."""
    return "float32" if name in ("float16", "bfloat16") else name


def itemsize(name: str) -> int:
    """Return the bytes of one number."""
    if name == "bool":
        return 1
    bits = int("".join(c for c in name if c.isdigit()))
    return bits // 8


def limits(name: str) -> tuple[int, int]:
    """Return the least and the greatest number of an integer dtype, or of bool."""
    if name == "bool":
        return 0, 1
    bits = _bits(name)
    return (0, 2**bits - 1) if name in UNSIGNED else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def at_least(name: str, other: str) -> bool:
    """Tell whether values of kind ``other`` survive a cast to the kind of ``name``."""
    return _KIND_ORDER.index(kind(name)) >= _KIND_ORDER.index(kind(other))


def with_precision(name: str, like: str) -> str:
    """Return the dtype ``name`` in the precision of ``like``, where that is a float's or complex.

    Integers become floats.
    """
    if like not in FLOATS and like not in COMPLEX:
        return name
    if name not in COMPLEX:
        return {"complex64": "float32", "complex128": "float64"}.get(like, like)
    return "complex128" if like in ("float64", "complex128") else "complex64"


def _bits(name: str) -> int:
    return int(name.lstrip("uint"))


def _promote_integers(first: str, second: str) -> str:
    if (first in SIGNED) == (second in SIGNED):
        return max(first, second, key=_bits)
    signed, unsigned = (first, second) if first in SIGNED else (second, first)
    bits = max(_bits(signed), 2 * _bits(unsigned))
    if bits > 64:
        msg = (
            f"x and weight have the dtypes {first} and {second}, and no integer dtype holds both: "
            f"cast one of them first, to {signed} (values from 2**63 on wrap) or to uint64"
        )
        raise TypeError(msg)
    return f"int{bits}"


def _promote_floats(first: str, second: str) -> str:
    wide = {first, second} & {"float64", "complex128"}
    if kind(first) == "complex" or kind(second) == "complex":
        return "complex128" if wide else "complex64"
    return "float64" if wide else "float32"  # float16 with bfloat16: neither holds the other
