"""Products of matrices in parts that BLAS leaves to the thread that asks for them."""

from __future__ import annotations

import numpy as np

from multiconv.backends.base import NumPyArray

#: OpenBLAS shares products of so many numbers or more among threads of its own. Beside threads of
#: ours these wait for each other, and keep on asking for work while ours have some.
_SHARED = 2**19
#: Columns of a part, for which rows are cut.
_NARROW = 16


def product(first: NumPyArray, second: NumPyArray, out: NumPyArray) -> None:
    """Multiply two matrices into ``out``, part by part."""
    (rows, depth), columns = first.shape, second.shape[1]
    if rows * depth * columns < _SHARED:
        np.matmul(first, second, out=out)
        return
    high = min(rows, max((_SHARED - 1) // (depth * min(columns, _NARROW)), 1))
    wide = max((_SHARED - 1) // (depth * high), 1)
    for top in range(0, rows, high):
        for left in range(0, columns, wide):
            part = out[top : top + high, left : left + wide]
            np.matmul(first[top : top + high], second[:, left : left + wide], out=part)
