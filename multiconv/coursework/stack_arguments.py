"""What is typed after `multiconv shape`, read into images and layers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from multiconv.coursework import layer_text, shapes, stack
from multiconv.coursework.arguments import MisuseError, blaming
from multiconv.coursework.layer_text import Named
from multiconv.coursework.layout import by
from multiconv.coursework.stack import Followed
from multiconv.coursework.stack_layers import Images, Window

_USAGE = 'for example -k 3 -s 2 -p 1, or "Conv2d(1, 6, 5)"'


def read(arguments: argparse.Namespace) -> tuple[Images, list[Named]]:
    """Read the images and the layers."""
    shape = shapes.shape("SHAPE", arguments.shape)
    if not arguments.layers:
        if not arguments.described:
            raise MisuseError(f"there is no layer: {_USAGE}")
        layers = [_described(options, shape) for options in arguments.described]
        return Images((), None, shape), layers
    if arguments.described:
        raise MisuseError(f"layers are described by options or as text, not both: {_USAGE}")
    with blaming("LAYER"):
        layers = [layer for text in arguments.layers for layer in layer_text.read(text)]
    if not layers:
        raise MisuseError(f"there is no layer: {_USAGE}")
    with blaming("SHAPE"):
        return stack.images(shape, layers), layers


def followed(images: Images, layers: list[Named]) -> list[Followed]:
    """Follow the images through the layers."""
    try:
        return list(stack.follow(images, layers))
    except (ValueError, TypeError) as error:
        raise MisuseError(str(error)) from error


def _described(options: Mapping[str, tuple[str, str]], shape: tuple[int, ...]) -> Named:
    """Return the layer of some options, each as it was typed and with its value."""
    values = {name: value for name, (_, value) in options.items()}
    if "kernel" not in values:
        raise MisuseError("-k: every layer needs a kernel size, as in -k 3 -s 2 / -k 3")
    kernel = shapes.per_axis("-k", values["kernel"])
    if isinstance(kernel, tuple) and len(kernel) != len(shape):
        raise MisuseError(
            f"-k: {by(kernel)} has {len(kernel)} sizes, and SHAPE, {by(shape)}, has {len(shape)}: "
            f"beside -k it is the image's size without channels, such as 32x32"
        )
    layer = Window(
        kernel,
        shapes.per_axis("-s", values.get("stride", "1")),
        shapes.padding(values.get("padding", "0")),
        shapes.per_axis("-d", values.get("dilation", "1")),
        shapes.per_axis("--output-padding", values.get("output-padding", "0")),
        transposed="transposed" in values,
    )
    if "output-padding" in values and not layer.transposed:
        raise MisuseError("--output-padding: is for --transposed, which is not given")
    typed = (
        name if option == "transposed" else f"{name} {value}"
        for option, (name, value) in options.items()
    )
    return Named(" ".join(typed), layer)
