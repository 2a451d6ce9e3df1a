"""Images as the bytes of a file: which format holds what."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multiconv.core.installation import install_line
from multiconv.coursework.raster import Raster


@dataclass(frozen=True)
class _Format:
    """What Pillow calls a format, the modes that come back from it unchanged, and its options."""

    name: str
    modes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


_PLAIN = ("L", "LA", "RGB", "RGBA")
_JPEG = _Format("JPEG", ("L", "RGB"), {"quality": 95, "subsampling": 0})
_TIFF = _Format("TIFF", (*_PLAIN, "I;16", "F"))
_FORMATS = {
    ".png": _Format("PNG", (*_PLAIN, "I;16")),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": _Format("BMP", ("L", "RGB")),
    # Without `exact`, the colours of transparent pixels are lost.
    ".webp": _Format("WEBP", _PLAIN, {"lossless": True, "exact": True}),
}
SUFFIXES = (*_FORMATS, ".npy")


def depth_of(dtype: np.dtype[Any]) -> int | None:
    """Return the bits of an integer, None for floats."""
    return None if dtype.kind == "f" else 8 * dtype.itemsize


def check(suffix: str, depth: int | None, channels: int, *, alpha: bool) -> None:
    """Raise a ValueError that says what would work where a format does not hold such an image."""
    if suffix == ".npy":
        return
    mode = _mode(depth, channels, alpha=alpha)
    if mode not in _FORMATS[suffix].modes:
        others = [other for other in _FORMATS if mode in _FORMATS[other].modes]
        shown = f"{'float' if depth is None else f'{depth}-bit'} {_colours(channels, alpha=alpha)}"
        msg = f"a {suffix} holds no {shown}: use {' or '.join([*others, '.npy'])}"
        raise ValueError(msg + (", or --depth 8" if depth != 8 else ""))
    try:
        import PIL  # noqa: F401 - asked for before anything is computed
    except ImportError:
        line = install_line("image", "pillow")
        raise ValueError(f"a {suffix} needs Pillow to be written: {line}; or use .npy") from None


def encoded(suffix: str, raster: Raster) -> bytes:
    """Return the bytes of a file; `check` has said that its format holds the image."""
    content = io.BytesIO()
    if suffix == ".npy":
        np.save(content, raster.interleaved())
        return content.getvalue()
    from PIL import Image

    form = _FORMATS[suffix]
    profile = {"icc_profile": raster.profile} if raster.profile else {}
    Image.fromarray(raster.interleaved()).save(content, form.name, **form.options, **profile)
    return content.getvalue()


def _mode(depth: int | None, channels: int, *, alpha: bool) -> str | None:
    """Return what Pillow calls such an image, None where it has none."""
    if depth == 8:
        return ("L" if channels == 1 else "RGB") + ("A" if alpha else "")
    if channels == 1 and not alpha:
        return "F" if depth is None else "I;16"
    return None


def _colours(channels: int, *, alpha: bool) -> str:
    return f"{'grey' if channels == 1 else 'colours'}{' with alpha' if alpha else ''}"
