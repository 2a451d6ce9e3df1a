"""The options of a call, read once into tuples of integers."""

from __future__ import annotations

from typing import Any, NamedTuple

from multiconv.core import arguments
from multiconv.core.arguments import Constant, Pairs
from multiconv.core.geometry import Geometry, resolve
from multiconv.methods.table import parse


class Options(NamedTuple):
    """The options that all convolutions have, and the sizes that some are given.

    ``given_size`` is a size as the user wrote it, whole shapes included: that of the input for the
    gradient with respect to it and for matrices, that of the kernel for the other gradient.
    ``image_axes`` are the spatial axes of an image without channels, where they are named.
    """

    stride: tuple[int, ...]
    padding: str | Pairs
    dilation: tuple[int, ...]
    groups: int = 1
    padding_mode: str = "zeros"
    padding_value: Constant = 0
    method: str = "auto"
    given_size: tuple[int, ...] = ()
    kernel_size: tuple[int, ...] = ()
    output_padding: tuple[int, ...] = ()
    sparse: bool = False
    image_axes: tuple[int, ...] = ()

    @property
    def axes(self) -> int:
        """Return the number of spatial axes."""
        return len(self.stride)

    def resolve(
        self, input_size: tuple[int, ...], kernel_size: tuple[int, ...], advice: str = ""
    ) -> Geometry:
        """Resolve the geometry of an image and a kernel; ``advice`` is for where it has none."""
        try:
            return resolve(
                input_size, kernel_size, self.stride, self.dilation, self.padding, self.padding_mode
            )
        except ValueError as error:
            if not advice:
                raise
            raise ValueError(f"{error}{advice}") from None


def read(
    axes: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    *,
    groups: Any = 1,
    padding_mode: Any = "zeros",
    padding_value: Any = 0,
    method: Any = "auto",
    **sizes: Any,
) -> Options:
    """Read the options of a convolution with so many spatial axes; ``sizes`` are read already."""
    return Options(
        arguments.per_axis("stride", stride, axes, minimum=1),
        arguments.padding(padding, axes),
        arguments.per_axis("dilation", dilation, axes, minimum=1),
        arguments.integer("groups", groups, minimum=1),
        *arguments.border(padding_mode, padding_value),
        parse(method),
        **sizes,
    )


def read_channels(
    axes: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    method: Any,
    padding_value: Any = 0,
    **sizes: Any,
) -> Options:
    """Read the options of images with channels, in the order of `conv2d`'s arguments."""
    return read(
        axes,
        stride,
        padding,
        dilation,
        groups=groups,
        padding_mode=padding_mode,
        padding_value=padding_value,
        method=method,
        **sizes,
    )
