"""What is computed: the textbook's example in integers and in floats, and a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Case:
    """One correlation, and the loss ``sum(y * g)`` whose gradients are taken.

    Where a case ``is_exact``, every method that sums products must give the exact result, bit for
    bit. The ``offset`` is that of a part in the whole image.
    """

    name: str
    x: NDArray[Any]  # the image, (H, W)
    k: NDArray[Any]  # the kernel, (kh, kw)
    is_exact: bool
    offset: tuple[int, int] = (0, 0)

    @property
    def dtype(self) -> str:
        """The dtype that image, kernel and result have."""
        return self.x.dtype.name

    @property
    def output_size(self) -> tuple[int, int]:
        """The size of the result."""
        (h, w), (kh, kw) = self.x.shape, self.k.shape
        return h - kh + 1, w - kw + 1

    @property
    def g(self) -> NDArray[Any]:
        """The gradient of the loss with respect to the result: integers from -3 to 3."""
        rows, columns = self.output_size
        values = (3 * np.arange(rows)[:, None] + 5 * np.arange(columns)) % 7 - 3
        return values.astype(self.x.dtype)

    def middle(self, outputs: int, matrix_elements: float = math.inf) -> Case:
        """Return the middle of the image, no larger than what leaves so many outputs.

        ``matrix_elements`` also limits the outputs times the pixels: the size of the Toeplitz
        matrix.
        """
        for side in range(max(self.output_size), 0, -1):
            part = self._square(side)
            count = math.prod(part.output_size)
            if count <= outputs and count * part.x.size <= matrix_elements:
                break
        return part

    def _square(self, side: int) -> Case:
        """Return the middle that leaves outputs of at most side x side."""
        sizes = [min(n, k + side - 1) for n, k in zip(self.x.shape, self.k.shape, strict=True)]
        if tuple(sizes) == self.x.shape:
            return self
        low = [(n - size) // 2 for n, size in zip(self.x.shape, sizes, strict=True)]
        rows, columns = (slice(a, a + size) for a, size in zip(low, sizes, strict=True))
        offset = (self.offset[0] + low[0], self.offset[1] + low[1])
        return replace(self, x=self.x[rows, columns], offset=offset)


def textbook() -> list[Case]:
    """Return the textbook's first example, whose result is 19, 25, 37, 43, in two dtypes."""
    x, k = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
    return [
        Case(f"textbook-{dtype}", x.astype(dtype), k.astype(dtype), is_exact=True)
        for dtype in ("int32", "float32")
    ]


def picture(x: NDArray[np.float32], k: NDArray[np.float32]) -> Case:
    """Return the correlation of a picture; a kernel that it is too small for is a ValueError."""
    (h, w), (kh, kw) = x.shape, k.shape
    if kh > h or kw > w:
        raise ValueError(
            f"the kernel of {kh} x {kw} is larger than the picture of {h} x {w}: it must fit in, "
            f"for no border is added"
        )
    case = Case("picture", x, k, is_exact=False)
    largest = float(np.finfo(np.float32).max)
    if np.abs(k, dtype=np.float64).sum() * np.abs(case.g).max() >= largest:
        raise ValueError(f"sums with the kernel's numbers must stay below {largest:.3g}, float32's")
    return case
