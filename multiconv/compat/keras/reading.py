"""What Keras's functions ask of their arguments, and the pads of its transposed convolution."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array
from multiconv.compat.jax.dimension_numbers import ConvDimensionNumbers
from multiconv.core import arguments
from multiconv.core.arguments import Pairs

_FORMATS = ("channels_last", "channels_first")


def numbers_of(inputs: Array, kernel: Array, data_format: Any) -> ConvDimensionNumbers:
    """Return which axis is which, of images in a format and a kernel (*kernel, in, out)."""
    rank = len(inputs.shape)
    if rank < 3 or len(kernel.shape) != rank:
        raise ValueError(
            "inputs and kernel must have one, two or three spatial axes and two more, got the "
            f"shapes {tuple(inputs.shape)} and {tuple(kernel.shape)}"
        )
    name = _FORMATS[0] if data_format is None else data_format
    if not isinstance(name, str) or name.lower() not in _FORMATS:
        raise ValueError(f"data_format must be one of {', '.join(_FORMATS)}, got {data_format!r}")
    last = name.lower() == _FORMATS[0]
    images = (0, rank - 1, *range(1, rank - 1)) if last else tuple(range(rank))
    return ConvDimensionNumbers(images, (rank - 1, rank - 2, *range(rank - 2)), images)


def per_axis(name: str, value: Any, axes: int, *, minimum: int = 1) -> tuple[int, ...]:
    """Read an int for all spatial axes, or one for each."""
    return arguments.per_axis(name, value, axes, minimum=minimum)


def check_padding(padding: Any) -> str:
    """Return "SAME" or "VALID"."""
    if isinstance(padding, str) and padding.lower() in ("same", "valid"):
        return padding.upper()
    raise ValueError(
        f"padding must be 'valid' or 'same', got {padding!r}; multiconv.conv1d(..., "
        "padding=((k - 1, 0),)) is causal"
    )


def transposed_pads(
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    rates: tuple[int, ...],
    padding: str,
    output_padding: tuple[int, ...] | None,
) -> Pairs:
    """Return the zeros around the spread-out image that give Keras's output size."""
    pads = []
    for axis, (k, stride, rate) in enumerate(zip(kernel, strides, rates, strict=True)):
        span = rate * (k - 1) + 1
        extra = None if output_padding is None else output_padding[axis]
        if padding == "VALID":
            high = max(span, stride) - span if extra is None else extra
            pads.append((span - 1, span - 1 + high))
            continue
        total = span + stride - 2 if extra is None else span + span % 2 - 2 + extra
        low = min(-(-total // 2), span - 1)
        pads.append((low, total - low))
    return tuple(pads)
