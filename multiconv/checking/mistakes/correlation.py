"""What usually goes wrong in a correlation, or in a true convolution, of one image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from multiconv.checking.exact import Floats, correlate2d
from multiconv.checking.task import Case, Mistake, Results

Wrong: TypeAlias = Callable[[Floats, Floats], Floats | None]


def right(x: Floats, k: Floats) -> Floats | None:
    """Correlate, where the kernel fits into the image."""
    if any(size > room for size, room in zip(k.shape, x.shape, strict=True)):
        return None
    return correlate2d(x, k).values


def _bordered(x: Floats, k: Floats, low: tuple[int, int]) -> Floats | None:
    pads = [(a, n - 1 - a) for a, n in zip(low, k.shape, strict=True)]
    return right(np.pad(x, pads), k)


def _full(x: Floats, k: Floats) -> Floats | None:
    kh, kw = k.shape
    return right(np.pad(x, [(kh - 1,) * 2, (kw - 1,) * 2]), k)


def _zeros_at_the_end(x: Floats, k: Floats) -> Floats | None:
    y = right(x, k)
    if y is not None:
        y[-1:], y[:, -1:] = 0, 0
    return y


def _on_axis(cut: tuple[slice, slice]) -> Wrong:
    def wrong(x: Floats, k: Floats) -> Floats | None:
        y = right(x, k)
        return None if y is None else y[cut]

    return wrong


def _then(change: Callable[[Floats], Floats]) -> Wrong:
    def wrong(x: Floats, k: Floats) -> Floats | None:
        y = right(x, k)
        return None if y is None else change(y)

    return wrong


def _trunc_inputs(x: Floats, k: Floats) -> Floats | None:
    return right(np.trunc(x), np.trunc(k))


def _wrapped(dtype: str) -> Wrong:
    return _then(lambda y: np.trunc(y).astype(np.int64).astype(dtype).astype(np.float64))


def _mean(x: Floats, k: Floats) -> Floats | None:
    y = right(x, k)
    return None if y is None else y / k.size


def _largest(x: Floats, k: Floats) -> Floats | None:
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return np.asarray((windows * k).max(axis=(-2, -1)))


_short, _whole = slice(None, -1), slice(None)

# In this order they are tried: key, what it is, where to look, what it gives.
_WRONG: tuple[tuple[str, str, str, Wrong], ...] = (
    (
        "transposed-kernel",
        "The kernel is transposed: k[j, i] stands where k[i, j] should.",
        "Which axis of the kernel goes along the rows of the image?",
        lambda x, k: right(x, k.T) if k.shape == k.T.shape else None,
    ),
    (
        "half-flipped",
        "The kernel is flipped on one axis only: on the rows.",
        "Take a kernel with a single 1 in a corner: where does it look?",
        lambda x, k: right(x, k[::-1]),
    ),
    (
        "half-flipped",
        "The kernel is flipped on one axis only: on the columns.",
        "Take a kernel with a single 1 in a corner: where does it look?",
        lambda x, k: right(x, k[:, ::-1]),
    ),
    (
        "transposed-result",
        "The result is transposed.",
        "Which index of the result goes down, and which one across?",
        _then(lambda y: y.T),
    ),
    (
        "window-one-short",
        "The loops stop one window too early: H - kh + 1 windows fit, not H - kh.",
        "How many windows of 2 fit into a row of 3? Count them on paper.",
        _on_axis((_short, _short)),
    ),
    (
        "window-one-short",
        "The loop over the rows stops one window too early: H - kh + 1 fit.",
        "How many windows of 2 fit into a column of 3? Count them on paper.",
        _on_axis((_short, _whole)),
    ),
    (
        "window-one-short",
        "The loop over the columns stops one window too early: W - kw + 1 fit.",
        "How many windows of 2 fit into a row of 3? Count them on paper.",
        _on_axis((_whole, _short)),
    ),
    (
        "window-one-short",
        "The loops stop one window too early: the last row and column stay zero.",
        "Look at the last row of the result: which window should it come from?",
        _zeros_at_the_end,
    ),
    (
        "mean",
        "The products are averaged, not added up: the result is a mean.",
        "What happens to the products of one window at the end?",
        _mean,
    ),
    (
        "maximum",
        "The largest product of each window is taken, not their sum.",
        "What happens to the products of one window at the end?",
        _largest,
    ),
    (
        "padded",
        "The image is padded: the result is as large as the image ('same').",
        "How large should the result be? Is there anything around the image?",
        lambda x, k: _bordered(x, k, (k.shape[0] // 2, k.shape[1] // 2)),
    ),
    (
        "padded",
        "The image is padded: the result is as large as the image ('same').",
        "How large should the result be? Is there anything around the image?",
        lambda x, k: _bordered(x, k, ((k.shape[0] - 1) // 2, (k.shape[1] - 1) // 2)),
    ),
    (
        "padded",
        "The image is padded by kh - 1 and kw - 1 on every side ('full').",
        "How large should the result be? Is there anything around the image?",
        _full,
    ),
    (
        "padded",
        "The image is padded by 1 on every side.",
        "How large should the result be? Is there anything around the image?",
        lambda x, k: right(np.pad(x, 1), k),
    ),
    (
        "truncated",
        "The results are cut to whole numbers: the array for them holds integers.",
        "Which dtype has the array that the results are written into?",
        _then(np.trunc),
    ),
    (
        "padded",
        "The image is padded by 1 on every side.",
        "How large should the result be? Is there anything around the image?",
        lambda x, k: right(np.pad(x, 1), k),
    ),
    (
        "truncated",
        "The image or the kernel is cut to whole numbers before it is used.",
        "Which dtype have the arrays after your first lines?",
        _trunc_inputs,
    ),
    (
        "padded",
        "The image is padded by 1 on every side.",
        "How large should the result be? Is there anything around the image?",
        lambda x, k: right(np.pad(x, 1), k),
    ),
    (
        "truncated",
        "The results are rounded to whole numbers.",
        "Which dtype has the array that the results are written into?",
        _then(np.rint),
    ),
    (
        "clipped",
        "Negative results become zero.",
        "What happens to a result below zero?",
        _then(lambda y: np.maximum(y, 0)),
    ),
    (
        "clipped",
        "The results are clipped to 0 ... 255.",
        "What happens to a result below zero, or above 255?",
        _then(lambda y: np.clip(y, 0, 255)),
    ),
    (
        "absolute",
        "The results have lost their signs.",
        "What happens to a result below zero?",
        _then(np.abs),
    ),
    (
        "wrong-sign",
        "The results have the opposite sign.",
        "Follow the sign of one product through your code.",
        _then(np.negative),
    ),
    (
        "strided",
        "Every second window is left out: the stride is 2.",
        "By how much does the window move from one result to the next?",
        _on_axis((slice(None, None, 2), slice(None, None, 2))),
    ),
)


def mistakes(*, flipped: bool) -> tuple[Mistake, ...]:
    """Return the mistakes of a correlation, or of a true convolution."""
    found = [
        Mistake(key, says, hint, _on_case(gives, flipped))
        for key, says, hint, gives in _all(flipped)
    ]
    return (*found, _like_the_image(flipped))


def _all(flipped: bool) -> Iterator[tuple[str, str, str, Wrong]]:
    if flipped:
        yield (
            "not-flipped",
            "The kernel is not flipped: this is the cross-correlation (corr2d).",
            "In a true convolution, which pixel of the window does k[0, 0] meet?",
            lambda x, k: right(x, k[::-1, ::-1]),
        )
    else:
        yield (
            "flipped",
            "The kernel is flipped: this is the true convolution (convolve2d).",
            "Which pixel of the window does k[0, 0] meet?",
            lambda x, k: right(x, k[::-1, ::-1]),
        )
    yield from _WRONG
    for dtype in ("uint8", "int8"):
        yield (
            "wrapped",
            f"The results wrap around: the array for them holds {dtype}.",
            "Which dtype has the array that the results are written into?",
            _wrapped(dtype),
        )


def _on_case(wrong: Wrong, flipped: bool) -> Callable[[Case], Results | None]:
    def gives(case: Case) -> Results | None:
        x, k = case.array("x"), case.array("k")
        y = wrong(x, k[::-1, ::-1] if flipped else k)
        return None if y is None else (y,)

    return gives


def _like_the_image(flipped: bool) -> Mistake:
    def gives(case: Case) -> Results | None:
        dtype = case.arrays["x"].dtype
        wrong = _wrapped(dtype.name) if dtype.kind in "iu" else right
        return _on_case(wrong, flipped)(case)

    return Mistake(
        "wrapped",
        "The results are written into integers like the image's, which wrap around.",
        "Which dtype has the array that the results are written into?",
        gives,
    )
