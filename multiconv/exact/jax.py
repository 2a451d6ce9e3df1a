"""Exact sums as a primitive of JAX, which its transforms meet and never look into.

The primitive takes the first factors of its terms, their second factors, and perhaps a bias; it is
the sum of all products, rounded once. Each transform of it is the primitive again:

* a derivative has a term for every factor that has a tangent, so it is rounded once too;
* its transpose gives each factor the adjoint sum with the factor beside it, rounded to the
  factor's own dtype;
* a batch goes to an axis that the sum has anyway (see `derivatives.folding`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from multiconv.backends.base import Array
from multiconv.backends.jax import BACKEND
from multiconv.backends.sharded.jax import (
    IS_SUPPORTED,
    gathered,
    varying_alike,
    varying_axes,
    varying_over,
    whole,
)
from multiconv.exact import derivatives, engine
from multiconv.exact.derivatives import Terms
from multiconv.exact.description import OPERANDS, Sum

_config: Any = jax.config
exact_sum: Any = Primitive("exact_sum")  # JAX has no types for it


def evaluate(total: Sum, first: Array, second: Array, bias: Array | None) -> Array:
    """Evaluate a sum of floats, or record that it is to be evaluated."""
    # A sum over what is divided would be rounded more than once.
    first, second = gathered(first), gathered(second)
    return bind(total, Terms([first], [second], None if bias is None else gathered(bias)))


def bind(total: Sum, terms: Terms[Array]) -> Array:
    """Return the sum of all terms, or record it."""
    bias = () if terms.bias is None else (terms.bias,)
    arrays = varying_alike((*terms.firsts, *terms.seconds, *bias))
    return exact_sum.bind(*arrays, total=total, count=len(terms.firsts))


def _terms(arrays: Any, count: int) -> Terms[Any]:
    firsts, seconds = list(arrays[:count]), list(arrays[count : 2 * count])
    return Terms(firsts, seconds, *arrays[2 * count :])


def evaluated(primitive: Any, calculate: Any, *arrays: Array, total: Sum, count: int) -> Array:
    """Evaluate a primitive over sums of so many terms, where nothing is traced."""
    if _config.jax_disable_jit:  # it would come back here
        return calculate(*arrays, total=total, count=count)
    function = _compiled(primitive, total, count)
    if not (_config.jax_debug_nans or _config.jax_debug_infs):
        return function(*arrays)
    # To tell where a NaN is from, JAX would call what is compiled, which compiles itself.
    with jax.debug_nans(False), jax.debug_infs(False):
        y = function(*arrays)
    return jnp.copy(y)  # and this looks at the result


def lowered(calculate: Any) -> Any:
    """Return the way that a primitive is compiled: on the numbers of one device.

    Inside `jax.shard_map` a type says over which axes of the mesh its numbers vary, and what is
    calculated would have to say so of every constant beside them.
    """
    rule = mlir.lower_fun(calculate, multiple_results=False)

    def lower(context: Any, *values: Any, **parameters: Any) -> Any:
        types = {
            "avals_in": [varying_over(aval, frozenset()) for aval in context.avals_in],
            "avals_out": [varying_over(aval, frozenset()) for aval in context.avals_out],
        }
        return rule(context.replace(**types), *values, **parameters)

    return lower


@functools.lru_cache(maxsize=1024)
def _compiled(primitive: Any, total: Sum, count: int) -> Any:
    return jax.jit(functools.partial(primitive.bind, total=total, count=count))


def _shape(*arrays: Any, total: Sum, count: int) -> Any:
    return without_numbers(total, arrays, arrays[count])


def without_numbers(total: Sum, arrays: Sequence[Any], second: Any) -> Any:
    """Return shape, dtype and place of sums of which these are the arrays, the first one first."""
    size = derivatives.result_shape(total, arrays[0].shape, second.shape)
    kind: Any = jax.core.ShapedArray
    more: dict[str, Any] = {}
    if IS_SUPPORTED and not arrays[0].sharding.mesh.empty:  # whole on the mesh of its factors
        more["sharding"] = whole(arrays[0].sharding, len(size))
    axes = frozenset[Any]().union(*map(varying_axes, arrays))
    return varying_over(kind(size, jnp.dtype(total.result), **more), axes)


def _calculate(*arrays: Array, total: Sum, count: int) -> Array:
    terms = _terms(arrays, count)
    first, second = derivatives.joined(total, terms, BACKEND)
    return engine.evaluate(total, first, second, terms.bias, BACKEND)


def _differentiate(primals: Any, tangents: Any, *, total: Sum, count: int) -> Any:
    y = exact_sum.bind(*primals, total=total, count=count)
    values, changes = _terms(primals, count), _terms(tangents, count)
    pairs = [(d, b) for d, b in zip(changes.firsts, values.seconds, strict=True) if is_there(d)]
    pairs += [(a, d) for a, d in zip(values.firsts, changes.seconds, strict=True) if is_there(d)]
    bias = changes.bias if is_there(changes.bias) else None
    pairs = pairs or [derivatives.nothing(total, values.firsts[0], values.seconds[0], BACKEND)]
    firsts, seconds = map(list, zip(*pairs, strict=True))
    return y, bind(total, Terms(firsts, seconds, bias))


def is_there(tangent: Any) -> bool:
    """Tell whether something changes; JAX says that nothing does in two ways."""
    return tangent is not None and type(tangent) is not ad.Zero


def _transpose(cotangent: Any, *arrays: Any, total: Sum, count: int) -> list[Any]:
    if type(cotangent) is not ad.Zero:
        cotangent = gathered(cotangent)

    def given(array: Any, place: int) -> Any:
        if not isinstance(array, ad.UndefinedPrimal):
            return None
        if type(cotangent) is ad.Zero:
            return ad.Zero(array.aval)
        dtype = str(array.aval.dtype)
        if place == 2 * count:
            return bind(*derivatives.adjoint_of_bias(dtype, cotangent, BACKEND)).reshape(-1)
        role = OPERANDS[total.wanted][place // count]
        other = arrays[(place + count) % (2 * count)]
        return bind(*derivatives.adjoint(total, role, dtype, cotangent, other, BACKEND))

    return [given(array, place) for place, array in enumerate(arrays)]


def _batch(arrays: Any, axes: Any, *, total: Sum, count: int) -> tuple[Array, int]:
    is_batched = [axis is not None for axis in axes]
    moved = [
        jnp.moveaxis(array, axis, 0) if is_mapped else array
        for array, axis, is_mapped in zip(arrays, axes, is_batched, strict=True)
    ]
    length = next(a.shape[0] for a, is_mapped in zip(moved, is_batched, strict=True) if is_mapped)
    flags = _terms(is_batched, count)
    folding = derivatives.folding(total, flags, length)
    folded = folding.factors(_terms(moved, count), flags, BACKEND)
    return folding.result(bind(folding.total, folded), BACKEND), 0


exact_sum.def_impl(functools.partial(evaluated, exact_sum, _calculate))
exact_sum.def_abstract_eval(_shape)
mlir.register_lowering(exact_sum, lowered(_calculate))
ad.primitive_jvps[exact_sum] = _differentiate
ad.primitive_transposes[exact_sum] = _transpose
batching.primitive_batchers[exact_sum] = _batch
