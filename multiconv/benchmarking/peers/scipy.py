"""SciPy's correlations of one channel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Library, Peer


class _SciPy(Library):
    name = "scipy"

    def peers(self, cell: Cell, arrays: Arrays) -> Iterator[Peer]:
        mode = _mode(cell)
        if mode is None:
            return
        from scipy import ndimage, signal

        x: Any = arrays.x.reshape(cell.x[-cell.axes :])
        k: Any = arrays.weight.reshape(cell.kernel)
        # A convolution is a correlation with the kernel flipped.
        flipped, shape = k[(slice(None, None, -1),) * cell.axes].copy(), cell.output
        if cell.axes == 2:
            yield Peer("correlate2d", lambda: signal.correlate2d(x, k, mode).reshape(shape))
        if mode == "same":
            yield Peer("ndimage", lambda: ndimage.correlate(x, k, mode="constant").reshape(shape))
        for name, convolve in (
            ("fftconvolve", signal.fftconvolve),
            ("oaconvolve", signal.oaconvolve),
        ):
            # Of one another's arrays nothing is kept, so that each is bound here.
            call = lambda run=convolve: run(x, flipped, mode).reshape(shape)  # noqa: E731
            yield Peer(name, call, is_exact=False)


def _mode(cell: Cell) -> str | None:
    """Return what SciPy calls the padding, where it has a name for it and one channel."""
    is_single = math.prod(cell.weight) == cell.taps and math.prod(cell.x) == cell.pixels
    if not is_single or cell.stride > 1 or cell.transposed or cell.stage == "backward":
        return None
    if cell.padding == 0:
        return "valid"
    is_same = all(k % 2 and cell.padding == k // 2 for k in cell.kernel)
    return "same" if is_same and not cell.is_layer else None


LIBRARY = _SciPy()
