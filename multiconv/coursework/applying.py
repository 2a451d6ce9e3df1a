"""`multiconv apply`: from what is typed to a file, and what is said about it."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from multiconv.core.geometry import Geometry
from multiconv.core.whole_file import write_whole
from multiconv.coursework import filtering, image_files, image_formats, kernel_files, shapes
from multiconv.coursework.arguments import MisuseError, blaming
from multiconv.coursework.filtering import Filtered, Numbers, Tone
from multiconv.coursework.layout import by
from multiconv.coursework.raster import Raster
from multiconv.coursework.terminal import Line, Segment
from multiconv.faces import Face, get_backend
from multiconv.planning import options

_LONGEST = 24  # of a kernel that is shown as it was typed
_NOTHING = 2**-20  # of a kernel's size, the most that a sum of 0 is off by its typed digits


@dataclass(frozen=True, eq=False)
class Applied:
    """What was done, for people and for programs."""

    kernel: str
    image: str
    out: str
    before: Raster
    result: Filtered
    backend: str
    derives: bool  # flat parts of the image become 0, so that half of the rest is below

    def lines(self) -> Iterator[Line]:
        """Yield one line, and a second where a derivative was cut off at 0."""
        result = self.result
        shapes = by(self.before.interleaved().shape), by(result.raster.interleaved().shape)
        done = f"{self.out}: {self.kernel} of {self.image}, {' -> '.join(shapes)}, "
        numbers, brightness = _range(result.numbers), _range(result.brightness)
        done += numbers if numbers == brightness else f"{numbers} as {brightness}"
        done += f", {result.clipped} of {self.pixels} pixels clipped"
        yield [Segment(done + (f", {self.before.remark}" if self.before.remark else ""))]
        if self.derives and result.below and numbers == brightness:
            advice = f"--abs or {self._centred()} shows them"
            yield [Segment(f"{result.below} pixels were below 0: {advice}", "faint")]

    @property
    def pixels(self) -> int:
        """How many pixels the result has."""
        height, width = self.result.raster.size
        return height * width

    def _centred(self) -> str:
        """Return the options that make 0 a middle grey, with room for the whole range."""
        white = self.before.white
        middle = (white + 1) // 2 if self.before.depth else 0.5
        largest = max(map(abs, self.result.numbers))
        halvings = max(0, math.ceil(math.log2(largest / (white - middle))))
        return (f"--scale 1/{2**halvings} " if halvings else "") + f"--offset {middle}"

    def document(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        result = self.result
        after = result.raster.interleaved()
        return {
            "kernel": self.kernel,
            "image": self.image,
            "out": self.out,
            "backend": self.backend,
            "shape_before": self.before.interleaved().shape,
            "shape": after.shape,
            "dtype": after.dtype.name,
            "numbers": result.numbers,
            "before_clipping": result.brightness,
            "pixels": self.pixels,
            "below_black": result.below,
            "clipped": result.clipped,
            "remark": self.before.remark,
        }


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}"


def applied(arguments: argparse.Namespace) -> Applied:
    """Do what the command line asks for; a MisuseError says what is wrong with it."""
    out, tone = _place(arguments), _tone(arguments)
    kernel = _kernel(arguments)
    with blaming("IMAGE"):
        image = image_files.read(arguments.image)
    suffix = out.suffix.lower()
    dtype = _dtype(arguments.depth, image, suffix)
    with blaming("OUT"):
        depth = image_formats.depth_of(dtype)
        alpha = image.alpha is not None
        image_formats.check(suffix, depth, len(image.channels), alpha=alpha)
    with blaming("--backend"):
        face = get_backend(arguments.backend)
    try:
        numbers, geometry = _numbers(arguments, image, kernel, face)
        result = filtering.finished(numbers, image, geometry, tone, dtype)
        content = image_formats.encoded(suffix, result.raster)
    except (ValueError, TypeError) as error:
        raise MisuseError(str(error)) from error
    except MemoryError as error:
        raise MisuseError(f"IMAGE: there is not enough memory for {arguments.image!r}") from error
    try:
        write_whole(out, content)
    except (OSError, ValueError) as error:
        raise MisuseError(f"OUT: {arguments.out!r} cannot be written: {error}") from error
    text = arguments.kernel.strip()
    shown = text if len(text) <= _LONGEST or kernel_files.is_file(text) else by(kernel.shape)
    derives = abs(kernel.sum()) <= _NOTHING * np.abs(kernel).sum()
    return Applied(shown, arguments.image, arguments.out, image, result, face.name, bool(derives))


def _place(arguments: argparse.Namespace) -> Path:
    """Check that the result may be written where it shall be."""
    out, given = Path(arguments.out), arguments.out
    if out.suffix.lower() not in image_formats.SUFFIXES:
        known = ", ".join(image_formats.SUFFIXES)
        raise MisuseError(f"OUT: {given!r} does not end in one of {known}")
    if os.path.isdir(given):
        raise MisuseError(f"OUT: {given!r} is a folder: name a file, such as {given}/out.png")
    for name, path in (("IMAGE", arguments.image), ("KERNEL", arguments.kernel)):
        if os.path.exists(given) and os.path.exists(path) and out.samefile(path):
            raise MisuseError(f"OUT: {given!r} is {name} itself, which is kept: name another file")
    if os.path.exists(given) and not arguments.force:
        raise MisuseError(f"OUT: {given!r} exists: name another file, or replace it by --force")
    return out


def _tone(arguments: argparse.Namespace) -> Tone:
    given = arguments.scale, arguments.offset
    if arguments.normalize and given != (None, None):
        raise MisuseError("--normalize: chooses scale and offset itself: leave out the others")
    offset = arguments.offset or 0.0
    if not math.isfinite(offset):
        raise MisuseError(f"--offset: got {offset}, and takes a finite number such as 128")
    return Tone(arguments.abs, _scale(arguments.scale or "1"), offset, arguments.normalize)


def _scale(text: str) -> Fraction:
    try:
        # As floats first: an exponent may have more digits than there is memory for.
        if all(0 < abs(float(part)) < math.inf for part in text.split("/")):
            return Fraction(text)
    except ValueError:
        pass
    raise MisuseError(
        f"--scale: got {text!r}, and takes a number or a fraction, such as 0.5 or 1/9, but not 0"
    )


def _kernel(arguments: argparse.Namespace) -> Numbers:
    try:
        return kernel_files.read(arguments.kernel)
    except ValueError as error:
        swapped = Path(arguments.kernel).suffix.lower() in image_formats.SUFFIXES
        advice = "; KERNEL comes before IMAGE" if swapped else ""
        raise MisuseError(f"KERNEL: {error}{advice}") from error


def _dtype(depth: str | None, image: Raster, suffix: str) -> np.dtype[Any]:
    """Return the dtype of the result: the image's, but of a .npy file that of the numbers."""
    if depth is None:
        keeps = suffix != ".npy" and image.depth is not None
        depth = str(image.depth) if keeps else "float"
    if depth != "float":
        return np.dtype(f"uint{depth}")
    narrow = suffix != ".npy" or image.channels.dtype.name in ("float16", "float32")
    return np.dtype(np.float32 if narrow else np.float64)


def _numbers(
    arguments: argparse.Namespace, image: Raster, kernel: Numbers, face: Face
) -> tuple[Numbers, Geometry]:
    """Return the correlation, and how it goes over the image."""
    given: dict[str, Any] = {
        **shapes.geometry_options(arguments),
        "method": arguments.method,
    }
    advice = "; --padding same with --padding-mode replicate always fits"
    geometry = options.read(2, **given).resolve(image.size, kernel.shape, advice)
    flipped = arguments.convolve
    return filtering.correlated(image.channels, kernel, face, flipped=flipped, **given), geometry
