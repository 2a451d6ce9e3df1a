"""What a process pays once for a framework, paid before anything is timed.

Threads begin, compilers and loops are loaded: PyTorch's first way back takes two seconds, which
are not those of whoever happens to come first.
"""

from __future__ import annotations

import contextlib
import functools

from multiconv.benchmarking import candidates, reference
from multiconv.benchmarking.candidates import Candidate
from multiconv.benchmarking.cells import Cell
from multiconv.faces import Face

# Shapes of an image that is large enough for compiled loops, and of a layer.
_IMAGE, _LAYER = ((64, 64), (3, 3)), ((1, 2, 8, 8), (2, 2, 3, 3))


@functools.cache
def pay(face: Face, dtype: str, device: str | None) -> None:
    """Call what a framework has, and what we have for it, once in every stage."""
    for cell in (
        Cell("images", *_IMAGE, padding=1),
        Cell("layers", *_LAYER, padding=1),
        Cell("layers", *_LAYER, padding=1, stage="backward"),
    ):
        operands = reference.operands(cell, dtype)
        for found in candidates.of_backend(face, cell, operands, dtype, ("auto",), device):
            # What does not work is told of in its own cell.
            with contextlib.suppress(Exception):
                if isinstance(found, Candidate):
                    found.build()()
