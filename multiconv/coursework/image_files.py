"""Images read from files, in the depth and with the channels that they have there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework import reading_files
from multiconv.coursework.raster import WHITE, Raster, separated

if TYPE_CHECKING:
    from PIL import Image

_DTYPES = ("bool", "uint8", "uint16", "float16", "float32", "float64")
# Pillow's modes that are taken as they are, and what those of the same colours are converted to.
_TAKEN = ("L", "LA", "RGB", "RGBA", "I", "I;16", "I;16B", "I;16L", "F")
_ALIKE = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB"}


def read(path: str) -> Raster:
    """Read an image: .npy, or what Pillow opens; a ValueError says what would work.

    A palette becomes colours, a transparent colour an alpha channel, and the orientation that a
    camera has noted is carried out.
    """
    with reading_files.blaming(path):
        if Path(path).suffix.lower() == ".npy":
            return _of_array(reading_files.load_array(path))
        return _of_picture(path)


def _of_array(pixels: NDArray[Any]) -> Raster:
    if pixels.dtype.name not in _DTYPES:
        known = ", ".join(_DTYPES)
        msg = f"holds {pixels.dtype.name}: pixels are {known}; x.astype('float64') keeps numbers"
        raise ValueError(msg)
    if pixels.size and (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] <= 4)):
        return separated(pixels)
    first = pixels.size and pixels.ndim == 3 and pixels.shape[0] <= 4
    msg = (
        f"holds an array of shape {pixels.shape}, and an image has (H, W) or (H, W, C), with at "
        f"most 4 channels and at least one pixel"
    ) + ("; numpy.moveaxis(x, 0, -1) puts the channels last" if first else "")
    raise ValueError(msg)


def _of_picture(path: str) -> Raster:
    with reading_files.opened(path) as image:
        # Pillow has no mode for colours of 16 bits, and drops half of them.
        is_cut = image.mode[0] != "I" and any(
            ";16" in str(tile) for tile in getattr(image, "tile", ())
        )
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        profile = image.info.get("icc_profile")
        pixels, is_converted = _pixels(image)
    if is_cut:
        msg = (
            "holds 16-bit colours or alpha, of which Pillow reads 8 bits: save its pixels with "
            "numpy.save as a .npy file of shape (H, W, C), or convert it to 8 bits"
        )
        raise ValueError(msg)
    if pixels.dtype == np.int32:
        if pixels.min() < 0 or pixels.max() > WHITE[16]:
            raise ValueError("holds 32-bit integers: pixels have 8 or 16 bits, or are floats")
        pixels = pixels.astype(np.uint16)  # how Pillow opens some 16-bit files
    remark = f"the first of {frames} frames" if frames > 1 else ""
    return separated(pixels, None if is_converted else profile, remark)


def _pixels(image: Image.Image) -> tuple[NDArray[Any], bool]:
    """Return the pixels, upright, and whether they are in other colours than the file's."""
    upright = _upright(image)
    deep = upright.mode[0] in "IF"
    if upright.has_transparency_data and not deep:
        wanted = "LA" if upright.mode in ("L", "LA", "La", "1") else "RGBA"
    elif upright.mode in _TAKEN:
        wanted = upright.mode
    else:
        wanted = _ALIKE.get(upright.mode, "RGB")
    is_converted = upright.mode not in _TAKEN and upright.mode not in _ALIKE
    return np.asarray(upright if wanted == upright.mode else upright.convert(wanted)), is_converted


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        image.getexif()
    except Exception:  # what is noted about a picture may be damaged, and its pixels fine
        return image
    return ImageOps.exif_transpose(image)
