"""The grid: which cells there are, in groups that can be chosen by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from multiconv.benchmarking.cells import Cell, Shape
from multiconv.benchmarking.rounded import KINDS

Group: TypeAlias = Callable[[bool], list[Cell]]

_SIZES, _KERNELS = (64, 128, 256, 512, 1024, 2048), (3, 5, 7, 11, 15, 23, 31, 63)
_QUICK_SIZES, _QUICK_KERNELS = (256, 1024), (3, 7, 15, 31)


def cells(names: Sequence[str], *, quick: bool) -> list[Cell]:
    """Return the cells of the groups, in an order that puts smaller ones before larger ones.

    So the time that a large one will take can be foretold.
    """
    return [cell for name in names for cell in sorted(GROUPS[name](quick), key=_order)]


def _order(cell: Cell) -> tuple[bool, int, int]:
    return cell.stage == "backward", math.prod(cell.x), math.prod(cell.weight)


def _images(quick: bool) -> list[Cell]:
    sizes, kernels = (_QUICK_SIZES, _QUICK_KERNELS) if quick else (_SIZES, _KERNELS)
    return [
        Cell("images", (size, size), (k, k), padding=k // 2)
        for size in sizes
        for k in kernels
        if k < size
    ]


def _small(quick: bool) -> list[Cell]:
    # Those of the textbook: its first example, a digit, and a layer on a few small images.
    return [
        Cell("small", (3, 3), (2, 2)),
        Cell("small", (28, 28), (3, 3)),
        Cell("small", (1, 8, 8, 8), (8, 8, 3, 3), padding=1),
        Cell("small", (1, 8, 8, 8), (8, 8, 3, 3), padding=1, is_layer=True),
    ]


def _layers(quick: bool) -> list[Cell]:
    # The kinds of layers that ResNet-50 is made of, the first with 7 x 7 and stride 2.
    all_of_them = [
        Cell("layers", (2, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
        Cell("layers", (8, 64, 56, 56), (64, 64, 3, 3), padding=1),
        Cell("layers", (8, 128, 56, 56), (128, 128, 3, 3), stride=2, padding=1),
        Cell("layers", (8, 128, 28, 28), (128, 128, 3, 3), padding=1),
        Cell("layers", (8, 256, 14, 14), (256, 256, 3, 3), padding=1),
        Cell("layers", (8, 512, 7, 7), (512, 512, 3, 3), padding=1),
        Cell("layers", (1, 64, 224, 224), (64, 64, 3, 3), padding=1),
    ]
    return _both_ways(all_of_them[1:2] if quick else all_of_them)


def _pointwise(quick: bool) -> list[Cell]:
    shapes: list[tuple[Shape, Shape]] = [
        ((8, 256, 14, 14), (1024, 256, 1, 1)),
        ((8, 256, 56, 56), (64, 256, 1, 1)),
        ((1, 512, 28, 28), (128, 512, 1, 1)),
    ]
    return _both_ways([Cell("pointwise", x, w) for x, w in (shapes[:1] if quick else shapes)])


def _depthwise(quick: bool) -> list[Cell]:
    images = [(4, 64, 56, 56), (8, 256, 14, 14), (1, 32, 112, 112)]
    kernels = (3,) if quick else (3, 5, 7)
    return _both_ways(
        [
            Cell("depthwise", x, (x[1], 1, k, k), padding=k // 2, groups=x[1])
            for x in (images[:1] if quick else images)
            for k in kernels
        ]
    )


def _grouped(quick: bool) -> list[Cell]:
    found = [
        Cell("grouped", (8, 128, 28, 28), (128, 128 // g, 3, 3), padding=1, groups=g)
        for g in (32, 4)
    ]
    return found[:1] if quick else _both_ways(found)


def _transposed(quick: bool) -> list[Cell]:
    found = [
        Cell("transposed", x, w, stride=2, padding=1, transposed=True)
        for x, w in (
            ((4, 64, 28, 28), (64, 32, 4, 4)),
            ((4, 256, 8, 8), (256, 128, 4, 4)),
            ((1, 32, 112, 112), (32, 16, 4, 4)),
        )
    ]
    return _both_ways(found[:1] if quick else found)


def _audio(quick: bool) -> list[Cell]:
    # A second at 48 kHz through a filter of 1024 taps, and a layer as speech models have.
    filtered = [Cell("audio", (1, 1, 48_000), (1, 1, 1024))]
    layer = [Cell("audio", (4, 64, 3_000), (64, 64, 9), padding=4)]
    return filtered if quick else [*filtered, *_both_ways(layer)]


def _volumes(quick: bool) -> list[Cell]:
    one = [
        Cell("volumes", (1, 1, n, n, n), (1, 1, k, k, k), padding=k // 2)
        for n, k in ((32, 3), (64, 3), (64, 5), (128, 3))
    ]
    layer = [Cell("volumes", (1, 16, 32, 32, 32), (16, 16, 3, 3, 3), padding=1)]
    return one[1:2] + layer if quick else [*one, *_both_ways(layer)]


def _exact(quick: bool) -> list[Cell]:
    """Return the cells of the exact mode, whose candidates are few."""
    layer, sizes = Cell("exact", (8, 16, 64, 64), (32, 16, 3, 3), padding=1), (3, 7)
    images = [Cell("exact", (2048, 2048), (k, k), padding=k // 2) for k in sizes]
    if quick:
        layer, images = Cell("exact", (2, 8, 32, 32), (8, 8, 3, 3), padding=1), []
    cells = [*images, *_both_ways([layer])]
    return [replace(cell, data=data) for data in KINDS[1:] for cell in cells]


def _both_ways(forward: list[Cell]) -> list[Cell]:
    return [*forward, *(replace(cell, stage="backward") for cell in forward)]


GROUPS: dict[str, Group] = {
    "small": _small,
    "images": _images,
    "layers": _layers,
    "pointwise": _pointwise,
    "depthwise": _depthwise,
    "grouped": _grouped,
    "transposed": _transposed,
    "audio": _audio,
    "volumes": _volumes,
    "exact": _exact,
}
#: Those that are measured where none is named.
USUAL = tuple(name for name in GROUPS if name != "exact")
