"""What is timed: correlations and gradients that between them use every unit of every method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from multiconv.functions.conv import CONV
from multiconv.functions.gradients import INPUT_GRAD, WEIGHT_GRAD
from multiconv.functions.images import CORR2D
from multiconv.planning.dispatch import Operation


class Case(NamedTuple):
    """An operation, the shapes of its arrays, and its other arguments."""

    operation: Operation
    shapes: tuple[tuple[int, ...], ...]
    given: tuple[Any, ...]


def cases() -> Iterator[Case]:
    """Yield the cases, small ones first."""
    for size in (8, 64, 256, 1024):
        for k in (3, 5, 7, 11, 15, 31, 63):
            if k <= size:
                yield _image(size, k)
    for shape, filters, k, groups in _LAYERS:
        yield from _layer(shape, filters, k, groups)
    for k in (16, 128, 1024):
        yield Case(CONV, ((1, 1, 48_000), (1, 1, k)), (1, 1, "same", 1, 1, "zeros"))
    for shape, filters, result in _UPSAMPLED:
        weight = (shape[1], filters, 4, 4)
        yield Case(INPUT_GRAD, (shape, weight), (result, 2, 1, 1, 1, "zeros"))


# (N, C, H, W), filters, kernel, groups
_LAYERS = (
    ((1, 8, 8, 8), 8, 3, 1),
    ((4, 16, 16, 16), 16, 3, 1),
    ((4, 3, 64, 64), 16, 3, 1),
    ((4, 16, 32, 32), 1, 5, 1),
    ((4, 64, 28, 28), 64, 3, 1),
    ((4, 64, 56, 56), 64, 3, 1),
    ((2, 256, 28, 28), 64, 1, 1),
    ((1, 2, 256, 256), 2, 9, 1),
    ((4, 32, 28, 28), 32, 3, 32),
    ((4, 64, 56, 56), 64, 5, 64),
    ((4, 32, 28, 28), 32, 3, 4),
)


# (N, C, H, W) of what is sampled up, filters, and the size of the result
_UPSAMPLED = (
    ((4, 64, 28, 28), 32, (56, 56)),
    ((4, 256, 8, 8), 128, (16, 16)),
    ((1, 32, 112, 112), 16, (224, 224)),
)


def _image(size: int, k: int) -> Case:
    return Case(CORR2D, ((size, size), (k, k)), (1, "same", 1, "zeros"))


def _layer(shape: tuple[int, ...], filters: int, k: int, groups: int) -> Iterator[Case]:
    weight = (filters, shape[1] // groups, k, k)
    result = (shape[0], filters, *shape[2:])
    options = (1, "same", 1, groups, "zeros")
    yield Case(CONV, (shape, weight), (2, *options))
    yield Case(INPUT_GRAD, (result, weight), (shape[2:], *options))
    yield Case(WEIGHT_GRAD, (shape, result), ((k, k), *options))
