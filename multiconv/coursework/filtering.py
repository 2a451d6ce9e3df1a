"""An image through a kernel, and its numbers made pixels again.

Numbers are float64 where the backend has it. Sums of whole numbers are whole, whichever method
adds them up; so they are rounded to what they must be, and pixels come out alike everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.backends import transfer
from multiconv.core.geometry import Geometry
from multiconv.coursework.raster import Raster
from multiconv.faces import Face

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Tone:
    """How the numbers become brightness: ``|y| * scale + offset``, or all from black to white."""

    magnitude: bool = False
    scale: Fraction = Fraction(1)
    offset: float = 0.0
    normalize: bool = False

    def of(self, numbers: Numbers, white: int) -> Numbers:
        """Return the brightness of numbers, where ``white`` is that of a white pixel."""
        if self.magnitude:
            numbers = np.abs(numbers)
        if self.normalize:
            low, high = _range(numbers)
            return (numbers - low) * white / (high - low if high > low else 1.0)
        # Divided, so that a third of a whole number is rounded once.
        return numbers * float(self.scale.numerator) / float(self.scale.denominator) + self.offset


@dataclass(frozen=True, eq=False)
class Filtered:
    """An image after a kernel, and what is to be said about it.

    ``numbers`` is the range of the kernel's sums, ``brightness`` what became of it before it was
    clipped, in the result's own scale; ``below`` and ``clipped`` count pixels, those with any
    channel below 0, and those with any outside.
    """

    raster: Raster
    numbers: tuple[float, float]
    brightness: tuple[float, float]
    below: int = 0
    clipped: int = 0


def correlated(
    channels: NDArray[Any], kernel: Numbers, face: Face, *, flipped: bool, **options: Any
) -> Numbers:
    """Return the correlation of every channel, or its convolution where the kernel is flipped."""
    backend = face.backend
    dtype = backend.canonical("float64")
    with np.errstate(over="ignore"):  # a number too large for float32 is said to be infinite later
        arrays = [array.astype(dtype) for array in (channels, kernel)]
    x, k = (transfer.made(array, dtype, backend) for array in arrays)
    correlate = face.convolve2d if flipped else face.corr2d
    numbers: Numbers = backend.to_numpy(correlate(x, k, **options)).astype(np.float64)
    return np.rint(numbers) if _is_whole(kernel) and _is_whole(channels) else numbers


def finished(
    numbers: Numbers, image: Raster, geometry: Geometry, tone: Tone, dtype: np.dtype[Any]
) -> Filtered:
    """Return the image that the numbers make: floats as they are, integers rounded and clipped.

    What lies half-way between two integers goes to the even one.
    """
    brightness = tone.of(numbers, image.white)
    alpha = None if image.alpha is None else _under_the_middle(image.alpha, geometry)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            channels = brightness.astype(dtype)
        raster = Raster(channels, None if alpha is None else alpha.astype(dtype), image.profile)
        return Filtered(raster, _range(numbers), _range(brightness))
    if not np.isfinite(brightness).all():
        count = np.count_nonzero(~np.isfinite(brightness))
        raise ValueError(f"{count} numbers of the result are not finite, and no pixel shows that")
    white = np.iinfo(dtype).max
    brightness = _rescaled(brightness, image.white, white)
    whole = np.rint(brightness)
    below = (whole < 0).any(axis=0)
    raster = Raster(
        np.clip(whole, 0, white).astype(dtype),
        None if alpha is None else _whole_alpha(alpha, image.white, dtype),
        image.profile,
    )
    clipped = int((below | (whole > white).any(axis=0)).sum())
    return Filtered(raster, _range(numbers), _range(brightness), int(below.sum()), clipped)


def _is_whole(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "bu" or bool((np.rint(array) == array).all())


def _range(numbers: Numbers) -> tuple[float, float]:
    return float(numbers.min()), float(numbers.max())


def _rescaled(values: NDArray[Any], old: int, new: int) -> NDArray[Any]:
    """Carry white over to another depth."""
    return values if old == new else values * float(new) / old


def _whole_alpha(alpha: NDArray[Any], white: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    new = np.iinfo(dtype).max
    whole: NDArray[Any] = np.clip(np.rint(_rescaled(alpha, white, new)), 0, new)
    return whole.astype(dtype)


def _under_the_middle(alpha: NDArray[Any], geometry: Geometry) -> NDArray[Any]:
    """Return the alpha of the pixel in the middle of each window: all as it was, for "same"."""
    index = []
    for axis, (n, count) in enumerate(zip(geometry.input_size, geometry.output_size, strict=True)):
        low, high = geometry.pads[axis]
        reach = geometry.span[axis] - 1
        middle = (reach + (low > high)) // 2  # an even kernel has two, and the border says which
        places = np.arange(count) * geometry.stride[axis] - low + middle
        index.append(np.clip(places, 0, n - 1))
    return alpha[np.ix_(*index)]
