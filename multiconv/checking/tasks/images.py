"""What the tasks on one image and one kernel share: their cases, and smaller ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiconv.checking import drawing
from multiconv.checking.task import Case

_DIFFERENTIABLE = ("torch", "jax")


class Pair(NamedTuple):
    """An image and a kernel, and what is special about them."""

    title: str
    x: NDArray[Any]
    k: NDArray[Any]


def pairs(rng: np.random.Generator, framework: str) -> list[Pair]:
    """Draw images and kernels of growing difficulty, the textbook's first."""
    real, integer = drawing.FLOATS[framework], drawing.INTEGERS[framework]

    def drawn(size: tuple[int, int], kernel: tuple[int, int], dtype: str = real) -> Any:
        return drawing.whole(rng, size, dtype), drawing.kernel(rng, kernel, dtype)

    positive = drawing.whole(rng, (5, 5), real, 0), drawing.kernel(rng, (3, 3), real, 0)
    found = [
        Pair("the textbook's: image 3 x 3, kernel 2 x 2", *drawing.textbook(real)),
        Pair("a square image, 5 x 5, and kernel, 3 x 3", *positive),
        Pair("negative numbers", *drawn((5, 5), (3, 3))),
        Pair("a wide image, 4 x 7", *drawn((4, 7), (2, 2))),
        Pair("a tall image, 7 x 4", *drawn((7, 4), (2, 2))),
        Pair("a wide kernel, 2 x 3", *drawn((6, 6), (2, 3))),
        Pair("a tall kernel, 3 x 1", *drawn((6, 6), (3, 1))),
        Pair("a kernel of one number", *drawn((3, 5), (1, 1))),
        Pair("a kernel as large as the image", *drawn((3, 4), (3, 4))),
        Pair(f"integers ({integer})", *drawn((6, 5), (2, 3), integer)),
        Pair("fractions", *(drawing.fractions(rng, size, real) for size in ((7, 8), (3, 4)))),
    ]
    if framework == "numpy":
        grey = rng.integers(100, 256, (5, 6)).astype(np.uint8)
        found.append(Pair("a picture of bytes (uint8)", grey, drawing.kernel(rng, (2, 3), integer)))
        halves = drawing.kernel(rng, (2, 2), real) / 2
        found.append(
            Pair(
                "an image of integers, a kernel of halves",
                drawn((5, 4), (1, 1), integer)[0],
                halves,
            )
        )
    return found


def gradients(
    rng: np.random.Generator,
    framework: str,
    inputs: Mapping[str, NDArray[Any]],
    of: tuple[str, ...],
) -> list[Case]:
    """Ask for the gradients by some inputs, where the framework takes them."""
    if framework not in _DIFFERENTIABLE:
        return []
    (h, w), (kh, kw) = (list(inputs.values())[i].shape for i in (0, 1))
    g = drawing.whole(rng, (h - kh + 1, w - kw + 1), drawing.FLOATS[framework])
    return [Case(f"the gradient by {name}", inputs, name, g) for name in of]


def sizes(kernel: str) -> dict[str, Callable[[Case], bool]]:
    """Return what the sizes of a case may have that others have not; ``kernel`` is an input."""

    def is_square(case: Case, name: str) -> bool:
        h, w = case.size(name)[-2:]
        return h == w

    return {
        "image": lambda case: not is_square(case, "x"),
        "wide": lambda case: case.size("x")[-1] > case.size("x")[-2],
        "tall": lambda case: case.size("x")[-1] < case.size("x")[-2],
        "kernel": lambda case: not is_square(case, kernel),
        "square": lambda case: not (is_square(case, "x") and is_square(case, kernel)),
    }


def features(kernel: str) -> dict[str, Callable[[Case], bool]]:
    """Return what a case may have that others have not; ``kernel`` is the name of an input."""
    return {
        **sizes(kernel),
        "negative": lambda case: any(bool((a < 0).any()) for a in case.arrays.values()),
        "integer": lambda case: all(a.dtype.kind in "iu" for a in case.arrays.values()),
        "fractions": lambda case: not case.is_whole,
        "one": lambda case: case.size(kernel)[-2:] == (1, 1),
        "whole image": lambda case: case.size(kernel)[-2:] == case.size("x")[-2:],
    }


def smaller(case: Case) -> Iterator[Case]:
    """Yield cases with a row, a column, or numbers less, what takes most away first."""
    for name, array in case.arrays.items():
        for axis in range(array.ndim):
            for keep in _fewer(array.shape[axis]):
                for part in (slice(0, keep), slice(array.shape[axis] - keep, None)):
                    index = (slice(None),) * axis + (part,)
                    yield case.with_inputs(**{name: array[index]})
    yield from simpler(case)


def simpler(case: Case) -> Iterator[Case]:
    """Yield cases of the same size with simpler numbers."""
    for name, array in case.arrays.items():
        if not np.array_equal(array, np.rint(array)):
            yield case.with_inputs(**{name: np.rint(array).astype(array.dtype)})
        for place in np.ndindex(*array.shape):
            for value in (0, 1):
                if abs(array[place]) > value:
                    simple = array.copy()
                    simple[place] = value
                    yield case.with_inputs(**{name: simple})


def fits(case: Case, kernel: str = "k") -> bool:
    """Tell whether the kernel fits into the image."""
    sizes = zip(case.size("x")[-2:], case.size(kernel)[-2:], strict=True)
    return all(0 < k <= n for n, k in sizes)


def _fewer(count: int) -> list[int]:
    return sorted({count // 2, count - 1} - {0, count})
