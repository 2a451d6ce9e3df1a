"""What the exact mode asks of a backend: bits, and what depends on numbers (`multiconv.exact`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, TypeVar

import numpy as np

from multiconv.backends.hooks.arrays import Array, ArrayHooks, NumPyArray, device_of
from multiconv.core.geometry import Geometry

_Result = TypeVar("_Result")


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


class ExactHooks(ArrayHooks):
    """Bits, integers, loops that depend on numbers; sums in one loop where those are compiled."""

    #: How many numbers of a result are summed and looked at together.
    band_elements: int = 2**22

    #: Up to how many products the integers come first: where other ways cost more to compile.
    few_products: int = 0

    #: Whether arithmetic takes subnormal numbers for zeros.
    flushes_subnormals: bool = False

    def wide(self) -> AbstractContextManager[Any]:
        """Return a context in which there are float64 and int64, and nothing warns of infinity."""
        return np.errstate(all="ignore")

    def undisturbed(self, function: Callable[[], _Result]) -> _Result:
        """Call a function where nothing of the caller's context is seen: in a thread of its own.

        New arrays have numbers there, also while a call is traced.
        """
        results: list[_Result] = []
        thread = threading.Thread(target=lambda: results.append(function()), name="multiconv")
        try:
            thread.start()
        except RuntimeError:  # Python is about to end, and starts no more
            return function()
        thread.join()
        return results[0]

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
