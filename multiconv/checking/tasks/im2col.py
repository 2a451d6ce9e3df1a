"""The task ``im2col``: the windows of an image, or of channels, as the columns of a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.checking import drawing
from multiconv.checking.exact import Sums
from multiconv.checking.mistakes import patches
from multiconv.checking.task import Case, Task, Wanted
from multiconv.checking.tasks import corr2d, images


def _cases(rng: np.random.Generator, framework: str) -> list[Case]:
    real, integer = drawing.FLOATS[framework], drawing.INTEGERS[framework]
    sizes = (
        ("the textbook's: image 3 x 3, kernel 2 x 2", (3, 3), (2, 2), real),
        ("a square image, 5 x 5, kernel 3 x 3", (5, 5), (3, 3), real),
        ("a wide image, 3 x 5", (3, 5), (2, 2), real),
        ("a tall image, 5 x 3", (5, 3), (2, 2), real),
        ("a wide kernel, 2 x 3", (4, 4), (2, 3), real),
        ("a kernel of one number", (2, 3), (1, 1), real),
        ("a kernel as large as the image", (3, 4), (3, 4), real),
        (f"integers ({integer})", (4, 5), (3, 2), integer),
        ("two channels, (2, 4, 4)", (2, 4, 4), (2, 2), real),
        ("a batch, (2, 3, 4, 5), kernel 3 x 2", (2, 3, 4, 5), (3, 2), real),
    )
    return [
        Case(title, {"x": _numbered(shape, dtype), "kernel_size": kernel})
        for title, shape, kernel, dtype in sizes
    ]


def _numbered(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Return an image whose pixels can all be told apart."""
    return np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)


def _wanted(case: Case) -> tuple[Wanted, ...]:
    x, (kh, kw) = case.array("x"), case.size("kernel_size")
    columns = patches.columns(x, (kh, kw))
    return (Wanted("the result", Sums(columns, abs(columns), 1)),)


def _smaller(case: Case) -> Iterator[Case]:
    """Yield smaller images, numbered anew, and smaller kernels."""
    x, kernel = case.arrays["x"], case.size("kernel_size")
    for axis, size in enumerate(x.shape):
        if size > 1:
            shape = (*x.shape[:axis], size - 1, *x.shape[axis + 1 :])
            found = case.with_inputs(x=_numbered(shape, x.dtype.name))
            if images.fits(found, "kernel_size"):
                yield found
    if x.ndim > 2:
        yield case.with_inputs(x=x[0])
    for axis, size in enumerate(kernel):
        if size > 1:
            yield case.with_inputs(kernel_size=(*kernel[:axis], size - 1, *kernel[axis + 1 :]))


TASK = Task(
    name="im2col",
    call="im2col(x, kernel_size)",
    returns="the windows as columns: (kh*kw, L), and (..., C*kh*kw, L) with channels",
    aliases={
        "x": corr2d.IMAGE,
        "kernel_size": ("kernel_size", "size", "kernel_shape", "ksize", "k_size", "k"),
    },
    known_as=("im2col", "unfold", "im2col_naive", "image_to_columns"),
    cases=_cases,
    wanted=_wanted,
    smaller=_smaller,
    mistakes=patches.MISTAKES,
    features={
        **images.sizes("kernel_size"),
        "channels": lambda case: len(case.size("x")) > 2,
        "batch": lambda case: len(case.size("x")) > 3,
    },
)
