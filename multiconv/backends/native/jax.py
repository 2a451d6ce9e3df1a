"""XLA's convolution as a correlation and its adjoints, in one call each.

Along one axis, with span = d (k - 1) + 1, the gradient dy is spread out by the stride and has
(o - 1) s + 1 pixels then. The sum over all s p + d k - low = i of dy[p] w[k] is its correlation
with the flipped kernel, of which the first sees span - 1 - low zeros before it; pads may be
negative here.

XLA's partitioner adds up a convolution whose operands are both divided along space over all devices
of a mesh, also those that have copies of the same. So where an automatic mesh may have such, and
the compiler is left alone with them (see `partitioned`), the adjoint with respect to the weight and
every derivative are sums over taps.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from multiconv.backends.sharded.jax import automatic_axes
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry

Call: TypeAlias = Callable[..., jax.Array]

_IN_A_LIBRARY = ("float16", "bfloat16", "float32")


def call(wanted: str, geometry: Geometry, groups: int, dtype: str) -> Call | None:
    """Return the call that gives x or weight (see `Backend.native_call`), None without one."""
    if dtypes.kind(dtype) == "complex" or 0 in geometry.input_size:
        return None
    taps = adjoint_by_taps(wanted, geometry, groups)
    if wanted == "x":
        # XLA, which takes groups apart where it has no library for the dtype, ends the process on
        # some of them beside strides: "Window dimensions do not match RHS shape" (JAX 0.8 to 0.10).
        if groups > 1 and max(geometry.stride) > 1 and dtype not in _IN_A_LIBRARY:
            return None
        adjoint = _input_adjoint(geometry, groups)
        summed = derived_from(adjoint, taps, taps)
        # XLA multiplies by all the zeros between the pixels in a gradient of the weight.
        spread = derived_from(adjoint, adjoint, taps) if max(geometry.stride) > 1 else adjoint

        def run(grad: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
            own = summed if _may_have_copies(grad, weight) else spread
            return _plus(own(grad, weight), bias)

        return run
    if wanted == "weight" and groups == 1:  # XLA's groups of a batch are slow
        adjoint = _weight_adjoint(geometry)
        return lambda x, grad, bias=None: (taps if _may_have_copies(x, grad) else adjoint)(x, grad)
    return None


def correlation(geometry: Geometry, groups: int) -> Call:
    """Return the correlation of (N, G C, *size) with (G O, C, *kernel), zeros around."""

    def native(x: jax.Array, weight: jax.Array) -> jax.Array:
        return jax.lax.conv_general_dilated(
            x,
            weight,
            window_strides=geometry.stride,
            padding=geometry.pads,
            rhs_dilation=geometry.dilation,
            feature_group_count=groups,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=x.dtype,
        )

    taps = functools.partial(_of_groups, geometry, groups)
    differentiable = derived_from(native, taps, taps)

    def run(x: jax.Array, weight: jax.Array) -> jax.Array:
        return (differentiable if _may_have_copies(x, weight) else native)(x, weight)

    return run


def by_taps(x: jax.Array, weight: jax.Array, geometry: Geometry) -> jax.Array:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel), without joining any axes."""
    zero = jnp.zeros((), x.dtype)
    x = jax.lax.pad(x, zero, [(0, 0, 0)] * 3 + [(low, high, 0) for low, high in geometry.pads])
    einsum = functools.partial(
        jnp.einsum,
        "ngc...,goc->ngo...",
        precision=jax.lax.Precision.HIGHEST,
        preferred_element_type=x.dtype,
    )
    terms = (einsum(x[seen], weight[(..., *tap)]) for tap, seen in geometry.padded().tap_windows())
    return functools.reduce(operator.add, terms)


def adjoint_by_taps(wanted: str, geometry: Geometry, groups: int) -> Call:
    """Return the adjoint with respect to the image or the weight, of arrays as `call` has them."""

    def to_image(grad: jax.Array, weight: jax.Array) -> jax.Array:
        like = (grad.shape[0], groups * weight.shape[1], *geometry.input_size)
        return _transposed(lambda x: _of_groups(geometry, groups, x, weight), like, grad)

    def to_weight(x: jax.Array, grad: jax.Array) -> jax.Array:
        like = (grad.shape[1], x.shape[1] // groups, *geometry.kernel_size)
        return _transposed(lambda weight: _of_groups(geometry, groups, x, weight), like, grad)

    return to_image if wanted == "x" else to_weight


def _transposed(linear: Call, shape: tuple[int, ...], grad: jax.Array) -> jax.Array:
    like: Any = jnp.broadcast_to(jnp.zeros((), grad.dtype), shape)
    [transposed] = jax.linear_transpose(linear, like)(grad)
    result: jax.Array = transposed
    return result


def _of_groups(geometry: Geometry, groups: int, x: jax.Array, weight: jax.Array) -> jax.Array:
    batch, filters = x.shape[0], weight.shape[0]
    y = by_taps(
        x.reshape(batch, groups, x.shape[1] // groups, *x.shape[2:]),
        weight.reshape(groups, filters // groups, *weight.shape[1:]),
        geometry,
    )
    return y.reshape(batch, filters, *geometry.output_size)


def _may_have_copies(*arrays: jax.Array) -> bool:
    """Tell whether an axis of a mesh may divide space, and another nothing."""
    return max(map(automatic_axes, arrays)) > 1


def derived_from(function: Call, by_first: Call, by_second: Call) -> Call:
    """Return a bilinear function whose derivatives are those of other ways to compute it.

    There is one for the derivative with respect to each factor; all are the same function.
    """

    @jax.custom_jvp
    def both(first: jax.Array, second: jax.Array) -> jax.Array:
        return function(first, second)

    def derivative(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
        (first, second), (d_first, d_second) = primals, tangents
        terms = []
        if not isinstance(d_first, jax.custom_derivatives.SymbolicZero):
            terms.append(by_first(d_first, second))
        if not isinstance(d_second, jax.custom_derivatives.SymbolicZero):
            terms.append(by_second(first, d_second))
        y = both(first, second)
        return y, functools.reduce(operator.add, terms) if terms else jnp.zeros_like(y)

    both.defjvp(derivative, symbolic_zeros=True)
    return both


def _input_adjoint(geometry: Geometry, groups: int) -> Call:
    rows = zip(
        geometry.input_size,
        geometry.output_size,
        geometry.stride,
        geometry.pads,
        geometry.span,
        strict=True,
    )
    pads = [(span - 1 - low, n + low - (o - 1) * s - 1) for n, o, s, (low, _), span in rows]
    spatial = tuple(range(3, 3 + geometry.axes))

    def run(grad: jax.Array, weight: jax.Array) -> jax.Array:
        filters, channels, *kernel = weight.shape
        grouped = weight.reshape(groups, filters // groups, channels, *kernel)
        exchanged = jnp.flip(grouped, spatial).swapaxes(1, 2)
        return jax.lax.conv_general_dilated(
            grad,
            exchanged.reshape(groups * channels, filters // groups, *kernel),
            window_strides=(1,) * geometry.axes,
            padding=pads,
            lhs_dilation=geometry.stride,
            rhs_dilation=geometry.dilation,
            feature_group_count=groups,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=grad.dtype,
        )

    return run


def _weight_adjoint(geometry: Geometry) -> Call:
    """Correlate the image with the gradient: batch and channels trade places, as do the steps."""
    rows = zip(
        geometry.input_size,
        geometry.output_size,
        geometry.stride,
        geometry.pads,
        geometry.span,
        strict=True,
    )
    pads = [(low, (o - 1) * s + span - n - low) for n, o, s, (low, _), span in rows]
    spatial = tuple(range(2, 2 + geometry.axes))
    exchanged = jax.lax.ConvDimensionNumbers((1, 0, *spatial), (1, 0, *spatial), (1, 0, *spatial))

    def run(x: jax.Array, grad: jax.Array) -> jax.Array:
        return jax.lax.conv_general_dilated(
            x,
            grad,
            window_strides=geometry.dilation,
            padding=pads,
            rhs_dilation=geometry.stride,
            dimension_numbers=exchanged,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=x.dtype,
        )

    return run


def _plus(y: jax.Array, bias: jax.Array | None) -> jax.Array:
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))
