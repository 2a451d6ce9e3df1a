"""A kernel from the command line: a .npy file, or what `kernel_literals` reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework import kernel_literals, reading_files


def is_file(text: str) -> bool:
    """Tell whether a kernel is given as a file."""
    return text.strip().lower().endswith(".npy")


def read(text: str) -> NDArray[np.float64]:
    """Read a kernel; the ValueError for what is none says what is wrong and what would work."""
    if not is_file(text):
        return kernel_literals.read_float64(text)
    path = text.strip()
    with reading_files.blaming(path):
        kernel = reading_files.load_array(path)
        if kernel.ndim != 2 or kernel.size == 0:
            row = "; numpy.atleast_2d(k) makes it a row" if kernel.ndim == 1 and kernel.size else ""
            msg = f"holds an array of shape {kernel.shape}, and a kernel has (kh, kw)"
            raise ValueError(msg + row)
        if kernel.dtype.kind not in "buif":
            raise ValueError(f"holds {kernel.dtype.name}, and a kernel is made of real numbers")
        with np.errstate(over="ignore"):
            numbers = kernel.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("holds numbers that are not finite")
    return numbers
