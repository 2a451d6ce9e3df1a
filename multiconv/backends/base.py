"""What a framework must say to become a backend.

Design decisions, all governed by this file:

* The protocol is narrow. Methods are written once over ``xp``, the framework's array namespace as
  the array API standard has it; a backend adds only padding, its native convolution, sparse
  matrices and its names for dtypes and devices.
* Every hook has a default that is right for any standard namespace. A new backend sets ``name`` and
  ``xp`` and says which arrays are its own; it overrides the rest where its framework does better.
* Arrays handed to the hooks are already in the dtype that sums are carried in (see `accumulator`).
* Nothing here or in a backend changes a framework's global configuration.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from multiconv.core import dtypes
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.shards import Piece, Placement
from multiconv.core.task import Task


class Terms(NamedTuple):
    """Which products make an output, for a loop over them.

    ``shape`` is that of the result, with its groups; ``steps`` are the strides of each operand
    along its axes, 0 where it has none of them; ``contracted`` is the length of the axis that is
    summed over, and its strides; ``tables`` are the pairs of each spatial axis. ``source`` is the
    format of the operands, ``target`` that of the result: precision, width, lowest exponent.
    """

    shape: tuple[int, ...]
    steps: tuple[tuple[int, ...], tuple[int, ...]]
    contracted: tuple[int, int, int]
    tables: Sequence[tuple[NumPyArray, NumPyArray]]
    source: tuple[int, int, int]
    target: tuple[int, int, int]


def _host_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # a system that does not say
        return 2**48


#: Bytes of this machine's memory: arrays beyond it end in the framework's error, or the process.
HOST_MEMORY = _host_memory()

# An array of any framework: no common static type is finished (data-apis/array-api#267).
Array: TypeAlias = Any
NumPyArray: TypeAlias = np.ndarray[Any, Any]


class Backend:
    """The base class of all backends: defaults over the array namespace ``xp``.

    A backend of your own, for arrays of a type ``MyArray`` whose namespace is ``my_library``::

        class MyBackend(Backend):
            name = "mine"
            xp = my_library

            def owns(self, array):
                return isinstance(array, my_library.MyArray)

    Hand an instance to `multiconv.register_backend`, or name it in the entry-point group
    ``multiconv.backends``.
    """

    #: The name that `multiconv.get_backend` takes.
    name: str
    #: The framework's array namespace, with the names of the array API standard.
    xp: Any

    # Arrays and dtypes -------------------------------------------------------------------------

    def owns(self, array: object) -> bool:
        """Tell whether ``array`` belongs to this backend."""
        raise NotImplementedError(f"the backend {self.name!r} does not say which arrays it owns")

    def check(self, name: str, array: Array) -> None:
        """Raise a `TypeError` for arrays of a kind that cannot be convolved (masked, sparse...)."""

    def check_together(self, named: Mapping[str, Any]) -> None:
        """Raise a `TypeError` for arrays that do not go together; called where there is one."""

    #: Whether its arrays are chunks of another backend's, which do the computing.
    is_chunked: bool = False

    def hosts(self, other: Backend) -> bool:
        """Tell whether arrays of another backend may stand beside its own."""
        return False

    def adopt(self, named: dict[str, Any]) -> dict[str, Any]:
        """Make those arrays the face's own that the framework's own functions take, too."""
        return named

    def asarray(self, nested: Sequence[Any], *, like: Array | None = None) -> Array:
        """Turn a nested list into an array, on the device of ``like`` where there is one."""
        device = None if like is None else device_of(like)
        return self.xp.asarray(nested, device=device)

    def dtype_name(self, dtype: Any) -> str:
        """Return NumPy's name of one of this framework's dtypes."""
        # A name that the namespace lacks is no None, which is equal to numpy.dtype("float64").
        owned = (name for name in dtypes.SUPPORTED if hasattr(self.xp, name))
        return next((name for name in owned if getattr(self.xp, name) == dtype), str(dtype))

    def dtype(self, name: str) -> Any:
        """Return the framework's dtype of that name."""
        return getattr(self.xp, name)

    def astype(self, array: Array, name: str) -> Array:
        """Cast, without a copy where nothing changes."""
        return self.xp.astype(array, self.dtype(name), copy=False)

    def reshape(self, array: Array, shape: tuple[int, ...]) -> Array:
        """Reshape, on the path of every call."""
        return self.xp.reshape(array, shape)

    @property
    def default_integer(self) -> str:
        """The integer dtype that the framework gives where none is asked for."""
        return self.dtype_name(self.xp.asarray(0).dtype)

    @property
    def default_float(self) -> str:
        """The floating-point dtype that the framework gives where none is asked for."""
        return self.dtype_name(self.xp.asarray(0.0).dtype)

    def empty_on(self, device: Any) -> Array:
        """Return an array without numbers on a device, None being the default one."""
        return self.xp.empty(0, device=device)

    def canonical(self, name: str) -> str:
        """Return the dtype that the framework can give where ``name`` is asked for."""
        return name

    #: Whether `astype` has nothing to do where an array has the dtype already.
    leaves_dtypes: bool = False
    #: Whether arrays whose dtypes have one name are of the same: NumPy's have two orders of bytes.
    names_tell_dtypes: bool = False

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

    # What a resolved call may depend on --------------------------------------------------------

    def signature(self, array: Array) -> tuple[Any, ...]:
        """Return shape, dtype and device, and what else it depends on whether an array is taken.

        The device is None for one that goes with every other.
        """
        return array.shape, array.dtype, device_of(array)

    def is_recorded(self, signature: tuple[Any, ...]) -> bool:
        """Tell whether what is done to an array is recorded, to be differentiated later."""
        return False

    def is_spread(self, signature: tuple[Any, ...]) -> bool:
        """Tell whether an array lies on many devices, and a compiler alone knows how."""
        return False

    def placement(self, signature: tuple[Any, ...]) -> Placement | None:
        """Return where an array lies on a mesh of devices, None where it is in one piece."""
        return None

    def with_gradients(
        self, function: Callable[..., Array], arrays: Sequence[Array]
    ) -> Callable[[], Any] | None:
        """Return a call of a function and its gradients, where a framework records; else None."""
        return None

    def is_plain(self, array: Array) -> bool:
        """Tell whether type and signature say all that decides if arrays go together."""
        return True

    def is_writeable(self, array: Array) -> bool:
        """Tell whether numbers can be assigned to an array."""
        import array_api_compat

        return array_api_compat.is_writeable_array(array)

    def configuration(self) -> Hashable:
        """Return what else, beside the signatures, the resolution of a call depends on."""
        return None

    def kinds(self, arrays: Sequence[Array | None]) -> Hashable | None:
        """Return all that a plan depends on beside the arguments that are no arrays.

        None where a compiler reads along. This is on the path of every call, and may say the same
        as types, signatures and configuration in fewer steps.
        """
        if self.is_tracing():
            return None
        own = [a if a is None else (type(a), self.signature(a)) for a in arrays]
        return (*own, self.configuration())

    def is_tracing(self) -> bool:
        """Tell whether a compiler reads along, one that must not see Python's caches."""
        return False

    def is_exporting(self) -> bool:
        """Tell whether sizes stand for a range, so that a choice by size would narrow it."""
        return False

    def compile(self, function: Callable[..., Array], *, operations: int) -> Callable[..., Array]:
        """Prepare a resolved call that will be made often, of so many operations or so."""
        return function

    def speed(self, device: Hashable, *, recorded: bool = False) -> str:
        """Return what speed goes by: a device's kind, such as "cpu", and what else matters.

        ``recorded`` calls are those that gradients are asked of, where the framework records them.
        """
        return "cpu"

    def is_finite(self, array: Array) -> bool:
        """Tell whether all numbers are finite, and that they are where there are none yet."""
        return bool(self.xp.all(self.xp.isfinite(array)))

    def capacity(self, device: Hashable) -> int:
        """Return how many bytes an array on a device can have at most."""
        return 64 * HOST_MEMORY  # a device's own memory is well within that

    # Operations --------------------------------------------------------------------------------

    def zeros(self, shape: tuple[int, ...], like: Array) -> Array:
        """Return zeros of the dtype and on the device of ``like``."""
        return self.xp.zeros(shape, dtype=like.dtype, device=device_of(like))

    def full(self, shape: tuple[int, ...], value: complex, like: Array) -> Array:
        """Return an array of one number, of the dtype and on the device of ``like``."""
        return self.xp.full(shape, value, dtype=like.dtype, device=device_of(like))

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

    # Arrays on meshes ---------------------------------------------------------------------------

    def on_shards(
        self,
        body: Callable[..., Array],
        placement: Placement,
        given: Sequence[Piece],
        result: Piece,
    ) -> Callable[..., Array]:
        """Return a function of whole arrays that runs ``body`` on the parts that every shard has.

        ``body(shards, *arrays)`` finds in ``shards(names)`` the ``Shard`` among those of some axes
        of the mesh. What it returns is part of the result.
        """
        raise NotImplementedError(f"the backend {self.name!r} places arrays on meshes it lacks")

    def where_they_lie(self, task: Task) -> Callable[[Array, Array], Array | None] | None:
        """Return a task over arrays that a compiler alone knows the places of, in parts there.

        The function returns None where the compiler is not alone in knowing; there is none where no
        compiler asks.
        """
        return None

    #: Whether a function of whole arrays can be given arrays on a mesh: the framework moves them.
    gathers_shards: bool = False

    def placed(self, name: str, placement: Placement, beside: str = "") -> str:
        """Return the expression that places ``name`` so on its mesh, or on that of ``beside``."""
        raise NotImplementedError(f"the backend {self.name!r} places arrays on meshes it lacks")

    # Transforms --------------------------------------------------------------------------------

    def transform(self, x: Array, lengths: tuple[int, ...], *, is_real: bool) -> Array:
        """Transform the last axes, padded with zeros to these lengths; of real numbers half."""
        function = self.xp.fft.rfftn if is_real else self.xp.fft.fftn
        return function(x, s=lengths, axes=tuple(range(-len(lengths), 0)))

    def inverse(self, y: Array, lengths: tuple[int, ...], *, is_real: bool) -> Array:
        """Undo `transform`."""
        function = self.xp.fft.irfftn if is_real else self.xp.fft.ifftn
        return function(y, s=lengths, axes=tuple(range(-len(lengths), 0)))

    # Native convolution ------------------------------------------------------------------------

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

    # Bits, and what depends on numbers (see multiconv.exact) ------------------------------------

    #: How many numbers of a result are summed and looked at together.
    band_elements: int = 2**22

    #: Up to how many products the integers come first: where other ways cost more to compile.
    few_products: int = 0

    #: Whether arithmetic takes subnormal numbers for zeros.
    flushes_subnormals: bool = False

    def wide(self) -> AbstractContextManager[Any]:
        """Return a context in which there are float64 and int64, and nothing warns of infinity."""
        return np.errstate(all="ignore")

    def untraced(self) -> AbstractContextManager[Any]:
        """Return a context in which new arrays have numbers, also while a call is traced."""
        return nullcontext()

    def integers(
        self, values: Sequence[int] | NumPyArray, like: Array, shape: tuple[int, ...] | None = None
    ) -> Array:
        """Return int64 numbers on the device of ``like``, or zeros of a shape."""
        if shape is not None:
            return self.xp.zeros(shape, dtype=self.dtype("int64"), device=device_of(like))
        return self.xp.asarray(np.array(values, np.int64), device=device_of(like))

    def as_bits(self, array: Array) -> Array:
        """Return the bits of floats as signed integers of the same width."""
        values = self.to_numpy(array)
        name = f"int{8 * values.itemsize}"
        return self.from_numpy(values.view(name), name, array)

    def from_bits(self, bits: Array, name: str) -> Array:
        """Undo `as_bits`, for floats of a dtype."""
        return self.from_numpy(self.to_numpy(bits).view(name), name, bits)

    def joined(self, real: Array, imaginary: Array) -> Array:
        """Return the complex numbers of these parts, infinite ones too."""
        values = self.to_numpy(real), self.to_numpy(imaginary)
        joined = np.stack(values, axis=-1).view(f"complex{16 * values[0].itemsize}")[..., 0]
        return self.from_numpy(joined, joined.dtype.name, real)

    def picked(self, array: Array, places: Array) -> Array:
        """Return the elements of a flat array at places that it has."""
        return self.xp.take(array, places, axis=0)

    def divided(self, places: Array, size: int) -> tuple[Array, Array]:
        """Return quotient and remainder of integers that are not negative."""
        return places // size, places % size

    def scatter_add(self, places: Array, values: Array, count: int) -> Array:
        """Add up the int64 ``values`` (rows, n) that have the same place: (rows, count)."""
        zero = self.xp.zeros_like(values)
        sums = [
            self.xp.sum(self.xp.where(places == place, values, zero), axis=1)
            for place in range(count)
        ]
        return self.xp.stack(sums, axis=1)

    #: Whether a call may look at numbers before it decides how to go on.
    looks_at_numbers: bool = True

    def on_all(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return ``function(*item)`` of each item, which do not depend on each other."""
        return [function(*item) for item in items]

    def largest(self, array: Array) -> float:
        """Return the largest absolute value; NaN where one is that."""
        return float(self.xp.max(self.xp.abs(array)))

    def are_multiples(self, array: Array, exponent: int) -> bool:
        """Tell whether all numbers, finite ones, are multiples of 2**exponent."""
        if abs(exponent) > 1000:
            return False
        values = self.astype(array, "float64")
        whole = self.xp.round(values * 2.0**-exponent) * 2.0**exponent
        return bool(self.xp.all(whole == values))

    def largest_along(self, array: Array, axes: tuple[int, ...]) -> Array:
        """Return the largest absolute value along axes, which are kept."""
        return self.xp.max(self.xp.abs(array), axis=axes, keepdims=True)

    def some(self, test: Callable[[Array], Array], array: Array) -> Array:
        """Tell whether a number passes a test of each by itself, by an array of one bool."""
        return self.xp.any(test(array))

    def count(self, test: Callable[[Array], Array], array: Array) -> Array:
        """Return how many numbers pass a test of each by itself, by an array of one int64."""
        return self.xp.sum(self.astype(test(array), "int64"))

    def has_plain_float32(self, array: Array) -> bool:
        """Tell whether products and sums in float32 are those of IEEE 754 where an array is."""
        return False

    def correlated_in_turn(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Correlate, as a method does, block by block in a loop; None without such a loop."""
        return None

    def slab(self, array: Array, axis: int, start: Any, size: int) -> Array:
        """Return so many elements of an axis, from one on that `accumulate` may have given."""
        return array[(*(slice(None),) * axis, slice(start, start + size), ...)]

    def certified_taps(
        self, x: Array, weight: Array, geometry: Geometry
    ) -> tuple[Array, Array] | None:
        """Correlate as `sum_of_taps` does, float32 to float32, with one rounding of each sum.

        Returns the result and where it is not certain; None where there is no such loop.
        """
        return None

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
        """Do the same for channels, and for both adjoints, of float32 numbers that are finite.

        Where it is known that float64 rounds no sum on the way, ``is_exact`` says so.
        """
        return None

    def certified(self, high: Array, error: Array) -> tuple[Array, Array] | None:
        """Round float64 sums to float32, and tell where an error could change that.

        None where this is not one loop.
        """
        return None

    def sums_by_integers(
        self, first: Array, second: Array, bias: Array | None, places: Array, terms: Terms
    ) -> Array | None:
        """Return the bits of exact sums, int64; None where this is not one loop."""
        return None

    def sums_to_odd(
        self, first: Array, second: Array, bias: Array | None, places: Array, terms: Terms
    ) -> Array | None:
        """Return exact sums of narrower numbers in float64, rounded to odd; None without a way."""
        return None

    def while_loop(
        self,
        goes_on: Callable[..., Any],
        step: Callable[..., tuple[Any, ...]],
        state: tuple[Any, ...],
    ) -> tuple[Any, ...]:
        """Return the state after as many steps as ``goes_on`` asks for."""
        while goes_on(*state):
            state = step(*state)
        return state

    def sequence(self, arrays: Sequence[Array]) -> Any:
        """Return arrays of one shape so that the integers of `accumulate` can be an index."""
        return arrays

    def accumulate(
        self,
        step: Callable[..., tuple[Any, ...]],
        state: tuple[Any, ...],
        terms: Sequence[tuple[Any, ...]],
    ) -> Any:
        """Return the state after ``step(*term, *state)`` for each term, all of the same shapes."""
        for term in terms:
            state = step(*term, *state)
        return state

    def each(self, make: Callable[[Any], Array], count: int) -> list[Array]:
        """Return what a function gives for 0, 1, and so on, all of one shape."""
        return [make(number) for number in range(count)]

    def branch(self, is_so: Array, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        """Return what one of two functions gives."""
        return yes() if is_so else no()

    def refill(
        self, values: Array, mask: Array, rows: int, compute: Callable[[Array], Array]
    ) -> Array:
        """Replace the numbers of a flat array where ``mask`` says so, so many rows at a time.

        ``compute`` takes their places.
        """
        (found,) = self.xp.nonzero(mask)
        count = found.shape[0]
        if not count:
            return values
        pieces = [compute(found[i : min(i + rows, count)]) for i in range(0, count, rows)]
        whole = self.xp.concat(pieces, axis=0)
        # The standard has no assignment to places.
        order = self.xp.cumulative_sum(self.astype(mask, "int64")) - 1
        order = self.xp.where(mask, order, self.xp.zeros_like(order))
        return self.xp.where(mask, self.xp.take(whole, order, axis=0), values)

    def replace(
        self, values: Array, mark: int, rows: int, compute: Callable[[Array], Array]
    ) -> Array:
        """Do the same to the integers that are ``mark``, by others."""
        return self.refill(values, values == mark, rows, compute)

    # Sparse matrices ---------------------------------------------------------------------------

    def gather(self, array: Array, indices: NumPyArray) -> Array:
        """Take elements along the last axis."""
        places = self.xp.asarray(indices, device=device_of(array))
        return self.xp.take(array, places, axis=-1)

    def sparse_matrix(self, values: Array, places: NumPyArray, shape: tuple[int, int]) -> Any:
        """Build the framework's sparse matrix of values at (row, column); those at one add up."""
        msg = (
            f"the {self.name} backend has no sparse matrices; toeplitz_matrix(..., sparse=False) "
            f"gives the dense one"
        )
        raise ValueError(msg)

    # NumPy and back ----------------------------------------------------------------------------

    def to_numpy(self, array: Array) -> NumPyArray:
        """Copy an array into NumPy's memory."""
        try:
            return np.array(array)
        except (TypeError, ValueError, RuntimeError):  # it lives on a device of its own
            home = device_of(self.xp.empty(0))
            import array_api_compat

            return np.array(np.from_dlpack(array_api_compat.to_device(array, home)))

    def from_numpy(self, array: NumPyArray, dtype: str, like: Array) -> Array:
        """Make an array of a dtype, on the device of ``like``, of a copy of NumPy's."""
        device = device_of(like)
        return self.astype(self.xp.asarray(array, device=device, copy=True), dtype)

    def computed(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return arrays that have numbers: lazy ones are computed, all of them at one go."""
        return arrays

    # Talking to people -------------------------------------------------------------------------

    @property
    def array_name(self) -> str:
        """What a person calls one of these arrays."""
        return f"{self.name} array"

    def conversion(self, name: str) -> str:
        """Return the expression that makes one of these arrays of what ``name`` stands for."""
        return f"{self.xp.__name__.removeprefix('array_api_compat.')}.asarray({name})"

    def readable(self, name: str, array: Array) -> str:
        """Return the expression of ``array``, called ``name``, that other libraries can read."""
        return name

    def transfer(self, name: str, onto: str) -> str:
        """Return the expression that moves the argument ``name`` to the device of ``onto``."""
        return f"array_api_compat.to_device({name}, array_api_compat.device({onto}))"

    def devices(self) -> list[str]:
        """Return the devices that arrays can live on, as far as the framework lists them."""
        return ["cpu"]

    def synchronize(self, array: Array) -> None:
        """Wait until an array has been computed."""


def device_of(array: Array) -> Any:
    """Return the device of an array; only backends without a rule of their own import for it."""
    import array_api_compat

    return array_api_compat.device(array)


def chunk_of(array: Array) -> Array:
    """Return an empty chunk of an array in chunks, and any other array as it is."""
    return getattr(array, "_meta", array)
