"""What usually goes wrong in the backward pass of a convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from multiconv.checking import exact
from multiconv.checking.exact import Floats
from multiconv.checking.task import Case, Mistake, Results

# From dy, x and w to dx, dw and db.
Wrong: TypeAlias = Callable[[Floats, Floats, Floats], tuple[Floats, Floats, Floats]]


def _right(dy: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    return (
        exact.input_grad(dy, w).values,
        exact.weight_grad(dy, x).values,
        exact.bias_grad(dy).values,
    )


def _changed(part: int, change: Callable[[Floats, Floats, Floats], Floats]) -> Wrong:
    """Give one of the three as the change of (dy, x, w) has it, and the others right."""

    def wrong(dy: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
        found = list(_right(dy, x, w))
        found[part] = change(dy, x, w)
        return (found[0], found[1], found[2])

    return wrong


def _last_of_batch(dy: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    dx, _, db = _right(dy, x, w)
    return dx, _right(dy[-1:], x[-1:], w)[1], db


def _mean_of_batch(dy: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    dx, dw, db = _right(dy, x, w)
    return dx, dw / len(x), db / len(x)


def _no_overlap(dy: Floats, x: Floats, w: Floats) -> Floats:
    """As where dx is assigned window by window, and not added to."""
    dx = np.zeros_like(x)
    (kh, kw), (rows, columns) = w.shape[2:], dy.shape[2:]
    for i in range(rows):
        for j in range(columns):
            dx[:, :, i : i + kh, j : j + kw] = np.einsum("no,ockl->nckl", dy[:, :, i, j], w)
    return dx


def _swapped(dy: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    dx, dw, db = _right(dy, x, w)
    return dw, dx, db


def _negative(dy: Floats, x: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    dx, dw, db = _right(dy, x, w)
    return -dx, -dw, -db


def _on(wrong: Wrong) -> Callable[[Case], Results | None]:
    return lambda case: wrong(case.array("dy"), case.array("x"), case.array("w"))


_WRONG: tuple[tuple[str, str, str, Wrong], ...] = (
    (
        "swapped",
        "dx and dw are returned in each other's place.",
        "Compare the shapes of what you return with those of x and w.",
        _swapped,
    ),
    (
        "flipped",
        "dx uses the kernel unflipped: the adjoint of a correlation flips it.",
        "Which results did x[0, 0] take part in, and with which tap of w?",
        _changed(0, lambda dy, x, w: exact.input_grad(dy, w[:, :, ::-1, ::-1]).values),
    ),
    (
        "flipped",
        "dw is flipped.",
        "Which pixels of x did w[0, 0] meet?",
        _changed(1, lambda dy, x, w: exact.weight_grad(dy, x).values[:, :, ::-1, ::-1]),
    ),
    (
        "overwritten",
        "In dx, windows overwrite each other where they overlap: add them up.",
        "A pixel lies in several windows: what happens to what the first one gave?",
        _changed(0, _no_overlap),
    ),
    (
        "batch-mixed",
        "dw comes from the last image of the batch only: add up over all of them.",
        "What happens to dw from one image of the batch to the next?",
        _last_of_batch,
    ),
    (
        "batch-mixed",
        "dw and db are averaged over the batch, not added up.",
        "Is the sum over the batch divided by something?",
        _mean_of_batch,
    ),
    (
        "batch-mixed",
        "dw is averaged over the batch, not added up.",
        "Is the sum over the batch divided by something?",
        _changed(1, lambda dy, x, w: exact.weight_grad(dy, x).values / len(x)),
    ),
    (
        "bias",
        "db is averaged, not added up, over images and pixels.",
        "How does one unit more of bias change the sum of all results?",
        _changed(2, lambda dy, x, w: dy.mean(axis=(0, 2, 3))),
    ),
    (
        "bias",
        "db is added up over the pixels of the first image only.",
        "Which axes is db summed over?",
        _changed(2, lambda dy, x, w: dy[0].sum(axis=(1, 2))),
    ),
    (
        "bias",
        "db is added up over the batch only, or over the wrong axes.",
        "Which axes is db summed over?",
        _changed(2, lambda dy, x, w: dy.sum(axis=0)),
    ),
    (
        "transposed-kernel",
        "dw is transposed.",
        "Which axis of dw goes along the rows of the image?",
        _changed(1, lambda dy, x, w: exact.weight_grad(dy, x).values.swapaxes(2, 3)),
    ),
    (
        "wrong-sign",
        "The gradients have the opposite sign.",
        "Does a larger x make the results larger or smaller?",
        _negative,
    ),
)

MISTAKES = tuple(Mistake(key, says, hint, _on(wrong)) for key, says, hint, wrong in _WRONG)
