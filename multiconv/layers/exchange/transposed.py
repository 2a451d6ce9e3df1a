"""What a transposed convolution cuts off its output, in the words of four libraries.

An input of n, stretched by the stride s, with a dilated kernel that covers ``span``, gives
``(n - 1) s + span`` outputs. Every library cuts some of them off at either end, or adds zeros at
the high one, and each says so in another way. Here that is a pair (low, high) per axis, negative
where zeros are added:

* we and equinox: padding, and at the high end output_padding less;
* torch: the same, with one number for both ends;
* flax: pads around the stretched input, ``span - 1`` less what is cut off;
* flax and keras: names for those pads. Keras has an output_padding that means something else with
  every name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiconv.core.arguments import Pairs
from multiconv.layers.exchange.dialects import Dialect, InexpressibleError
from multiconv.layers.shared import LayerArguments


def spell(layer: LayerArguments, dialect: Dialect) -> dict[str, Any]:
    """Return padding and output_padding in a library's words."""
    cuts = tuple(
        (low, high - extra)
        for (low, high), extra in zip(layer.pads, layer.output_padding, strict=True)
    )
    if dialect.pads == "around":
        rows = zip(_spans(layer), cuts, strict=True)
        return {"padding": tuple((span - 1 - low, span - 1 - high) for span, (low, high) in rows)}
    if dialect.pads == "named":
        words, lack = _named(layer, cuts), "has 'valid' and 'same' with an output_padding alone"
    elif dialect.pads == "equal":
        words, lack = _equal(layer, cuts), "cuts both ends alike but for an output_padding"
    else:
        fits = all(e < s for e, s in zip(layer.output_padding, layer.stride, strict=True))
        words = {"padding": layer.pads} if fits else None
        lack = f"has no output_padding from the stride on, {layer.stride}"
    if words is None:
        msg = (
            f"{lack}, and padding={layer.padding!r} with "
            f"output_padding={layer.output_padding} cuts off {cuts}"
        )
        raise InexpressibleError(msg)
    return words


def understand(
    layer: LayerArguments, dialect: Dialect, options: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return padding and output_padding in our words, None where there are none."""
    given, extra = options["padding"], options.get("output_padding")
    if dialect.pads == "equal":
        return {"padding": given, "output_padding": extra}
    cuts: list[tuple[int, int]] = []
    for axis, (span, stride) in enumerate(zip(_spans(layer), layer.stride, strict=True)):
        own = None if extra is None else extra[axis]
        if not isinstance(given, str):
            pads = given if isinstance(given, int) else given[axis]
            low, high = (pads, pads) if isinstance(pads, int) else pads
            around = dialect.pads == "around"
            cut = (span - 1 - low, span - 1 - high) if around else (low, high - (own or 0))
        elif dialect.pads == "pairs":
            cut = _cut_of_equinox(given, span, stride, own or 0)
        elif given.lower() in ("valid", "same"):
            cut = _cut_of_name(given.lower(), span, stride, own)
        else:
            return None
        cuts.append(cut)
    limits = map(max, layer.stride, layer.dilation)
    if any(low < 0 or -high >= limit for (low, high), limit in zip(cuts, limits, strict=True)):
        return None
    return {
        "padding": tuple((low, max(high, 0)) for low, high in cuts),
        "output_padding": tuple(max(-high, 0) for _, high in cuts),
    }


def _equal(layer: LayerArguments, cuts: Pairs) -> dict[str, Any] | None:
    extras = tuple(low - high for low, high in cuts)
    limits = map(max, layer.stride, layer.dilation)
    if not all(0 <= extra < limit for extra, limit in zip(extras, limits, strict=True)):
        return None
    return {"padding": tuple(low for low, _ in cuts), "output_padding": extras}


def _named(layer: LayerArguments, cuts: Pairs) -> dict[str, Any] | None:
    rows = list(zip(_spans(layer), layer.stride, cuts, strict=True))
    for name in ("valid", "same"):
        if all(_cut_of_name(name, span, s, None) == cut for span, s, cut in rows):
            return {"padding": name, "output_padding": None}
        plain = [sum(_cut_of_name(name, span, s, 0)) for span, s, _ in rows]
        extras = tuple(n - low - high for n, (low, high) in zip(plain, cuts, strict=True))
        if all(
            0 <= extra < s and _cut_of_name(name, span, s, extra) == cut
            for extra, (span, s, cut) in zip(extras, rows, strict=True)
        ):
            return {"padding": name, "output_padding": extras}
    return None


def _cut_of_name(name: str, span: int, stride: int, extra: int | None) -> tuple[int, int]:
    """Return what jax.lax.conv_transpose and keras.ops.conv_transpose cut off."""
    if name == "valid":
        return 0, -(max(stride - span, 0) if extra is None else extra)
    around = stride + span - 2 if extra is None else span + span % 2 - 2 + extra
    before = min((around + 1) // 2, span - 1)
    return span - 1 - before, span - 1 - (around - before)


def _cut_of_equinox(name: str, span: int, stride: int, extra: int) -> tuple[int, int]:
    if name == "VALID":
        return 0, -extra
    total = span - stride + extra  # less than none: zeros are added
    low = (max(total, 0) + (name == "SAME_LOWER")) // 2
    return low, total - low


def _spans(layer: LayerArguments) -> tuple[int, ...]:
    return tuple(d * (k - 1) + 1 for k, d in zip(layer.kernel_size, layer.dilation, strict=True))
