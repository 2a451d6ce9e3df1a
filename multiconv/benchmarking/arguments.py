"""What is typed after `multiconv bench`, read into a request."""

from __future__ import annotations

import argparse
from pathlib import Path

from multiconv.benchmarking import grid
from multiconv.benchmarking.measure import Request
from multiconv.core import dtypes
from multiconv.coursework import arguments as read
from multiconv.coursework.arguments import MisuseError
from multiconv.methods import table as methods

#: Seconds for the whole grid, and the most that a call may take to be repeated.
QUICK, WHOLE = (100, 0.25), (1800, 2.0)


def request(arguments: argparse.Namespace) -> Request:
    """Read what is to be measured."""
    names = list(dict.fromkeys(arguments.groups)) or list(grid.USUAL)
    for name in names:
        if name not in grid.GROUPS:
            known = ", ".join(grid.GROUPS)
            raise MisuseError(f"GROUP: there is no group {name!r}; there are {known}")
    if arguments.dtype not in dtypes.SUPPORTED or dtypes.kind(arguments.dtype) != "float":
        raise MisuseError(
            f"--dtype: got {arguments.dtype!r}, and takes float32, float64, float16 or bfloat16"
        )
    if "exact" in names and arguments.dtype != "float32":
        raise MisuseError(f"--dtype: got {arguments.dtype!r}, and the group exact is of float32")
    seconds, slowest = QUICK if arguments.quick else WHOLE
    if arguments.seconds is not None:
        if not arguments.seconds > 0:
            raise MisuseError(f"--seconds: got {arguments.seconds:g}, and takes more than 0")
        seconds = arguments.seconds
    faces, broken = read.backends(arguments.backends)
    return Request(
        grid.cells(names, quick=arguments.quick),
        faces,
        _methods(arguments),
        seconds,
        slowest,
        arguments.dtype,
        arguments.device,
        broken=broken,
    )


def _methods(arguments: argparse.Namespace) -> list[str]:
    """Return `auto` and those named, else all, or all but those that are there to be read."""
    if arguments.methods is not None:
        return ["auto", *(n for n in read.method_names(arguments.methods) if n != "auto")]
    return [
        "auto",
        *(n for n, m in methods.METHODS.items() if m.limit is None or not arguments.quick),
    ]


def folder(arguments: argparse.Namespace) -> Path | None:
    """Read ``--out``: a folder, which is made if it is not there."""
    if arguments.out is None:
        return None
    place = Path(arguments.out)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(f"--out: {arguments.out!r} cannot be made: {error.strerror}") from error
    return place
