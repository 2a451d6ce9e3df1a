"""The NumPy backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multiconv.backends import fourier, packed, rows, scattered, unpacked
from multiconv.backends.base import HOST_MEMORY, Array, Backend, NumPyArray, Terms
from multiconv.backends.loops import compiled, sums
from multiconv.backends.loops.exactly import bits
from multiconv.backends.loops.exactly import calls as exactly
from multiconv.backends.loops.exactly.repair import sums_to_odd
from multiconv.backends.loops.exactly.taps.calls import certified_taps
from multiconv.backends.loops.products import calls as products
from multiconv.backends.loops.threads import shared
from multiconv.core import dtypes
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.installation import install_line


class NumPyBackend(Backend):
    """NumPy, the reference: no autodiff and no convolution of its own."""

    name = "numpy"
    array_name = "NumPy array"
    xp = np
    default_integer = np.dtype(int).name
    default_float = "float64"
    leaves_dtypes = True

    def owns(self, array: object) -> bool:
        """Take ndarrays, and the scalars that indexing them gives."""
        return isinstance(array, (np.ndarray, np.generic))

    def check(self, name: str, array: Array) -> None:
        """Refuse the subclasses whose products mean something else."""
        if type(array) is np.ndarray:
            return
        if isinstance(array, np.ma.MaskedArray):
            msg = f"{name} is a masked array, whose mask would be lost: pass {name}.filled(0)"
            raise TypeError(msg)
        if isinstance(array, np.matrix):
            msg = (
                f"{name} is a numpy.matrix, whose * is another product: pass numpy.asarray({name})"
            )
            raise TypeError(msg)

    def asarray(self, nested: Any, *, like: Array | None = None) -> Array:
        return np.array(nested)

    def empty_on(self, device: Any) -> Array:
        if device not in (None, "cpu"):
            msg = f"device={device!r} is none of NumPy's, whose arrays are on the 'cpu'"
            raise ValueError(msg)
        return np.empty(0)

    def dtype_name(self, dtype: Any) -> str:
        """Return the name, the same for either byte order."""
        return str(dtype.name)

    def dtype(self, name: str) -> Any:
        """Return the dtype in the machine's byte order; bfloat16 is that of ml_dtypes."""
        if name == "bfloat16":
            import ml_dtypes  # an array of this dtype has imported it already

            return np.dtype(ml_dtypes.bfloat16)
        return np.dtype(name)

    def astype(self, array: Array, name: str) -> Array:
        return array.astype(self.dtype(name), copy=False)

    def reshape(self, array: Array, shape: tuple[int, ...]) -> Array:
        return array.reshape(shape)  # numpy.reshape takes longer than what it calls

    def signature(self, array: Array) -> tuple[tuple[int, ...], Any, None]:
        """Return shape and dtype; all arrays live in the same memory."""
        return array.shape, array.dtype, None

    def kinds(self, arrays: Sequence[Array | None]) -> Any:
        return tuple([a if a is None else (type(a), a.shape, a.dtype) for a in arrays])

    def speed(self, device: Any, *, recorded: bool = False) -> str:
        """Return whether there are compiled loops, too."""
        return "cpu, compiled" if compiled.is_installed() else "cpu"

    def capacity(self, device: Any) -> int:
        return HOST_MEMORY

    def zeros(self, shape: tuple[int, ...], like: Array) -> Array:
        return np.zeros(shape, like.dtype)

    def full(self, shape: tuple[int, ...], value: complex, like: Array) -> Array:
        return np.full(shape, value, like.dtype)

    def pad_zeros(self, array: Array, pads: Pairs) -> Array:
        """Add zeros by writing the array into the middle of them."""
        sizes = array.shape[-len(pads) :]
        padded = [n + low + high for n, (low, high) in zip(sizes, pads, strict=True)]
        result = np.zeros((*array.shape[: -len(pads)], *padded), array.dtype)
        middle = (slice(low, low + n) for n, (low, _) in zip(sizes, pads, strict=True))
        index: tuple[Any, ...] = (..., *middle)
        result[index] = array
        return result

    def sum_of_taps(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Follow one order of additions, compiled or not."""
        return sums.sum_of_taps(x, weight, geometry)

    def adds_channels(self, channels: int, filters: int) -> bool:
        return sums.adds_channels(channels, filters)

    def correlate_last(
        self,
        x: Array,
        weight: Array,
        *,
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> Array:
        """Take blocks of rows that stay in cache, where images have rows and BLAS their dtype."""
        # A number that is not finite meets the zeros of a folded kernel.
        with np.errstate(invalid="ignore"):
            if x.ndim == 4 and groups == 1 and x.dtype.kind == "f":
                return rows.correlate_last(x, weight, stride, dilation)
            return super().correlate_last(
                x, weight, stride=stride, dilation=dilation, groups=groups
            )

    block_elements = 2**19  # in float32, what is in the cache of a processor's core

    def add(self, total: Array, term: Array) -> Array:
        total += term
        return total

    def windows(self, x: Array, geometry: Geometry) -> Array:
        """Return a view of x, in which taps share pixels: what uses it copies once, in order."""
        lead, steps = x.strides[: -geometry.axes], x.strides[-geometry.axes :]
        taps = (step * d for step, d in zip(steps, geometry.dilation, strict=True))
        outputs = (step * s for step, s in zip(steps, geometry.stride, strict=True))
        return np.lib.stride_tricks.as_strided(
            x,
            (*x.shape[: -geometry.axes], *geometry.kernel_size, *geometry.output_size),
            (*lead, *taps, *outputs),
            writeable=False,
        )

    def product_of_fewer(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        if self._is_product(x.shape[2], weight.shape[1], geometry, x.dtype.name):
            return unpacked.correlate(x, weight, geometry)
        if products.takes(x.dtype.name, x.shape, weight.shape[1], geometry):
            y = products.correlate(x, weight, geometry)
            if y is not None:
                return y
        if self.multiplies_first(x.shape[2], weight.shape[1], geometry, x.dtype.name):
            return scattered.correlate(x, weight, geometry)
        if packed.takes(x, weight, geometry):
            return packed.correlate(x, weight, geometry)
        return None

    def room_for_fewer(
        self, image: tuple[int, ...], filters: int, geometry: Geometry, dtype: str
    ) -> int | None:
        if self._is_product(image[2], filters, geometry, dtype):
            return None
        if products.takes(dtype, image, filters, geometry):
            return products.workspace(image, filters, geometry)
        return None

    def _is_product(self, channels: int, filters: int, geometry: Geometry, dtype: str) -> bool:
        return dtype in ("float32", "float64") and unpacked.takes(channels, filters, geometry)

    def multiplies_first(self, channels: int, filters: int, geometry: Geometry, dtype: str) -> bool:
        """Tell, of the dtypes that BLAS multiplies."""
        return dtypes.kind(dtype) != "integer" and scattered.takes(channels, filters, geometry)

    def products(
        self,
        shape: tuple[int, ...],
        like: Array,
        blocks: Sequence[Sequence[Callable[[], tuple[Array, Array]]]],
    ) -> Array:
        """Multiply into the result's place, while a block is still in the cache."""
        result = np.empty(shape, like.dtype)
        below = 0
        for row in blocks:
            left = count = 0
            for factors in row:
                first, second = factors()
                count, right = second.shape[0], left + second.shape[-1]
                np.matmul(first, second, out=result[below : below + count, ..., left:right])
                left = right
            below += count
        return result

    def transform(self, x: Array, lengths: tuple[int, ...], *, is_real: bool) -> Array:
        return fourier.transform(x, lengths, is_real=is_real)

    def inverse(self, y: Array, lengths: tuple[int, ...], *, is_real: bool) -> Array:
        return fourier.inverse(y, lengths, is_real=is_real)

    band_elements = 2**17

    def as_bits(self, array: Array) -> Array:
        return np.ascontiguousarray(array).view(f"i{array.dtype.itemsize}")

    def from_bits(self, bits: Array, name: str) -> Array:
        return bits.view(self.dtype(name))

    def joined(self, real: Array, imaginary: Array) -> Array:
        result = np.empty(real.shape, f"c{2 * real.dtype.itemsize}")
        result.real, result.imag = real, imaginary
        return result

    def scatter_add(self, places: Array, values: Array, count: int) -> Array:
        rows = values.shape[0]
        sums = np.zeros(rows * count, np.int64)
        np.add.at(sums, (places + count * np.arange(rows)[:, None]).ravel(), values.ravel())
        return sums.reshape(rows, count)

    def on_all(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Share them among threads: most of what is done lets go of Python's lock."""
        found: list[Any] = [None] * len(items)

        def work(start: int, stop: int) -> None:
            for place in range(start, stop):
                found[place] = function(*items[place])

        shared(work, len(items))
        return found

    def largest(self, array: Array) -> float:
        return bits.largest(array)

    def are_multiples(self, array: Array, exponent: int) -> bool:
        return bits.are_multiples(array, exponent)

    def has_plain_float32(self, array: Array) -> bool:
        return True

    def certified_taps(
        self, x: Array, weight: Array, geometry: Geometry
    ) -> tuple[Array, Array] | None:
        return certified_taps(x, weight, geometry)

    def certified_sums(
        self,
        wanted: str,
        first: Array,
        second: Array,
        bias: Array | None,
        geometry: Geometry,
        *,
        is_exact: bool = False,
    ) -> tuple[Array, Array] | None:
        return exactly.certified_sums(wanted, first, second, bias, geometry, is_exact=is_exact)

    def certified(self, high: Array, error: Array) -> tuple[Array, Array] | None:
        return exactly.certified(high, error)

    def sums_by_integers(
        self, first: Array, second: Array, bias: Array | None, places: Array, terms: Terms
    ) -> Array | None:
        return exactly.sums(first, second, bias, places, terms)

    def sums_to_odd(
        self, first: Array, second: Array, bias: Array | None, places: Array, terms: Terms
    ) -> Array | None:
        return sums_to_odd(first, second, bias, places, terms)

    def refill(
        self, values: Array, mask: Array, rows: int, compute: Callable[[Array], Array]
    ) -> Array:
        """Write into the array."""
        found = np.flatnonzero(mask)
        for start in range(0, found.size, rows):
            places = found[start : start + rows]
            values[places] = compute(places)
        return values

    def gather(self, array: Array, indices: NumPyArray) -> Array:
        return array[..., indices]

    def sparse_matrix(self, values: Array, places: NumPyArray, shape: tuple[int, int]) -> Any:
        try:
            from scipy import sparse
        except ImportError as error:
            msg = f"sparse=True needs SciPy for NumPy arrays: {install_line('scipy')}"
            raise ImportError(msg, name="scipy") from error
        if values.dtype.name in ("float16", "bfloat16"):
            msg = (
                f"scipy.sparse has no matrices of the dtype {values.dtype.name}: cast weight to "
                f"float32, or use sparse=False"
            )
            raise ValueError(msg)
        return sparse.csr_array(sparse.coo_array((values, tuple(places)), shape=shape))

    def from_numpy(self, array: NumPyArray, dtype: str, like: Array) -> Array:
        return np.array(array, dtype=self.dtype(dtype))

    def conversion(self, name: str) -> str:
        return name if name.endswith(".numpy()") else super().conversion(name)


BACKEND = NumPyBackend()
