"""Does a backend work at all: the textbook's example, and its gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multiconv.backends import transfer
from multiconv.backends.base import Array
from multiconv.coursework.differentiation import table as differentiation
from multiconv.faces import Face

OK = "ok"

_X = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
_K = [[0, 1], [2, 3]]
_Y = [[19, 25], [37, 43]]
# Of the sum of all outputs: how often each tap is used, and the sums of the windows.
_DX = [[0, 1, 1], [2, 6, 4], [2, 5, 3]]
_DK = [[8, 12], [20, 24]]


def run(face: Face) -> dict[str, str]:
    """Return "ok" for each test, or what went wrong."""

    def forward() -> list[tuple[str, Array, list[list[int]]]]:
        return [("y", face.corr2d(_X, _K), _Y)]

    def gradient() -> list[tuple[str, Array, list[list[int]]]]:
        x, k, g = (_array(numbers, face) for numbers in (_X, _K, [[1, 1], [1, 1]]))
        _, backward = differentiation.of(face.name).differentiate(face, "auto", jitted=False)
        _, dx, dk = backward(x, k, g)
        return [("dx", dx, _DX), ("dk", dk, _DK)]

    return {"19 25 37 43": _judged(face, forward), "gradient": _judged(face, gradient)}


def _array(numbers: list[list[int]], face: Face) -> Array:
    return transfer.made(np.array(numbers, np.float32), "float32", face.backend)


def _judged(face: Face, test: Callable[[], list[tuple[str, Array, list[list[int]]]]]) -> str:
    try:
        for name, found, expected in test():
            numbers = face.backend.to_numpy(found).tolist()
            if numbers != expected:
                return f"{name} is {numbers}, and must be {expected}"
    except Exception as error:  # whatever a broken framework raises
        return f"{type(error).__name__}: {error}"
    return OK
