"""A kernel as it is typed on the command line: a name, ``[[1, -1]]``, or ``1 -1; 2 0``.

A small image is typed in the same way.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv import kernels

_FORMS = 'numbers are written "[[1, -1], [2, 0]]" or "1 -1; 2 0"'

_EXACT = 2.0**53  # below it float64 has every integer


def read(text: str) -> NDArray[np.float32]:
    """Read a kernel; the ValueError for what is none says what is wrong and what would work."""
    return read_float64(text).astype(np.float32)


def read_float64(text: str) -> NDArray[np.float64]:
    """Read a kernel with the digits that were typed; its numbers are in the range of float32."""
    if is_literal(text):
        return literal(text).astype(np.float64)
    try:
        kernel: NDArray[np.float64] = kernels.named(text.strip())
    except ValueError as error:
        raise ValueError(f"{str(error).removeprefix('name: ')}; {_FORMS}") from None
    return kernel


def is_literal(text: str) -> bool:
    """Tell whether a text begins like numbers, and not like a name."""
    words = text.replace(",", " ").replace(";", " ").split()
    return text.strip().startswith(("[", "(")) or _is_number(words[0] if words else "")


def literal(text: str) -> NDArray[Any]:
    """Read numbers in two dimensions: whole ones as int64, others as float64."""
    text = text.strip()
    if text.startswith(("[", "(")):
        return _array(_nested(text))
    rows = [row.replace(",", " ").split() for row in text.split(";")]
    return _array([[_typed(word) for word in row] for row in rows])


def _nested(text: str) -> list[list[Any]]:
    try:
        rows = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no list of numbers: {_FORMS}") from None
    if not isinstance(rows, (list, tuple)):
        raise ValueError(f"{text!r} is no list of rows: {_FORMS}")
    for row in rows:
        if not isinstance(row, (list, tuple)):
            raise ValueError(f"{text!r} is not two-dimensional: one row is written [[1, -1]]")
        if any(isinstance(entry, (list, tuple)) for entry in row):
            raise ValueError(f"{text!r} has more than two dimensions: {_FORMS}")
    return [list(row) for row in rows]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _typed(word: str) -> float:
    if not _is_number(word):
        raise ValueError(f"{word!r} is not a number: {_FORMS}")
    return float(word)


def _array(rows: list[list[Any]]) -> NDArray[Any]:
    lengths = [len(row) for row in rows]
    if not lengths or 0 in lengths:
        raise ValueError(f"it has no numbers, or a row without any: {_FORMS}")
    if len(set(lengths)) > 1:
        counts = ", ".join(map(str, lengths))
        raise ValueError(f"its rows are of different lengths, {counts}: {_FORMS}")
    largest = float(np.finfo(np.float32).max)
    for entry in (entry for row in rows for entry in row):
        if type(entry) not in (int, float):  # not a bool either
            raise ValueError(f"{entry!r} is not a number: {_FORMS}")
        if not abs(entry) <= largest:  # true for NaN
            raise ValueError(f"{entry!r} is no finite number of float32, at most {largest:.8g}")
    numbers = np.array(rows, dtype=np.float64)
    is_whole = (numbers == np.round(numbers)).all() and np.abs(numbers).max() < _EXACT
    return numbers.astype(np.int64) if is_whole else numbers
