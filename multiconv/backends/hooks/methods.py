"""What the methods ask of a backend: taps, products, transforms, a convolution of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias

from multiconv.backends.hooks.arrays import Array, ArrayHooks
from multiconv.core import dtypes
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry

#: A correlation of an image and a kernel.
Bilinear: TypeAlias = Callable[[Array, Array], Array]


class MethodHooks(ArrayHooks):
    """Sums of products, faster than by the array namespace alone where a framework has a way.

    Arrays are already in the dtype that sums are carried in (see `accumulator`).
    """

    # What the choice of a method goes by ----------------------------------------------------------

    def accumulator(self, name: str) -> str:
        """Return the dtype that sums whose result is ``name`` are carried in."""
        return dtypes.accumulator(name)

    #: How many of the last axes the method "folded" folds: more than one costs a transposition on
    #: the way in and out, and saves zeros.
    folded_axes: int = 1

    #: The dtypes that it is fast for, where there is a difference.
    folded_dtypes: frozenset[str] | None = None

    #: Beyond how many taps the method "direct" is out of the question for "auto", if at all.
    most_taps: int | None = None

    #: How many outputs the method "loop" visits before it refuses.
    loop_limit: int = 2**16

    # Taps and products ----------------------------------------------------------------------------

    def pad_zeros(self, array: Array, pads: Pairs) -> Array:
        """Add ``(low, high)`` zeros around each of the last axes."""
        for axis, (low, high) in zip(range(-len(pads), 0), pads, strict=True):
            pieces = [array]
            for amount, at in ((low, 0), (high, 2)):
                if amount:
                    shape = list(array.shape)
                    shape[axis] = amount
                    pieces.insert(at, self.zeros(tuple(shape), array))
            if len(pieces) > 1:
                array = self.xp.concat(pieces, axis=axis)
        return array

    def sum_of_taps(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Correlate (N, G, C, *size) with (G, O, C, *kernel), with a border of zeros.

        By one multiply-add for every tap, the way of the method ``direct``; None where that has no
        way of its own here.
        """
        return None

    #: Whether `derived` returns another function.
    derives_apart: bool = False

    def derived(self, function: Bilinear, by_weight: Bilinear) -> Bilinear:
        """Return a function whose derivative with respect to the weight may be that of another way.

        Both are the same function of an image and a kernel.
        """
        return function

    def adds_channels(self, channels: int, filters: int) -> bool:
        """Tell whether ``direct`` adds up so many channels as it does taps, without products."""
        return channels == 1

    def matmul(self, first: Array, second: Array) -> Array:
        """Multiply stacks of matrices, integers exactly and floats in full precision."""
        return self.xp.matmul(first, second)

    #: How many numbers a method that works in blocks takes at a time, where it has the choice: more
    #: than one operation costs, and so few that a compiler is not asked for thousands of them.
    block_elements: int = 2**26

    def add(self, total: Array, term: Array) -> Array:
        """Return ``total + term``; ``total`` may be overwritten."""
        return total + term

    def windows(self, x: Array, geometry: Geometry) -> Array:
        """Return what every tap meets, (*lead, *kernel, *output), of (*lead, *padded).

        It may be a view of x, and is not to be written to.
        """
        lead = x.shape[: x.ndim - geometry.axes]
        last = len(lead)
        if geometry.taps == 1:
            met = x[geometry.tap_windows()[0][1]]
        elif geometry.taps <= geometry.outputs:  # stack whichever is fewer: the result is the same
            met = self.xp.stack([x[w] for _, w in geometry.tap_windows()], axis=last)
        else:
            shape = (*lead, geometry.taps)
            seen = [self.xp.reshape(x[w], shape) for w in geometry.output_windows()]
            met = self.xp.stack(seen, axis=last + 1)
        return self.xp.reshape(met, (*lead, *geometry.kernel_size, *geometry.output_size))

    def product_of_fewer(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Correlate (N, G, C, *size) with (G, O, C, *kernel) by products of fewer repeated pixels.

        There are zeros around. None where the whole patch matrix is better.
        """
        return None

    def room_for_fewer(
        self, image: tuple[int, ...], filters: int, geometry: Geometry, dtype: str
    ) -> int | None:
        """Return how many numbers `product_of_fewer` needs for (N, G, C), beside its arrays.

        None where it does not say: no more than the blocks of a patch matrix.
        """
        return None

    def multiplies_first(self, channels: int, filters: int, geometry: Geometry, dtype: str) -> bool:
        """Tell whether `product_of_fewer` repeats the results for each tap, and no pixel."""
        return False

    def products(
        self,
        shape: tuple[int, ...],
        like: Array,
        blocks: Sequence[Sequence[Callable[[], tuple[Array, Array]]]],
    ) -> Array:
        """Return the array of that shape, of the dtype of ``like``, whose blocks are products.

        Each row of blocks has the next of the first axis, and each block of a row the next of the
        last. A block is a function of two stacks of matrices, called when its turn has come.
        """
        rows = []
        for row in blocks:
            products = [self.matmul(*factors()) for factors in row]
            rows.append(self.xp.concat(products, axis=-1) if len(products) > 1 else products[0])
        return self.xp.concat(rows, axis=0) if len(rows) > 1 else rows[0]

    # Transforms -----------------------------------------------------------------------------------

    def transform(self, x: Array, lengths: tuple[int, ...], *, is_real: bool) -> Array:
        """Transform the last axes, padded with zeros to these lengths; of real numbers half."""
        function = self.xp.fft.rfftn if is_real else self.xp.fft.fftn
        return function(x, s=lengths, axes=tuple(range(-len(lengths), 0)))

    def inverse(self, y: Array, lengths: tuple[int, ...], *, is_real: bool) -> Array:
        """Undo `transform`."""
        function = self.xp.fft.irfftn if is_real else self.xp.fft.ifftn
        return function(y, s=lengths, axes=tuple(range(-len(lengths), 0)))

    # Native convolution ---------------------------------------------------------------------------

    def native_refusal(self, dtype: str, device: Hashable, axes: int) -> str | None:
        """Return why there is no native convolution for this input, None where there is one."""
        return f"the {self.name} backend has no convolution of its own"

    def native_elements(self, dtype: str, device: Hashable, columns: int) -> int | None:
        """Return how many numbers the native convolution needs, where that may be very many.

        ``columns`` is the size of the whole patch matrix; None says that blocks are enough.
        """
        return None

    def native(
        self,
        x: Array,
        weight: Array,
        *,
        stride: tuple[int, ...],
        pads: Pairs,
        dilation: tuple[int, ...],
        groups: int,
    ) -> Array:
        """Correlate (N, C, *spatial) with (O, C/groups, *kernel), with a border of zeros."""
        raise NotImplementedError(f"the backend {self.name!r} declares a convolution it lacks")

    def native_call(
        self, wanted: str, geometry: Geometry, groups: int, dtype: str, device: Hashable
    ) -> Callable[..., Array] | None:
        """Return the framework's own call for arrays as it lays them out itself; None without one.

        ``wanted`` is what it gives: "y" of (x, weight, bias), "x" of (y, weight, bias), the
        adjoint, or "weight" of (x, y, None); images are (N, C, *size), weights (O, C/groups,
        *kernel), a bias (channels,), None or left out, all of the dtype of the sums, and the border
        is zeros.
        """
        return None

    def correlate_last(
        self,
        x: Array,
        weight: Array,
        *,
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> Array:
        """Correlate (N, *spatial, C) with (O, *kernel, C/groups), channels last, without a border.

        The result is (N, *output, O). One matrix product per kernel tap, without a framework's own
        convolution.
        """
        xp = self.xp
        filters, *kernel, channels = weight.shape
        each = filters // groups
        size = [
            (n - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(x.shape[1:-1], kernel, stride, dilation, strict=True)
        ]
        grouped = xp.reshape(weight, (groups, each, *kernel, channels))
        pixels = (x.shape[0], math.prod(size), groups, channels)
        total = None
        for tap in itertools.product(*map(range, kernel)):
            window = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, s, n in zip(tap, dilation, stride, size, strict=True)
            )
            seen = xp.reshape(x[(slice(None), *window, slice(None))], pixels)
            columns = xp.permute_dims(
                grouped[(slice(None), slice(None), *tap, slice(None))], (0, 2, 1)
            )
            product = self.matmul(xp.permute_dims(seen, (0, 2, 1, 3)), columns)
            total = product if total is None else total + product
        y = xp.permute_dims(total, (0, 2, 1, 3))
        return xp.reshape(y, (x.shape[0], *size, filters))
