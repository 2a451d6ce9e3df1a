"""The command ``multiconv bench``."""

from __future__ import annotations

import argparse

from multiconv.benchmarking.grid import GROUPS
from multiconv.commands.command import (
    FINE,
    INTERRUPTED,
    MISUSED,
    NOT_FINE,
    Command,
    Outcome,
    as_json,
    as_text,
    complain,
    to_stderr,
)
from multiconv.methods import table as methods

_DESCRIPTION = """\
Measure `auto` and every method of every backend against the frameworks' own
convolutions, SciPy and OpenCV, where they are installed, over a grid of images,
layers, audio and volumes. All take turns in one run; what does not give the
exact result, or keep its bound, is reported and not timed. At the end a summary
says how many times faster `auto` is than the others, and where it is slowest.
Ctrl-C ends it, with what is measured so far."""

_MORE = """\
groups: {groups} (default: all but exact)

examples:
  multiconv bench --quick
  multiconv bench images --backends numpy,torch --out results
  multiconv bench layers depthwise --backends torch --methods native,im2col --all
  multiconv bench small --markdown > small.md

exit status: 0 when all results were right, 1 when not, 2 when the command was
misused or the output could not be written, 130 when it was interrupted"""


def _add(command: argparse.ArgumentParser) -> None:
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


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.benchmarking import arguments as asked
    from multiconv.benchmarking import files, measure, records, tables

    folder, request = asked.folder(arguments), asked.request(arguments)
    results = measure.measure(request)
    status = NOT_FINE if results.wrong or results.broken else FINE
    status = INTERRUPTED if results.is_interrupted else status
    if folder is not None:
        try:
            to_stderr(f"{files.write(results, folder)}\n")
        except (OSError, ValueError) as error:  # what was measured is shown all the same
            status = complain(f"error: --out: {error}", MISUSED)
    if arguments.json:
        return as_json({"bench": records.as_json(results)}), status
    if arguments.csv:
        return as_text(records.as_csv(results)), status
    if arguments.markdown:
        return as_text("\n".join(tables.markdown(results, everything=arguments.all))), status
    return tables.lines(results, everything=arguments.all), status


COMMAND = Command(
    name="bench",
    summary="measure every backend and method against the frameworks and other libraries",
    description=_DESCRIPTION,
    more=_MORE.format(groups=", ".join(GROUPS)),
    add=_add,
    run=_run,
)
