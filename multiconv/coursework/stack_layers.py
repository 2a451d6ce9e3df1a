"""The layers of a stack as `multiconv shape` follows them: sizes, parameters and products only."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

from multiconv.core import arguments, geometry
from multiconv.core.arguments import Pairs
from multiconv.coursework.layout import by
from multiconv.functions.sizes import output_size
from multiconv.planning import options

_SEARCHED = 2**31  # the largest padding that is looked for


@dataclass(frozen=True)
class Images:
    """What goes from layer to layer: batch, channels (None: a single image) and spatial axes."""

    batch: tuple[int, ...]
    channels: int | None
    size: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return (*self.batch, *([] if self.channels is None else [self.channels]), *self.size)


@dataclass(frozen=True)
class Step:
    """What a layer does to images of a size.

    ``pads`` are resolved; ``formulas`` give the size along each axis with the numbers filled in.
    ``sees`` is the layer as `receptive_field` takes it, () for one that sees single pixels, and
    None where outputs do not all see alike.
    """

    images: Images
    parameters: int = 0
    multiply_adds: int = 0
    pads: Pairs | None = None
    formulas: tuple[str, ...] = ()
    sees: tuple[Any, ...] | None = ()


class Layer(Protocol):
    """What follows images through a layer."""

    def step(self, images: Images) -> Step:
        """Return what the layer does; a ValueError says what would fit."""
        ...


@dataclass(frozen=True)
class Pointwise:
    """A layer without a geometry, such as ReLU; ``channels`` those that it is made for."""

    channels: int | None = None
    parameters: int = 0

    def step(self, images: Images) -> Step:
        """Return the images as they are."""
        if self.channels is not None:
            _check_channels(self.channels, images, "num_features")
        return Step(images, self.parameters)


@dataclass(frozen=True)
class Window:
    """A convolution, or a pooling, which has no channels of its own; arguments as `conv2d`'s."""

    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    output_padding: Any = 0
    transposed: bool = False
    channels: tuple[int, int] | None = None
    groups: int = 1
    bias: bool = False
    axes: int | None = None

    def step(self, images: Images) -> Step:
        """Return the images that come out, and count."""
        axes = len(images.size)
        if self.axes not in (None, axes):
            raise ValueError(f"takes {self.axes} spatial axes, but {by(images.shape)} comes in")
        if self.channels is not None:
            _check_channels(self.channels[0], images, "in_channels")
        kernel = arguments.per_axis("kernel_size", self.kernel_size, axes, minimum=1)
        extra = arguments.per_axis("output_padding", self.output_padding, axes, minimum=0)
        read = options.read(axes, self.stride, self.padding, self.dilation, output_padding=extra)
        size = self._size(images.size, kernel, read)
        found = replace(images, size=size)
        if self.transposed:
            pads = geometry.transposed_pads(read.padding, kernel, read.stride, read.dilation)
            sees, positions = None, math.prod(images.size)
        else:
            pads = read.resolve(images.size, kernel).pads
            sees, positions = (kernel, read.stride, pads, read.dilation), math.prod(size)
        step = Step(found, 0, 0, pads, self._formulas(images.size, kernel, read, pads, size), sees)
        if self.channels is None:
            return step
        before, after = self.channels
        weights = before * after // self.groups * math.prod(kernel)
        return replace(
            step,
            images=replace(found, channels=after),
            parameters=weights + self.bias * after,
            multiply_adds=math.prod(images.batch) * weights * positions,
        )

    def _size(
        self, size: tuple[int, ...], kernel: tuple[int, ...], read: options.Options
    ) -> tuple[int, ...]:
        def sized(padding: Any) -> tuple[int, ...]:
            found: tuple[int, ...] = output_size(
                size,
                kernel,
                read.stride,
                padding,
                read.dilation,
                output_padding=read.output_padding,
                transposed=self.transposed,
            )
            return found

        def fits(padding: int) -> bool:
            try:
                return bool(sized(padding))
            except ValueError:
                return False

        try:
            return sized(read.padding)
        except ValueError as error:
            enough = max(d * k for d, k in zip(read.dilation, kernel, strict=True))
            if self.transposed or enough > _SEARCHED or not fits(enough):
                raise
            least = bisect.bisect_left(range(enough), True, key=fits)
            raise ValueError(f"{error}; padding {least} on all sides fits") from None

    def _formulas(
        self,
        size: tuple[int, ...],
        kernel: tuple[int, ...],
        read: options.Options,
        pads: Pairs,
        found: tuple[int, ...],
    ) -> tuple[str, ...]:
        rows = zip(
            size, kernel, read.stride, read.dilation, pads, read.output_padding, found, strict=True
        )
        texts = []
        for n, k, s, d, (low, high), extra, out in rows:
            if self.transposed:
                border = f"2*{low}" if low == high else f"{low} - {high}"
                texts.append(f"({n} - 1)*{s} - {border} + {d}*({k} - 1) + 1 + {extra} = {out}")
            else:
                border = f"2*{low}" if low == high else f"{low} + {high}"
                texts.append(f"floor(({n} + {border} - {d}*({k} - 1) - 1)/{s}) + 1 = {out}")
        return tuple(texts)


@dataclass(frozen=True)
class Adaptive:
    """A pooling to a given size, None along an axis for the size that it has."""

    size: tuple[int | None, ...]

    def step(self, images: Images) -> Step:
        """Return images of that size, whose pixels may see windows of different sizes."""
        if len(self.size) != len(images.size):
            raise ValueError(
                f"takes {len(self.size)} spatial axes, but {by(images.shape)} comes in"
            )
        size = tuple(
            n if new is None else new for n, new in zip(images.size, self.size, strict=True)
        )
        return Step(replace(images, size=size), sees=None)


@dataclass(frozen=True)
class Flatten:
    """All numbers of an image in a row."""

    def step(self, images: Images) -> Step:
        """Return as many channels of a single pixel, without spatial axes."""
        count = math.prod((images.channels or 1, *images.size))
        return Step(Images(images.batch, count, ()), sees=None)


@dataclass(frozen=True)
class Linear:
    """A product with a matrix."""

    before: int
    after: int
    bias: bool = True

    def step(self, images: Images) -> Step:
        """Return the row that comes out, and count."""
        if images.size:
            shown = by(images.shape)
            raise ValueError(
                f"takes rows of numbers, but {shown} comes in: put Flatten() before it"
            )
        _check_channels(self.before, images, "in_features")
        weights = self.before * self.after
        found = replace(images, channels=self.after)
        count = math.prod(images.batch) * weights
        return Step(found, weights + self.bias * self.after, count, sees=None)


def _check_channels(wanted: int, images: Images, name: str) -> None:
    found = images.channels
    if found != wanted:
        raise ValueError(f"{name}={wanted}, but {by(images.shape)} comes in: {name}={found} fits")
