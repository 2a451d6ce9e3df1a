"""`multiconv apply` in tiles: from what is typed to a file larger than memory."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiconv.backends.registry import is_installed
from multiconv.core.installation import install_line
from multiconv.coursework import kernel_files, shapes
from multiconv.coursework.arguments import MisuseError, blaming
from multiconv.coursework.layout import by
from multiconv.coursework.terminal import Line, Segment
from multiconv.planning import options
from multiconv.tiles import apply as tiles
from multiconv.tiles.apply import Done, Task
from multiconv.tiles.array_files import SUFFIXES
from multiconv.tiles.unfinished import OtherWorkError

_DEFAULT = "1GB"
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# What pictures have and arrays do not.
_OF_PICTURES = ("abs", "scale", "offset", "normalize", "depth", "backend")


def is_meant(arguments: argparse.Namespace) -> bool:
    """Tell whether a command speaks of tiles."""
    is_zarr = Path(arguments.image).suffix.lower() == ".zarr"
    return is_zarr or arguments.memory is not None or arguments.cluster is not None


@dataclass(frozen=True)
class Applied:
    """What was done, for people and for programs."""

    kernel: str
    image: str
    out: str
    done: Done

    def lines(self) -> Iterator[Line]:
        """Yield one line."""
        done = self.done
        sizes = f"{by(done.before)} -> {by(done.after)} {done.dtype}"
        earlier = f", {done.earlier} of them in an earlier run" if done.earlier else ""
        yield [
            Segment(
                f"{self.out}: {self.kernel} of {self.image}, {sizes}, {done.tiles} tiles{earlier}, "
                f"{done.seconds:.1f} s"
            )
        ]

    def document(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        done = self.done
        return {
            "kernel": self.kernel,
            "image": self.image,
            "out": self.out,
            "shape_before": done.before,
            "shape": done.after,
            "dtype": done.dtype,
            "tiles": done.tiles,
            "tiles_of_an_earlier_run": done.earlier,
            "seconds": done.seconds,
        }


def applied(arguments: argparse.Namespace) -> Applied:
    """Do what the command line asks for; a MisuseError says what is wrong with it."""
    task = _task(arguments)
    try:
        with blaming("IMAGE"):
            source = tiles.opened(task)
            task.options.resolve(source.shape[-2:], task.kernel.shape)
        with blaming("--memory"):
            tiles.side(task, source)
        done = tiles.apply(task, source)
    except OtherWorkError as error:
        raise MisuseError(f"OUT: {error}") from error
    except tiles.DiskError as error:
        raise MisuseError(f"OUT: {arguments.out!r} cannot be written: {error}") from error
    except (ValueError, TypeError) as error:
        raise MisuseError(str(error)) from error
    return Applied(arguments.kernel.strip(), arguments.image, arguments.out, done)


def _task(arguments: argparse.Namespace) -> Task:
    for name in _OF_PICTURES:
        if getattr(arguments, name) not in (None, False):
            raise MisuseError(f"--{name}: tiles are written as the numbers they are: leave it out")
    if not is_installed("dask"):
        raise MisuseError(f"--memory: tiles need dask: {install_line('dask')}")
    _check_files(arguments)
    with blaming("KERNEL"):
        kernel = kernel_files.read(arguments.kernel)
    given: dict[str, Any] = {**shapes.geometry_options(arguments), "method": arguments.method}
    try:
        read = options.read(2, **given)
    except (ValueError, TypeError) as error:
        raise MisuseError(str(error)) from error
    return Task(
        arguments.image,
        arguments.out,
        kernel,
        read,
        arguments.convolve,
        _bytes(arguments.memory or _DEFAULT),
        arguments.cluster,
        arguments.force,
    )


def _check_files(arguments: argparse.Namespace) -> None:
    for name, path in (("IMAGE", arguments.image), ("OUT", arguments.out)):
        if Path(path).suffix.lower() not in SUFFIXES:
            known = ", ".join(SUFFIXES)
            raise MisuseError(f"{name}: {path!r} does not end in one of {known}, as tiles need it")
    image, out = arguments.image, arguments.out
    if not os.path.exists(image):
        raise MisuseError(f"IMAGE: {image!r} cannot be read: there is no such file")
    folder = os.path.dirname(os.path.abspath(out))
    if not os.path.isdir(folder):
        raise MisuseError(f"OUT: the folder {folder!r} does not exist")
    if not os.access(folder, os.W_OK):
        raise MisuseError(f"OUT: the folder {folder!r} may not be written to")
    if os.path.exists(out) and os.path.samefile(image, out):
        raise MisuseError(f"OUT: {out!r} is IMAGE itself, which is kept: name another file")
    if os.path.isdir(out) and Path(out).suffix.lower() != ".zarr":  # which --force would remove
        raise MisuseError(f"OUT: {out!r} is a folder: name a file")
    if os.path.exists(out) and not arguments.force:
        raise MisuseError(f"OUT: {out!r} exists: name another file, or replace it by --force")


def _bytes(text: str) -> int:
    """Read a size such as 500MB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise MisuseError(f"--memory: got {text!r}, and takes a size such as 500MB or 2GB")
    return int(float(match[1]) * _UNITS[match[2].upper()])
