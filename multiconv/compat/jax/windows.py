"""The windows of a general convolution: pads by name, and sizes of inputs spread out."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from multiconv.core.arguments import Pairs
from multiconv.core.geometry import resolve

_NAMES = {"SAME": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


class Windows(NamedTuple):
    """Strides, pads and dilations, one for each spatial axis; a negative pad cuts."""

    strides: tuple[int, ...]
    pads: Pairs
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]

    def spread_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """Return the size of the image with zeros between its pixels."""
        return tuple(max((n - 1) * f + 1, 0) for n, f in zip(size, self.lhs_dilation, strict=True))

    def output_size(self, size: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """Return the size of the result, 0 where the kernel does not fit."""
        spread = self.spread_size(size)
        rows = zip(spread, self.pads, kernel, self.rhs_dilation, self.strides, strict=True)
        sizes = []
        for axis, (n, (low, high), k, d, s) in enumerate(rows):
            padded, span = n + low + high, max(d * (k - 1) + 1, 0)
            if padded < 0:
                raise ValueError(
                    f"padding[{axis}] is {(low, high)}: it cuts more than there is, {n} pixels"
                )
            sizes.append(max((padded - span) // s + 1, 0))
        return tuple(sizes)


def read(
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
) -> Windows:
    """Read the arguments of `jax.lax.conv_general_dilated` for an image and a kernel."""
    axes = len(size)
    strides = _lengths("window_strides", strides, axes)
    before = _lengths("lhs_dilation", lhs_dilation, axes)
    after = _lengths("rhs_dilation", rhs_dilation, axes)
    if not isinstance(padding, str):
        return Windows(strides, _pairs(padding, axes), before, after)
    if any(factor > 1 for factor in before):
        raise ValueError(
            f"padding={padding!r} has no meaning with lhs_dilation={before}: give pairs, or use "
            "conv_transpose"
        )
    name = _NAMES.get(padding.upper())
    if name is None:
        raise RuntimeError(f"padding must be pairs or one of {', '.join(_NAMES)}, got {padding!r}")
    if name == "valid" or axes == 0:
        return Windows(strides, ((0, 0),) * axes, before, after)
    # An empty image, or kernel, has nothing around it.
    sizes = tuple(max(n, 1) for n in size), tuple(max(k, 1) for k in kernel)
    return Windows(strides, resolve(*sizes, strides, after, name, "zeros").pads, before, after)


def transposed_pads(kernel: Sequence[int], strides: Any, padding: Any, rhs_dilation: Any) -> Pairs:
    """Return the zeros around the image, of the padding of the convolution transposed."""
    axes = len(kernel)
    steps = _lengths("strides", strides, axes)
    dilations = _lengths("rhs_dilation", rhs_dilation, axes)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    if padding == "VALID":
        return tuple((span - 1, max(s, span) - 1) for span, s in zip(spans, steps, strict=True))
    if padding == "SAME":
        pairs = []
        for span, step in zip(spans, steps, strict=True):
            total = span + step - 2
            low = span - 1 if step > span - 1 else -(-total // 2)
            pairs.append((low, total - low))
        return tuple(pairs)
    if isinstance(padding, str):
        raise ValueError(f"padding must be 'SAME', 'VALID' or pairs, got {padding!r}")
    given = zip(spans, _pairs(padding, axes), strict=True)
    return tuple((span - 1 - low, span - 1 - high) for span, (low, high) in given)


def _lengths(name: str, value: Any, axes: int) -> tuple[int, ...]:
    if value is None:
        return (1,) * axes
    try:
        lengths = tuple(operator.index(entry) for entry in value)
    except TypeError:
        raise TypeError(f"{name} must be a sequence of {axes} ints, got {value!r}") from None
    if len(lengths) != axes:
        raise ValueError(
            f"{name} must have an int for each of the {axes} spatial axes, got {lengths}; "
            f"{name}={(lengths or (1,))[:1] * axes} would do"
        )
    if any(length < 1 for length in lengths):
        kind = TypeError if name.endswith("dilation") else ValueError
        raise kind(f"{name} must be positive, got {lengths}")
    return lengths


def _pairs(padding: Any, axes: int) -> Pairs:
    try:
        pairs = tuple((operator.index(low), operator.index(high)) for low, high in padding)
    except (TypeError, ValueError):
        raise ValueError(
            f"padding must be one of {', '.join(map(repr, _NAMES))} or (low, high) pairs of ints, "
            f"got {padding!r}; padding={((0, 0),) * axes} would do"
        ) from None
    if len(pairs) != axes:
        raise TypeError(
            f"padding must have a (low, high) pair for each of the {axes} spatial axes, got "
            f"{len(pairs)}: {pairs}"
        )
    return pairs
