"""The command ``multiconv compare``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from multiconv.commands import picture_options
from multiconv.commands.command import (
    FINE,
    MISUSED,
    NOT_FINE,
    Command,
    Outcome,
    as_json,
    as_text,
    complain,
)
from multiconv.core.whole_file import check_place, write_whole
from multiconv.coursework import arguments as read
from multiconv.coursework.terminal import Line
from multiconv.methods import table as methods

if TYPE_CHECKING:
    from multiconv.coursework.compare import Comparison

_DESCRIPTION = """\
Run every installed framework and every method, eager and compiled, forward and
through the gradients, on the textbook's example and on a photograph, and say
whether they agree with the exact result; then how long they take. At the end
each framework learns the textbook's kernel."""

_MORE = """\
examples:
  multiconv compare
  multiconv compare photo.jpg --kernel laplacian
  multiconv compare --backends numpy,torch --no-jit -v
  multiconv compare --html report.html
  multiconv compare --kernel="-1 0 1; -2 0 2; -1 0 1" --json > comparison.json

exit status: 0 when all agree, 1 when not, 2 when the command was misused, there
was nothing to compare, or the output could not be written"""


def _add(command: argparse.ArgumentParser) -> None:
    option, known = command.add_argument, ", ".join(methods.NAMES)
    option("picture", nargs="?", metavar="IMAGE", help="the same as --image IMAGE")
    picture_options.add(command)
    option("--methods", metavar="a,b", help=f"only these of {known} (default: all)")
    without = "leave out the compiled runs, which take longest"
    option("--no-jit", action="store_true", help=without)
    more = "also show errors, bounds, quartiles, and which results have the same bits"
    option("-v", "--verbose", action="store_true", help=more)
    page = "also write a report to hand in: one file, with pictures and plots"
    option("--html", metavar="FILE", help=page)
    option("--md", metavar="FILE", help="also write a report in Markdown")
    option("--markdown", action="store_true", help="print Markdown instead")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import document, report
    from multiconv.coursework.compare import compare
    from multiconv.coursework.reports import markdown

    image, places = _image(arguments), _places(arguments)
    picture = read.picture(arguments)
    chosen = read.method_names(arguments.methods)
    faces, broken = read.backends(arguments.backends)
    comparison = compare(
        faces,
        chosen,
        picture,
        image=image,
        kernel=arguments.kernel.strip(),
        jit=not arguments.no_jit,
        broken=broken,
    )
    if not comparison.judged and not broken:
        reasons = "; ".join(dict.fromkeys(f"{where}: {why}" for why, where in comparison.refusals))
        raise read.MisuseError(f"--methods: there is nothing to compare, for {reasons}")
    status = FINE if comparison.agrees else NOT_FINE
    written = as_text("")
    for option, place in places.items():
        try:
            _write(option, place, comparison)
            written += as_text(f"written: {place}")
        except (OSError, ValueError) as error:  # what was found is shown all the same
            status = complain(f"error: {option}: {error}", MISUSED)
    if arguments.json:
        return as_json(document.of_comparison(comparison)), status
    if arguments.markdown:
        return as_text("\n".join(markdown.lines(comparison))), status
    return _told(report.lines(comparison, is_verbose=arguments.verbose), written), status


def _image(arguments: argparse.Namespace) -> str | None:
    """Read the picture's place, which may be given in two ways, and leave it in ``image``."""
    if arguments.picture is not None and arguments.image is not None:
        raise read.MisuseError(
            f"IMAGE: there are two, {arguments.picture!r} and {arguments.image!r} behind --image: "
            f"give one of them"
        )
    if arguments.picture is not None:
        arguments.image = arguments.picture
    image: str | None = arguments.image
    return image


def _places(arguments: argparse.Namespace) -> dict[str, Path]:
    """Read where reports go, and say before the work if they cannot be written there."""
    given = {"--html": arguments.html, "--md": arguments.md}
    places = {option: Path(place) for option, place in given.items() if place is not None}
    for option, place in places.items():
        try:
            check_place(place)
        except (OSError, ValueError) as error:
            raise read.MisuseError(f"{option}: {error}") from error
    if len({place.resolve() for place in places.values()}) < len(places):
        raise read.MisuseError(f"--md: {arguments.md!r} is the file of --html: name another")
    return places


def _write(option: str, place: Path, comparison: Comparison) -> None:
    from multiconv.coursework.reports import html, markdown

    if option == "--html":
        text = html.page(comparison)
    else:
        text = "\n".join(markdown.lines(comparison)) + "\n"
    write_whole(place, text.encode())


def _told(lines: Iterator[Line], written: list[Line]) -> Iterator[Line]:
    """Yield a report, and what was written beside it."""
    yield from lines
    yield from written


COMMAND = Command(
    name="compare",
    summary="compare frameworks and methods: agreement first, then speed",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
