"""What XLA's partitioner asks, once it knows where the arrays of a program lie.

A sharding on automatic axes is no part of a tracer's type. `custom_partitioning` is told which axes
of the arrays go together, so that the result lies as they do, and is called back for the program of
one shard. It has no derivatives and no batches: the first are taken of another way to the same
numbers, and a batch is left to the compiler.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.custom_partitioning import SdyShardingRule, custom_partitioning

from multiconv.backends.base import Array, Backend
from multiconv.backends.sharded.jax import (
    IS_SUPPORTED,
    JaxShard,
    is_automatic,
    partition,
    placement_of,
)
from multiconv.core.shards import Names, Parts, Placement


def where_they_lie(
    run: Callable[..., Array],
    derived: Callable[..., Array],
    axes: Sequence[Sequence[Hashable]],
    parts: Callable[[Sequence[Placement]], tuple[Parts, Callable[..., Array]] | None],
    description: str,
    backend: Backend,
) -> Callable[..., Array]:
    """Return ``run`` in parts (see `Backend.where_they_lie`)."""
    if not IS_SUPPORTED:
        return run
    # All that JAX's cache of compiled programs sees of a callback is its address in memory, which
    # another process may have for another one. So the program holds a number of its own, too.
    stamp = np.frombuffer(hashlib.sha256(description.encode()).digest(), np.uint32)

    nothing = jax.sharding.PartitionSpec()  # type: ignore[no-untyped-call]

    def whole(stamp: Array, *arrays: Array) -> Array:
        return run(*arrays)

    def local(mesh: Any, arguments: Any, result: Any) -> tuple[Any, ...]:
        found = parts([placement_of(a.sharding, len(a.shape)) for a in arguments[1:]])
        nowhere = jax.NamedSharding(mesh, nothing)
        if found is None:
            return mesh, whole, nowhere, tuple(nowhere for _ in arguments)
        part, part_run = found
        body = part.body(part_run)

        def shards(names: Names) -> JaxShard:
            return JaxShard(names, part.placement.shards(names), backend)

        def lowered(stamp: Array, *arrays: Array) -> Array:
            return body(shards, *arrays)

        given = tuple(jax.NamedSharding(mesh, partition(piece)) for piece in part.given)
        return mesh, lowered, jax.NamedSharding(mesh, partition(part.result)), (nowhere, *given)

    divided: Any = custom_partitioning(whole)  # type: ignore[no-untyped-call]
    divided.def_partition(local, sharding_rule=_rule([(None,), *axes]))

    @jax.custom_batching.custom_vmap
    def batched(*arrays: Array) -> Array:
        return divided(jnp.asarray(stamp), *arrays)

    @batched.def_vmap
    def _(size: int, is_batched: Any, *arrays: Array) -> tuple[Array, bool]:
        over = tuple(0 if own else None for own in is_batched)
        return jax.vmap(run, over)(*arrays), True

    @jax.custom_jvp
    def differentiable(*arrays: Array) -> Array:
        return batched(*arrays)

    def derivative(primals: Any, tangents: Any) -> tuple[Array, Array]:
        y = differentiable(*primals)
        zero = jax.custom_derivatives.SymbolicZero
        moved = [place for place, t in enumerate(tangents) if not isinstance(t, zero)]

        def along(*some: Array) -> Array:
            arrays = list(primals)
            for place, array in zip(moved, some, strict=True):
                arrays[place] = array
            return derived(*arrays)

        if not moved:
            return y, jnp.zeros_like(y)
        own = [[given[place] for place in moved] for given in (primals, tangents)]
        return y, jax.jvp(along, own[0], own[1])[1]

    differentiable.defjvp(derivative, symbolic_zeros=True)

    def called(*arrays: Array | None) -> Array:
        own = [array for array in arrays if array is not None]
        return differentiable(*own) if all(map(is_automatic, own)) else run(*own)

    return called


def _rule(axes: Sequence[Sequence[Hashable]]) -> Any:
    """Say which axes go together; those of a kernel are not divided."""
    names: dict[Hashable, str] = {}
    kernel: list[str] = []
    mappings: list[Any] = []
    for own in axes:
        mapping: list[str] = []
        for axis in own:
            if axis is None:
                kernel.append(f"k{len(kernel)}")
                mapping.append(kernel[-1])
            else:
                mapping.append(names.setdefault(axis, f"a{len(names)}"))
        mappings.append(tuple(mapping))
    return SdyShardingRule(
        tuple(mappings[:-1]), (mappings[-1],), need_replication_factors=tuple(kernel)
    )
