"""What XLA's partitioner asks, once it knows where the arrays of a program lie.

A sharding on automatic axes is no part of a tracer's type. `custom_partitioning` is told which axes
of the arrays go together, so that the result lies as they do, and is called back for the program of
one shard. It has no derivatives and no batches. So it stands inside a primitive of JAX's, of which
both are such primitives again.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.custom_partitioning import SdyShardingRule, custom_partitioning
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from multiconv.backends.base import Array, Backend
from multiconv.backends.sharded.jax import JaxShard, is_automatic, partition, placement_of
from multiconv.core.shards import Names
from multiconv.core.task import Task

_TASK: Any = Primitive("multiconv")
_Zero: Any = ad.Zero


def where_they_lie(task: Task, backend: Backend) -> Callable[[Array, Array], Array | None]:
    """Return a task over arrays of automatic axes (see `Backend.where_they_lie`)."""

    def run(first: Array, second: Array) -> Array | None:
        if not (is_automatic(first) and is_automatic(second)):
            return None
        return _of(task, backend, first, second)

    return run


def _of(task: Task, backend: Backend, *arrays: Any) -> Any:
    return _TASK.bind(*arrays, task=task, backend=backend, program=_program(task, backend))


@functools.lru_cache(maxsize=1024)
def _program(task: Task, backend: Backend) -> Any:
    """Return a task that the compiler may divide, as JAX's own program.

    JAX looks there whether something asks for the mesh.
    """
    like: Any = jax.ShapeDtypeStruct
    given = [like(shape, task.dtype) for shape in task.given_shapes]
    return jax.make_jaxpr(_divided(task, backend))(*given)


def _divided(task: Task, backend: Backend) -> Callable[[Array, Array], Array]:
    # All that JAX's cache of compiled programs sees of a callback is its address in memory, which
    # another process may have for another one. So the program holds a number of its own, too.
    stamp = np.frombuffer(hashlib.sha256(task.description.encode()).digest(), np.uint32)
    nothing = jax.sharding.PartitionSpec()  # type: ignore[no-untyped-call]

    def whole(stamp: Array, first: Array, second: Array) -> Array:
        return task(first, second)

    def local(mesh: Any, arguments: Any, result: Any) -> tuple[Any, ...]:
        found = task.parts([placement_of(a.sharding, len(a.shape)) for a in arguments[1:]])
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
    divided.def_partition(local, sharding_rule=_rule([(None,), *task.axes]))
    return lambda first, second: divided(jnp.asarray(stamp), first, second)


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


def _lowered(context: Any, *arrays: Any, task: Task, program: Any, **_: Any) -> Any:
    parameters = getattr(context.module_context, "lowering_parameters", None)
    if getattr(parameters, "for_export", False):  # nobody can be asked back from a file
        return mlir.lower_fun(task.by_sums, multiple_results=False)(context, *arrays)
    return mlir.lower_fun(jaxpr_as_fun(program), multiple_results=True)(context, *arrays)


def _eager(*arrays: Array, program: Any, **_: Any) -> Array:
    [y] = jax.jit(jaxpr_as_fun(program))(*arrays)
    return y


def _result(first: Any, second: Any, *, task: Task, backend: Backend, **_: Any) -> Any:
    """Return the type of the result, on the mesh of the arrays."""
    like = second if first.sharding.mesh.empty else first
    spec: Any = jax.sharding.PartitionSpec
    sharding = like.sharding.update(spec=spec(*[None] * len(task.shape)))
    return like.update(shape=task.shape, weak_type=False, sharding=sharding)


def _derivative(
    primals: Sequence[Any], tangents: Sequence[Any], *, task: Task, backend: Backend, **_: Any
) -> tuple[Any, Any]:
    (first, second), (d_first, d_second) = primals, tangents
    y = _of(task, backend, first, second)
    terms = []
    if not isinstance(d_first, _Zero):
        terms.append(_of(task.without_border, backend, d_first, second))
    if not isinstance(d_second, _Zero):
        terms.append(_of(task, backend, first, d_second))
    if not terms:
        return y, _Zero.from_primal_value(y)
    return y, functools.reduce(ad.add_tangents, terms)


def _transposed(
    cotangent: Any, first: Any, second: Any, *, task: Task, backend: Backend, **_: Any
) -> tuple[Any, Any]:
    place = 0 if isinstance(first, ad.UndefinedPrimal) else 1
    adjoint = task.adjoint(place)
    result: list[Any] = [None, None]
    if isinstance(cotangent, _Zero):
        result[place] = _Zero((first, second)[place].aval)
    else:
        known = {task.given[1 - place]: second if place == 0 else first, task.wanted: cotangent}
        arrays = [known[role] for role in adjoint.given]
        result[place] = _of(adjoint, backend, *arrays)
    return result[0], result[1]


def _batched(
    arrays: Sequence[Any], places: Sequence[Any], *, task: Task, backend: Backend, **_: Any
) -> tuple[Any, int]:
    pairs = list(zip(task.given, arrays, places, strict=True))
    mapped = [role for role, _, place in pairs if place is not None]
    size = next(a.shape[place] for _, a, place in pairs if place is not None)
    every, fold = task.mapped(size, mapped)
    own = [
        fold.into(role, a if place is None else jnp.moveaxis(a, place, 0), is_mapped=role in mapped)
        for role, a, place in pairs
    ]
    y = _of(every, backend, *own)
    return fold.out(task.wanted, y), 0


_TASK.def_impl(_eager)
_TASK.def_abstract_eval(_result)
ad.primitive_jvps[_TASK] = _derivative
ad.primitive_transposes[_TASK] = _transposed
batching.primitive_batchers[_TASK] = _batched
mlir.register_lowering(_TASK, _lowered)
