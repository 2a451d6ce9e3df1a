"""The command ``multiconv shape``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from multiconv.commands.command import FINE, Command, Outcome, as_json

_DESCRIPTION = """\
Say what size comes out of a layer, with the formula filled in, or out of a
stack of layers, with parameters, multiply-adds, and what one output sees of the
input. With options, SHAPE is the size of the image, HxW, and / stands between
layers. With layers as torch.nn spells them, SHAPE is CxHxW or NxCxHxW."""

_MORE = """\
examples:
  multiconv shape 32x32 -k 3 -s 2 -p 1
  multiconv shape 8x8 -k 3x5 -s 3x4 -p 0x1
  multiconv shape 224x224 -k 7 -s 2 -p 3 / -k 3 -s 2 -p 1 / -k 3 -p same
  multiconv shape 14x14 -k 4 -s 2 -p 1 --transposed
  multiconv shape 1x28x28 "Conv2d(1, 6, 5, padding=2)" "ReLU()" "MaxPool2d(2)" \\
      "Conv2d(6, 16, 5)" "Flatten()" "Linear(1600, 10)"

Layers are read, and never run: convolutions, transposed ones, pooling, Linear,
Flatten, BatchNorm and activations, alone, in a Sequential(...), or with commas
between them; also this package's Conv2D(3, in_channels=1, out_channels=6).

exit status: 0, 2 when the command was misused, or the layers do not fit"""


class _OfLayer(argparse.Action):
    """Keep an option for the layer that is being described; ``/`` begins the next one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        *done, last = namespace.described or [{}]
        if option_string == "/":
            namespace.described = [*done, last, {}]
        else:
            name = self.option_strings[-1].lstrip("-")
            value = "yes" if self.nargs == 0 else str(values)
            namespace.described = [*done, last | {name: (option_string, value)}]


def _add(command: argparse.ArgumentParser) -> None:
    command.prefix_chars = "-/"
    command.set_defaults(described=None)

    def of_layer(*names: str, **options: Any) -> None:
        command.add_argument(*names, action=_OfLayer, dest="described", **options)

    command.add_argument("shape", metavar="SHAPE", help="of the image, such as 32x32")
    layer = 'layers in the spelling of torch.nn, such as "Conv2d(1, 6, 5)"'
    command.add_argument("layers", metavar="LAYER", nargs="*", help=layer)
    of_layer("-k", "--kernel", metavar="N", help="kernel size, one number or one per axis")
    of_layer("-s", "--stride", metavar="N", help="one number, or one per axis (default: 1)")
    padding = 'a number, one per axis, a name, or pairs as in "((0, 1), (2, 2))" (default: 0)'
    of_layer("-p", "--padding", metavar="P", help=padding)
    of_layer("-d", "--dilation", metavar="N", help="one number, or one per axis (default: 1)")
    of_layer("--transposed", nargs=0, help="a transposed convolution")
    extra = "of a transposed convolution (default: 0)"
    of_layer("--output-padding", metavar="N", help=extra)
    of_layer("/", nargs=0, help="the next layer follows")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import stack_arguments, stack_report

    images, layers = stack_arguments.read(arguments)
    followed = stack_arguments.followed(images, layers)
    if arguments.json:
        return as_json({"shape": stack_report.document(images, followed)}), FINE
    return stack_report.lines(images, followed), FINE


COMMAND = Command(
    name="shape",
    summary="say what size comes out of layers, with the formula filled in",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
