"""The command ``multiconv compare``."""

from __future__ import annotations

import argparse

from multiconv.commands import picture_options
from multiconv.commands.command import FINE, NOT_FINE, Command, Outcome, as_json
from multiconv.coursework import arguments as read
from multiconv.methods import table as methods

_DESCRIPTION = """\
Run every installed backend and every method, eager and compiled, forward and
through the gradients, on the textbook's example and on a photograph, and say
whether they agree with the exact result; then how long they take. At the end
each backend learns the textbook's kernel."""

_MORE = """\
examples:
  multiconv compare --backends numpy,torch
  multiconv compare --image photo.jpg --kernel laplacian
  multiconv compare --kernel "[[1, -1]]" --no-jit
  multiconv compare --kernel="-1 0 1; -2 0 2; -1 0 1" --json > comparison.json

exit status: 0 when all agree, 1 when not, 2 when the command was misused, there
was nothing to compare, or the output could not be written"""


def _add(command: argparse.ArgumentParser) -> None:
    picture_options.add(command)
    option, known = command.add_argument, ", ".join(methods.NAMES)
    option("--methods", metavar="a,b", help=f"only these of {known} (default: all)")
    without = "leave out the compiled runs, which take longest"
    option("--no-jit", action="store_true", help=without)
    more = "also show errors, bounds, quartiles and equal bits"
    option("-v", "--verbose", action="store_true", help=more)


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import document, report
    from multiconv.coursework.compare import compare

    picture = read.picture(arguments)
    chosen = read.method_names(arguments.methods)
    faces, broken = read.backends(arguments.backends)
    comparison = compare(
        faces,
        chosen,
        picture,
        image=arguments.image,
        kernel=arguments.kernel.strip(),
        jit=not arguments.no_jit,
        broken=broken,
    )
    if not comparison.judged and not broken:
        reasons = "; ".join(dict.fromkeys(f"{where}: {why}" for why, where in comparison.refusals))
        raise read.MisuseError(f"--methods: there is nothing to compare, for {reasons}")
    status = FINE if comparison.agrees else NOT_FINE
    if arguments.json:
        return as_json(document.of_comparison(comparison)), status
    return report.lines(comparison, is_verbose=arguments.verbose), status


COMMAND = Command(
    name="compare",
    summary="compare backends and methods: agreement first, then time",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
