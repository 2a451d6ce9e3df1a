"""Means over a window: `uniform_filter` and `uniform_filter1d`."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import known
from multiconv.compat.promotion import double, is_integer
from multiconv.compat.scipy.ndimage import arguments
from multiconv.compat.scipy.ndimage.arguments import Ints, Modes, Window
from multiconv.compat.scipy.ndimage.output import image_and_output
from multiconv.compat.scipy.ndimage.sums import (
    as_in_c,
    between_passes,
    is_whole,
    unfiltered,
    weighted_sum,
)


def uniform_filter1d(
    input: Array,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Take the mean of neighbours along one axis, as `scipy.ndimage.uniform_filter1d` does.

    Parameters
    ----------
    input : array
        The image.
    size : int
        How many neighbours.
    axis : int, optional
        Which axis; the others are a batch.
    output, mode, cval, origin : optional
        As in `correlate`.

    Returns
    -------
    array of the image's shape
        As in `correlate`; means of integers are cut off to integers.

    Raises
    ------
    RuntimeError
        For a size below 1, and as `correlate` does.
    ValueError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.uniform_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3)
    array([4, 3, 4, 1, 4, 6, 6, 3])
    """
    backend, x, into = image_and_output(input, output, promotes=True)
    window_axes = (arguments.axis_of(axis, x.ndim),)
    if size < 1:
        msg = f"incorrect filter size: {size}, and the smallest is 1"
        raise RuntimeError(msg)
    pads = arguments.pads((size,), [origin], flips=False)
    window = Window(window_axes, pads, arguments.border(mode), cval)
    return into.given(_mean(x, size, window, into.dtype, backend))


def uniform_filter(
    input: Array,
    size: Ints = 3,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Ints | None = None,
) -> Array:
    """Take the mean over a window, as `scipy.ndimage.uniform_filter` does.

    One axis after another, as `uniform_filter1d` does; between them the numbers are cast to the
    dtype of the result, which cuts off the fractions of integers.

    Parameters
    ----------
    input : array
        The image, of any number of axes.
    size, mode, origin : number or name, or one for each of ``axes``
        As in `uniform_filter1d`. An axis of a size of at most 1 is left alone.
    output, cval : optional
        As in `uniform_filter1d`.
    axes : int or ints, optional
        The axes of the window; each other axis is a batch.

    Returns
    -------
    array of the image's shape
        As in `uniform_filter1d`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.uniform_filter(np.arange(12.0).reshape(3, 4), mode="nearest").round(2)
    array([[1.67, 2.33, 3.33, 4.  ],
           [4.33, 5.  , 6.  , 6.67],
           [7.  , 7.67, 8.67, 9.33]])
    """
    backend, x, into = image_and_output(input, output, promotes=True)
    along = arguments.axes_of(axes, x.ndim)
    each = zip(
        along,
        arguments.per_axis("size", size, len(along)),
        arguments.per_axis("origin", origin, len(along)),
        arguments.per_axis("mode", mode, len(along)),
        strict=True,
    )
    y, dtype = x, backend.dtype(between_passes(into.dtype))
    for axis, count, first, border in each:
        if count > 1:
            y = uniform_filter1d(y, int(count), axis, dtype, border, cval, first)
    finish = unfiltered if y is x else as_in_c
    return into.given(finish(y, into.dtype, backend))


def _mean(x: Array, size: int, window: Window, dtype: str, backend: Backend) -> Array:
    """Divide a sum of the window by its size, exactly where both are whole numbers."""
    given = backend.dtype_name(x.dtype)
    are_whole = is_integer(given) and is_integer(dtype) and is_whole(window.cval)
    wide = backend.canonical("int64") if are_whole else double(given, backend)
    total = weighted_sum(x, known([1] * size, x, backend), window, wide, backend)
    if not are_whole:
        return as_in_c(total / size, dtype, backend)
    towards_zero = backend.xp.where(total < 0, -(-total // size), total // size)
    return as_in_c(towards_zero, dtype, backend)
