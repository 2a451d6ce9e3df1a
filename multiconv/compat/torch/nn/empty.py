"""Transposed convolutions whose results have no numbers, which torch gives and others refuse.

They are made of ones that have some, so that gradients flow through them, zeros as they are.
"""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of
from multiconv.planning.dispatch import Operation, dispatch


def transposed(operation: Operation, arrays: tuple[Any, ...], given: tuple[Any, ...]) -> Any:
    """Return the empty result for these arguments, None where it is not empty, or there is none."""
    axes, stride, padding, output_padding, _, dilation, _ = given
    x, weight, _ = arrays
    if x.ndim not in (axes + 1, axes + 2) or weight.ndim != axes + 2:
        return None
    spans = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    rows = list(zip(x.shape[-axes:], spans, stride, padding, output_padding, strict=True))
    size = tuple([(n - 1) * s + span - 2 * p + extra for n, span, s, p, extra in rows])
    if min(size) < 0:
        return None
    if x.ndim == axes + 2 and x.shape[0] == 0:
        return _of_no_images(operation, arrays, given, size)
    if min(size) > 0 or 0 in x.shape[-axes:]:
        return None
    # One number more at the end of such an axis, and then none of them.
    pads = tuple([(p, p - (n == 0)) for p, n in zip(padding, size, strict=True)])
    y = dispatch(operation, arrays, (axes, stride, pads, *given[3:]))
    return y[(..., *(slice(0, n) for n in size))]


def _of_no_images(
    operation: Operation, arrays: tuple[Any, ...], given: tuple[Any, ...], size: tuple[int, ...]
) -> Array:
    """Return (0, O, *size): of no images torch asks nothing but their channels."""
    axes, x = given[0], arrays[0]
    backend, _ = backend_of({"input": x})
    xp, ones, zeros = backend.xp, (1,) * axes, (0,) * axes
    single = xp.reshape(x, (0, x.shape[1], *ones))
    y = dispatch(
        operation, (single, *arrays[1:]), (axes, ones, zeros, zeros, given[4], ones, given[6])
    )
    return xp.reshape(y, (0, y.shape[1], *size))
