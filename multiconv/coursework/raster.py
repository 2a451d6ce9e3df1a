"""An image as a file has it: channels of some depth, and what goes along with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The number that stands for white in so many bits; in floats and bools it is 1.
WHITE = {8: 255, 16: 65535}
_DEPTHS = {"uint8": 8, "uint16": 16}


@dataclass(frozen=True, eq=False)
class Raster:
    """An image of shape (C, H, W), with an alpha channel (H, W) of the same dtype or none.

    ``profile`` is what the file says of its colours (ICC), ``remark`` what of the file is left out.
    """

    channels: NDArray[Any]
    alpha: NDArray[Any] | None = None
    profile: bytes | None = None
    remark: str = ""

    @property
    def depth(self) -> int | None:
        """Bits of a number; None for floats and bools."""
        return _DEPTHS.get(self.channels.dtype.name)

    @property
    def white(self) -> int:
        """The number that stands for white."""
        return 1 if self.depth is None else WHITE[self.depth]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.channels.shape[1], self.channels.shape[2]

    def interleaved(self) -> NDArray[Any]:
        """Return (H, W), or (H, W, C) with alpha last, as files have it."""
        planes = [*self.channels, *([] if self.alpha is None else [self.alpha])]
        return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)


def separated(pixels: NDArray[Any], profile: bytes | None = None, remark: str = "") -> Raster:
    """Return the raster of (H, W) or (H, W, C), where the last of 2 or 4 channels is alpha."""
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    if len(planes) in (2, 4):
        return Raster(planes[:-1], planes[-1], profile, remark)
    return Raster(planes, None, profile, remark)
