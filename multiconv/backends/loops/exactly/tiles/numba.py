"""Sums with channels in float64, band by band, each rounded to float32 while it is in cache.

A band is some rows of outputs of one image, over some columns. What it sees of the image is cast
into a room (channels, slabs, residues of rows, residues of columns, rows, columns): outputs that
are a stride apart see neighbours there. A row of the room is longer than one of outputs, and all
rows of a band are summed as if they were one; what lies between two is not used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.loops.exactly.compiling.numba import inlined, jit
from multiconv.backends.loops.exactly.rounding.numba import certify_row, certify_twice
from multiconv.backends.loops.vectors.tiles.numba import FILTERS, OUTPUTS, TILES, taps_of_filters

#: What a tile may read, and write, beyond the last output.
_BEYOND = max(OUTPUTS)
_add_first, _add_second, _add_third, _add_fourth = (taps_of_filters(*tile) for tile in TILES)


@inlined
def _fill(
    room: Any, x: Any, image: Any, corner: Any, steps: Any, rows: Any, columns: Any, residues: Any
) -> None:
    """Cast what a band sees of an image (channels, depth, height, width), with zeros around.

    ``image`` begins with its place in x; ``corner`` is the first slab, row and column. ``steps``
    are those between outputs, rows and columns, the number of slabs and what is between these.
    Of each residue ``rows`` and ``columns`` say how many are seen, and how many the room has.
    """
    base, channels, depth, height, width = image
    down, along, slabs, apart = steps
    to = 0
    for c in range(channels):
        for i in range(slabs):
            z = corner[0] + i * apart
            for row in residues[0]:
                for column in residues[1]:
                    first = corner[2] + column
                    # The places m with 0 <= first + m along < width; no more than there are.
                    low = min(max((-first + along - 1) // along, 0), columns[0])
                    high = max(min((width - first + along - 1) // along, columns[0]), low)
                    for r in range(rows[0]):
                        y = corner[1] + row + r * down
                        own = room[to + r * columns[1] : to + r * columns[1] + columns[0]]
                        if y < 0 or y >= height or z < 0 or z >= depth:
                            own[:] = 0.0
                            continue
                        own[:low] = 0.0
                        own[high:] = 0.0
                        cast = own[low:high]
                        seen = base + ((c * depth + z) * height + y) * width + first + low * along
                        # Unsigned: a signed index may be negative, and such a loop has no vectors.
                        if along == 1:
                            line = x[seen : seen + cast.size]
                            for m in range(cast.size):
                                cast[m] = line[m]
                        else:
                            for m in range(cast.size):
                                cast[m] = x[np.uintp(seen) + np.uintp(m) * np.uintp(along)]
                    to += rows[1] * columns[1]


@inlined
def _add_tile(
    kind: int,
    room: Any,
    offsets: Any,
    weight: Any,
    first: int,
    start: int,
    stop: int,
    sums: Any,
    span: int,
    pitch: int,
) -> None:
    """Sum up a part of the products of a tile's filters, for all outputs of a band."""
    k, low, high, below = np.uintp(first), np.uintp(start), np.uintp(stop), np.uintp(pitch)
    for place in range(0, span, OUTPUTS[kind]):
        q = np.uintp(place)
        if kind == 0:
            _add_first(room, q, offsets, weight, k, low, high, sums, q, below)
        elif kind == 1:
            _add_second(room, q, offsets, weight, k, low, high, sums, q, below)
        elif kind == 2:
            _add_third(room, q, offsets, weight, k, low, high, sums, q, below)
        else:
            _add_fourth(room, q, offsets, weight, k, low, high, sums, q, below)


@inlined
def _add_twice(high: Any, low: Any, term: Any) -> None:
    """Add numbers to sums in two parts (Knuth's TwoSum)."""
    for j in range(high.size):
        before = high[j]
        total = before + term[j]
        other = total - before
        high[j] = total
        low[j] += (before - (total - other)) + (term[j] - other)


@inlined
def _add_parts(
    kind: int,
    room: Any,
    offsets: Any,
    weight: Any,
    first: int,
    part: int,
    sums: Any,
    span: int,
    pitch: int,
) -> None:
    """Sum up the products of a tile's filters, those of several parts in two numbers."""
    high, low, term = sums
    low[:] = 0.0
    for start in range(0, offsets.size, part):
        stop = min(start + part, offsets.size)
        own = term if start else high
        _add_tile(kind, room, offsets, weight, first, start, stop, own, span, pitch)
        if start:
            _add_twice(high, low, term)


@inlined
def _certify(high: Any, low: Any, term: Any, bias: Any, error: float, y: Any, unsure: Any) -> Any:
    """Round the sums of a filter, in one number or in two, with its bias; ``high`` is not kept.

    Returns how many are not certain, of those that are not used, too.
    """
    if low.size:
        if bias.size:
            term[:] = bias[0]
            _add_twice(high, low, term)
        return certify_twice(high, low, error, y, unsure)
    if bias.size:
        high += bias[0]
    return certify_row(high, error, y, unsure)


@inlined
def _copy(source: Any, pitch: int, target: Any, to: int, width: int, size: Any) -> None:
    """Copy rows and columns."""
    for r in range(size[0]):
        # An array set to another brings along what says that they differ in shape.
        into = target[to + r * width : to + r * width + size[1]]
        line = source[r * pitch : r * pitch + size[1]]
        for j in range(into.size):
            into[j] = line[j]


@jit
def correlate(
    x: Any,
    image: Any,
    weight: Any,
    shape: Any,
    offsets: Any,
    residues: Any,
    steps: Any,
    tile: Any,
    part: int,
    bias: Any,
    error: Any,
    y: Any,
    unsure: Any,
    output: Any,
    start: int,
    stop: int,
) -> None:
    """Correlate the bands [start, stop), round each, and mark what is not certain.

    ``x`` is flat, of images (C, D, H, W); ``weight`` has the numbers of the filters that a tile
    takes side by side, tile after tile; ``shape`` is groups, filters and slabs of a kernel.
    ``offsets`` say where in the room each of these meets its pixel, ``residues`` which rows and
    columns do. ``steps`` are the low pads, the strides, and the dilation between slabs; ``tile``
    the rows and columns of a band, and how many more are seen; ``part`` the length of a part of a
    sum. ``bias`` (groups, filters) may be empty, ``error`` is (images, groups, filters); all
    are flat but ``output`` (D, H, W).
    """
    groups, filters, slabs = shape
    low0, low1, low2, stride0, stride1, stride2, apart = steps
    most_rows, most_columns, more_rows, more_columns = tile
    channels, depth, height, width = image
    deep, tall, wide = output
    bands, across = -(-tall // most_rows), -(-wide // most_columns)
    length = offsets.size
    planes = channels * slabs * residues[0].size * residues[1].size
    pitch = most_columns + more_columns
    plane = (most_rows + more_rows) * pitch
    room = np.zeros(planes * plane + _BEYOND)
    below = most_rows * pitch + _BEYOND
    high = np.empty(max(FILTERS) * below)
    low = np.empty(high.size if part < length else 0)
    term = np.empty(low.size)
    rounded, marked = np.empty(below, np.float32), np.empty(below, np.bool_)
    for number in range(start, stop):
        across_place, rest = number % across, number // across
        band, rest = rest % bands, rest // bands
        d, rest = rest % deep, rest // deep
        g, n = rest % groups, rest // groups
        r0, c0 = band * most_rows, across_place * most_columns
        rows, columns = min(most_rows, tall - r0), min(most_columns, wide - c0)
        _fill(
            room,
            x,
            ((n * groups + g) * channels * depth * height * width, channels, depth, height, width),
            (d * stride0 - low0, r0 * stride1 - low1, c0 * stride2 - low2),
            (stride1, stride2, slabs, apart),
            (rows + more_rows, most_rows + more_rows),
            (columns + more_columns, pitch),
            residues,
        )
        span = (rows - 1) * pitch + columns
        o = 0
        while o < filters:
            kind = 0
            while FILTERS[kind] > filters - o:
                kind += 1
            many, first = FILTERS[kind], (g * filters + o) * length
            sums = (high[: many * below], low, term)
            _add_parts(kind, room, offsets, weight, first, part, sums, span, below)
            for f in range(many):
                here = slice(f * below, f * below + span)
                result = (n * groups + g) * filters + o + f
                own = bias[g * filters + o + f : g * filters + o + f + 1]
                found = _certify(
                    high[here], low[here], term[here], own, error[result], rounded, marked
                )
                to = ((result * deep + d) * tall + r0) * wide + c0
                _copy(rounded, pitch, y, to, wide, (rows, columns))
                if found:
                    _copy(marked, pitch, unsure, to, wide, (rows, columns))
            o += many
