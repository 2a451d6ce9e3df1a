"""Exact sums of a bordered image as a primitive of JAX.

The primitive takes images, the numbers around each, and their second factors, perhaps a bias; it is
the sum of all products, rounded once. What it is differentiated to are sums again: of itself, in
forward mode, and plain ones of the cotangent.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from multiconv.backends.base import Array
from multiconv.backends.jax import BACKEND
from multiconv.backends.sharded.jax import gathered, varying_axes
from multiconv.exact import derivatives
from multiconv.exact import jax as plain
from multiconv.exact.bordered.border import gradient, of_image, of_surrounded, surrounded
from multiconv.exact.derivatives import Terms
from multiconv.exact.description import OPERANDS, Sum

bordered_sum: Any = Primitive("exact_sum_in_border")  # JAX has no types for it


def evaluate(total: Sum, image: Array, value: Array, second: Array, bias: Array | None) -> Array:
    """Evaluate a sum of floats, or record that it is to be evaluated."""
    # A sum over what is divided would be rounded more than once.
    image, value, second = (gathered(array) for array in (image, value, second))
    bias = None if bias is None else gathered(bias)
    # Inside shard_map a primitive would have to say over which axes its results vary.
    varies = any(varying_axes(jax.typeof(a)) for a in (image, value, second))
    if varies or not jnp.issubdtype(image.dtype, jnp.inexact):
        padded = surrounded(total, image, value, BACKEND)
        return plain.evaluate(of_surrounded(total), padded, second, bias)
    return _bind(total, _Terms([image], [value], [second], bias))


class _Terms(NamedTuple):
    images: list[Any]
    values: list[Any]
    seconds: list[Any]
    bias: Any = None


def _bind(total: Sum, terms: _Terms) -> Array:
    bias = () if terms.bias is None else (terms.bias,)
    arrays = (*terms.images, *terms.values, *terms.seconds, *bias)
    return bordered_sum.bind(*arrays, total=total, count=len(terms.images))


def _terms(arrays: Any, count: int) -> _Terms:
    images, values, seconds = (list(arrays[i * count : (i + 1) * count]) for i in range(3))
    return _Terms(images, values, seconds, *arrays[3 * count :])


def _plainly(*arrays: Array, total: Sum, count: int) -> Array:
    terms = _terms(arrays, count)
    firsts = [
        surrounded(total, image, value, BACKEND)
        for image, value in zip(terms.images, terms.values, strict=True)
    ]
    return plain.bind(of_surrounded(total), Terms(firsts, terms.seconds, terms.bias))


def _shape(*arrays: Any, total: Sum, count: int) -> Any:
    return plain.without_numbers(total, arrays, arrays[2 * count])


def _differentiate(primals: Any, tangents: Any, *, total: Sum, count: int) -> Any:
    y = bordered_sum.bind(*primals, total=total, count=count)
    own, changes = _terms(primals, count), _terms(tangents, count)
    images, values, seconds = [], [], []
    for i in range(count):
        if plain.is_there(changes.images[i]) or plain.is_there(changes.values[i]):
            images.append(_whole(changes.images[i], own.images[i]))
            values.append(_whole(changes.values[i], own.values[i]))
            seconds.append(own.seconds[i])
        if plain.is_there(changes.seconds[i]):
            images.append(own.images[i])
            values.append(own.values[i])
            seconds.append(changes.seconds[i])
    bias = changes.bias if plain.is_there(changes.bias) else None
    if images:
        return y, _bind(total, _Terms(images, values, seconds, bias))
    asked, padded = of_surrounded(total), surrounded(total, own.images[0], own.values[0], BACKEND)
    first, second = derivatives.nothing(asked, padded, own.seconds[0], BACKEND)
    return y, plain.bind(asked, Terms([first], [second], bias))


def _whole(tangent: Any, primal: Array) -> Array:
    return tangent if plain.is_there(tangent) else jnp.zeros_like(primal)


def _transpose(cotangent: Any, *arrays: Any, total: Sum, count: int) -> list[Any]:
    terms = _terms(arrays, count)
    if type(cotangent) is not ad.Zero:
        cotangent = gathered(cotangent)

    def given(array: Any, place: int) -> Any:
        if not isinstance(array, ad.UndefinedPrimal):
            return None
        if type(cotangent) is ad.Zero:
            return ad.Zero(array.aval)
        kind, i = divmod(place, count)
        dtype = str(array.aval.dtype)
        if kind == 3:
            asked = derivatives.adjoint_of_bias(dtype, cotangent, BACKEND)
            return plain.bind(*asked).reshape(-1)
        if kind == 2:
            padded = surrounded(total, terms.images[i], terms.values[i], BACKEND)
            role, of = OPERANDS[total.wanted][1], of_surrounded(total)
            return plain.bind(*derivatives.adjoint(of, role, dtype, cotangent, padded, BACKEND))
        if kind == 0:
            of, other = of_image(total), terms.seconds[i]
            return plain.bind(*derivatives.adjoint(of, "x", dtype, cotangent, other, BACKEND))
        factors = cotangent, terms.seconds[i]
        y, weight = factors if total.wanted == "y" else factors[::-1]
        found = gradient(total, array.aval, y, weight, BACKEND)
        shape = array.aval.shape
        return jnp.zeros(shape, dtype) if found is None else plain.bind(*found).reshape(shape)

    return [given(array, place) for place, array in enumerate(arrays)]


def _batch(arrays: Any, axes: Any, *, total: Sum, count: int) -> tuple[Array, int]:
    is_plain = all(axis is None for axis in axes[count:])
    if total.wanted == "y" and count == 1 and is_plain:  # more images, of one border
        images = jnp.moveaxis(arrays[0], axes[0], 0)
        flat = images.reshape(-1, *images.shape[2:])
        y = bordered_sum.bind(flat, *arrays[1:], total=total, count=count)
        return y.reshape(*images.shape[:2], *y.shape[1:]), 0
    run = functools.partial(_plainly, total=total, count=count)
    return jax.vmap(run, in_axes=tuple(axes))(*arrays), 0


bordered_sum.def_impl(functools.partial(plain.evaluated, bordered_sum, _plainly))
bordered_sum.def_abstract_eval(_shape)
mlir.register_lowering(bordered_sum, plain.lowered(_plainly))
ad.primitive_jvps[bordered_sum] = _differentiate
ad.primitive_transposes[bordered_sum] = _transpose
batching.primitive_batchers[bordered_sum] = _batch
