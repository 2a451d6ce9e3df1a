"""XLA's convolution as the adjoints of a correlation, in one call each.

Along one axis, with span = d (k - 1) + 1, the gradient dy is spread out by the stride and has
(o - 1) s + 1 pixels then. The sum over all s p + d k - low = i of dy[p] w[k] is its correlation
with the flipped kernel, of which the first sees span - 1 - low zeros before it; pads may be
negative here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from multiconv.core import dtypes
from multiconv.core.geometry import Geometry

Call: TypeAlias = Callable[..., jax.Array]

_IN_A_LIBRARY = ("float16", "bfloat16", "float32")


def call(wanted: str, geometry: Geometry, groups: int, dtype: str) -> Call | None:
    """Return the call that gives x or weight (see `Backend.native_call`), None without one."""
    if dtypes.kind(dtype) == "complex" or 0 in geometry.input_size:
        return None
    if wanted == "x":
        # XLA, which takes groups apart where it has no library for the dtype, ends the process on
        # some of them beside strides: "Window dimensions do not match RHS shape" (JAX 0.8 to 0.10).
        if groups > 1 and max(geometry.stride) > 1 and dtype not in _IN_A_LIBRARY:
            return None
        return _input_adjoint(geometry, groups)
    if wanted == "weight" and groups == 1:  # XLA's groups of a batch are slow
        return _weight_adjoint(geometry)
    return None


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

    def run(grad: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
        filters, channels, *kernel = weight.shape
        grouped = weight.reshape(groups, filters // groups, channels, *kernel)
        exchanged = jnp.flip(grouped, spatial).swapaxes(1, 2)
        x = jax.lax.conv_general_dilated(
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
        return _plus(x, bias)

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

    def run(x: jax.Array, grad: jax.Array, bias: None = None) -> jax.Array:
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
