"""Correlations and their two adjoints over grouped arrays, in the dtype of the sums.

Images are (N, G, C, *size), kernels (G, O, C, *kernel). Both adjoints of a correlation are
correlations again, with the roles of the axes exchanged; so every method serves all three.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop
from multiconv.core.geometry import Geometry
from multiconv.core.phases import Gap, Phase, phases
from multiconv.methods import table as methods
from multiconv.methods.borders import extend, fold
from multiconv.methods.table import Choice, Problem

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
    """Return the largest of the correlations that give the gradient with respect to the input."""
    along = [_largest(axis) for axis in _phases(geometry)]
    return _phase_geometry(geometry, along)


def input_adjoint(geometry: Geometry, method: str, backend: Backend) -> TwoArrays:
    """Return dx[n, c, i] = sum over o, p, k with s p + d k = i of grad[n, o, p] weight[o, c, k].

    Each phase of the stride is a correlation of the gradient with a flipped part of the kernel; the
    phases are interleaved. What falls on the border is added back to the pixels that it repeats.
    """
    xp = backend.xp
    axes = geometry.axes
    target = _target(geometry)
    along = _phases(geometry)
    spatial = tuple(range(3, 3 + axes))
    parts = {
        chosen: (
            _phase_geometry(geometry, chosen),
            methods.prepare(method, _phase_geometry(geometry, chosen), backend),
        )
        for chosen in itertools.product(
            *([p for p in axis if isinstance(p, Phase)] for axis in along)
        )
    }

    def part(grad: Array, weight: Array, chosen: tuple[Phase, ...]) -> Array:
        inner, correlate = parts[chosen]
        pads = []
        for phase, size, have in zip(chosen, inner.input_size, grad.shape[3:], strict=True):
            last = phase.first + phase.dilation * (phase.taps - 1)
            pads.append((last, size - last - have))
        taps = tuple(slice(phase.start, None, phase.step) for phase in chosen)
        return correlate(
            pad_or_crop(grad, tuple(pads), backend),
            xp.flip(weight[(..., *taps)], axis=spatial),
        )

    def interleaved(grad: Array, weight: Array, chosen: tuple[Phase, ...]) -> Array:
        """Join the phases of the axes behind those that are chosen already."""
        axis = len(chosen)
        if axis == axes:
            return part(grad, weight, chosen)
        pieces: list[Array] = []
        shape = [*grad.shape[:2], weight.shape[1], *_phase_outputs(geometry)[: axis + 1]]
        for phase in along[axis]:
            if isinstance(phase, Phase):
                piece = interleaved(grad, weight, (*chosen, phase))
                pieces.append(xp.expand_dims(piece, axis=4 + axis))
            else:
                gap = (*shape, phase.width, *target[axis + 1 :])
                pieces.append(backend.zeros(gap, grad))
        joined = pieces[0] if len(pieces) == 1 else xp.concat(pieces, axis=4 + axis)
        length = joined.shape[3 + axis] * joined.shape[4 + axis]
        joined = xp.reshape(joined, (*joined.shape[: 3 + axis], length, *target[axis + 1 :]))
        window = (slice(0, target[axis]), *(slice(None),) * (axes - axis - 1))
        return joined[(..., *window)]

    def run(grad: Array, weight: Array) -> Array:
        dx = interleaved(grad, xp.permute_dims(weight, (0, 2, 1, *spatial)), ())
        return dx if geometry.padding_mode == "zeros" else fold(dx, geometry, backend)

    return run


def _largest(axis: list[Phase | Gap]) -> Phase:
    largest = Phase(0, 1, 1, 1, 0)
    for phase in axis:
        if isinstance(phase, Phase) and phase.taps > largest.taps:
            largest = phase
    return largest


def _target(geometry: Geometry) -> tuple[int, ...]:
    """Return the size of what the taps fall on: with a border of zeros, the image alone."""
    return geometry.input_size if geometry.padding_mode == "zeros" else geometry.padded_size


def _phases(geometry: Geometry) -> list[list[Phase | Gap]]:
    borderless = geometry.padding_mode == "zeros"
    return [
        phases(n, k, s, d, low if borderless else 0)
        for n, k, s, d, (low, _) in zip(
            _target(geometry),
            geometry.kernel_size,
            geometry.stride,
            geometry.dilation,
            geometry.pads,
            strict=True,
        )
    ]


def _phase_outputs(geometry: Geometry) -> tuple[int, ...]:
    """Return how many outputs a phase has along each axis, the last of them cut off later."""
    return tuple(
        -(-n // min(s, n)) if n else 0
        for n, s in zip(_target(geometry), geometry.stride, strict=True)
    )


def _phase_geometry(geometry: Geometry, chosen: Sequence[Phase]) -> Geometry:
    return Geometry(
        tuple(
            n + phase.dilation * (phase.taps - 1)
            for n, phase in zip(_phase_outputs(geometry), chosen, strict=True)
        ),
        tuple(phase.taps for phase in chosen),
        (1,) * geometry.axes,
        tuple(phase.dilation for phase in chosen),
        ((0, 0),) * geometry.axes,
    )


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
