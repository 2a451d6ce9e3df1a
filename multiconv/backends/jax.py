"""The JAX backend."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from multiconv.backends.base import HOST_MEMORY, Array, Backend, Bilinear, NumPyArray, Work
from multiconv.backends.edits import pad_or_crop
from multiconv.backends.folds import jax as folds
from multiconv.backends.in_memory import jax as in_memory
from multiconv.backends.in_turn import jax as in_turn
from multiconv.backends.native import jax as own
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.backends.sharded import jax as sharded
from multiconv.core import dtypes
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.shards import Piece, Placement
from multiconv.core.task import Task

# A call of more operations than this is not worth its compilation; XLA's time grows faster than
# linear.
_MAXIMUM_OPERATIONS = 512
_TAPS_OF_A_SUM = 16
_Result = TypeVar("_Result")
# Looked up on the path of every call.
_Tracer = jax.core.Tracer
# In place of the sharding that the compiler alone knows, and of one where only it takes an array.
_AUTOMATIC, _COMPILED = "automatic", "compiled"


class JaxBackend(Backend):
    """JAX arrays and tracers: jit, grad, vmap, jvp and sharded arrays.

    Eager calls run as one compiled function instead of one dispatch per operation, or on the
    memory of their arrays, as NumPy's calls do (see `in_memory`). Products of
    float32 are asked for in full precision call by call, whatever the global setting is.
    """

    name = "jax"
    array_name = "JAX array"
    loop_limit = 2**10  # each output is compiled
    folded_axes = 3
    leaves_dtypes = True
    most_taps = 225  # a single loop over more of them is ten times slower for each
    xp = jnp

    def owns(self, array: object) -> bool:
        """Take arrays and tracers: the class of a tracer is no subclass, yet an instance."""
        return isinstance(array, jax.Array)

    def asarray(self, nested: Any, *, like: Array | None = None) -> Array:
        return jnp.asarray(nested)

    def adopt(self, named: dict[str, Any]) -> dict[str, Any]:
        """Take NumPy arrays, as JAX's functions do, in copies: they may be changed afterwards."""
        return {
            name: self._adopted(name, array) if NUMPY.owns(array) else array
            for name, array in named.items()
        }

    def _adopted(self, name: str, array: Any) -> Array:
        NUMPY.check(name, array)
        dtype = NUMPY.dtype_name(array.dtype)
        if dtype not in dtypes.SUPPORTED:
            msg = f"{name} has the dtype {dtype}, which JAX does not have"
            raise TypeError(msg)
        return jnp.array(NUMPY.astype(array, dtype))  # in the byte order of the machine

    def dtype_name(self, dtype: Any) -> str:
        return str(dtype.name) if isinstance(dtype, np.dtype) else str(dtype)

    def dtype(self, name: str) -> Any:
        return jnp.dtype(name)

    def astype(self, array: Array, name: str) -> Array:
        return array.astype(name)

    @property
    def default_integer(self) -> str:
        return self.canonical("int64")

    @property
    def default_float(self) -> str:
        return self.canonical("float64")

    def empty_on(self, device: Any) -> Array:
        """Return an array on a device, on one of a platform's by name, or bound to none."""
        if isinstance(device, str):
            platform, _, index = device.partition(":")
            device = jax.devices(platform)[int(index or 0)]
        return jnp.empty(0, device=device)

    def canonical(self, name: str) -> str:
        """Return what JAX gives for a 64-bit dtype, which depends on its x64 setting."""
        return str(jax.dtypes.canonicalize_dtype(name).name)

    def signature(self, array: Array) -> tuple[Any, ...]:
        """Return shape, dtype and the devices of an array that is bound to them.

        What is for the compiler has its sharding, too, or says that.
        """
        bound: Any = None
        if isinstance(array, jax.core.Tracer):
            sharding = sharded.sharding_of(array)
            if sharding is None:
                how = _AUTOMATIC if sharded.automatic_axes(array) else _COMPILED
                return array.shape, array.dtype, bound, how
        else:
            if array.committed:
                bound = frozenset(array.devices())
            if in_memory.may_hold(array):
                return array.shape, array.dtype, bound
            divided = bound is not None and len(bound) > 1
            sharding = sharded.sharding_of(array) if divided else None
        return array.shape, array.dtype, bound, _COMPILED if sharding is None else sharding

    def is_recorded(self, signature: tuple[Any, ...]) -> bool:
        """Tell whether only a compiled call takes an array: a tracer has no numbers yet."""
        return len(signature) > 3

    def as_recorded(self, signature: tuple[Any, ...]) -> tuple[Any, ...] | None:
        is_other = not self.is_recorded(signature) and in_memory.is_possible(signature[2])
        return (*signature, _COMPILED) if is_other else None

    def are_recorded(self, signatures: Sequence[tuple[Any, ...] | None]) -> list[bool]:
        """Return the same for all: a call is compiled, or not."""
        return [any(super().are_recorded(signatures))] * len(signatures)

    def placement(self, signature: tuple[Any, ...]) -> Placement | None:
        if len(signature) < 4 or isinstance(signature[3], str):
            return None
        return sharded.placement_of(signature[3], len(signature[0]))

    def is_spread(self, signature: tuple[Any, ...]) -> bool:
        return signature[3:] == (_AUTOMATIC,)

    def configuration(self) -> Hashable:
        return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]

    def kinds(self, arrays: Sequence[Array | None]) -> Hashable:
        """Say what JAX knows of an array in one step, where it is bound to no device."""
        kinds: list[Hashable] = [self.configuration()]
        for a in arrays:
            if a is None:
                kinds.append(None)
            elif isinstance(a, _Tracer) or a.committed:
                kinds.append((type(a), self.signature(a)))
            else:
                kinds.append((type(a), a.aval))
        return tuple(kinds)

    def compile(self, function: Callable[..., Array], *, operations: int) -> Callable[..., Array]:
        """Compile all but very long calls."""
        return jax.jit(function) if operations <= _MAXIMUM_OPERATIONS else function

    def runner(self, work: Work) -> Backend:
        """Return NumPy, on the same memory, for the methods that it has compiled loops for."""
        return in_memory.runner(work) or self

    def on_memory(
        self, run: Callable[..., Array], otherwise: Callable[..., Array], device: Any
    ) -> Callable[..., Array]:
        return in_memory.on_memory(run, otherwise, device)

    def speed(self, device: Any, *, recorded: bool = False) -> str:
        """Return the platform, and whether calls run compiled loops on its memory."""
        platform = in_memory.platform_of(device)
        return "cpu, compiled" if not recorded and in_memory.is_possible(device) else platform

    def is_writeable(self, array: Array) -> bool:
        return False

    def is_finite(self, array: Array) -> bool:
        return isinstance(array, jax.core.Tracer) or super().is_finite(array)

    def capacity(self, device: Any) -> int:
        """Return the bytes of this machine's memory, beyond which XLA's CPU client aborts."""
        on_cpu = jax.default_backend() == "cpu"
        return HOST_MEMORY if on_cpu else super().capacity(device)

    def zeros(self, shape: tuple[int, ...], like: Array) -> Array:
        """Return zeros of the dtype of ``like``; XLA places them."""
        return jnp.zeros(shape, like.dtype)

    def full(self, shape: tuple[int, ...], value: complex, like: Array) -> Array:
        """Return an array of one number; XLA places it."""
        return jnp.full(shape, value, like.dtype)

    def pad_zeros(self, array: Array, pads: Pairs) -> Array:
        config = [(0, 0, 0)] * (array.ndim - len(pads)) + [(low, high, 0) for low, high in pads]
        return jax.lax.pad(array, jnp.zeros((), array.dtype), config)

    def sum_of_taps(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Add up a few taps at a time, in one loop of XLA's.

        A multiply-add waits for the one before it in a sum, and not for those of another.
        """
        if geometry.outputs < geometry.taps:
            return None
        if x.shape[2] != 1:  # a product of matrices would join axes, which may be divided
            is_spread = sharded.automatic_axes(x) or sharded.automatic_axes(weight)
            return own.by_taps(x, weight, geometry) if is_spread else None
        x = pad_or_crop(x, geometry.pads, self)
        groups, filters = weight.shape[:2]
        tail = (1,) * geometry.axes
        taps = weight.reshape(1, groups, filters, geometry.taps, *tail)
        products = (
            x[window] * taps[:, :, :, number]
            for number, (_, window) in enumerate(geometry.padded().tap_windows())
        )
        sums = iter(lambda: list(itertools.islice(products, _TAPS_OF_A_SUM)), [])
        return functools.reduce(operator.add, (functools.reduce(operator.add, s) for s in sums))

    derives_apart = True

    def derived(self, function: Bilinear, by_weight: Bilinear) -> Bilinear:
        """Have the other way's on a CPU, where XLA adds up each number of a kernel by itself."""
        other = own.derived_from(function, function, by_weight)

        def run(x: Array, weight: Array) -> Array:
            # To fold joins axes, which may be divided.
            is_spread = sharded.automatic_axes(x) or sharded.automatic_axes(weight)
            is_other = jax.default_backend() == "cpu" and not is_spread
            return (other if is_other else function)(x, weight)

        return run

    def matmul(self, first: Array, second: Array) -> Array:
        return jnp.matmul(first, second, precision=jax.lax.Precision.HIGHEST)

    def native_refusal(self, dtype: str, device: Any, axes: int) -> str | None:
        if dtypes.kind(dtype) != "integer":
            return None
        platforms = {d.platform for d in device} if device else {jax.default_backend()}
        if platforms != {"cpu"}:
            return f"jax.lax.conv_general_dilated has no integers on {', '.join(sorted(platforms))}"
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
        sizes = x.shape[2:], weight.shape[2:]
        geometry = Geometry(*sizes, tuple(stride), tuple(dilation), tuple(pads))
        return own.correlation(geometry, groups)(x, weight)

    def native_call(
        self, wanted: str, geometry: Geometry, groups: int, dtype: str, device: Any
    ) -> Callable[..., Array] | None:
        return own.call(wanted, geometry, groups, dtype)

    def correlate_last(
        self,
        x: Array,
        weight: Array,
        *,
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> Array:
        """Say which axis is which: XLA's CPU convolution is written for channels last.

        Its gradients of groups take hundreds of times longer than those of products do.
        """
        if groups > 1 or dtypes.kind(self.dtype_name(x.dtype)) != "float":
            return super().correlate_last(
                x, weight, stride=stride, dilation=dilation, groups=groups
            )
        spatial = tuple(range(1, 1 + len(stride)))
        last = 1 + len(stride)
        return jax.lax.conv_general_dilated(
            x,
            weight,
            window_strides=stride,
            padding="VALID",
            rhs_dilation=dilation,
            dimension_numbers=jax.lax.ConvDimensionNumbers(
                (0, last, *spatial), (0, last, *spatial), (0, last, *spatial)
            ),
            feature_group_count=groups,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=x.dtype,
        )

    flushes_subnormals = True

    looks_at_numbers = False
    band_elements = 2**26  # each band is compiled
    few_products = 2**14

    def wide(self) -> AbstractContextManager[Any]:
        """Return JAX's local context, which leaves the global setting alone."""
        context: AbstractContextManager[Any] = jax.enable_x64(True)
        return context

    def undisturbed(self, function: Callable[[], _Result]) -> _Result:
        """Keep the device that new arrays lie on, and neither traces, meshes nor guards."""
        device = jax.config.jax_default_device  # type: ignore[attr-defined]

        def on_device() -> _Result:
            with jax.default_device(device):
                return function()

        return super().undisturbed(on_device)

    def as_bits(self, array: Array) -> Array:
        return jax.lax.bitcast_convert_type(array, f"int{8 * array.dtype.itemsize}")

    def from_bits(self, bits: Array, name: str) -> Array:
        return jax.lax.bitcast_convert_type(bits, name)

    def joined(self, real: Array, imaginary: Array) -> Array:
        return jax.lax.complex(real, imaginary)

    def picked(self, array: Array, places: Array) -> Array:
        """Leave out what JAX does for places beyond the end."""
        return jnp.take(array, places, axis=0, mode="clip")

    def divided(self, places: Array, size: int) -> tuple[Array, Array]:
        by = jnp.full_like(places, size)
        return jax.lax.div(places, by), jax.lax.rem(places, by)

    def scatter_add(self, places: Array, values: Array, count: int) -> Array:
        rows = values.shape[0]
        sums = jnp.zeros((rows, count), values.dtype)
        return sums.at[jnp.arange(rows)[:, None], places].add(values)

    def while_loop(
        self,
        goes_on: Callable[..., Any],
        step: Callable[..., tuple[Any, ...]],
        state: tuple[Any, ...],
    ) -> tuple[Any, ...]:
        last: tuple[Any, ...] = jax.lax.while_loop(lambda s: goes_on(*s), lambda s: step(*s), state)
        return last

    def largest_along(self, array: Array, axes: tuple[int, ...]) -> Array:
        return folds.largest(array, axes)

    def some(self, test: Callable[[Array], Array], array: Array) -> Array:
        return folds.some(test, array)

    def count(self, test: Callable[[Array], Array], array: Array) -> Array:
        return folds.count(test, array)

    def correlated_in_turn(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        return in_turn.correlated(pad_or_crop(x, geometry.pads, self), weight, geometry.padded())

    def slab(self, array: Array, axis: int, start: Any, size: int) -> Array:
        return jax.lax.dynamic_slice_in_dim(array, start, size, axis)

    def sequence(self, arrays: Sequence[Array]) -> Any:
        return jnp.stack(arrays)

    def accumulate(
        self,
        step: Callable[..., tuple[Any, ...]],
        state: tuple[Any, ...],
        terms: Sequence[tuple[Any, ...]],
    ) -> Any:
        """Loop: XLA's time for a step that is written out grows with every repetition."""
        if len(terms) == 1:
            return step(*terms[0], *state)
        columns = [jnp.asarray(column) for column in zip(*terms, strict=True)]
        end, _ = jax.lax.scan(lambda s, term: (step(*term, *s), None), state, columns)
        return end

    def each(self, make: Callable[[Any], Array], count: int) -> list[Array]:
        return list(jax.lax.map(make, jnp.arange(count)))

    def branch(self, is_so: Array, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return jax.lax.cond(is_so, yes, no)

    def replace(
        self, values: Array, mark: int, rows: int, compute: Callable[[Array], Array]
    ) -> Array:
        """Loop as often as it takes: how many there are is not known before."""
        return in_turn.replaced(values, mark, min(rows, 64), compute)

    def on_shards(
        self,
        body: Callable[..., Array],
        placement: Placement,
        given: Sequence[Piece],
        result: Piece,
    ) -> Callable[..., Array]:
        return sharded.on_shards(body, placement, given, result, self)

    def where_they_lie(self, task: Task) -> Callable[[Array, Array], Array | None] | None:
        # Late: what it imports is for meshes alone.
        from multiconv.backends.partitioned import jax as partitioned

        return partitioned.where_they_lie(task, self) if sharded.IS_SUPPORTED else None

    gathers_shards = True

    def placed(self, name: str, placement: Placement, beside: str = "") -> str:
        spec = sharded.spelled(placement.spec)
        mesh = f"{beside or name}.sharding.mesh"
        return f"jax.device_put({name}, jax.NamedSharding({mesh}, {spec}))"

    def gather(self, array: Array, indices: NumPyArray) -> Array:
        return jnp.take(array, jnp.asarray(indices), axis=-1)

    def sparse_matrix(self, values: Array, places: NumPyArray, shape: tuple[int, int]) -> Any:
        from jax.experimental import sparse

        return sparse.BCOO((values, jnp.asarray(places.T)), shape=shape)

    def from_numpy(self, array: NumPyArray, dtype: str, like: Array) -> Array:
        """Copy to the device of ``like``, where it is bound to one."""
        bound = not isinstance(like, jax.core.Tracer) and like.committed
        device = next(iter(like.devices())) if bound and len(like.devices()) == 1 else None
        return jax.device_put(array.astype(jnp.dtype(self.canonical(dtype))), device)

    def to_numpy(self, array: Array) -> NumPyArray:
        """Copy to the CPU; a tracer has no numbers yet."""
        if isinstance(array, jax.core.Tracer):
            msg = (
                "learn_kernel, solve_kernel and save need numbers, and under jax.jit there are "
                "none yet: call them outside; learn_kernel compiles its loop by itself"
            )
            raise TypeError(msg)
        return np.array(array)

    def transfer(self, name: str, onto: str) -> str:
        return f"jax.device_put({name}, {onto}.sharding)"

    def devices(self) -> list[str]:
        """Return the devices of the default platform and the CPU."""
        names = [f"{device.platform}:{device.id}" for device in jax.devices()]
        return names if jax.default_backend() == "cpu" else ["cpu", *names]

    def synchronize(self, array: Array) -> None:
        array.block_until_ready()


BACKEND = JaxBackend()
