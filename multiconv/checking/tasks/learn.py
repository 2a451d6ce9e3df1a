"""The task ``learn``: finding the kernel by gradient descent, with the textbook's settings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from multiconv.checking import drawing
from multiconv.checking.exact import Floats, Sums, correlate2d
from multiconv.checking.task import Case, Task, Wanted
from multiconv.checking.tasks import corr2d

# Twice the rate 0.03 times this is 1.8: the textbook's rate converges below 2.
LARGEST_EIGENVALUE = 30.0


def stripes(rows: int = 6, columns: int = 8) -> Floats:
    """Return the textbook's image: white, with a black stripe in the middle."""
    x = np.ones((rows, columns))
    x[:, columns // 4 : -(columns // 4)] = 0
    return x


def _cases(rng: np.random.Generator, framework: str) -> list[Case]:
    edge = np.array([[1.0, -1.0]])
    x = stripes()
    drawn = [
        ("the textbook's stripes and edge detector", x, edge),
        ("another kernel, [[-1, 2]]", x, np.array([[-1.0, 2.0]])),
        ("the image and the kernel transposed", x.T, edge.T),
        ("a kernel of 2 x 2", _scaled(rng, (6, 8), (2, 2)), np.array([[1.0, 0.0], [2.0, -1.0]])),
        ("a kernel of 1 x 3", _scaled(rng, (7, 6), (1, 3)), np.array([[1.0, -2.0, 1.0]])),
    ]
    real = drawing.FLOATS[framework]
    return [Case(title, _inputs(image, kernel, real)) for title, image, kernel in drawn]


def _inputs(x: Floats, kernel: Floats, dtype: str) -> dict[str, Floats | tuple[int, ...]]:
    y = correlate2d(x, kernel).values
    return {"x": x.astype(dtype), "y": y.astype(dtype), "kernel_size": kernel.shape}


def _scaled(rng: np.random.Generator, size: tuple[int, int], kernel: tuple[int, int]) -> Floats:
    """Draw an image from which the textbook's rate converges, too."""
    x = rng.standard_normal(size)
    return np.asarray(x * np.sqrt(LARGEST_EIGENVALUE / np.linalg.eigvalsh(_gram(x, kernel))[-1]))


def _gram(x: Floats, kernel: tuple[int, int]) -> Floats:
    rows = np.lib.stride_tricks.sliding_window_view(x, kernel).reshape(-1, kernel[0] * kernel[1])
    return np.asarray(rows.T @ rows)


def _wanted(case: Case) -> tuple[Wanted, ...]:
    """Return the kernel of least squares, which is the one that y was made with."""
    kh, kw = case.size("kernel_size")
    x, y = case.array("x"), case.array("y")
    rows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw)).reshape(-1, kh * kw)
    kernel = np.rint(np.linalg.lstsq(rows, y.ravel(), rcond=None)[0]).reshape(kh, kw)
    return (Wanted("the result", Sums(kernel, abs(kernel), 1), nearest=True),)


def _smaller(case: Case) -> Iterator[Case]:
    return iter(())


TASK = Task(
    name="learn",
    call="learn(x, y, kernel_size)",
    returns="the kernel that turns x into y, learned so far that it rounds to the true one",
    aliases={
        "x": corr2d.IMAGE,
        "y": ("y", "Y", "target", "targets", "label", "labels"),
        "kernel_size": ("kernel_size", "size", "kernel_shape", "k_size", "shape", "K_shape"),
    },
    known_as=("learn", "learn_kernel", "train", "fit", "train_kernel"),
    cases=_cases,
    wanted=_wanted,
    smaller=_smaller,
    mistakes=(),
    is_descent=True,
)
