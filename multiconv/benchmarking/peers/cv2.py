"""OpenCV's filter of images."""

from __future__ import annotations

from collections.abc import Iterator

from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Library, Peer

# From some 50 taps on, 130 where the processor has the instructions, it takes Fourier transforms.
_TAPS_SUMMED = 50


class _OpenCV(Library):
    name = "cv2"

    def peers(self, cell: Cell, arrays: Arrays) -> Iterator[Peer]:
        is_same = all(k % 2 and cell.padding == k // 2 for k in cell.kernel)
        is_known = arrays.x.dtype.name in ("float32", "float64")
        if not cell.is_image or not is_same or not is_known or cell.stage == "backward":
            return
        import cv2

        x, k, border = arrays.x, arrays.weight, cv2.BORDER_CONSTANT
        yield Peer(
            "filter2D",
            lambda: cv2.filter2D(x, -1, k, borderType=border),
            is_exact=cell.taps < _TAPS_SUMMED,
        )


LIBRARY = _OpenCV()
