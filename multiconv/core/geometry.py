"""Shapes, pads and strides of a correlation: integer arithmetic that knows no array.

Along one axis, with input size n, kernel size k, stride s, dilation d and pads (low, high),

    span   = d (k - 1) + 1                         what one application of the kernel covers
    output = (n + low + high - span) // s + 1      how often it fits (Dumoulin and Visin, 2016)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from multiconv.core.arguments import Pairs

#: The borders that repeat no pixel, and so go round an image that has none, too.
CONSTANT_MODES = ("zeros", "constant")

AXIS_NAMES = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}

_LARGE = 2**12

Window: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Geometry:
    """Everything that decides which products are summed, in sizes per spatial axis.

    What follows from the sizes is worked out once, here, and not by the calls that use it.
    """

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pairs
    padding_mode: str = "zeros"
    #: Number of spatial axes.
    axes: int = field(init=False, repr=False, compare=False)
    #: What the dilated kernel covers.
    span: tuple[int, ...] = field(init=False, repr=False, compare=False)
    #: Size of the input with its border.
    padded_size: tuple[int, ...] = field(init=False, repr=False, compare=False)
    output_size: tuple[int, ...] = field(init=False, repr=False, compare=False)
    #: Number of kernel positions.
    taps: int = field(init=False, repr=False, compare=False)
    #: Number of output positions.
    outputs: int = field(init=False, repr=False, compare=False)
    _tap_windows: list[tuple[tuple[int, ...], Window]] | None = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Work out the derived sizes."""
        span = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))
        padded_size = tuple(
            n + low + high for n, (low, high) in zip(self.input_size, self.pads, strict=True)
        )
        output_size = tuple(
            (n - covered) // s + 1
            for n, covered, s in zip(padded_size, span, self.stride, strict=True)
        )
        object.__setattr__(self, "axes", len(self.input_size))
        object.__setattr__(self, "span", span)
        object.__setattr__(self, "padded_size", padded_size)
        object.__setattr__(self, "output_size", output_size)
        object.__setattr__(self, "taps", math.prod(self.kernel_size))
        object.__setattr__(self, "outputs", math.prod(output_size))
        object.__setattr__(self, "_tap_windows", None)

    def size_of(self, role: str) -> tuple[int, ...]:
        """Return the spatial size of an array by its part: "x", "weight" or "y"."""
        return {"x": self.input_size, "weight": self.kernel_size, "y": self.output_size}[role]

    def padded(self) -> Geometry:
        """Return the same correlation of an input that already carries its border."""
        return replace(
            self,
            input_size=self.padded_size,
            pads=((0, 0),) * self.axes,
            padding_mode="zeros",
        )

    def part(self, axis: int, start: int, stop: int) -> tuple[slice, Geometry]:
        """Return what the outputs [start, stop) of an axis need: a slab of the input, and the rest.

        The second is the correlation of that slab with the same kernel. With a border other than
        zeros the input must carry it already (see `padded`).
        """
        n, (low, _) = self.input_size[axis], self.pads[axis]
        first = start * self.stride[axis] - low
        last = (stop - 1) * self.stride[axis] + self.span[axis] - low
        begin = min(max(first, 0), n)
        end = max(min(last, n), begin)
        before = min(max(-first, 0), last - first)
        size, pads = list(self.input_size), list(self.pads)
        size[axis], pads[axis] = end - begin, (before, last - first - before - (end - begin))
        return slice(begin, end), replace(self, input_size=tuple(size), pads=tuple(pads))

    def reaching(self, axis: int, start: int, stop: int, outputs: int) -> tuple[slice, Geometry]:
        """Return which of so many outputs of an axis the pixels [start, stop) take part in.

        The second is the correlation whose adjoint carries those outputs to these pixels alone. It
        may have more outputs than those. The border is one of zeros.
        """
        (low, _), s, span = self.pads[axis], self.stride[axis], self.span[axis]
        # The first may reach nothing: then the pads cannot be negative.
        first = min(-(-(start + low - span + 1) // s), (start + low) // s)
        first = min(max(first, 0), outputs - 1)
        last = min(max((stop - 1 + low) // s, first), outputs - 1)
        size, pads = list(self.input_size), list(self.pads)
        before = low + start - s * first
        covered = (last - first) * s + span
        size[axis] = stop - start
        pads[axis] = (before, max(covered - before - size[axis], 0))
        return slice(first, last + 1), replace(self, input_size=tuple(size), pads=tuple(pads))

    def tap_windows(self) -> list[tuple[tuple[int, ...], Window]]:
        """Return every kernel tap with the index of what it meets, one element per output."""
        if self._tap_windows is None:  # no cached_property: its lock stops torch.compile
            object.__setattr__(self, "_tap_windows", self._list_tap_windows())
        return self._tap_windows or []

    def _list_tap_windows(self) -> list[tuple[tuple[int, ...], Window]]:
        return [
            (
                tap,
                (
                    ...,
                    *(
                        slice(t * d, t * d + (out - 1) * s + 1, s)
                        for t, d, s, out in zip(
                            tap, self.dilation, self.stride, self.output_size, strict=True
                        )
                    ),
                ),
            )
            for tap in positions(self.kernel_size)
        ]

    def output_windows(self) -> Iterator[Window]:
        """Yield for every output the index of what it sees, one element per kernel tap."""
        for position in positions(self.output_size):
            yield (
                ...,
                *(
                    slice(p * s, p * s + span, d)
                    for p, s, span, d in zip(
                        position, self.stride, self.span, self.dilation, strict=True
                    )
                ),
            )


def resolve(
    input_size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str | Pairs,
    padding_mode: str = "zeros",
) -> Geometry:
    """Resolve a padding name to pairs and check that the correlation has an output."""
    _check_kernel(kernel_size)
    pads = (
        tuple(
            _named_pads(padding, *sizes)
            for sizes in zip(input_size, kernel_size, stride, dilation, strict=True)
        )
        if isinstance(padding, str)
        else padding
    )
    if max(stride) > _LARGE:
        # Beyond the padded image all strides are alike, and some methods allocate by the stride.
        stride = tuple(
            min(s, max(n + low + high, 1))
            for s, n, (low, high) in zip(stride, input_size, pads, strict=True)
        )
    if max(dilation) > _LARGE:  # of a single tap, which it moves nowhere
        dilation = tuple(1 if k == 1 else d for k, d in zip(kernel_size, dilation, strict=True))
    geometry = Geometry(input_size, kernel_size, stride, dilation, pads, padding_mode)
    _check_border(geometry)
    _check_fits(geometry)
    return geometry


def fixed_pads(
    padding: str | Pairs,
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pairs | None:
    """Return the pads that a padding stands for, None where they depend on the image's size.

    "same" adds (ceil(n / s) - 1) s + d (k - 1) + 1 - n: all that the kernel reaches for s = 1, and
    nothing for k = 1.
    """
    if not isinstance(padding, str):
        return padding
    strided = any(s > 1 and k > 1 for s, k in zip(stride, kernel_size, strict=True))
    if padding.startswith("same") and strided:
        return None
    reach = zip(kernel_size, dilation, strict=True)
    return tuple(_named_pads(padding, 1, k, 1, d) for k, d in reach)


def transposed_pads(
    padding: str | Pairs,
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pairs:
    """Resolve the padding of the convolution that a transposed one is the adjoint of.

    Its input, the transposed convolution's output, is not known yet. "same" means that of an input
    of ``n * stride``, whose output under "same" is n.
    """
    if not isinstance(padding, str):
        return padding
    return tuple(
        _named_pads(padding, s, k, s, d)
        for k, s, d in zip(kernel_size, stride, dilation, strict=True)
    )


def transposed_size(
    input_size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: Pairs,
    output_padding: tuple[int, ...],
) -> tuple[int, ...]:
    """Return the output size of a transposed convolution, (n-1) s - low - high + span + extra."""
    _check_kernel(kernel_size)
    rows = zip(input_size, kernel_size, stride, dilation, pads, output_padding, strict=True)
    sizes = []
    for axis, (n, k, s, d, (low, high), extra) in enumerate(rows):
        where = axis_name(axis, len(input_size))
        if extra >= max(s, d):
            msg = (
                "output_padding must be smaller than the stride or the dilation: along the "
                f"{where} it is {extra}, with stride {s} and dilation {d}; at most {max(s, d) - 1} "
                "works"
            )
            raise ValueError(msg)
        size = (n - 1) * s - low - high + d * (k - 1) + 1 + extra
        if n < 1 or size < 1:
            msg = (
                f"the transposed convolution has no output along the {where}: input {n}, kernel "
                f"{k}, stride {s}, dilation {d}, padding ({low}, {high}), output_padding {extra} "
                f"give ({n} - 1) * {s} - {low} - {high} + {d} * ({k} - 1) + 1 + {extra} = {size}; "
                f"use an input of at least 1 and less padding"
            )
            raise ValueError(msg)
        sizes.append(size)
    return tuple(sizes)


def positions(size: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield every index of a grid in C order."""
    return itertools.product(*map(range, size))


def axis_name(axis: int, axes: int) -> str:
    """Return what a person calls a spatial axis."""
    names = AXIS_NAMES.get(axes)
    return f"{names[axis]} (spatial axis {axis})" if names else f"spatial axis {axis}"


def _named_pads(name: str, n: int, k: int, s: int, d: int) -> tuple[int, int]:
    reach = d * (k - 1)
    if name == "valid":
        return (0, 0)
    if name == "full":
        return (reach, reach)
    total = max((-(-n // s) - 1) * s + reach + 1 - n, 0)
    less, more = total // 2, total - total // 2
    return (less, more) if name == "same" else (more, less)


def _check_border(geometry: Geometry) -> None:
    if geometry.padding_mode in CONSTANT_MODES:
        return
    for axis, (n, pads) in enumerate(zip(geometry.input_size, geometry.pads, strict=True)):
        if n == 0 and any(pads):
            msg = (
                f"an image of size 0 along the {axis_name(axis, geometry.axes)} has no pixels to "
                f"show in a border {pads} of padding_mode={geometry.padding_mode!r}; use padding 0 "
                "there, or padding_mode='zeros'"
            )
            raise ValueError(msg)


def _check_kernel(kernel_size: tuple[int, ...]) -> None:
    for axis, size in enumerate(kernel_size):
        if size < 1:
            where = axis_name(axis, len(kernel_size))
            msg = f"the kernel is empty along the {where}: kernel size {kernel_size}"
            raise ValueError(msg)


def _check_fits(geometry: Geometry) -> None:
    rows = zip(geometry.padded_size, geometry.span, strict=True)
    for axis, (padded, span) in enumerate(rows):
        if padded >= span:
            continue
        n, k, d = geometry.input_size[axis], geometry.kernel_size[axis], geometry.dilation[axis]
        low, high = geometry.pads[axis]
        largest = max((padded - 1) // d + 1, 0)
        advice = f"padding={_enough(geometry)}" if span < _LARGE else "less dilation"
        msg = (
            f"the kernel is larger than the padded input along the "
            f"{axis_name(axis, geometry.axes)}: kernel {k} with dilation {d} covers {span}, "
            f"input {n} with padding ({low}, {high}) has {padded}; use {advice}"
        ) + (f" or a kernel of at most {largest} there" if largest else "")
        raise ValueError(msg)


def _enough(geometry: Geometry) -> Pairs:
    """Return the pads with which the kernel fits on every axis."""
    return tuple(
        (low, high + max(span - padded, 0))
        for (low, high), span, padded in zip(
            geometry.pads, geometry.span, geometry.padded_size, strict=True
        )
    )
