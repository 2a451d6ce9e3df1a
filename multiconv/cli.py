"""The command ``multiconv``: comparing, learning, planning, measuring, and listing backends."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import multiconv
from multiconv import kernels
from multiconv.core.whole_file import write_whole
from multiconv.coursework import arguments as read
from multiconv.coursework import terminal
from multiconv.coursework.terminal import Line, Segment
from multiconv.learning.descend import LOSSES
from multiconv.methods import table as methods

# What a command returns: the lines to print, and the exit status.
Outcome: TypeAlias = tuple[Iterable[Line], int]

AGREED, DISAGREED, MISUSED, INTERRUPTED = 0, 1, 2, 130
_PIPE_CLOSED = 141  # what shells report for a program that SIGPIPE ended

_DESCRIPTION = "One convolution for every array library, with the same answer."

_TUNE = """\
Measure how long each method needs for what it does on this machine, in every
installed backend, and keep the result for this user. From then on `auto` chooses
by it. It takes a minute or two for each backend; let nothing else run."""

_TUNE_MORE = """\
examples:
  multiconv tune
  multiconv tune --backends numpy,torch
  multiconv tune --dry-run --json > costs.json

The file is costs.json in the user's cache folder, or in the folder that
MULTICONV_CACHE names. Delete it to go back to what was shipped. It is ignored on
another machine, and where it is damaged.

exit status: 0, 2 when the command was misused or the file could not be written"""

_COMPARE = """\
Run every installed backend and every method, eager and compiled, forward and
through the gradients, on the textbook's example and on a photograph, and say
whether they agree with the exact result; then how long they take. At the end
each backend learns the textbook's kernel."""

_COMPARE_MORE = """\
examples:
  multiconv compare --backends numpy,torch
  multiconv compare --image photo.jpg --kernel laplacian
  multiconv compare --kernel "[[1, -1]]" --no-jit
  multiconv compare --kernel="-1 0 1; -2 0 2; -1 0 1" --json > comparison.json

exit status: 0 when all agree, 1 when not, 2 when the command was misused, there
was nothing to compare, or the output could not be written"""

_LEARN = """\
Correlate a picture with a kernel, and let every backend learn the kernel back
from the two, by gradient descent from the same start and in closed form. Say
first whether all go the same way."""

_LEARN_MORE = """\
examples:
  multiconv learn --steps 1000
  multiconv learn --image photo.jpg --kernel laplacian --steps 5000
  multiconv learn --kernel "[[1, -1]]" --size 3x3 --bias
  multiconv learn --lr 1e-3 --loss mean --json > learning.json

exit status: 0 when all agree and the kernel is recovered, 1 when not, 2 when
the command was misused or the output could not be written. Recovered means that
the zeros and signs of the kernel can be told: that no number is off by more
than half the smallest of the true kernel, those apart that are worth less than
a grey level of 255. What the picture leaves undetermined does not count, and
where the true kernel is larger than the one that is learned, the solution in
closed form stands for it."""

_PLAN = """\
Say what a convolution would do, without computing it: the shape of its result,
the method and why, its work, its workspace and its error bound. SHAPE is that
of an image, HxW, or of images with channels, NxCxHxW."""

_PLAN_MORE = """\
examples:
  multiconv plan 2048x2048 -k 7x7 --backend torch
  multiconv plan 8x64x56x56 -k 64x64x3x3 --padding same
  multiconv plan 56x56 -k 3x3 --channels 8,64,64 --padding 1 --stride 2
  multiconv plan 4x64x28x28 -k 64x32x4x4 --stride 2 --padding 1 --transposed"""

_BENCH = """\
Measure `auto` and every method of every backend against the frameworks' own
convolutions, SciPy and OpenCV, where they are installed, over a grid of images,
layers, audio and volumes. All take turns in one run; what does not give the
exact result, or keep its bound, is reported and not timed. At the end a summary
says how many times faster `auto` is than the others, and where it is slowest.
Ctrl-C ends it, with what is measured so far."""

_BENCH_MORE = """\
groups: {groups} (default: all)

examples:
  multiconv bench --quick
  multiconv bench images --backends numpy,torch --out results
  multiconv bench layers depthwise --backends torch --methods native,im2col --all
  multiconv bench small --markdown > small.md

exit status: 0 when all results were right, 1 when not, 2 when the command was
misused or the output could not be written, 130 when it was interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process, if left out.

    Returns
    -------
    int
        The exit status: 0 for success, 1 if something disagrees or was not learned, 2 for misuse
        and for output that cannot be written, 130 after an interruption from the keyboard.
    """
    if sys.stdout is None:
        return _complain("error: stdout is closed: there is nowhere to write to", MISUSED)
    said, complained = io.StringIO(), io.StringIO()
    try:
        # argparse ignores that it cannot write.
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], Outcome] = arguments.run
        lines, status = run(arguments)
        return _write(lines) or status
    except SystemExit as leave:
        _to_stderr(complained.getvalue())
        return _write(_text(said.getvalue())) or int(leave.code or 0)
    except read.MisuseError as error:
        return _complain(f"error: {error}", MISUSED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _write(lines: Iterable[Line]) -> int:
    """Print lines, and return the exit status if that fails."""
    try:
        terminal.show(lines, sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer cannot be written either when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            return _PIPE_CLOSED
        return _complain(f"error: stdout cannot be written to: {error.strerror}", MISUSED)
    return 0


def _complain(message: str, status: int) -> int:
    _to_stderr(f"multiconv: {message}\n")
    return status


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _text(text: str) -> list[Line]:
    return [[Segment(line)] for line in text.splitlines()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="multiconv", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"multiconv {multiconv.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, run: Any, summary: str, description: str, more: str = "") -> Any:
        command = commands.add_parser(
            name,
            help=summary,
            description=description,
            epilog=more,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("--json", action="store_true", help="print one JSON document instead")
        command.set_defaults(run=run)
        return command

    summary = "compare backends and methods: agreement first, then time"
    _add_compared(add("compare", _compare, summary, _COMPARE, _COMPARE_MORE))
    summary = "learn a kernel back from a picture, on every backend"
    _add_learned(add("learn", _learn, summary, _LEARN, _LEARN_MORE))
    summary = "say what a convolution would do: method, work, workspace, error bound"
    _add_planned(add("plan", _plan, summary, _PLAN, _PLAN_MORE))
    summary = "measure every backend and method against the frameworks and other libraries"
    _add_benched(add("bench", _bench, summary, _BENCH, _bench_more()))
    summary = "measure this machine, so that auto chooses by what is fast here"
    _add_tuned(add("tune", _tune, summary, _TUNE, _TUNE_MORE))
    summary = "list the backends: versions, devices, and how to install what is missing"
    add("backends", _backends, summary, f"{summary[0].upper()}{summary[1:]}.")
    return parser


def _add_compared(command: argparse.ArgumentParser) -> None:
    _add_picture(command)
    option, known = command.add_argument, ", ".join(methods.NAMES)
    option("--methods", metavar="a,b", help=f"only these of {known} (default: all)")
    without = "leave out the compiled runs, which take longest"
    option("--no-jit", action="store_true", help=without)


def _add_learned(command: argparse.ArgumentParser) -> None:
    _add_picture(command)
    option, default = command.add_argument, "(default: %(default)s)"
    size = "size of the kernel that is learned (default: the kernel's)"
    option("--size", metavar="KHxKW", help=size)
    option("--bias", action="store_true", help="learn a bias too, which should be zero")
    option("--steps", type=int, default=100, metavar="N", help=f"number of steps {default}")
    rate = f"the learning rate, or auto, the fastest that converges {default}"
    option("--lr", default="auto", metavar="RATE", help=rate)
    loss = f"whether squared errors are added up or averaged {default}"
    option("--loss", choices=LOSSES, default="sum", help=loss)
    option("--seed", type=int, default=0, metavar="N", help=f"of the start {default}")


def _add_planned(command: argparse.ArgumentParser) -> None:
    option, default = command.add_argument, "(default: %(default)s)"
    option("shape", metavar="SHAPE", help="of the image, such as 2048x2048")
    kernel = "of the kernel, KHxKW, or of the weight, OxCxKHxKW"
    option("-k", "--kernel", metavar="SHAPE", required=True, help=kernel)
    channels = "channels in and out, and images before them, where the shapes are HxW and KHxKW"
    option("--channels", metavar="[N,]C,O", help=channels)
    option("--stride", default="1", metavar="N", help=f"one number, or one per axis {default}")
    option("--padding", default="0", metavar="N or name", help=f"as in conv2d {default}")
    option("--dilation", default="1", metavar="N", help=f"one number, or one per axis {default}")
    option("--groups", type=int, default=1, metavar="N", help=f"as in conv2d {default}")
    option("--padding-mode", default="zeros", metavar="NAME", help=f"of the border {default}")
    option("--transposed", action="store_true", help="plan conv_transpose instead")
    option("--method", default="auto", metavar="NAME", help=f"the method {default}")
    option("--dtype", default="float32", metavar="NAME", help=f"of both arrays {default}")
    option("--backend", metavar="NAME", help="whose arrays (default: the default backend's)")


def _add_tuned(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--backends", metavar="a,b", help="only these (default: all that are installed)"
    )
    command.add_argument("--dry-run", action="store_true", help="measure, and keep nothing")


def _bench_more() -> str:
    from multiconv.benchmarking.grid import GROUPS

    return _BENCH_MORE.format(groups=", ".join(GROUPS))


def _add_benched(command: argparse.ArgumentParser) -> None:
    option = command.add_argument
    option("groups", nargs="*", metavar="GROUP", help="parts of the grid; see below")
    option("--quick", action="store_true", help="a small grid, in less than two minutes")
    option("--backends", metavar="a,b", help="only these (default: all that are installed)")
    known = ", ".join(methods.NAMES)
    chosen = f"auto and only these of {known} (default: all; --quick leaves out the slow ones)"
    option("--methods", metavar="a,b", help=chosen)
    option("--seconds", type=float, metavar="S", help="about how long the whole grid may take")
    option("--dtype", default="float32", metavar="NAME", help="(default: %(default)s)")
    option("--device", metavar="NAME", help="of PyTorch's and JAX's arrays, such as cuda or gpu:0")
    option("--all", action="store_true", help="a row for every candidate, not for auto alone")
    option("--markdown", action="store_true", help="print Markdown instead")
    option("--csv", action="store_true", help="print a CSV table of all times instead")
    out = "also write results.md, .csv, .json and .png, with the times as lines, there"
    option("--out", metavar="FOLDER", help=out)


def _add_picture(command: argparse.ArgumentParser) -> None:
    option, known = command.add_argument, ", ".join(kernels.names())
    image = "a picture of your own, or a .npy file, instead of ours"
    option("--image", metavar="FILE", help=image)
    kernel = (
        f'the picture\'s kernel: {known}, or numbers as in "[[1, -1]]" and "1 -1; 2 0" '
        f"(default: %(default)s)"
    )
    option("--kernel", default="sobel-x", metavar="NAME or literal", help=kernel)
    option("--backends", metavar="a,b", help="only these (default: all that are installed)")


def _compare(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import document, report
    from multiconv.coursework.compare import compare

    picture = read.picture(arguments)
    chosen = read.method_names(arguments.methods)
    faces, broken = read.backends(arguments.backends)
    kernel = arguments.kernel.strip()
    comparison = compare(faces, chosen, picture, kernel, jit=not arguments.no_jit, broken=broken)
    if not comparison.judged and not broken:
        reasons = "; ".join(dict.fromkeys(f"{where}: {why}" for why, where in comparison.refusals))
        raise read.MisuseError(f"--methods: there is nothing to compare, for {reasons}")
    status = AGREED if comparison.agrees else DISAGREED
    if arguments.json:
        return _json(document.of_comparison(comparison)), status
    return report.lines(comparison), status


def _learn(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import document, learning, learning_report

    lesson = read.lesson_of(arguments)
    faces, broken = read.backends(arguments.backends)
    learned = learning.learn(faces, lesson, broken=broken)
    status = AGREED if learned.agrees and learned.is_recovered else DISAGREED
    if arguments.json:
        return _json({"learning": document.of_learning(learned)}), status
    picture = "our photograph" if arguments.image is None else arguments.image
    return learning_report.lines(learned, picture, arguments.kernel.strip()), status


def _plan(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import shapes

    try:
        plan = multiconv.plan(**shapes.planned(arguments))
    except (ValueError, TypeError, ImportError) as error:
        raise read.MisuseError(str(error)) from error
    if arguments.json:
        names = ("output_shape", "dtype", "pads", "method", "reason", "multiply_adds")
        found = {name: getattr(plan, name) for name in (*names, "workspace_bytes", "error_bound")}
        return _json({"plan": found}), AGREED
    return _text(str(plan)), AGREED


def _tune(arguments: argparse.Namespace) -> Outcome:
    from multiconv.planning import constants
    from multiconv.tuning.tune import tuned

    faces, _ = read.backends(arguments.backends)
    found = tuned(face.name for face in faces)
    path = constants.user_file()
    text = constants.document(constants.users_seconds() | found)
    if not arguments.dry_run:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())
        except (OSError, ValueError) as error:
            msg = f"{path} cannot be written: {error}; {constants.FOLDER_VARIABLE} names another"
            raise read.MisuseError(f"{msg} folder") from error
        constants.forget()
    if arguments.json:
        return _json({"tune": json.loads(text)}), AGREED
    where = "kept nowhere: --dry-run" if arguments.dry_run else f"kept in {path}"
    rows = [
        f"{key:<20} {method:<8} {', '.join(f'{u} {s * 1e9:.3g} ns' for u, s in units.items())}"
        for key, methods in found.items()
        for method, units in methods.items()
    ]
    return _text("\n".join([*rows, "", where])), AGREED


def _bench(arguments: argparse.Namespace) -> Outcome:
    from multiconv.benchmarking import arguments as asked
    from multiconv.benchmarking import files, measure, records, tables

    folder, request = asked.folder(arguments), asked.request(arguments)
    results = measure.measure(request)
    status = DISAGREED if results.wrong or results.broken else AGREED
    status = INTERRUPTED if results.is_interrupted else status
    if folder is not None:
        try:
            _to_stderr(f"{files.write(results, folder)}\n")
        except (OSError, ValueError) as error:  # what was measured is shown all the same
            status = _complain(f"error: --out: {error}", MISUSED)
    if arguments.json:
        return _json({"bench": records.as_json(results)}), status
    if arguments.csv:
        return _text(records.as_csv(results)), status
    if arguments.markdown:
        return _text("\n".join(tables.markdown(results, everything=arguments.all))), status
    return tables.lines(results, everything=arguments.all), status


def _backends(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import environment, report

    states = environment.backends()
    return _json({"backends": states}) if arguments.json else report.states(states), AGREED


def _json(found: dict[str, Any]) -> list[Line]:
    from multiconv.coursework import document

    whole = document.in_json({"multiconv": multiconv.__version__} | found)
    return _text(json.dumps(whole, indent=1, allow_nan=False))
