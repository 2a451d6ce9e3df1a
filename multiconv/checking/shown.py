"""Small arrays, written as a person would write them down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from multiconv.checking.task import Value

_WIDTH = 78
_MOST = 64  # numbers that are written out


def shown(name: str, value: Value, sign: str = " = ") -> Iterator[list[tuple[str, str]]]:
    """Yield the lines ``name = [[...], [...]]``."""
    before = f"  {name}{sign}"
    if not isinstance(value, np.ndarray):
        text = str(value)
    elif value.size > _MOST:
        text = f"an array of shape {value.shape}"
    else:
        text = np.array2string(
            np.asarray(value),
            separator=", ",
            max_line_width=_WIDTH - len(before),
            formatter={"all": _number},
        )
    first, *rest = text.splitlines()
    yield [(before, "faint"), (first, "")]
    for line in rest:
        if line.strip():
            yield [(" " * len(before) + line, "")]


def as_list(value: Value) -> Any:
    """Return a value as JSON has it."""
    return value.tolist() if isinstance(value, np.ndarray) else list(value)


def _number(value: Any) -> str:
    return f"{value:.6g}"
