"""From a part and arrays in chunks to the lazy result."""

from __future__ import annotations

from multiconv.backends.base import Array
from multiconv.chunked.adjoint import Adjoint
from multiconv.chunked.forward import Forward
from multiconv.chunked.parts import Part
from multiconv.chunked.reduction import WeightGrad


def build(
    part: Part, x: Array, weight: Array, bias: Array | None = None, border: Array | None = None
) -> Array:
    """Return the lazy result of a correlation or an adjoint: of the two arrays, in that order."""
    if part.wanted == "y":
        return Forward(part, x, weight, bias, border).array()
    if part.wanted == "x":
        return Adjoint(part, x, weight, bias, border).array()
    return WeightGrad(part, x, weight, bias, border).array()
