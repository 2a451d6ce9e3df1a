"""The command ``multiconv``: comparing backends, learning on them, and listing them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import multiconv
from multiconv import kernels
from multiconv.backends import registry
from multiconv.faces import Face, get_backend
from multiconv.learning.descend import LOSSES
from multiconv.methods import table as methods

if TYPE_CHECKING:
    from multiconv.coursework.cases import Case
    from multiconv.coursework.learning import Lesson

AGREED, DISAGREED, MISUSED, INTERRUPTED = 0, 1, 2, 130
_PIPE_CLOSED = 141  # what shells report for a program that SIGPIPE ended

_DESCRIPTION = "One convolution for every array library, with the same answer."

_COMPARE = """\
Run every installed backend and every method, eager and compiled, forward and through the
gradients, on the textbook's example and on a photograph, and say whether they agree with the
exact result; then how long they take. At the end each backend learns the textbook's kernel."""

_COMPARE_MORE = """\
examples:
  multiconv compare --backends numpy,torch
  multiconv compare --image photo.jpg --kernel laplacian
  multiconv compare --kernel "[[1, -1]]" --no-jit
  multiconv compare --kernel="-1 0 1; -2 0 2; -1 0 1" --json > comparison.json

exit status: 0 when all agree, 1 when not, 2 when the command was misused"""

_LEARN = """\
Correlate a picture with a kernel, and let every backend learn the kernel back from the two, by
gradient descent from the same start and in closed form. Say first whether all go the same way."""

_LEARN_MORE = """\
examples:
  multiconv learn
  multiconv learn --image photo.jpg --kernel laplacian --steps 1000
  multiconv learn --kernel "[[1, -1]]" --size 3x3 --bias
  multiconv learn --lr 1e-3 --loss mean --json > learning.json

exit status: 0 when all agree, 1 when not, 2 when the command was misused"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process, if left out.

    Returns
    -------
    int
        The exit status: 0 for success, 1 if a comparison found a disagreement, 2 for misuse, 130
        after an interruption from the keyboard.
    """
    try:
        arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int] = arguments.run
        status = run(arguments)
        sys.stdout.flush()
    except SystemExit as leave:  # argparse has said why
        return leave.code if isinstance(leave.code, int) else MISUSED
    except _MisuseError as error:
        print(f"multiconv: error: {error}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("multiconv: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain when it flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return status


class _MisuseError(Exception):
    """Arguments that cannot be used; the message names the argument and what would work."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="multiconv", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"multiconv {multiconv.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    compare = commands.add_parser(
        "compare",
        help="compare backends and methods: agreement first, then time",
        description=_COMPARE,
        epilog=_COMPARE_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_picture(compare)
    compare.add_argument(
        "--methods",
        metavar="a,b",
        help=f"only these of {', '.join(methods.NAMES)} (default: all)",
    )
    compare.add_argument(
        "--no-jit", action="store_true", help="leave out the compiled runs, which take longest"
    )
    compare.add_argument("--json", action="store_true", help="print one JSON document instead")
    compare.set_defaults(run=_compare)

    learn = commands.add_parser(
        "learn",
        help="learn a kernel back from a picture, on every backend",
        description=_LEARN,
        epilog=_LEARN_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_picture(learn)
    learn.add_argument(
        "--size", metavar="KHxKW", help="size of the kernel that is learned (default: the kernel's)"
    )
    learn.add_argument("--bias", action="store_true", help="learn a bias too, which should be zero")
    learn.add_argument(
        "--steps", type=int, default=100, metavar="N", help="number of steps (default: %(default)s)"
    )
    learn.add_argument(
        "--lr",
        default="auto",
        metavar="RATE",
        help="the learning rate, or auto, the fastest that converges (default: %(default)s)",
    )
    learn.add_argument(
        "--loss",
        choices=LOSSES,
        default="sum",
        help="whether squared errors are added up or averaged (default: %(default)s)",
    )
    learn.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the start (default: %(default)s)"
    )
    learn.add_argument("--json", action="store_true", help="print one JSON document instead")
    learn.set_defaults(run=_learn)

    backends = commands.add_parser(
        "backends",
        help="list the backends: versions, devices, and how to install what is missing",
        description="List the backends that are installed, and how to install the others.",
    )
    backends.add_argument("--json", action="store_true", help="print one JSON document instead")
    backends.set_defaults(run=_backends)
    return parser


def _add_picture(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--image", metavar="FILE", help="a picture of your own, or a .npy file, instead of ours"
    )
    command.add_argument(
        "--kernel",
        default="sobel-x",
        metavar="NAME or literal",
        help=f"the picture's kernel: {', '.join(kernels.names())}, or numbers as in "
        f'"[[1, -1]]" and "1 -1; 2 0" (default: %(default)s)',
    )
    command.add_argument(
        "--backends", metavar="a,b", help="only these (default: all that are installed)"
    )


def _compare(arguments: argparse.Namespace) -> int:
    from multiconv.coursework import document, report, terminal
    from multiconv.coursework.compare import compare

    picture = _picture(arguments)
    chosen_methods = _chosen_methods(arguments.methods)
    faces, broken = _chosen_backends(arguments.backends)

    comparison = compare(
        faces,
        chosen_methods,
        picture,
        arguments.kernel.strip(),
        jit=not arguments.no_jit,
        broken=broken,
    )
    if arguments.json:
        print(json.dumps(document.of_comparison(comparison), indent=1, allow_nan=False))
    else:
        terminal.show(report.lines(comparison), sys.stdout)
    return AGREED if comparison.agrees else DISAGREED


def _picture(arguments: argparse.Namespace) -> Case:
    from multiconv.coursework import cases, kernel_literals, pictures

    try:
        kernel = kernel_literals.read(arguments.kernel)
    except ValueError as error:
        raise _MisuseError(f"--kernel: {error}") from error
    try:
        image = pictures.camera() if arguments.image is None else pictures.read(arguments.image)
    except ValueError as error:
        raise _MisuseError(f"--image: {error}") from error
    try:
        return cases.picture(image, kernel)
    except ValueError as error:
        raise _MisuseError(f"--kernel: {error}") from error


def _learn(arguments: argparse.Namespace) -> int:
    from multiconv.coursework import document, learning, learning_report, terminal

    lesson = _lesson(arguments)
    faces, broken = _chosen_backends(arguments.backends)
    learned = learning.learn(faces, lesson, broken=broken)
    if arguments.json:
        found = {"multiconv": multiconv.__version__, "learning": document.of_learning(learned)}
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        picture = "our photograph" if arguments.image is None else arguments.image
        shown = learning_report.lines(learned, picture, arguments.kernel.strip())
        terminal.show(shown, sys.stdout)
    return AGREED if learned.agrees else DISAGREED


def _lesson(arguments: argparse.Namespace) -> Lesson:
    """Read what is to be learned."""
    from multiconv.coursework import learning

    case = _picture(arguments)
    size = _size(arguments.size, case)
    if math.prod(size) + arguments.bias > learning.MOST_UNKNOWNS:
        argument = "--kernel" if arguments.size is None else "--size"
        raise _MisuseError(
            f"{argument}: a kernel of {size[0]}x{size[1]} has {math.prod(size)} numbers, and at "
            f"most {learning.MOST_UNKNOWNS} are learned here, bias included"
        )
    if arguments.steps < 1:
        raise _MisuseError(f"--steps: at least one step is needed, got {arguments.steps}")
    if not -(2**63) <= arguments.seed < 2**64:
        raise _MisuseError(f"--seed: a seed has 64 bits, got {arguments.seed}")
    lesson = learning.of_picture(
        case.x,
        case.k,
        size,
        bias=arguments.bias,
        steps=arguments.steps,
        loss=arguments.loss,
        seed=arguments.seed,
    )
    return dataclasses.replace(lesson, lr=_rate(arguments.lr, lesson))


def _size(text: str | None, case: Case) -> tuple[int, int]:
    if text is None:
        return case.k.shape[0], case.k.shape[1]
    match = re.fullmatch(r"(\d+)[x,](\d+)", text.strip())
    if not match or min(size := [int(n) for n in match.groups()]) < 1:
        raise _MisuseError(f"--size: got {text!r}, and takes a height and a width such as 3x5")
    height, width = case.x.shape
    if size[0] > height or size[1] > width:
        raise _MisuseError(
            f"--size: a kernel of {size[0]}x{size[1]} is larger than the picture of "
            f"{height}x{width}: it must fit in, for no border is added"
        )
    return size[0], size[1]


def _rate(text: str, lesson: Lesson) -> float:
    if text == "auto":
        return lesson.normal_form().best_rate(lesson.scale)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise _MisuseError(f"--lr: got {text!r}, and takes auto or a positive number such as 3e-2")
    return rate


def _chosen_methods(listed: str | None) -> list[str]:
    if listed is None:
        return list(methods.NAMES)
    names = _split("--methods", listed)
    for name in names:
        if name not in methods.NAMES:
            known = ", ".join(methods.NAMES)
            raise _MisuseError(f"--methods: there is no method {name!r}; there are {known}")
    return names


def _chosen_backends(listed: str | None) -> tuple[list[Face], dict[str, str]]:
    """Return the backends, and why others that are installed cannot be used."""
    if listed is not None:
        try:
            return [get_backend(name) for name in _split("--backends", listed)], {}
        except (ImportError, ValueError) as error:
            raise _MisuseError(f"--backends: {error}") from error
    faces, broken = [], {}
    for name in registry.available_backends():
        try:
            faces.append(get_backend(name))
        except ImportError as error:
            broken[name] = str(error)
    return faces, broken


def _split(argument: str, listed: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if not names:
        raise _MisuseError(f"{argument}: got {listed!r}, and takes names separated by commas")
    return list(dict.fromkeys(names))


def _backends(arguments: argparse.Namespace) -> int:
    from multiconv.coursework import document, environment

    states = environment.backends()
    if arguments.json:
        print(json.dumps(document.of_backends(states), indent=1))
        return AGREED
    width = max(len(state.name) for state in states)
    for state in states:
        if state.problem is None:
            found = f"{state.version or ''} on {', '.join(state.devices)}".strip()
        else:
            found = state.problem
        advice = f": {state.install}" if state.install else ""
        print(f"{state.name:<{width}}  {found}{advice}")
    return AGREED
