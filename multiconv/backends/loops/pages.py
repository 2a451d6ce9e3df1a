"""Memory for large results, in pages that the system hands out quickly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray

# Linux's large page. NumPy asks for them from so many bytes on.
_PAGE, _LARGE = 2**21, 2**22


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NumPyArray:
    """Return an array of any numbers; a large one begins where a large page does.

    NumPy's begin 16 bytes behind a page, so that of 4 MiB, a chunk of 1024 x 1024 float32, half is
    handed out in pages of 4 KiB, which takes as long as a kernel of 5 x 5 does.
    """
    count = math.prod(shape) * dtype.itemsize
    if count < _LARGE:
        return np.empty(shape, dtype)
    room = np.empty(count + _PAGE, np.uint8)
    start = -room.ctypes.data % _PAGE
    return room[start : start + count].view(dtype).reshape(shape)
