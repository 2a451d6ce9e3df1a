"""What is typed for ``multiconv learn``, read into a lesson."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re

from multiconv.core.progress import Progress
from multiconv.coursework import arguments as read
from multiconv.coursework import lesson, pace
from multiconv.coursework.arguments import MisuseError
from multiconv.coursework.cases import Case
from multiconv.coursework.lesson import Lesson

# The middle of a large picture says as much of a kernel, and a step takes a millisecond there.
_MOST_OUTPUTS = 2**17


def lesson_of(arguments: argparse.Namespace) -> Lesson:
    """Read what is to be learned, and at which pace."""
    rate, momentum = _rate(arguments.lr), _momentum(arguments.momentum)
    if arguments.steps < 1:
        raise MisuseError(f"--steps: at least one step is needed, got {arguments.steps}")
    if not -(2**63) <= arguments.seed < 2**64:
        raise MisuseError(f"--seed: a seed has 64 bits, got {arguments.seed}")
    with Progress("reading", 2, coarse=True) as progress:
        progress.advance("the picture")
        case = read.picture(arguments)
        size = _size(arguments.size, case)
        if math.prod(size) + arguments.bias > lesson.MOST_UNKNOWNS:
            argument = "--kernel" if arguments.size is None else "--size"
            raise MisuseError(
                f"{argument}: a kernel of {size[0]}x{size[1]} has {math.prod(size)} numbers, and "
                f"at most {lesson.MOST_UNKNOWNS} are learned here, bias included"
            )
        options = {name: getattr(arguments, name) for name in ("bias", "loss", "seed")}
        part = case if arguments.whole else _middle(case, size)
        options["part_of"] = None if part is case else case.x.shape
        plain = lesson.of_picture(part.x, part.k, size, **options)
        progress.advance("the eigenvalues")
        known = dataclasses.replace(plain, reduced=plain.normal_form())
        return pace.paced(known, rate, momentum, arguments.steps)


def _middle(case: Case, size: tuple[int, int]) -> Case:
    """Return the middle of a large picture, unless the kernel needs more."""
    if math.prod(case.output_size) <= _MOST_OUTPUTS:
        return case
    part = case.middle(_MOST_OUTPUTS)
    is_enough = all(2 * k <= n for k, n in zip(size, part.x.shape, strict=True))
    return part if is_enough else case


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


def _rate(text: str) -> float | None:
    """Read a learning rate, None for auto."""
    rate = _number(text)
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise MisuseError(f"--lr: got {text!r}, and takes auto or a positive number such as 3e-2")
    return rate


def _momentum(text: str) -> float | None:
    momentum = _number(text)
    if momentum is not None and not 0 <= momentum < 1:
        raise MisuseError(
            f"--momentum: got {text!r}, and takes auto or a number from 0 to 1, without 1, such as "
            f"0.9"
        )
    return momentum


def _number(text: str) -> float | None:
    """Read a number, NaN where there is none, and None for auto."""
    try:
        return None if text == "auto" else float(text)
    except ValueError:
        return math.nan
