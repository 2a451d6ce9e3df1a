"""What the arguments of a convolution are called, and what they mean, in other libraries.

A `Dialect` is data. `spell` says a layer's arguments in it, `understand` reads them back; neither
knows a module or an array.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from multiconv.core.arguments import Pairs
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments

_NONE: Mapping[str, str] = MappingProxyType({})


class Found(NamedTuple):
    """A module of a library, taken apart: its options by their names there, and its parameters."""

    options: dict[str, Any]
    weight: Any
    bias: Any


class Dialect(NamedTuple):
    """How a library says what a two-dimensional convolution computes."""

    #: What people call the module.
    title: str
    #: Our names of arguments to its own.
    names: Mapping[str, str]
    #: Our named paddings to its own.
    paddings: Mapping[str, str]
    #: Which explicit pads it takes: "pairs", "equal" ones on both sides, or "none".
    pads: str
    #: Our padding modes to its own.
    modes: Mapping[str, str]
    #: Our padding modes to the paddings that stand for them, with half of what the kernel reaches.
    borders: Mapping[str, str] = _NONE
    #: Whether a "same" padding may meet a stride.
    strided_same: bool = True
    #: Whether a stride may meet a dilation.
    strided_dilation: bool = True
    #: Its order of a weight's axes, where ours is OIHW.
    weight: str = "OIHW"
    #: The layouts of images, first the one that it has if none is asked for.
    layouts: tuple[str, ...] = ("NCHW",)

    @property
    def axes_to_theirs(self) -> tuple[int, ...]:
        """Return the permutation of a weight's axes into their order."""
        return tuple("OIHW".index(axis) for axis in self.weight)

    @property
    def axes_from_theirs(self) -> tuple[int, ...]:
        """Return the permutation of a weight's axes into our order."""
        return tuple(self.weight.index(axis) for axis in "OIHW")


_OURS = (
    *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    *("bias", "padding_mode"),
)


def _names(*absent: str, **others: str) -> dict[str, str]:
    """Return our names of arguments to a library's, where it has others or none."""
    return {ours: others.get(ours, ours) for ours in _OURS if ours not in absent}


DIALECTS = {
    "torch": Dialect(
        title="torch.nn.Conv2d",
        names=_names(),
        paddings={"valid": "valid", "same": "same"},
        pads="equal",
        modes={m: m for m in ("zeros", "reflect", "replicate", "circular")},
        strided_same=False,
    ),
    "flax": Dialect(
        title="flax.nnx.Conv",
        names=_names(
            "padding_mode",
            in_channels="in_features",
            out_channels="out_features",
            stride="strides",
            dilation="kernel_dilation",
            groups="feature_group_count",
            bias="use_bias",
        ),
        paddings={"valid": "VALID", "same": "SAME", "same_lower": "SAME_LOWER"},
        pads="pairs",
        modes={"zeros": "zeros"},
        borders={"circular": "CIRCULAR", "reflect": "REFLECT"},
        weight="HWIO",
        layouts=("NHWC",),
    ),
    "equinox": Dialect(
        title="equinox.nn.Conv2d",
        names=_names(bias="use_bias"),
        paddings={"valid": "VALID", "same": "SAME", "same_lower": "SAME_LOWER"},
        pads="pairs",
        modes={m: m.upper() for m in ("zeros", "reflect", "replicate", "circular")},
        layouts=("CHW",),
    ),
    "keras": Dialect(
        title="keras.layers.Conv2D",
        names=_names(
            "in_channels",
            "padding_mode",
            out_channels="filters",
            stride="strides",
            dilation="dilation_rate",
            bias="use_bias",
        ),
        paddings={"valid": "valid", "same": "same"},
        pads="none",
        modes={"zeros": "zeros"},
        strided_dilation=False,
        weight="HWIO",
        layouts=("NHWC", "NCHW"),
    ),
}


class InexpressibleError(Exception):
    """A library has no convolution with some arguments; the message says what it lacks."""


def spell(layer: LayerArguments, dialect: Dialect) -> dict[str, Any]:
    """Return the arguments that make the same convolution in a library, by their names there."""
    try:
        return _spell(layer, dialect)
    except InexpressibleError as lack:
        others = [name for name, other in DIALECTS.items() if _has(other, layer)]
        if others:
            listed = " and ".join(filter(None, [", ".join(others[:-1]), others[-1]]))
            advice = f"{listed} {'has' if len(others) == 1 else 'have'} it"
        else:
            advice = "none of the libraries has it: pad the images yourself, for padding='valid'"
        msg = f"{lack}; {advice}"
        raise ValueError(msg) from None


def understand(
    dialect: Dialect,
    options: Mapping[str, Any],
    weight_shape: tuple[int, ...],
    *,
    bias: bool,
    method: str = "auto",
) -> LayerArguments:
    """Return the arguments of a layer that computes what a module with these options does.

    ``weight_shape`` is (O, C/groups, kh, kw) in any library.
    """
    given = {ours: options[its] for ours, its in dialect.names.items() if its in options}
    stride = given.get("stride") or 1
    dilation = given.get("dilation") or 1
    groups = given.get("groups", 1)
    modes = {its: ours for ours, its in dialect.modes.items()}
    mode = modes.get(given.get("padding_mode", dialect.modes["zeros"]))
    if mode is None:
        msg = f"{dialect.title} with padding_mode={given['padding_mode']!r} is not known here"
        raise ValueError(msg)
    filters, channels, *kernel_size = weight_shape
    layer = layers.read(
        tuple(kernel_size),
        channels * groups,
        filters,
        stride=stride,
        dilation=dilation,
        groups=groups,
        bias=bias,
        padding_mode=mode,
        method=method,
    )
    return _with_padding(layer, dialect, given["padding"])


def _spell(layer: LayerArguments, dialect: Dialect) -> dict[str, Any]:
    strided = layer.stride != (1, 1)
    if strided and layer.dilation != (1, 1) and not dialect.strided_dilation:
        msg = f"{dialect.title} has no stride={layer.stride} with dilation={layer.dilation}"
        raise InexpressibleError(msg)
    padding, mode = _border(layer, dialect)
    values = {
        "kernel_size": layer.kernel_size,
        "in_channels": layer.in_channels or 1,
        "out_channels": layer.out_channels or 1,
        "stride": layer.stride,
        "padding": padding,
        "dilation": layer.dilation,
        "groups": layer.groups,
        "bias": layer.bias,
        "padding_mode": mode,
    }
    return {its: values[ours] for ours, its in dialect.names.items()}


def _border(layer: LayerArguments, dialect: Dialect) -> tuple[Any, str]:
    """Return padding and padding mode in the library's words."""
    pads = _fixed_pads(layer, layer.padding)
    mode = layer.padding_mode
    if pads is not None and not any(low or high for low, high in pads):
        mode = "zeros"  # of a border that is not there
    if mode in dialect.borders:
        if pads == _halves(layer):
            return dialect.borders[mode], mode
        msg = f"{dialect.title} has padding_mode={mode!r} with padding={_halves(layer)} alone"
        raise InexpressibleError(msg)
    if mode not in dialect.modes:
        msg = f"{dialect.title} has no padding_mode={mode!r}"
        raise InexpressibleError(msg)
    return _padding(layer, pads, dialect), dialect.modes[mode]


def _padding(layer: LayerArguments, pads: Pairs | None, dialect: Dialect) -> Any:
    usable = {
        ours: its
        for ours, its in dialect.paddings.items()
        if dialect.strided_same or ours == "valid" or layer.stride == (1, 1)
    }
    if isinstance(layer.padding, str) and layer.padding in usable:
        return usable[layer.padding]
    if pads is not None:
        if dialect.pads == "pairs":
            return pads
        if dialect.pads == "equal" and all(low == high for low, high in pads):
            return tuple(low for low, _ in pads)
        for ours, its in usable.items():
            if _fixed_pads(layer, ours) == pads:
                return its
    if pads is None:
        lack = f"has no padding={layer.padding!r} with stride={layer.stride}"
    elif dialect.pads == "equal":
        lack = f"pads both sides alike, and padding={layer.padding!r} is {pads}"
    else:
        known = " and ".join(map(repr, dialect.paddings))
        lack = f"has {known} alone, and padding={layer.padding!r} is {pads}"
    msg = f"{dialect.title} {lack}"
    raise InexpressibleError(msg)


def _with_padding(layer: LayerArguments, dialect: Dialect, given: Any) -> LayerArguments:
    arguments = layer.to_dict()
    borders = {its.lower(): ours for ours, its in dialect.borders.items()}
    names = {its.lower(): ours for ours, its in dialect.paddings.items()}
    if not isinstance(given, str):
        arguments["padding"] = given
    elif given.lower() in names:
        arguments["padding"] = names[given.lower()]
    elif given.lower() in borders:
        arguments["padding_mode"] = borders[given.lower()]
        arguments["padding"] = "same" if layer.stride == (1, 1) else _halves(layer)
    else:
        msg = f"{dialect.title} with padding={given!r} computes what no Conv2D does"
        raise ValueError(msg)
    return layers.read(**arguments)


def _fixed_pads(layer: LayerArguments, padding: str | Pairs) -> Pairs | None:
    """Return the pads that a padding stands for, None where they depend on the image's size."""
    if not isinstance(padding, str):
        return padding
    reaches = _reaches(layer)
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "full":
        return tuple((reach, reach) for reach in reaches)
    # "same" adds (ceil(n/s) - 1) s + reach + 1 - n: the reach for s = 1, and nothing without reach.
    if any(s > 1 and reach for s, reach in zip(layer.stride, reaches, strict=True)):
        return None
    halves = _halves(layer)
    return halves if padding == "same" else tuple((high, low) for low, high in halves)


def _halves(layer: LayerArguments) -> Pairs:
    return tuple((reach // 2, reach - reach // 2) for reach in _reaches(layer))


def _reaches(layer: LayerArguments) -> tuple[int, ...]:
    return tuple(d * (k - 1) for k, d in zip(layer.kernel_size, layer.dilation, strict=True))


def _has(dialect: Dialect, layer: LayerArguments) -> bool:
    try:
        _spell(layer, dialect)
    except InexpressibleError:
        return False
    return True
