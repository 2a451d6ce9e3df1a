"""Pictures as grey float32 arrays between 0 and 1."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework import reading_files

Picture: TypeAlias = NDArray[np.float32]

_FILE = "camera.npy"  # the pixels of camera.png, readable without Pillow
_FULL_SCALE = {"bool": 1, "uint8": 255, "uint16": 65535}
# Pillow's modes of more than 8 bits, which convert("L") would clip.
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I", "F")


def camera() -> Picture:
    """Return the photograph that comes with the package, of shape (128, 128)."""
    with importlib.resources.files("multiconv").joinpath("data", _FILE).open("rb") as file:
        return _scaled(np.load(file, allow_pickle=False))


def read(path: str) -> Picture:
    """Read a picture from a file: .npy, or what Pillow opens; a ValueError says what would work."""
    with reading_files.blaming(path):
        is_array = Path(path).suffix == ".npy"
        pixels = reading_files.load_array(path) if is_array else _load_picture(path)
        if pixels.ndim != 2 or pixels.size == 0:
            msg = (
                f"holds an array of shape {pixels.shape}, and a grey picture has (H, W) with at "
                f"least one pixel"
            )
            raise ValueError(msg)
        return _scaled(pixels)


def _load_picture(path: str) -> NDArray[Any]:
    with reading_files.opened(path) as image:
        if image.mode not in _DEEP_MODES:
            return np.asarray(image.convert("L"))
        pixels = np.asarray(image)
    if image.mode == "I" and pixels.min() >= 0 and pixels.max() < 2**16:
        return pixels.astype(np.uint16)  # how Pillow opens some 16-bit files
    return pixels


def _scaled(pixels: NDArray[Any]) -> Picture:
    """Divide by what the dtype calls white; floats must be scaled already."""
    name = pixels.dtype.name
    if name in _FULL_SCALE:
        return pixels.astype(np.float32) / np.float32(_FULL_SCALE[name])
    if pixels.dtype.kind != "f":
        known = ", ".join(_FULL_SCALE)
        msg = f"holds {name}: pixels are {known}, or floats between 0 and 1"
        raise ValueError(msg)
    if not ((pixels >= 0) & (pixels <= 1)).all():  # false for NaN too
        msg = "holds floats that are NaN or outside 0 to 1: divide by the value of white"
        raise ValueError(msg)
    return pixels.astype(np.float32)
