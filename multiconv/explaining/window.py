"""What the kernel meets at one position of the output, and the part of the image that is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from multiconv.core.arguments import Constant
from multiconv.core.geometry import Geometry
from multiconv.explaining.explanation import Number, Term, View
from multiconv.explaining.operands import Picked
from multiconv.methods.borders import pixel_of_border
from multiconv.planning.constant_border import cast

_MOST_DRAWN = 16  # rows, and columns, around the window
_CHANNELS_DRAWN = 4

NumPyArray = np.ndarray[Any, Any]


class Axis(NamedTuple):
    """One spatial axis: the places of the window and of what is drawn, and what each shows.

    Places count as those of x do; ``shown`` gives for the place p, at ``p + low``, the pixel of x
    that is seen there, and -1 for a zero.
    """

    window: tuple[int, ...]
    drawn: tuple[int, ...]
    shown: NumPyArray
    low: int

    def sources(self, places: Sequence[int]) -> list[int]:
        """Return the pixel of x that each place shows, -1 for a zero."""
        return [int(self.shown[place + self.low]) for place in places]


def axes(geometry: Geometry, position: Sequence[int]) -> list[Axis]:
    """Return the spatial axes for one position of the output."""
    found = []
    for axis, p in enumerate(position):
        n, (low, high) = geometry.input_size[axis], geometry.pads[axis]
        first = p * geometry.stride[axis] - low
        stop = first + geometry.span[axis]
        window = tuple(range(first, stop, geometry.dilation[axis]))
        shown = pixel_of_border(n, low, high, geometry.padding_mode)
        found.append(Axis(window, _drawn(window, range(-low, n + high)), shown, low))
    return found


def _drawn(window: tuple[int, ...], everything: range) -> tuple[int, ...]:
    """Return all places, or those from one before the window to one after it, or the window."""
    around = range(
        max(window[0] - 1, everything.start), min(window[-1] + 1, everything.stop - 1) + 1
    )
    for places in (everything, around):
        if len(places) <= _MOST_DRAWN:
            return tuple(places)
    return window


def constants(padding_value: Constant, picked: Picked) -> NumPyArray:
    """Return what a constant border shows in each channel of the image, zeros in any other."""
    values = padding_value if isinstance(padding_value, tuple) else (padding_value,)
    dtype = picked.image.dtype
    numbers = np.array([cast(value, dtype.name) for value in values], dtype)
    channels = list(picked.channels) if isinstance(padding_value, tuple) else [0]
    return numbers[channels, None, None]


def gathered(
    image: NumPyArray, shown: NumPyArray, rows: Sequence[int], columns: Sequence[int]
) -> NumPyArray:
    """Return the pixels of (C, H, W) in these rows and columns, for -1 what is ``shown``."""
    framed = np.pad(image, ((0, 0), (0, 1), (0, 1)))
    framed[:, -1:, :] = framed[:, :, -1:] = shown  # the last of each axis is the border
    found: NumPyArray = framed[:, rows][:, :, columns]
    return found


def terms(
    patch: NumPyArray, picked: Picked, spatial: Sequence[Axis], *, flip: bool
) -> tuple[Term, ...]:
    """Return the products of a patch (C, kh, kw) and the filter that lies on it."""
    rows, columns = spatial
    read_rows, read_columns = rows.sources(rows.window), columns.sources(columns.window)
    _, kh, kw = patch.shape
    found = []
    for c, i, j in itertools.product(*map(range, patch.shape)):
        source = (read_rows[i], read_columns[j])
        tap = (kh - 1 - i, kw - 1 - j) if flip else (i, j)
        image_index, filter_index = picked.image_index, picked.filter_index
        if picked.channels:
            image_index, filter_index = (*image_index, picked.channels[c]), (*filter_index, c)
        found.append(
            Term(
                place=(rows.window[i], columns.window[j]),
                index=None if min(source) < 0 else (*image_index, *source),
                tap=(*filter_index, *tap),
                pixel=number(patch[c, i, j]),
                weight=number(picked.weight[(c, *tap)]),
            )
        )
    return tuple(found)


def view(pixels: NumPyArray, picked: Picked, spatial: Sequence[Axis]) -> View:
    """Return the drawn pixels (C, rows, columns)."""
    rows, columns = spatial
    nested = tuple(
        tuple(tuple(number(pixel) for pixel in row) for row in channel)
        for channel in pixels[:_CHANNELS_DRAWN]
    )
    return View(picked.channels, rows.drawn, columns.drawn, nested)


def number(value: Any) -> Number:
    """Return a number of NumPy's as one of Python's; True counts as 1."""
    found: Number = value.item()
    return int(found) if isinstance(found, bool) else found
