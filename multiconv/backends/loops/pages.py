"""Memory for large results: in pages that the system hands out quickly, and whole cache lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray

# Linux's large page. NumPy asks for them from so many bytes on.
_PAGE, _LARGE = 2**21, 2**22
# A cache line, where XLA wants arrays to begin that it is to take without a copy; for fewer bytes
# a copy costs no more than to look for one.
_LINE, _SMALL = 2**6, 2**15


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NumPyArray:
    """Return an array of any numbers; a large one begins where a large page does.

    NumPy's begin 16 bytes behind a page, so that of 4 MiB, a chunk of 1024 x 1024 float32, half is
    handed out in pages of 4 KiB, which takes as long as a kernel of 5 x 5 does.
    """
    count = math.prod(shape) * dtype.itemsize
    if count < _SMALL:
        return np.empty(shape, dtype)
    step = _LINE if count < _LARGE else _PAGE
    room = np.empty(count + step, np.uint8)
    start = -room.__array_interface__["data"][0] % step
    return np.ndarray(shape, dtype, room, start)
