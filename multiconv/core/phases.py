"""The phases of a strided adjoint: which taps reach which outputs.

With stride s, dilation d and low pad l, tap k of input p falls on output ``i = s p + d k - l``.
Outputs of one phase r, those with ``i = s m + r``, are reached by the taps with
``d k = r + l (mod s)`` alone: every ``s / gcd(s, d)``-th one. So each phase is a correlation of its
own, of stride 1, with a part of the kernel (Vaidyanathan, "Multirate systems and filter banks",
1993, chapter 4): no zeros are put in to be multiplied.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Phase(NamedTuple):
    """The taps that reach the outputs of one phase along one axis."""

    start: int
    step: int
    taps: int
    dilation: int
    first: int  # where the first of the taps falls, in outputs of the phase, seen from its input


class Gap(NamedTuple):
    """So many neighbouring phases that no tap reaches."""

    width: int


def phases(
    outputs: int, kernel_size: int, stride: int, dilation: int, low: int
) -> list[Phase | Gap]:
    """Return the phases along an axis in order, ``min(stride, outputs)`` of them in all."""
    common = math.gcd(stride, dilation)
    step = stride // common
    found: list[Phase | Gap] = []
    reached = {(dilation * k - low) % stride: k for k in reversed(range(min(step, kernel_size)))}
    position = 0
    for r in sorted(r for r in reached if r < outputs):
        if r > position:
            found.append(Gap(r - position))
        k = reached[r]
        found.append(
            Phase(
                k,
                step,
                len(range(k, kernel_size, step)),
                dilation // common,
                (dilation * k - low - r) // stride,
            )
        )
        position = r + 1
    if min(stride, outputs) > position:
        found.append(Gap(min(stride, outputs) - position))
    return found
