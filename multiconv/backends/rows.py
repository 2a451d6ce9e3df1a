"""NumPy's correlation with channels last: a matrix product per kernel row, in blocks of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

NumPyArray = np.ndarray[Any, Any]

_BLOCK = 2**16  # numbers of a block of output rows, which stays in cache with what it is made of


def correlate_last(
    x: NumPyArray, weight: NumPyArray, stride: tuple[int, ...], dilation: tuple[int, ...]
) -> NumPyArray:
    """Correlate (N, H, W, C) with (O, kh, kw, C), without a border, to (N, H', W', O).

    The pixels that a kernel row sees at each output stand in a row of a matrix, so that the sum
    over columns and channels is one product, and the sum over kernel rows is added up.
    """
    batch, height, width, channels = x.shape
    filters, kh, kw, _ = weight.shape
    (down, along), (apart, between) = stride, dilation
    rows = (height - apart * (kh - 1) - 1) // down + 1
    columns = (width - between * (kw - 1) - 1) // along + 1
    y = np.empty((batch, rows, columns, filters), x.dtype)
    kernel = np.ascontiguousarray(weight.transpose(1, 2, 3, 0)).reshape(kh, kw * channels, filters)
    step = max(1, min(rows, _BLOCK // max(columns * filters, 1)))
    needed = (step - 1) * down + apart * (kh - 1) + 1
    seen = np.empty((needed, columns, kw, channels), x.dtype)
    product = np.empty((step * columns, filters), x.dtype)
    for image in range(batch):
        for first in range(0, rows, step):
            count = min(step, rows - first)
            part = x[image, first * down : first * down + (count - 1) * down + apart * (kh - 1) + 1]
            for tap in range(kw):
                at = slice(tap * between, tap * between + (columns - 1) * along + 1, along)
                seen[: part.shape[0], :, tap] = part[:, at]
            total = y[image, first : first + count].reshape(count * columns, filters)
            for row in range(kh):
                used = seen[row * apart : row * apart + (count - 1) * down + 1 : down]
                pixels = used.reshape(count * columns, kw * channels)
                if row == 0:
                    np.matmul(pixels, kernel[row], out=total)
                else:
                    room = product[: count * columns]
                    np.matmul(pixels, kernel[row], out=room)
                    total += room
    return y
