"""What the arguments of a convolution are called in other libraries, as data.

`multiconv.layers.exchange.spelling` says a layer's arguments in a `Dialect`, and reads them back;
nothing here or there knows a module or an array.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_NONE: Mapping[str, str] = MappingProxyType({})
_ZEROS: Mapping[str, str] = MappingProxyType({"zeros": "zeros"})


class Dialect(NamedTuple):
    """How a library says what its convolutions compute, or its transposed ones."""

    #: Its module, with a place for the number of spatial axes.
    module: str
    #: Our names of arguments to its own.
    names: Mapping[str, str]
    #: Which explicit pads it takes: "pairs", "equal" ones on both sides, or none of its own. Those
    #: of a transposed convolution may be pairs "around" its stretched input instead, or "named".
    pads: str
    #: Our named paddings to its own.
    paddings: Mapping[str, str] = _NONE
    #: Our padding modes to its own.
    modes: Mapping[str, str] = _ZEROS
    #: Our padding modes to the paddings that stand for them, with half of what the kernel reaches.
    borders: Mapping[str, str] = _NONE
    #: What it calls a border before the start alone, of all that the kernel reaches, on one axis.
    causal: str = ""
    #: Whether a "same" padding may meet a stride.
    strided_same: bool = True
    #: Whether a stride may meet a dilation.
    strided_dilation: bool = True
    #: Whether the axes of the kernel come first in its weight, and then our first two, swapped.
    kernel_first: bool = False
    #: The layouts of images, first the one that it has if none is asked for.
    layouts: tuple[str, ...] = ("NC*",)

    @property
    def transposed(self) -> bool:
        """Tell whether these are transposed convolutions."""
        return "Transpose" in self.module

    def title(self, axes: int) -> str:
        """Return what people call the module."""
        return self.module.format(axes)

    def layouts_of(self, axes: int) -> tuple[str, ...]:
        """Return the layouts of images with so many spatial axes."""
        letters = {1: "L", 2: "HW", 3: "DHW"}[axes]
        return tuple(layout.replace("*", letters) for layout in self.layouts)

    def axes_to_theirs(self, axes: int) -> tuple[int, ...]:
        """Return the permutation of a weight's axes into their order."""
        kernel = range(2, axes + 2)
        return (*kernel, 1, 0) if self.kernel_first else (0, 1, *kernel)

    def axes_from_theirs(self, axes: int) -> tuple[int, ...]:
        """Return the permutation of a weight's axes into our order."""
        return (axes + 1, axes, *range(axes)) if self.kernel_first else (*range(axes + 2),)


_OURS = (
    *("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding"),
    *("dilation", "groups", "bias", "padding_mode"),
)


def _names(*absent: str, **others: str) -> dict[str, str]:
    """Return our names of arguments to a library's, where it has others or none."""
    return {ours: others.get(ours, ours) for ours in _OURS if ours not in absent}


_FLAX = {
    "in_channels": "in_features",
    "out_channels": "out_features",
    "stride": "strides",
    "dilation": "kernel_dilation",
    "groups": "feature_group_count",
    "bias": "use_bias",
}
_KERAS = {
    "out_channels": "filters",
    "stride": "strides",
    "dilation": "dilation_rate",
    "bias": "use_bias",
}

DIALECTS = {
    "torch": Dialect(
        module="torch.nn.Conv{}d",
        names=_names("output_padding"),
        paddings={"valid": "valid", "same": "same"},
        pads="equal",
        modes={m: m for m in ("zeros", "reflect", "replicate", "circular")},
        strided_same=False,
    ),
    "flax": Dialect(
        module="flax.nnx.Conv",
        names=_names("output_padding", "padding_mode", **_FLAX),
        paddings={"valid": "VALID", "same": "SAME", "same_lower": "SAME_LOWER"},
        pads="pairs",
        borders={"circular": "CIRCULAR", "reflect": "REFLECT"},
        causal="CAUSAL",
        kernel_first=True,
        layouts=("N*C",),
    ),
    "equinox": Dialect(
        module="equinox.nn.Conv{}d",
        names=_names("output_padding", bias="use_bias"),
        paddings={"valid": "VALID", "same": "SAME", "same_lower": "SAME_LOWER"},
        pads="pairs",
        modes={m: m.upper() for m in ("zeros", "reflect", "replicate", "circular")},
        layouts=("C*",),
    ),
    "keras": Dialect(
        module="keras.layers.Conv{}D",
        names=_names("output_padding", "in_channels", "padding_mode", **_KERAS),
        paddings={"valid": "valid", "same": "same"},
        pads="none",
        causal="causal",
        strided_dilation=False,
        kernel_first=True,
        layouts=("N*C", "NC*"),
    ),
}

TRANSPOSED = {
    "torch": Dialect(
        module="torch.nn.ConvTranspose{}d", names=_names("padding_mode"), pads="equal"
    ),
    "flax": Dialect(
        module="flax.nnx.ConvTranspose",
        names=_names("output_padding", "groups", "padding_mode", **_FLAX),
        pads="around",
        kernel_first=True,
        layouts=("N*C",),
    ),
    "equinox": Dialect(
        module="equinox.nn.ConvTranspose{}d",
        names=_names(bias="use_bias"),
        pads="pairs",
        modes={"zeros": "ZEROS"},
        layouts=("C*",),
    ),
    "keras": Dialect(
        module="keras.layers.Conv{}DTranspose",
        names=_names("in_channels", "groups", "padding_mode", **_KERAS),
        pads="named",
        strided_dilation=False,
        kernel_first=True,
        layouts=("N*C", "NC*"),
    ),
}


def dialects(*, transposed: bool) -> dict[str, Dialect]:
    """Return how each library says what its convolutions compute, or its transposed ones."""
    return TRANSPOSED if transposed else DIALECTS


class InexpressibleError(Exception):
    """A convolution has no counterpart; the message goes on after its name and says why."""
