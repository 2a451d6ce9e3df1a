"""Correlations and their two adjoints over grouped arrays, in the dtype of the sums.

Images are (N, G, C, *size), kernels (G, O, C, *kernel). Both adjoints of a correlation are
correlations again, with the roles of the axes exchanged; so every method serves all three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from multiconv import methods
from multiconv.geometry import Geometry
from multiconv.methods import Choice, Problem
from multiconv.padding import extend, fold, pad_or_crop, spread
from multiconv.protocol import Array, Backend

TwoArrays: TypeAlias = Callable[[Array, Array], Array]


class Channels(NamedTuple):
    """The sizes that are not spatial: batch, groups, and channels in and out of each group."""

    batch: int
    groups: int
    channels: int
    filters: int


def choose(
    method: str, geometry: Geometry, sizes: Channels, dtype: str, device: object, backend: Backend
) -> Choice:
    """Choose the method of a correlation."""
    return methods.choose(method, Problem(geometry, *sizes, dtype, device), backend)


def input_adjoint_geometry(geometry: Geometry) -> Geometry:
    """Return the correlation that gives the gradient with respect to the input."""
    target = geometry.input_size if geometry.padding_mode == "zeros" else geometry.padded_size
    return Geometry(
        tuple(n + span - 1 for n, span in zip(target, geometry.span, strict=True)),
        geometry.kernel_size,
        (1,) * geometry.axes,
        geometry.dilation,
        ((0, 0),) * geometry.axes,
    )


def input_adjoint(geometry: Geometry, method: str, backend: Backend) -> TwoArrays:
    """Return dx[n, c, i] = sum over o, p, k with s p + d k = i of grad[n, o, p] weight[o, c, k].

    The outputs are spread apart by the stride and correlated with the flipped kernel; what falls on
    the border is added back to the pixels that the border repeats.
    """
    xp = backend.xp
    inner = input_adjoint_geometry(geometry)
    correlate = methods.prepare(method, inner, backend)
    borderless = geometry.padding_mode == "zeros"
    reach = [span - 1 for span in geometry.span]
    if borderless:
        reach = [r - low for r, (low, _) in zip(reach, geometry.pads, strict=True)]
    spatial = tuple(range(3, 3 + geometry.axes))

    def run(grad: Array, weight: Array) -> Array:
        grad = spread(grad, geometry.stride, backend)
        pads = tuple(
            (low, size - low - have)
            for low, size, have in zip(reach, inner.input_size, grad.shape[3:], strict=True)
        )
        grad = pad_or_crop(grad, pads, backend)
        flipped = xp.flip(xp.permute_dims(weight, (0, 2, 1, *spatial)), axis=spatial)
        dx = correlate(grad, flipped)
        return dx if borderless else fold(dx, geometry, backend)

    return run


def weight_adjoint_geometry(geometry: Geometry) -> Geometry:
    """Return the correlation that gives the gradient with respect to the kernel."""
    return Geometry(
        tuple(
            span + (out - 1) * s
            for span, out, s in zip(
                geometry.span, geometry.output_size, geometry.stride, strict=True
            )
        ),
        geometry.output_size,
        geometry.dilation,
        geometry.stride,
        ((0, 0),) * geometry.axes,
    )


def weight_adjoint(geometry: Geometry, method: str, backend: Backend) -> TwoArrays:
    """Return dw[o, c, k] = sum over n, p of grad[n, o, p] x[n, c, s p + d k].

    The image is correlated with the gradient; stride and dilation trade places, and so do batch and
    channels.
    """
    xp = backend.xp
    inner = weight_adjoint_geometry(geometry)
    correlate = methods.prepare(method, inner, backend)
    # Rows that the stride never reaches are cut.
    surplus = tuple(
        (0, needed - have)
        for needed, have in zip(inner.input_size, geometry.padded_size, strict=True)
    )
    spatial = tuple(range(3, 3 + geometry.axes))

    def run(x: Array, grad: Array) -> Array:
        x = pad_or_crop(extend(x, geometry, backend), surplus, backend)
        x = xp.permute_dims(x, (2, 1, 0, *spatial))
        dw = correlate(x, xp.permute_dims(grad, (1, 2, 0, *spatial)))
        return xp.permute_dims(dw, (1, 2, 0, *spatial))

    return run
