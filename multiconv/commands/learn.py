"""The command ``multiconv learn``."""

from __future__ import annotations

import argparse

from multiconv.commands import picture_options
from multiconv.commands.command import FINE, NOT_FINE, Command, Outcome, as_json
from multiconv.coursework import arguments as read
from multiconv.learning.descend import LOSSES

_DESCRIPTION = """\
Correlate a picture with a kernel, and let every backend learn the kernel back
from the two, by gradient descent from the same start. Say first whether it came
back, by how much it is off and why; then whether all took the same way."""

_MORE = """\
examples:
  multiconv learn
  multiconv learn --image photo.jpg --kernel laplacian
  multiconv learn --momentum 0 --steps 2000
  multiconv learn --kernel "[[1, -1]]" --size 3x3 --bias
  multiconv learn --lr 1e-3 --loss mean --json > learning.json

exit status: 0 when all agree and the kernel is recovered, 1 when not, 2 when
the command was misused or the output could not be written. Recovered means that
the zeros and signs of the kernel can be told: that no number is off by more
than half the smallest of the true kernel, those apart that are worth less than
a grey level of 255, and that the picture determines them all. Where the true
kernel is larger than the one that is learned, the solution of least squares
stands for it.

The descent ends where exact arithmetic would move the kernel by no more than
one rounding of float32, and after --steps at the latest. On photographs, whose
patches are much alike, that takes tens of thousands of plain steps, and some
hundreds with momentum."""


def _add(command: argparse.ArgumentParser) -> None:
    picture_options.add(command)
    option, default = command.add_argument, "(default: %(default)s)"
    size = "size of the kernel that is learned (default: the kernel's)"
    option("--size", metavar="KHxKW", help=size)
    whole = "learn from all of a large picture, and not from its middle alone"
    option("--whole", action="store_true", help=whole)
    option("--bias", action="store_true", help="learn a bias too, which should be zero")
    steps = f"at most so many steps; fewer where it has settled {default}"
    option("--steps", type=int, default=10_000, metavar="N", help=steps)
    rate = f"the learning rate, or auto, the fastest that converges {default}"
    option("--lr", default="auto", metavar="RATE", help=rate)
    momentum = (
        f"how much of the last step is kept, 0 for plain gradient descent; auto is the fastest, or "
        f"0 with a rate of your own {default}"
    )
    option("--momentum", default="auto", metavar="M", help=momentum)
    loss = f"whether squared errors are added up or averaged {default}"
    option("--loss", choices=LOSSES, default="sum", help=loss)
    option("--seed", type=int, default=0, metavar="N", help=f"of the start {default}")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import (
        learning,
        learning_arguments,
        learning_document,
        learning_report,
    )

    lesson = learning_arguments.lesson_of(arguments)
    faces, broken = read.backends(arguments.backends)
    learned = learning.learn(faces, lesson, broken=broken)
    status = FINE if learned.agrees and learned.is_recovered else NOT_FINE
    if arguments.json:
        return as_json({"learning": learning_document.of_learning(learned)}), status
    picture = "our photograph" if arguments.image is None else arguments.image
    return learning_report.lines(learned, picture, arguments.kernel.strip()), status


COMMAND = Command(
    name="learn",
    summary="learn a kernel back from a picture, on every backend",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
