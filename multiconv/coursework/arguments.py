"""What is typed on the command line, read into pictures, lessons, methods and backends."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

from multiconv.backends import registry
from multiconv.core.progress import Progress
from multiconv.coursework import cases, kernel_literals, lesson, pictures
from multiconv.coursework.cases import Case
from multiconv.coursework.lesson import Lesson
from multiconv.faces import Face, get_backend
from multiconv.methods import table as methods


class MisuseError(Exception):
    """Arguments that cannot be used; the message names the argument and what would work."""


def picture(arguments: argparse.Namespace) -> Case:
    """Read ``--image`` and ``--kernel``."""
    with blaming("--kernel"):
        kernel = kernel_literals.read(arguments.kernel)
    with blaming("--image"):
        image = pictures.camera() if arguments.image is None else pictures.read(arguments.image)
    with blaming("--kernel"):
        return cases.picture(image, kernel)


def lesson_of(arguments: argparse.Namespace) -> Lesson:
    """Read what is to be learned."""
    with Progress("reading", 2, coarse=True) as progress:
        progress.advance("the picture")
        case = picture(arguments)
        size = _size(arguments.size, case)
        if math.prod(size) + arguments.bias > lesson.MOST_UNKNOWNS:
            argument = "--kernel" if arguments.size is None else "--size"
            raise MisuseError(
                f"{argument}: a kernel of {size[0]}x{size[1]} has {math.prod(size)} numbers, and "
                f"at most {lesson.MOST_UNKNOWNS} are learned here, bias included"
            )
        if arguments.steps < 1:
            raise MisuseError(f"--steps: at least one step is needed, got {arguments.steps}")
        if not -(2**63) <= arguments.seed < 2**64:
            raise MisuseError(f"--seed: a seed has 64 bits, got {arguments.seed}")
        options = {name: getattr(arguments, name) for name in ("bias", "steps", "loss", "seed")}
        read = lesson.of_picture(case.x, case.k, size, **options)
        progress.advance("the learning rate")
        return dataclasses.replace(read, lr=_rate(arguments.lr, read))


def method_names(listed: str | None) -> list[str]:
    """Read ``--methods``."""
    if listed is None:
        return list(methods.NAMES)
    names = _split("--methods", listed)
    for name in names:
        if name not in methods.NAMES:
            known = ", ".join(methods.NAMES)
            raise MisuseError(f"--methods: there is no method {name!r}; there are {known}")
    return names


def backends(listed: str | None) -> tuple[list[Face], dict[str, str]]:
    """Read ``--backends``: the backends, and why others that are installed cannot be used."""
    names = registry.available_backends() if listed is None else _split("--backends", listed)
    faces, broken = [], {}
    with Progress("loading", len(names), coarse=True) as progress:
        for name in names:
            progress.advance(name)
            try:
                faces.append(get_backend(name))
            except (ImportError, ValueError) as error:
                if listed is not None:
                    raise MisuseError(f"--backends: {error}") from error
                broken[name] = str(error)
    return faces, broken


def _size(text: str | None, case: Case) -> tuple[int, int]:
    if text is None:
        return case.k.shape[0], case.k.shape[1]
    match = re.fullmatch(r"(\d+)[x,](\d+)", text.strip())
    if not match or min(size := [int(n) for n in match.groups()]) < 1:
        raise MisuseError(f"--size: got {text!r}, and takes a height and a width such as 3x5")
    height, width = case.x.shape
    if size[0] > height or size[1] > width:
        raise MisuseError(
            f"--size: a kernel of {size[0]}x{size[1]} is larger than the picture of "
            f"{height}x{width}: it must fit in, for no border is added"
        )
    return size[0], size[1]


def _rate(text: str, read: Lesson) -> float:
    if text == "auto":
        return read.normal_form().best_rate(read.scale)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise MisuseError(f"--lr: got {text!r}, and takes auto or a positive number such as 3e-2")
    return rate


def _split(argument: str, listed: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if not names:
        raise MisuseError(f"{argument}: got {listed!r}, and takes names separated by commas")
    return list(dict.fromkeys(names))


@contextmanager
def blaming(argument: str) -> Iterator[None]:
    """Turn what is wrong with an argument into a MisuseError that names it."""
    try:
        yield
    except (ValueError, ImportError) as error:
        raise MisuseError(f"{argument}: {error}") from error
