"""What usually goes wrong where windows become the columns of a matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multiconv.checking.exact import Floats
from multiconv.checking.task import Case, Mistake, Results


def columns(x: Floats, kernel: tuple[int, int], order: str = "cijpq") -> Floats:
    """Return the windows as columns; ``order`` names the axes: channel, tap i, j, window p, q."""
    has_channels = x.ndim > 2
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(-2, -1))
    if not has_channels:
        windows = windows[None]
    axes = {"c": -5, "p": -4, "q": -3, "i": -2, "j": -1}
    lead = windows.ndim - 5
    moved = windows.transpose(*range(lead), *(axes[name] + windows.ndim for name in order))
    rows = int(np.prod(moved.shape[lead : lead + 3]))
    return moved.reshape(*moved.shape[:lead], rows, -1)


def _in_order(order: str) -> Callable[[Case], Results | None]:
    def gives(case: Case) -> Results | None:
        kh, kw = case.size("kernel_size")
        return (columns(case.array("x"), (kh, kw), order),)

    return gives


def _then(change: Callable[[Floats], Floats]) -> Callable[[Case], Results | None]:
    def gives(case: Case) -> Results | None:
        kh, kw = case.size("kernel_size")
        return (change(columns(case.array("x"), (kh, kw))),)

    return gives


def _short(case: Case) -> Results | None:
    x, (kh, kw) = case.array("x"), case.size("kernel_size")
    if x.shape[-2] == kh or x.shape[-1] == kw:
        return None
    return (columns(x[..., :-1, :-1], (kh, kw)),)


def _kernel_transposed(case: Case) -> Results | None:
    x, (kh, kw) = case.array("x"), case.size("kernel_size")
    return (columns(x, (kw, kh)),) if kw <= x.shape[-2] and kh <= x.shape[-1] else None


MISTAKES = (
    Mistake(
        "transposed-result",
        "The matrix is transposed: a window is a row, not a column.",
        "How many rows should the matrix have for one window?",
        _then(lambda matrix: matrix.swapaxes(-1, -2)),
    ),
    Mistake(
        "taps-transposed",
        "Inside a column the taps go down the window first, not along its rows.",
        "In which order are the pixels of one window written down?",
        _in_order("cjipq"),
    ),
    Mistake(
        "windows-transposed",
        "The windows go down the image first, not along its rows.",
        "Which window belongs to the second column?",
        _in_order("cijqp"),
    ),
    Mistake(
        "transposed",
        "Both the taps and the windows go down first, not along the rows.",
        "Which window belongs to the second column, and in which order is it written?",
        _in_order("cjiqp"),
    ),
    Mistake(
        "channels-last",
        "In a column the channels of one tap stand together: they must be outermost.",
        "What stands in a column first: all of channel 0, or one pixel of each?",
        _in_order("ijcpq"),
    ),
    Mistake(
        "flipped",
        "The windows are flipped: the last pixel of each stands first.",
        "Which pixel of a window stands first in its column?",
        _then(lambda matrix: matrix[..., ::-1, :]),
    ),
    Mistake(
        "window-one-short",
        "The loops stop one window too early: H - kh + 1 windows fit, not H - kh.",
        "How many windows of 2 fit into a row of 3? Count them on paper.",
        _short,
    ),
    Mistake(
        "axes-swapped",
        "kh and kw are exchanged.",
        "Which of the two numbers of kernel_size counts rows?",
        _kernel_transposed,
    ),
)
