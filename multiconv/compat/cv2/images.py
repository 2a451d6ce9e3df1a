"""Images as OpenCV has them: which dtypes go with which, borders, and the way back to integers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of, is_numbers
from multiconv.compat.complaints import raising
from multiconv.compat.correlating import correlated
from multiconv.compat.cv2.constants import BORDER_ISOLATED, DTYPES, error, integer

P = ParamSpec("P")
R = TypeVar("R")

_BORDERS = {0: "zeros", 1: "replicate", 2: "symmetric", 4: "reflect"}

_NARROW = ("uint8", "uint16", "int16")
_FLOATS = ("float32", "float64")

#: The dtypes of the result that a filter has for an image's, with a kernel of its own ...
FILTERED: Mapping[str, tuple[str, ...]] = {
    "uint8": ("uint8", "uint16", "int16", *_FLOATS),
    "uint16": ("uint16", *_FLOATS),
    "int16": ("int16", *_FLOATS),
    "float32": ("float32",),
    "float64": ("float64",),
}
#: ... with a row and a column ...
SEPARABLE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*_NARROW, "float32"), (*_NARROW, *_FLOATS)),
    "float64": (*_NARROW, "float64"),
}
#: ... and with one more conversion at the end.
CONVERTED: Mapping[str, tuple[str, ...]] = dict.fromkeys((*_NARROW, *_FLOATS), (*_NARROW, *_FLOATS))


class Image(NamedTuple):
    """An image (H, W) or (H, W, C), its dtype, that of the result, and where the result goes."""

    pixels: Array
    backend: Backend
    dtype: str
    result: str
    dst: Array | None = None

    @property
    def sums(self) -> str:
        """Return the dtype that OpenCV adds up in."""
        return "float64" if "float64" in (self.dtype, self.result) else "float32"


def explained(*arrays: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function raise OpenCV's error for what has no meaning."""
    return raising(error, *arrays)


def read(src: Any, ddepth: Any, allowed: Mapping[str, tuple[str, ...]], dst: Any) -> Image:
    """Read an image, the depth of its result, and the array that is given for it."""
    backend, (pixels,) = arrays_of(src=src)
    if isinstance(dst, (int, float)):
        dst = None
    if dst is not None:
        _check_writeable(dst, pixels, backend)
    dtype = backend.dtype_name(pixels.dtype)
    if dtype not in allowed:
        raise error(
            f"src has the dtype {dtype}, which OpenCV does not filter; cast it to one of "
            f"{', '.join(allowed)}"
        )
    result = dtype if ddepth == -1 else _depth(ddepth)
    if result not in allowed[dtype]:
        raise error(
            f"ddepth={ddepth} is {result}, which OpenCV does not make of {dtype}; it makes "
            f"{', '.join(allowed[dtype])}"
        )
    return Image(_plane(pixels), backend, dtype, result, dst)


def _depth(ddepth: Any) -> str:
    """Read a depth, also with a number of channels, which are those of the image."""
    depth = integer("ddepth", ddepth)
    if not 0 <= depth < 4 * 32 or depth % 32 >= len(DTYPES):
        raise error(f"ddepth must be -1 or a depth such as CV_32F, got {ddepth!r}")
    return DTYPES[depth % 32]


def _check_writeable(dst: Any, pixels: Array, backend: Backend) -> None:
    if is_numbers(dst):
        raise error(f"dst must be an array, got {dst!r}")
    arrays_of(src=pixels, dst=dst)
    if not backend.is_writeable(dst):
        kind = "read-only" if isinstance(dst, np.ndarray) else f"a {backend.array_name}"
        raise error(f"dst is {kind}, and cannot be written to: the result is returned without it")


def _plane(pixels: Array) -> Array:
    """Return an image of one row for a row, and none of its channels where there is one alone."""
    shape = tuple(pixels.shape)
    if not 1 <= len(shape) <= 3 or 0 in shape:
        raise error(f"src must be an image of shape (H, W) or (H, W, C), got the shape {shape}")
    if len(shape) == 1:
        return pixels[None, ...]
    return pixels[..., 0] if len(shape) == 3 and shape[2] == 1 else pixels


def border_name(border: Any) -> str:
    """Return what a border is called here."""
    name = _BORDERS.get(integer("borderType", border) & ~BORDER_ISOLATED)
    if name is None:
        names = "BORDER_CONSTANT, BORDER_REPLICATE, BORDER_REFLECT or BORDER_REFLECT_101"
        raise error(f"borderType must be {names}, got {border!r}")
    return name


def correlated_with(pixels: Array, kernel: Array, anchor: Any, border: Any) -> Array:
    """Correlate the first two axes with a kernel (kh, kw) of the same dtype."""
    rows, columns = kernel.shape
    x, y = anchored(anchor, (columns, rows))
    pads = ((y, rows - 1 - y), (x, columns - 1 - x))
    return correlated(pixels, kernel, axes=(0, 1), pads=pads, border=border_name(border))


def anchored(anchor: Any, size: tuple[int, int]) -> tuple[int, int]:
    """Read the point (x, y) of a kernel of so many columns and rows; -1 is its centre."""
    try:
        x, y = (
            n // 2 if at == -1 else operator.index(at) for at, n in zip(anchor, size, strict=True)
        )
    except (TypeError, ValueError):
        raise error(f"anchor must be a pair of ints, (x, y), got {anchor!r}") from None
    if not (0 <= x < size[0] and 0 <= y < size[1]):
        raise error(f"anchor={anchor!r} is outside the kernel of {size[0]} x {size[1]} pixels")
    return x, y


def saturated(y: Array, image: Image, *, half_up: Array | bool = False) -> Array:
    """Give a result its dtype: rounded to the nearest integer, even at ties, and clipped.

    Where ``half_up`` is true, ties are rounded up. It is written to ``dst`` if that fits it.
    """
    y, dst = _converted(y, image, half_up=half_up), image.dst
    if dst is None or dst.dtype != y.dtype or tuple(dst.shape) not in _spellings(tuple(y.shape)):
        return y
    dst[...] = image.backend.reshape(y, tuple(dst.shape))
    return dst


def _spellings(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes that are one to OpenCV: a channel alone is no axis, nor is a single row."""
    if len(shape) == 3:
        return (shape,)
    return (shape, (*shape, 1), shape[1:]) if shape[0] == 1 else (shape, (*shape, 1))


def _converted(y: Array, image: Image, *, half_up: Array | bool) -> Array:
    backend, xp, result = image.backend, image.backend.xp, image.result
    if result in _FLOATS:
        return backend.astype(y, backend.canonical(result))
    if backend.dtype_name(y.dtype).startswith("float"):
        rounded = xp.round(y)
        y = rounded if half_up is False else xp.where(half_up, xp.floor(y + 0.5), rounded)
    limits = np.iinfo(result)
    return backend.astype(xp.clip(y, int(limits.min), int(limits.max)), result)


def kernel_like(values: Any, dtype: str, image: Image) -> Array:
    """Make a kernel of numbers, rounded to a dtype first, beside an image."""
    rounded = np.asarray(values, dtype)
    backend = image.backend
    return backend.from_numpy(rounded, backend.canonical(dtype), image.pixels)
