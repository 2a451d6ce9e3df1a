"""The command ``multiconv explain``."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiconv.commands import geometry_options
from multiconv.commands.command import FINE, Command, Outcome, as_json, as_text
from multiconv.coursework.arguments import MisuseError
from multiconv.coursework.terminal import Line

if TYPE_CHECKING:
    from multiconv.coursework.typed_numbers import Numbers
    from multiconv.explaining.explanation import Explanation

_DESCRIPTION = """\
Say how one output number of a correlation comes about: which pixels the kernel
meets, what is multiplied with what, and what the sum is. Without --at it is the
first number that is explained, and where there are few, the others get a line.
With -o it is a web page instead, in one file that needs no network: pointing at
an output lights up its window, its products and its row of the Toeplitz matrix,
and stride, padding, dilation and all numbers can be changed."""

_MORE = """\
examples:
  multiconv explain
  multiconv explain "[[0,1,2],[3,4,5],[6,7,8]]" "[[0,1],[2,3]]" --at 0,1
  multiconv explain "1 2; 3 4" box --padding 1 --padding-mode replicate
  multiconv explain photo.png "[[1, -1]]" --at 20,31
  multiconv explain "1 2 3; 4 5 6; 7 8 9" "1 0; 0 -1" --stride 2 -o page.html

exit status: 0, 2 when the command was misused or the file could not be written"""

_MOST_LISTED = 16  # outputs that get a line
_TEXTBOOK = ("0 1 2; 3 4 5; 6 7 8", "0 1; 2 3")


def _add(command: argparse.ArgumentParser) -> None:
    option = command.add_argument
    image = 'numbers such as "0 1 2; 3 4 5", or a .npy file or picture (default: the textbook\'s)'
    option("image", metavar="IMAGE", nargs="?", default=_TEXTBOOK[0], help=image)
    kernel = "numbers, a .npy file, or a name such as sobel-x (default: the textbook's)"
    option("kernel", metavar="KERNEL", nargs="?", default=_TEXTBOOK[1], help=kernel)
    at = "row and column of the number in the output, such as 0,1; negative: --at=-1,-1"
    option("--at", metavar="P,Q", help=at)
    geometry_options.add(command)
    option("--flip", action="store_true", help="flip the kernel, as convolve2d does")
    option("-o", "--html", metavar="FILE", help="write a page to explore in a browser instead")


def _run(arguments: argparse.Namespace) -> Outcome:
    import multiconv

    x, k, options = _read(arguments)
    try:
        explanation = multiconv.explain(x, k, _at(arguments.at), **options)
        if arguments.html is not None:
            return _page(arguments.html, x, k, explanation.at, options), FINE
    except (ValueError, TypeError) as error:
        raise MisuseError(str(error)) from error
    if arguments.json:
        return as_json({"explain": _document(explanation)}), FINE
    text = [str(explanation)]
    if arguments.at is None:
        text += _others(x, k, explanation, options)
    return as_text("\n".join(text)), FINE


def _read(arguments: argparse.Namespace) -> tuple[Numbers, Numbers, dict[str, Any]]:
    """Read image, kernel and the options of `explain`."""
    from multiconv.coursework import shapes, typed_numbers

    numbers = []
    for name, reader in (("IMAGE", typed_numbers.image), ("KERNEL", typed_numbers.kernel)):
        try:
            numbers.append(reader(getattr(arguments, name.lower())))
        except ValueError as error:
            raise MisuseError(f"{name}: {error}") from error
    options = shapes.geometry_options(arguments) | {"flip": arguments.flip}
    x, k = numbers
    return x, k, options


def _at(text: str | None) -> tuple[int, ...]:
    if text is None:
        return 0, 0
    parts = text.strip().strip("()[]").split(",")
    if not all(re.fullmatch(r"\s*-?\d+\s*", part) for part in parts):
        raise MisuseError(f"--at: got {text!r}, and takes a row and a column such as 0,1")
    return tuple(int(part) for part in parts)


def _page(
    file: str, x: Numbers, k: Numbers, at: tuple[int, ...], options: dict[str, Any]
) -> list[Line]:
    from multiconv.core.whole_file import write_whole
    from multiconv.explaining.page import page

    content = page(x, k, at, **options).encode()
    try:
        write_whole(Path(file), content)
    except (OSError, ValueError) as error:
        raise MisuseError(f"-o: {file} cannot be written: {error}") from error
    return as_text(f"wrote {file}: open it in a browser")


def _others(x: Numbers, k: Numbers, first: Explanation, options: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each other output, where there are few; else how to ask for one."""
    import numpy as np

    import multiconv

    count = math.prod(first.output_shape)
    if count > _MOST_LISTED:
        rows, columns = first.output_shape
        last = f"{rows - 1},{columns - 1}"
        yield f"\n--at P,Q explains another of the {count} outputs, the last with --at {last}"
        return
    if count > 1:
        yield "\nthe others:"
    for at in list(np.ndindex(*first.output_shape))[1:]:
        other = multiconv.explain(x, k, at, **options)
        yield f"y[{at[0]}, {at[1]}] = {other.formula}"


def _document(e: Explanation) -> dict[str, Any]:
    """Return an explanation in JSON's types."""
    terms = [
        {
            "place": term.place,
            "index": term.index,
            "tap": term.tap,
            "pixel": term.pixel,
            "weight": term.weight,
            "product": term.product,
            "is_border": term.is_border,
        }
        for term in e.terms
    ]
    return {
        "at": e.at,
        "value": e.value,
        "dtype": e.dtype,
        "formula": e.formula,
        "terms": terms,
        "output_shape": e.output_shape,
        "window": e.window,
        "pads": e.pads,
        "padding_mode": e.geometry.padding_mode,
        "flip": e.flip,
    }


COMMAND = Command(
    name="explain",
    summary="say how one output number comes about, or write a page to explore them all",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
