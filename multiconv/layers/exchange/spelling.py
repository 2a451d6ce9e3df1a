"""A layer's arguments in another library's words, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiconv.core.arguments import Pairs
from multiconv.core.geometry import fixed_pads
from multiconv.layers import shared as layers
from multiconv.layers.exchange import transposed
from multiconv.layers.exchange.dialects import Dialect, InexpressibleError, dialects
from multiconv.layers.shared import LayerArguments


def spell(layer: LayerArguments, dialect: Dialect) -> dict[str, Any]:
    """Return the arguments that make the same convolution in a library, by their names there."""
    try:
        return _spell(layer, dialect)
    except InexpressibleError as lack:
        known = dialects(transposed=layer.transposed)
        others = [name for name, other in known.items() if _has(other, layer)]
        if others:
            listed = " and ".join(filter(None, [", ".join(others[:-1]), others[-1]]))
            advice = f"{listed} {'has' if len(others) == 1 else 'have'} it"
        elif layer.transposed:
            advice = "none of the libraries has it: cut its output yourself, for padding=0"
        else:
            advice = "none of the libraries has it: pad the images yourself, for padding='valid'"
        msg = f"{dialect.title(len(layer.kernel_size))} {lack}; {advice}"
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

    ``weight_shape`` is ours: (O, C/groups, *kernel), or (C, O/groups, *kernel) transposed.
    """
    given = {ours: options[its] for ours, its in dialect.names.items() if its in options}
    groups = given.get("groups", 1)
    modes = {its: ours for ours, its in dialect.modes.items()}
    mode = modes.get(given.get("padding_mode", dialect.modes["zeros"]))
    first, second, *kernel_size = weight_shape
    title = dialect.title(len(kernel_size))
    if mode is None:
        msg = f"{title} with padding_mode={given['padding_mode']!r} is not known here"
        raise ValueError(msg)
    channels = {"out_channels": first, "in_channels": second * groups}
    if dialect.transposed:
        channels = {"in_channels": first, "out_channels": second * groups}
    layer = layers.read(
        tuple(kernel_size),
        **channels,
        kind=f"Conv{'Transpose' if dialect.transposed else ''}{len(kernel_size)}D",
        stride=given.get("stride") or 1,
        dilation=given.get("dilation") or 1,
        groups=groups,
        bias=bias,
        padding_mode=mode,
        method=method,
    )
    found = transposed.understand if layer.transposed else _understand_padding
    padding = found(layer, dialect, given)
    if padding is None:
        msg = f"{title} with padding={given['padding']!r} computes what no {layer.kind} does"
        raise ValueError(msg)
    return layers.read(**(layer.to_dict() | padding))


def _spell(layer: LayerArguments, dialect: Dialect) -> dict[str, Any]:
    if not dialect.strided_dilation and max(layer.stride) > 1 and max(layer.dilation) > 1:
        msg = f"has no stride={layer.stride} with dilation={layer.dilation}"
        raise InexpressibleError(msg)
    if layer.groups > 1 and "groups" not in dialect.names:
        msg = f"has no groups, here {layer.groups}"
        raise InexpressibleError(msg)
    values = layer.to_dict() | {
        "in_channels": 1 if layer.in_channels is None else layer.in_channels,
        "out_channels": layer.out_channels or 1,
    }
    if layer.transposed:
        values |= transposed.spell(layer, dialect)
    else:
        values["padding"], values["padding_mode"] = _border(layer, dialect)
    return {its: values[ours] for ours, its in dialect.names.items()}


def _border(layer: LayerArguments, dialect: Dialect) -> tuple[Any, str]:
    """Return padding and padding mode in the library's words."""
    pads = _fixed(layer, layer.padding)
    mode = layer.padding_mode
    if pads is not None and not any(low or high for low, high in pads):
        mode = "zeros"  # of a border that is not there
    if mode in dialect.borders:
        if pads == _halves(layer):
            return dialect.borders[mode], mode
        msg = f"has padding_mode={mode!r} with padding={_halves(layer)} alone"
        raise InexpressibleError(msg)
    if mode not in dialect.modes:
        msg = f"has no padding_mode={mode!r}"
        raise InexpressibleError(msg)
    return _padding(layer, pads, dialect), dialect.modes[mode]


def _padding(layer: LayerArguments, pads: Pairs | None, dialect: Dialect) -> Any:
    usable = {
        ours: its
        for ours, its in dialect.paddings.items()
        if dialect.strided_same or ours == "valid" or max(layer.stride) == 1
    }
    if isinstance(layer.padding, str) and layer.padding in usable:
        return usable[layer.padding]
    if pads is not None:
        if dialect.pads == "pairs":
            return pads
        if dialect.pads == "equal" and all(low == high for low, high in pads):
            return tuple(low for low, _ in pads)
        for ours, its in usable.items():
            if _fixed(layer, ours) == pads:
                return its
        if dialect.causal and pads == _causal(layer):
            return dialect.causal
    if pads is None:
        msg = f"has no padding={layer.padding!r} with stride={layer.stride}"
    elif dialect.pads == "equal":
        msg = f"pads both sides alike, and padding={layer.padding!r} is {pads}"
    else:
        known = " and ".join(map(repr, dialect.paddings))
        msg = f"has {known} alone, and padding={layer.padding!r} is {pads}"
    raise InexpressibleError(msg)


def _understand_padding(
    layer: LayerArguments, dialect: Dialect, options: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return padding and padding mode in our words, None where there are none."""
    given = options["padding"]
    if not isinstance(given, str):
        return {"padding": given}
    word = given.lower()
    names = {its.lower(): ours for ours, its in dialect.paddings.items()}
    borders = {its.lower(): ours for ours, its in dialect.borders.items()}
    if word in names:
        return {"padding": names[word]}
    if word in borders:
        padding = "same" if max(layer.stride) == 1 else _halves(layer)
        return {"padding": padding, "padding_mode": borders[word]}
    causal = _causal(layer)
    return {"padding": causal} if causal and word == dialect.causal.lower() else None


def _fixed(layer: LayerArguments, padding: str | Pairs) -> Pairs | None:
    """Return the pads that a padding stands for, None where they depend on the image's size."""
    return fixed_pads(padding, layer.kernel_size, layer.stride, layer.dilation)


def _halves(layer: LayerArguments) -> Pairs | None:
    """Return half of what the kernel reaches on either side."""
    return fixed_pads("same", layer.kernel_size, (1,) * len(layer.kernel_size), layer.dilation)


def _causal(layer: LayerArguments) -> Pairs | None:
    """Return all that the kernel reaches before the start, None where there are more axes."""
    if len(layer.kernel_size) > 1:
        return None
    return ((layer.dilation[0] * (layer.kernel_size[0] - 1), 0),)


def _has(dialect: Dialect, layer: LayerArguments) -> bool:
    try:
        _spell(layer, dialect)
    except InexpressibleError:
        return False
    return True
