"""JAX arrays on meshes: one program for all shards, inside `jax.shard_map`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.core.shards import Names, Piece, Placement

_HAS_TYPES = hasattr(jax, "typeof")  # which name the mesh
#: Older versions leave sharded arrays to the compiler.
IS_SUPPORTED = hasattr(jax, "shard_map") and _HAS_TYPES and hasattr(jax, "reshard")


def sharding_of(array: Array) -> Any:
    """Return the sharding of an array that is divided over a mesh, None for every other.

    A tracer's is part of its type on a mesh of explicit axes. On automatic ones a derivative's is
    that of the array it is taken at, and under `jax.jit` the compiler alone knows it.
    """
    if not IS_SUPPORTED:
        return None
    if isinstance(array, jax.core.Tracer):
        sharding = jax.typeof(array).sharding
        if not any(sharding.spec):
            point = getattr(array, "primal", None)
            return None if point is None else sharding_of(point)
    elif isinstance(array, jax.Array):
        sharding = array.sharding
    else:  # a derivative may be taken at NumPy's
        return None
    if type(sharding) is not jax.NamedSharding or not any(sharding.spec):
        return None
    return sharding


def automatic_axes(array: Array) -> int:
    """Count the automatic axes of the mesh that a tracer lies on, those of one device aside.

    Which of them divide it, the compiler alone knows.
    """
    if not _HAS_TYPES or not isinstance(array, jax.core.Tracer):
        return 0
    mesh = jax.typeof(array).sharding.mesh
    kinds = zip(mesh.axis_sizes, mesh.axis_types, strict=True)
    return sum(size > 1 and kind == jax.sharding.AxisType.Auto for size, kind in kinds)


def is_automatic(array: Array) -> bool:
    """Tell whether all axes of the mesh that a tracer lies on are the compiler's affair, if any."""
    mesh = jax.typeof(array).sharding.mesh
    return all(kind == jax.sharding.AxisType.Auto for kind in mesh.axis_types)


def varying_axes(kind: Any) -> frozenset[Any]:
    """Return the axes of a mesh over which numbers of a type vary, inside `jax.shard_map`."""
    manual = getattr(kind, "manual_axis_type", None)
    axes = getattr(kind, "vma", ()) if manual is None else manual.varying  # JAX until 0.9
    return frozenset(axes)


def varying_over(kind: Any, axes: frozenset[Any]) -> Any:
    """Return a type whose numbers vary over these axes, and over no others."""
    if varying_axes(kind) == axes:
        return kind
    manual = getattr(kind, "manual_axis_type", None)
    if manual is None:
        return kind.update(vma=axes)
    return kind.update(manual_axis_type=type(manual)(varying=axes))


def varying_alike(arrays: Sequence[Array]) -> list[Array]:
    """Let all arrays vary over the axes over which any does, as operations of JAX's do.

    A gradient of what did not vary is a sum over those axes for that.
    """
    if not _HAS_TYPES:
        return list(arrays)
    own = [varying_axes(jax.typeof(array)) for array in arrays]
    axes = frozenset[Any]().union(*own)
    if not axes:
        return list(arrays)
    return [_cast(array, axes - has) for array, has in zip(arrays, own, strict=True)]


def _cast(array: Array, axes: frozenset[Any]) -> Array:
    if not axes:
        return array
    lax: Any = jax.lax
    if hasattr(lax, "pcast"):
        return lax.pcast(array, tuple(axes), to="varying")
    return lax.pvary(array, tuple(axes))  # its name until JAX 0.8


def gathered(array: Array) -> Array:
    """Return an array whole on every device, where it is divided over a mesh of explicit axes.

    On automatic ones the compiler moves what an operation needs.
    """
    sharding = sharding_of(array)
    if sharding is None or not _is_explicit(sharding.mesh):
        return array
    return jax.reshard(array, whole(sharding, array.ndim))  # type: ignore[no-untyped-call]


def whole(sharding: Any, axes: int) -> Any:
    """Return the sharding that divides none of so many axes, on the same mesh."""
    none: Any = jax.sharding.PartitionSpec
    return sharding.update(spec=none(*[None] * axes))


def placement_of(sharding: Any, rank: int) -> Placement:
    """Return a sharding in the words of the core."""
    spec = [_names(entry) for entry in sharding.spec]
    spec += [()] * (rank - len(spec))
    return Placement(sharding.mesh, tuple(sharding.mesh.shape.items()), tuple(spec))


def _names(entry: Any) -> Names:
    if entry is None:
        return ()
    return tuple(entry) if isinstance(entry, tuple) else (entry,)


def spelled(spec: Sequence[Names]) -> str:
    """Return a `PartitionSpec` as code."""
    entries = [None if not n else n[0] if len(n) == 1 else n for n in spec]
    while entries and entries[-1] is None:
        entries.pop()
    return f"jax.sharding.PartitionSpec({', '.join(map(repr, entries))})"


class JaxShard:
    """The shard that a program runs on (see `halos.Shard`); its number is known when it runs."""

    def __init__(self, names: Names, count: int, backend: Backend) -> None:
        self.names, self.count, self.backend = names, count, backend

    def own(self, table: NumPyArray) -> Array:
        return jnp.asarray(table)[jax.lax.axis_index(self.names)]

    def send(self, piece: Array, pairs: Sequence[tuple[int, int]]) -> Array:
        return jax.lax.ppermute(piece, self.names, pairs)  # type: ignore[no-untyped-call]

    def sum(self, array: Array) -> Array:
        return jax.lax.psum(array, self.names)  # type: ignore[no-untyped-call]

    def take(self, array: Array, rows: Array, axis: int) -> Array:
        return jnp.take(array, rows, axis=axis, mode="clip")

    def put(self, array: Array, rows: Array, axis: int, size: int) -> Array:
        last = jnp.moveaxis(array, axis, 0)
        total = jnp.zeros((size, *last.shape[1:]), array.dtype).at[rows].add(last)
        return jnp.moveaxis(total, 0, axis)

    def window(self, array: Array, start: Any, size: int, axis: int) -> Array:
        return jax.lax.dynamic_slice_in_dim(array, start, size, axis % array.ndim)

    def place(self, array: Array, start: Any, size: int, axis: int) -> Array:
        shape = list(array.shape)
        shape[axis] = size
        zeros = jnp.zeros(shape, array.dtype)
        return jax.lax.dynamic_update_slice_in_dim(zeros, array, start, axis % array.ndim)


def on_shards(
    body: Callable[..., Array],
    placement: Placement,
    given: Sequence[Piece],
    result: Piece,
    backend: Backend,
) -> Callable[..., Array]:
    """Return ``body`` in a `jax.shard_map` (see `Backend.on_shards`)."""
    mesh = placement.mesh
    names = _manual(mesh)

    def shards(axes: Names) -> JaxShard:
        return JaxShard(axes, placement.shards(axes), backend)

    def local(*arrays: Array) -> Array:
        return body(shards, *arrays)

    run = jax.shard_map(
        local,
        mesh=mesh,
        in_specs=tuple(partition(piece) for piece in given),
        out_specs=partition(result),
        axis_names=names,
    )

    def whole(*arrays: Array) -> Array:
        own = [
            _spread(_grown(a, piece), piece, mesh)
            for a, piece in zip(arrays, given, strict=False)
            if a is not None
        ]
        return _cut(run(*own), result, mesh)

    return jax.jit(whole)


def _manual(mesh: Any) -> set[str]:
    """Return the axes that the program speaks of: not those that a tracer says nothing about."""
    kinds = zip(mesh.axis_names, mesh.axis_types, strict=True)
    if isinstance(mesh, jax.sharding.AbstractMesh):
        return {n for n, kind in kinds if kind == jax.sharding.AxisType.Explicit}
    return {n for n, _ in kinds}


def partition(piece: Piece) -> jax.sharding.PartitionSpec:
    """Return what divides an array, as JAX has it."""
    return jax.sharding.PartitionSpec(  # type: ignore[no-untyped-call]
        *[None if not n else n[0] if len(n) == 1 else n for n in piece.spec]
    )


def _grown(array: Array, piece: Piece) -> Array:
    """Add zeros at the end of axes that are not divided yet, so that they can be."""
    if piece.shape == piece.whole:
        return array
    more = [(0, whole - n, 0) for n, whole in zip(piece.shape, piece.whole, strict=True)]
    return jax.lax.pad(array, jnp.zeros((), array.dtype), more)


def _spread(array: Array, piece: Piece, mesh: Any) -> Array:
    if not _is_explicit(mesh):
        return array  # as shard_map would
    return jax.reshard(array, jax.NamedSharding(mesh, partition(piece)))  # type: ignore[no-untyped-call]


def _cut(array: Array, piece: Piece, mesh: Any) -> Array:
    """Cut the zeros off a result; an axis that the mesh does not divide is in one piece then."""
    if piece.shape == piece.whole:
        return array
    pairs = list(zip(piece.shape, piece.whole, strict=True))
    if _is_explicit(mesh):
        spec = [n if a == b else () for n, (a, b) in zip(piece.spec, pairs, strict=True)]
        array = _spread(array, piece._replace(spec=tuple(spec)), mesh)
    return array[tuple(slice(0, n) for n in piece.shape)]


def _is_explicit(mesh: Any) -> bool:
    return jax.sharding.AxisType.Explicit in mesh.axis_types
