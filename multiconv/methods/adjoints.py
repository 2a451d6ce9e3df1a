"""A correlation and its two adjoints over grouped arrays, in the dtype of the sums.

Images are (N, G, C, *size), kernels (G, O, C, *kernel). Both adjoints of a correlation are
correlations again, with the roles of the axes exchanged; so every method serves all three.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import CONSTANT_MODES, Geometry
from multiconv.core.phases import Gap, Phase, phases
from multiconv.methods.base import Method
from multiconv.methods.borders import extend, fold

TwoArrays: TypeAlias = Callable[[Array, Array], Array]


class Work(NamedTuple):
    """A correlation or an adjoint: what a method has to correlate, and how to have it done.

    ``geometry`` is that of the correlation that the method is given, the largest where there are
    several, of ``repeats`` that are about alike. ``prepare`` returns a function of two grouped
    arrays.
    """

    geometry: Geometry
    prepare: Callable[[Method, Backend], TwoArrays]
    repeats: int = 1


def correlation(geometry: Geometry) -> Work:
    """Return y[n, o, p] = sum over c, k of x[n, c, s p + d k] weight[o, c, k], as work."""

    def prepare(method: Method, backend: Backend) -> TwoArrays:
        if geometry.padding_mode == "zeros" and method.takes_border:
            return lambda x, weight: method.run(x, weight, geometry, backend)
        padded = geometry.padded()
        return lambda x, weight: method.run(extend(x, geometry, backend), weight, padded, backend)

    return Work(geometry, prepare)


def nothing(x: Array, weight: Array, shape: tuple[int, ...], backend: Backend) -> Array:
    """Return the zeros of a sum of no products.

    And the product of two sums over nothing, so that zero gradients flow, of any order.
    """
    none = [backend.xp.sum(array[..., :0], dtype=array.dtype) for array in (x, weight)]
    return backend.zeros(shape, x) + none[0] * none[1]


def input_adjoint(geometry: Geometry) -> Work:
    """Return dx[n, c, i] = sum over o, p, k with s p + d k = i of grad[n, o, p] weight[o, c, k].

    Each phase of the stride is a correlation of the gradient with a flipped part of the kernel; the
    phases are interleaved. What falls on the border is added back to the pixels that it repeats.
    """
    along = _phases(geometry)
    largest = _phase_geometry(geometry, [_largest(axis) for axis in along])
    reached = all(any(isinstance(p, Phase) for p in axis) for axis in along)

    def prepare(method: Method, backend: Backend) -> TwoArrays:
        spatial = tuple(range(3, 3 + geometry.axes))
        interleaved = _Interleaved(geometry, along, method, backend)

        def run(grad: Array, weight: Array) -> Array:
            if not reached:
                shape = (*grad.shape[:2], weight.shape[2], *geometry.input_size)
                return nothing(grad, weight, shape, backend)
            dx = interleaved(grad, backend.xp.permute_dims(weight, (0, 2, 1, *spatial)), ())
            return dx if geometry.padding_mode == "zeros" else fold(dx, geometry, backend)

        return run

    repeats = math.prod([len([p for p in axis if isinstance(p, Phase)]) for axis in along])
    return Work(largest, prepare, max(repeats, 1))


class _Interleaved:
    """The phases of the axes, correlated and joined."""

    def __init__(
        self,
        geometry: Geometry,
        along: list[list[Phase | Gap]],
        method: Method,
        backend: Backend,
    ) -> None:
        self.along, self.method, self.backend = along, method, backend
        self.target = _target(geometry)
        self.outputs = _phase_outputs(geometry)
        chosen = ([p for p in axis if isinstance(p, Phase)] for axis in along)
        self.parts = {part: _phase_geometry(geometry, part) for part in itertools.product(*chosen)}

    def __call__(self, grad: Array, weight: Array, chosen: tuple[Phase, ...]) -> Array:
        """Join the phases of the axes behind those that are chosen already."""
        axis, xp, target = len(chosen), self.backend.xp, self.target
        if axis == len(target):
            return self._part(grad, weight, chosen)
        pieces: list[Array] = []
        lead = (*grad.shape[:2], weight.shape[1], *self.outputs[: axis + 1])
        for phase in self.along[axis]:
            if isinstance(phase, Phase):
                piece = self(grad, weight, (*chosen, phase))
                pieces.append(xp.expand_dims(piece, axis=4 + axis))
            else:
                gap = (*lead, phase.width, *target[axis + 1 :])
                pieces.append(self.backend.zeros(gap, grad))
        joined = pieces[0] if len(pieces) == 1 else xp.concat(pieces, axis=4 + axis)
        length = joined.shape[3 + axis] * joined.shape[4 + axis]
        joined = xp.reshape(joined, (*joined.shape[: 3 + axis], length, *target[axis + 1 :]))
        window = (slice(0, target[axis]), *(slice(None),) * (len(target) - axis - 1))
        return joined[(..., *window)]

    def _part(self, grad: Array, weight: Array, chosen: tuple[Phase, ...]) -> Array:
        inner, backend = self.parts[chosen], self.backend
        pads = []
        for phase, size, have in zip(chosen, inner.input_size, grad.shape[3:], strict=True):
            last = phase.first + phase.dilation * (phase.taps - 1)
            pads.append((last, size - last - have))
        taps = tuple(slice(phase.start, None, phase.step) for phase in chosen)
        flipped = backend.xp.flip(weight[(..., *taps)], axis=tuple(range(-len(taps), 0)))
        return _run_bordered(self.method, grad, flipped, inner, tuple(pads), backend)


def _run_bordered(
    method: Method, x: Array, weight: Array, inner: Geometry, pads: Pairs, backend: Backend
) -> Array:
    """Correlate an image whose border ``inner`` counts as a part of it."""
    sizes = tuple(x.shape[-inner.axes :])
    # An open size is no int, a border that is cut off is no border, and of nothing but border
    # frameworks make no image.
    has_border = all(type(n) is int and n >= 0 for pair in pads for n in pair)
    if method.takes_border and has_border and 0 not in sizes:
        return method.run(x, weight, replace(inner, input_size=sizes, pads=pads), backend)
    return method.run(pad_or_crop(x, pads, backend), weight, inner, backend)


def _largest(axis: list[Phase | Gap]) -> Phase:
    found = [phase for phase in axis if isinstance(phase, Phase)]
    return max(found, key=lambda phase: phase.taps, default=Phase(0, 1, 1, 1, 0))


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


def weight_adjoint(geometry: Geometry) -> Work:
    """Return dw[o, c, k] = sum over n, p of grad[n, o, p] x[n, c, s p + d k].

    The image is correlated with the gradient; stride and dilation trade places, and so do batch and
    channels.
    """
    covered = zip(geometry.span, geometry.output_size, geometry.stride, strict=True)
    inner = Geometry(
        tuple(span + (out - 1) * s for span, out, s in covered),
        geometry.output_size,
        geometry.dilation,
        geometry.stride,
        ((0, 0),) * geometry.axes,
    )
    has_zeros = geometry.padding_mode in CONSTANT_MODES
    lows = [low if has_zeros else 0 for low, _ in geometry.pads]
    have = geometry.input_size if has_zeros else geometry.padded_size
    # Rows that the stride never reaches are cut.
    border = tuple(
        (low, needed - low - n) for needed, low, n in zip(inner.input_size, lows, have, strict=True)
    )
    spatial = tuple(range(3, 3 + geometry.axes))

    def prepare(method: Method, backend: Backend) -> TwoArrays:
        xp = backend.xp

        def run(x: Array, grad: Array) -> Array:
            x = x if has_zeros else extend(x, geometry, backend)
            x = xp.permute_dims(x, (2, 1, 0, *spatial))
            grad = xp.permute_dims(grad, (1, 2, 0, *spatial))
            dw = _run_bordered(method, x, grad, inner, border, backend)
            return xp.permute_dims(dw, (1, 2, 0, *spatial))

        return run

    return Work(inner, prepare)
