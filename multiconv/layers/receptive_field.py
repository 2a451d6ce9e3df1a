"""Which input pixels one output pixel of a stack of layers sees."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from multiconv.core import arguments, geometry
from multiconv.layers import modules
from multiconv.layers.shared import LayerArguments

_LISTED = 2**20  # pixels along an axis, the most that are listed one by one


class Axis(NamedTuple):
    """A layer along one axis."""

    kernel: int
    stride: int
    low: int
    high: int
    dilation: int


class _Extent(NamedTuple):
    size: tuple[int, ...]
    jump: tuple[int, ...]
    offset: tuple[int, ...]
    support: tuple[Sequence[int] | None, ...]


class ReceptiveField(_Extent):
    """What one output pixel sees, one number per spatial axis.

    Output pixel p depends on input pixels ``offset + p * jump`` to
    ``offset + p * jump + size - 1``, as far as they lie in the image and are in `support`; at a
    border, `pixels` knows which of them.

    Attributes
    ----------
    size : tuple of int
        Extent of what one output sees, holes of dilated kernels included, in input pixels.
    jump : tuple of int
        Distance between what neighbouring outputs see.
    offset : tuple of int
        First pixel that output 0 sees; negative where that is in the border.
    support : tuple of tuple of int
        Along each axis exactly which pixels output 0 sees, relative to ``offset``, away from
        borders. Too many to list, from 2**20 on, they are a range if evenly spaced, else None.
    stack : tuple of tuple of Axis
        The layers along each axis.
    """

    # Not among the fields: stacks that see the same are equal.
    stack: tuple[tuple[Axis, ...], ...]

    def pixels(
        self, position: int | Sequence[int], input_size: int | Sequence[int] | None = None
    ) -> tuple[tuple[int, ...], ...]:
        """Return exactly which input pixels an output position sees along each axis.

        Parameters
        ----------
        position : int or sequence of int
            Index of the output, one per spatial axis.
        input_size : int or sequence of int, optional
            Size of the image. With it, borders of zeros hide what lies in them, those between the
            layers too. Without it the image has no end, and positions in its border are given as
            they are.

        Raises
        ------
        ValueError
            If the position is outside the output, or sees too many pixels to list them.

        Examples
        --------
        >>> from multiconv import receptive_field
        >>> field = receptive_field((3, 1, 1))
        >>> field.pixels(0)[0], field.pixels(0, 28)[0]
        ((-1, 0, 1), (0, 1))
        """
        axes = len(self.size)
        at = arguments.per_axis("position", position, axes, minimum=0)
        sizes: tuple[int | None, ...] = (None,) * axes
        if input_size is not None:
            sizes = arguments.per_axis("input_size", input_size, axes, minimum=1)
        return tuple(map(_seen, self.stack, at, sizes))


def receptive_field(*layers: Any) -> ReceptiveField:
    r"""Return which input pixels one output pixel of a stack of convolutions sees.

    A layer with stride s, dilation d, kernel size k and low pad P turns what its outputs see into

    .. math:: size' = size + d (k - 1)\, jump, \quad offset' = offset - P\, jump,
        \quad jump' = s\, jump

    starting from size 1, jump 1 and offset 0 (Araujo, Norris and Sim, "Computing receptive fields
    of convolutional neural networks", Distill, 2019).

    Parameters
    ----------
    *layers : layer or tuple
        From input to output: a `Conv1D`, `Conv2D` or `Conv3D` of any backend; a convolution, a
        pool, an activation, a dropout or a batch norm (as it is after training) of torch.nn, Keras,
        Flax or Equinox, or a whole Sequential of them; or ``(kernel_size, stride, padding,
        dilation)``, of which the last ones may be left out. Each entry is an int or one per spatial
        axis, padding also ``(low, high)`` pairs, ``"valid"`` or ``"full"``; ``"same"`` and
        ``"same_lower"`` with stride 1.

    Returns
    -------
    ReceptiveField
        With size, jump, offset and the exact support along each axis; two axes where nothing says
        otherwise.

    Raises
    ------
    ValueError
        If nothing is given, the layers have different numbers of axes, a padding depends on the
        size of the image, or a layer is transposed, whose outputs do not all see alike.
    TypeError
        If something is neither a layer nor such a tuple, or a module of which it is not known what
        it sees.

    Examples
    --------
    >>> from multiconv import receptive_field
    >>> field = receptive_field((3, 1, 1), (3, 2, 1), (3, 1, 1))
    >>> field.size, field.jump, field.offset
    ((9, 9), (2, 2), (-4, -4))

    A network of PyTorch:

    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
    >>> receptive_field(net).size
    (6, 6)

    A dilated kernel sees with holes:

    >>> receptive_field((3, 1, 0, 2)).support[0]
    (0, 2, 4)
    """
    if len(layers) == 1 and isinstance(layers[0], (list, tuple)):
        inner = tuple(layers[0])  # a list of layers, and not the numbers of one
        if inner and all(hasattr(n, "arguments") or modules.is_module(n) for n in inner):
            layers = inner
    if not layers:
        msg = "receptive_field needs at least one layer, for example receptive_field((3, 1, 1))"
        raise ValueError(msg)
    named = [each for i, n in enumerate(layers) for each in modules.flattened(n, f"layers[{i}]")]
    found = [(_entries(layer, name), name) for layer, name in named]
    entries = [entry for entry, _ in found if entry is not None]
    counts = [
        max(0 if isinstance(e, str) else arguments.count_axes("layer", e, 0) for e in entry)
        for entry in entries
    ]
    axes = max(counts, default=0) or 2
    if any(count not in (0, axes) for count in counts):
        msg = f"the layers have different numbers of spatial axes: {counts}"
        raise ValueError(msg)
    stack = [_read(entry, axes, name) for entry, name in found if entry is not None]
    if not stack:
        stack = [_read((1, 1, 0, 1), axes, "layers")]  # all of them take every pixel by itself
    along = tuple(zip(*stack, strict=True))
    field = ReceptiveField(*zip(*map(_along_one_axis, along), strict=True))
    field.stack = along
    return field


def _entries(layer: Any, name: str) -> tuple[Any, ...] | None:
    """Return (kernel_size, stride, padding, dilation), or None for what takes pixels one by one."""
    known = getattr(layer, "arguments", None)
    if not isinstance(known, LayerArguments) and modules.is_module(layer):
        known = modules.entries(layer, name)
        if known is None or isinstance(known, tuple):
            return known
    if isinstance(known, LayerArguments):
        if known.transposed:
            msg = f"{name} is a {known.kind}, of whose outputs each phase sees something else"
            raise ValueError(msg)
        return known.kernel_size, known.stride, known.padding, known.dilation
    if not isinstance(layer, (tuple, list)) or not 1 <= len(layer) <= 4:
        msg = (
            f"{name} must be a layer such as a Conv2D, or a tuple (kernel_size, stride, padding, "
            f"dilation), got {layer!r}"
        )
        raise TypeError(msg)
    defaults: tuple[Any, ...] = (1, 1, 0, 1)
    return tuple(layer) + defaults[len(layer) :]


def _read(entry: tuple[Any, ...], axes: int, name: str) -> list[Axis]:
    """Return the layer along each axis."""
    kernel = arguments.per_axis(f"{name} kernel_size", entry[0], axes, minimum=1)
    stride = arguments.per_axis(f"{name} stride", entry[1], axes, minimum=1)
    padding = arguments.padding(entry[2], axes, name=f"{name} padding")
    dilation = arguments.per_axis(f"{name} dilation", entry[3], axes, minimum=1)
    pads = geometry.fixed_pads(padding, kernel, stride, dilation)
    if pads is None:
        msg = (
            f"{name} has padding={padding!r} with stride {stride}, whose pads depend on the size "
            f"of the image: give the pads that output_size tells, as (low, high) pairs"
        )
        raise ValueError(msg)
    return [
        Axis(k, s, low, high, d)
        for k, s, (low, high), d in zip(kernel, stride, pads, dilation, strict=True)
    ]


def _along_one_axis(layers: tuple[Axis, ...]) -> tuple[int, int, int, Sequence[int] | None]:
    jump, offset = 1, 0
    taps = []
    for layer in layers:
        taps.append((layer.dilation * jump, layer.kernel))  # their distance, and how many
        offset -= layer.low * jump
        jump *= layer.stride
    size = 1 + sum(distance * (count - 1) for distance, count in taps)
    return size, jump, offset, _sums(sorted(tap for tap in taps if tap[1] > 1), size)


def _sums(taps: list[tuple[int, int]], size: int) -> Sequence[int] | None:
    """Return all sums of one multiple of each distance, below its count, in order."""
    step = math.gcd(*(distance for distance, _ in taps)) or 1
    even = range(0, size, step)
    reached = 0
    for distance, count in taps:
        if distance > reached + step:  # a hole, which no larger distance fills
            break
        reached += distance * (count - 1)
    else:
        return tuple(even) if _count(even) <= _LISTED else even
    if min(_count(even), math.prod(count for _, count in taps)) > _LISTED:
        return None
    sums = {0}
    for distance, count in taps:
        done = 1
        while done < count:
            more = min(done, count - done)
            sums |= {place + distance * more for place in sums}
            done += more
    return tuple(sorted(sums))


def _seen(layers: tuple[Axis, ...], position: int, size: int | None) -> tuple[int, ...]:
    """Follow an output back to the input, leaving out what is no pixel of a layer's own input."""
    sizes = []
    for k, s, low, high, d in layers:
        sizes.append(size)
        if size is not None:
            size = geometry.resolve((size,), (k,), (s,), (d,), ((low, high),)).output_size[0]
    if size is not None and position >= size:
        msg = f"position={position} is outside the output, whose size is {size}"
        raise ValueError(msg)
    seen: Iterable[int] = {position}
    for layer, n in zip(reversed(layers), reversed(sizes), strict=True):
        windows = [_window(layer, p, n) for p in seen]
        if sum(map(_count, windows)) > _LISTED * 2**4:
            msg = f"position={position} sees too many pixels to list; size and offset say which"
            raise ValueError(msg)
        seen = set().union(*windows)
    return tuple(sorted(seen))


def _window(layer: Axis, position: int, size: int | None) -> range:
    """Return which pixels of a layer's own input an output sees, inside an image of a size."""
    start = position * layer.stride - layer.low
    whole = range(start, start + layer.kernel * layer.dilation, layer.dilation)
    if size is None:
        return whole
    before = -(start // layer.dilation) if start < 0 else 0
    return whole[min(before, layer.kernel) : _count(range(start, size, layer.dilation))]


def _count(places: range) -> int:
    """Return the length of a range, also beyond the 64 bits of `len`."""
    return max(0, -(-(places.stop - places.start) // places.step))
