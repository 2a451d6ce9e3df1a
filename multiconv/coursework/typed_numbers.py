"""An image and a kernel in numbers that a person can follow: typed, by name, or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv import kernels
from multiconv.coursework import kernel_literals, pictures, reading_files

Numbers: TypeAlias = NDArray[Any]

_WHITE = 255


def image(text: str) -> Numbers:
    """Read a literal, a .npy file as it is, or a picture in grey levels from 0 to 255."""
    if kernel_literals.is_literal(text):
        return kernel_literals.literal(text)
    if Path(text).suffix == ".npy":
        return _array(text)
    try:
        return np.round(pictures.read(text) * _WHITE).astype(np.int64)
    except ValueError as error:
        if Path(text).exists():
            raise
        msg = f'{error}; an image is a file, or numbers such as "[[0, 1], [2, 3]]"'
        raise ValueError(msg) from error


def kernel(text: str) -> Numbers:
    """Read a literal, a named kernel or a .npy file."""
    if kernel_literals.is_literal(text):
        return kernel_literals.literal(text)
    if Path(text).suffix == ".npy":
        return _array(text)
    kernel_literals.read(text)  # which says what else could be meant
    named = kernels.named(text.strip(), like=np.float64(0))
    numbers: Numbers = named.astype(np.int64)
    return numbers if (numbers == named).all() else named


def _array(path: str) -> Numbers:
    with reading_files.blaming(path):
        numbers: Numbers = reading_files.load_array(path)
        if numbers.ndim != 2 or numbers.size == 0 or numbers.dtype.kind not in "biuf":
            msg = (
                f"holds an array of shape {numbers.shape} and dtype {numbers.dtype}, and real "
                f"numbers of shape (H, W) are explained here; multiconv.explain takes channels"
            )
            raise ValueError(msg)
    return numbers
