"""Small grey pictures as PNG files, which a report shows where nothing else is installed."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_PIXELS = 512  # of a side


def grey_png(numbers: NDArray[Any]) -> bytes:
    """Return a picture of numbers, the least of them black and the largest white.

    Of a larger picture than a page shows every second, third, ... pixel is kept (PNG
    specification, third edition, sections 5.2, 5.3 and 11.2).
    """
    step = -(-max(numbers.shape) // _MOST_PIXELS)
    shown = numbers[::step, ::step].astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    pixels = np.round((shown - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    height, width = pixels.shape
    rows = np.pad(pixels, ((0, 0), (1, 0)))  # a zero before each row: it is not filtered
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
