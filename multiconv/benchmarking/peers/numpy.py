"""NumPy has no convolution of several axes: the matrix product of the same work stands for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Library, Peer
from multiconv.core.timing import Call


class _NumPy(Library):
    name = "numpy"
    compiles = True  # where Numba is installed

    def peers(self, cell: Cell, arrays: Arrays) -> Iterator[Peer]:
        if cell.is_image or cell.is_layer or cell.groups > 1 or 1 in cell.weight[:2]:
            return
        yield Peer("np.matmul", _same_product(cell, arrays), "yardstick")


def _same_product(cell: Cell, arrays: Arrays) -> Call:
    """Return the product of a weight's matrix with a patch matrix that is already there.

    Backward that is two products, one for each gradient.
    """
    grid = cell.x if cell.transposed else cell.output
    filters, products = cell.weight[0], math.prod(cell.weight[1:])
    places = grid[0] * math.prod(grid[2:])
    weight = np.ascontiguousarray(arrays.weight.reshape(filters, products))
    columns = np.ones((products, places), weight.dtype)
    rows = np.ones((filters, places), weight.dtype)

    def to_rows() -> object:
        return weight @ columns

    def to_columns() -> object:
        return weight.T @ rows

    def to_weight() -> object:
        return rows @ columns.T

    if cell.stage == "backward":
        other = to_rows if cell.transposed else to_columns
        return lambda: (other(), to_weight())
    return to_columns if cell.transposed else to_rows


LIBRARY = _NumPy()
