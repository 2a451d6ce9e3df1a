"""Which axis of an array is which: JAX's dimension numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

_PAIRS = ("NC", "OI", "NC")


class ConvDimensionNumbers(NamedTuple):
    """Which axes of the arrays are batch, channels and spatial axes, as in ``jax.lax``.

    Attributes
    ----------
    lhs_spec, out_spec : sequence of int
        The axes (batch, feature, *spatial) of the image and of the result.
    rhs_spec : sequence of int
        The axes (out feature, in feature, *spatial) of the kernel.
    """

    lhs_spec: Sequence[int]
    rhs_spec: Sequence[int]
    out_spec: Sequence[int]


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """Read dimension numbers, as ``jax.lax.conv_dimension_numbers``.

    Parameters
    ----------
    lhs_shape, rhs_shape : sequence of int
        The shapes of image and kernel.
    dimension_numbers : None, three strings, or ConvDimensionNumbers
        None means ``("NCHW", "OIHW", "NCHW")`` for any number of spatial axes; JAX's own
        ConvDimensionNumbers are taken, too.

    Returns
    -------
    ConvDimensionNumbers
        The spatial axes in the order in which the second string names them.

    Raises
    ------
    TypeError
        For strings that do not describe such arrays.

    Examples
    --------
    >>> from multiconv.compat.jax import lax
    >>> lax.conv_dimension_numbers((1, 8, 8, 3), (3, 3, 3, 16), ("NHWC", "HWIO", "NHWC"))
    ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2))
    """
    if hasattr(dimension_numbers, "lhs_spec"):  # JAX's, which is not imported here
        given = dimension_numbers
        return ConvDimensionNumbers(given.lhs_spec, given.rhs_spec, given.out_spec)
    if len(lhs_shape) != len(rhs_shape):
        raise TypeError(
            f"lhs and rhs must have as many axes as each other, got the shapes {tuple(lhs_shape)} "
            f"and {tuple(rhs_shape)}"
        )
    rank = len(lhs_shape)
    if dimension_numbers is None:
        return ConvDimensionNumbers(*[tuple(range(rank))] * 3)
    if not isinstance(dimension_numbers, (list, tuple)) or len(dimension_numbers) != 3:
        raise TypeError(
            "dimension_numbers must be None, ConvDimensionNumbers or three strings such as "
            f"('NHWC', 'HWIO', 'NHWC'), got {dimension_numbers!r}"
        )
    for number, (spec, pair) in enumerate(zip(dimension_numbers, _PAIRS, strict=True)):
        _check(f"dimension_numbers[{number}]", spec, pair, rank)
    names = [sorted(set(s) - set(p)) for s, p in zip(dimension_numbers, _PAIRS, strict=True)]
    if not names[0] == names[1] == names[2]:
        raise TypeError(
            "the strings of dimension_numbers must name the same spatial axes, got "
            f"{tuple(dimension_numbers)}"
        )
    order = [letter for letter in dimension_numbers[1] if letter not in "OI"]
    return ConvDimensionNumbers(
        *(
            tuple(spec.index(letter) for letter in [*pair, *order])
            for spec, pair in zip(dimension_numbers, _PAIRS, strict=True)
        )
    )


def _check(name: str, spec: Any, pair: str, rank: int) -> None:
    if not isinstance(spec, str):
        raise TypeError(f"{name} must be a string, got {spec!r} of type {type(spec).__name__}")
    if len(spec) != rank:
        raise TypeError(f"{name} must name all {rank} axes, got {spec!r}")
    if any(spec.count(letter) != 1 for letter in {*spec, *pair}):
        raise TypeError(f"{name} must name {pair[0]}, {pair[1]} and every axis once, got {spec!r}")
