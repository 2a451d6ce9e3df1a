"""A stack of layers, followed from a size: what comes out of each, and what an output sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from multiconv.coursework.layer_text import Named
from multiconv.coursework.layout import by
from multiconv.coursework.stack_layers import Adaptive, Flatten, Images, Layer, Linear, Step, Window
from multiconv.layers.receptive_field import receptive_field


@dataclass(frozen=True)
class Followed:
    """A layer of the stack, what it does, and what one of its outputs sees of the input.

    ``field`` and ``jump`` are None where not all outputs see alike.
    """

    text: str
    layer: Layer
    step: Step
    field: tuple[int, ...] | None
    jump: tuple[int, ...] | None


def follow(images: Images, layers: Sequence[Named]) -> Iterator[Followed]:
    """Yield what each layer does; a ValueError names the layer that does not fit."""
    seen: list[Any] | None = []
    for number, (text, layer) in enumerate(layers, start=1):
        try:
            step = layer.step(images)
        except ValueError as error:
            where = text if len(layers) == 1 else f"layer {number}, {text}"
            raise ValueError(f"{where}: {error}") from None
        images = step.images
        seen = None if seen is None or step.sees is None else seen + [step.sees] * bool(step.sees)
        field = receptive_field(*seen) if seen else None
        pixel = (1,) * len(images.size) if seen == [] else None
        yield Followed(
            text, layer, step, field.size if field else pixel, field.jump if field else pixel
        )


def images(shape: tuple[int, ...], layers: Sequence[Named]) -> Images:
    """Return what a shape (C, *spatial) or (N, C, *spatial) stands for before these layers."""
    axes, text = _spatial_axes(layers, len(shape))
    batch = len(shape) - axes - 1
    if batch not in (0, 1):
        one = "x".join(["C", *"DHW"[3 - axes :]])
        fits = by((_first_channels(layers), *shape) if batch < 0 else shape[batch:])
        msg = f"{text} takes {one} or Nx{one}, and the shape has {len(shape)} axes"
        raise ValueError(msg + (f": {fits} fits" if batch >= -1 else ""))
    return Images(shape[:batch], shape[batch], shape[batch + 1 :])


def _spatial_axes(layers: Sequence[Named], given: int) -> tuple[int, str]:
    """Return how many spatial axes the first layer that says so takes, and that layer."""
    for text, layer in layers:
        if isinstance(layer, Window) and layer.axes is not None:
            return layer.axes, text
        if isinstance(layer, Adaptive):
            return len(layer.size), text
        if isinstance(layer, Linear):
            return 0, text
        if isinstance(layer, Flatten):
            break
    return min(given - 1, 3), layers[0].text


def _first_channels(layers: Sequence[Named]) -> int:
    convolutions = (layer for _, layer in layers if isinstance(layer, Window))
    return next((layer.channels[0] for layer in convolutions if layer.channels), 1)
