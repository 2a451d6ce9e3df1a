"""Pictures as grey float32 arrays between 0 and 1."""

from __future__ import annotations

import importlib.resources
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.core.installation import install_line

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
    try:
        Path(path).open("rb").close()  # a missing file is the first thing to say
        pixels = _load_array(path) if Path(path).suffix == ".npy" else _load_picture(path)
        if pixels.ndim != 2 or pixels.size == 0:
            msg = (
                f"holds an array of shape {pixels.shape}, and a grey picture has (H, W) with at "
                f"least one pixel"
            )
            raise ValueError(msg)
        return _scaled(pixels)
    except OSError as error:
        raise ValueError(f"{path!r} cannot be read: {error.strerror or error}") from error
    except MemoryError:
        raise ValueError(f"{path!r} cannot be read: it does not fit into memory") from None
    except ValueError as error:
        raise ValueError(f"{path!r} {error}") from error.__cause__


def _load_array(path: str) -> NDArray[Any]:
    try:
        # Mapped, so that a header that claims more than the file has allocates nothing.
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # a damaged header raises whatever Python's parser and mmap do
        raise ValueError(f"is no .npy file of numbers: {_first_line(error)}") from error


def _load_picture(path: str) -> NDArray[Any]:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        msg = (
            f"needs Pillow to be read: {install_line('image', 'pillow')}; or save the pixels with "
            "numpy.save as a .npy file"
        )
        raise ValueError(msg) from error
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            if image.mode not in _DEEP_MODES:
                return np.asarray(image.convert("L"))
            pixels = np.asarray(image)
    except UnidentifiedImageError as error:
        raise ValueError(
            "cannot be read: it is no picture in a format that Pillow knows"
        ) from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"is too large for Pillow: {error}") from error
    except Exception as error:  # each of Pillow's formats has its own for a damaged file
        raise ValueError(f"cannot be read, it is damaged: {_first_line(error)}") from error
    if image.mode == "I" and pixels.min() >= 0 and pixels.max() < 2**16:
        return pixels.astype(np.uint16)  # how Pillow opens some 16-bit files
    return pixels


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


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
