"""The command ``multiconv plan``."""

from __future__ import annotations

import argparse

import multiconv
from multiconv.commands import geometry_options
from multiconv.commands.command import FINE, Command, Outcome, as_json, as_text
from multiconv.coursework.arguments import MisuseError

_DESCRIPTION = """\
Say what a convolution would do, without computing it: the shape of its result,
the method and why, its work, its workspace and its error bound. SHAPE is that
of an image, HxW, or of images with channels, NxCxHxW."""

_MORE = """\
examples:
  multiconv plan 2048x2048 -k 7x7 --backend torch
  multiconv plan 8x64x56x56 -k 64x64x3x3 --padding same
  multiconv plan 56x56 -k 3x3 --channels 8,64,64 --padding 1 --stride 2
  multiconv plan 4x64x28x28 -k 64x32x4x4 --stride 2 --padding 1 --transposed"""


def _add(command: argparse.ArgumentParser) -> None:
    option, default = command.add_argument, "(default: %(default)s)"
    option("shape", metavar="SHAPE", help="of the image, such as 2048x2048")
    kernel = "of the kernel, KHxKW, or of the weight, OxCxKHxKW"
    option("-k", "--kernel", metavar="SHAPE", required=True, help=kernel)
    channels = "channels in and out, and images before them, where the shapes are HxW and KHxKW"
    option("--channels", metavar="[N,]C,O", help=channels)
    geometry_options.add(command)
    option("--groups", type=int, default=1, metavar="N", help=f"as in conv2d {default}")
    option("--transposed", action="store_true", help="plan conv_transpose instead")
    option("--method", default="auto", metavar="NAME", help=f"the method {default}")
    option("--dtype", default="float32", metavar="NAME", help=f"of both arrays {default}")
    option("--backend", metavar="NAME", help="whose arrays (default: the default backend's)")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import shapes

    try:
        plan = multiconv.plan(**shapes.planned(arguments))
    except (ValueError, TypeError, ImportError) as error:
        raise MisuseError(str(error)) from error
    if arguments.json:
        names = ("output_shape", "dtype", "pads", "method", "reason", "multiply_adds")
        found = {name: getattr(plan, name) for name in (*names, "workspace_bytes", "error_bound")}
        return as_json({"plan": found}), FINE
    return as_text(str(plan)), FINE


COMMAND = Command(
    name="plan",
    summary="say what a convolution would do: method, work, workspace, error bound",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
