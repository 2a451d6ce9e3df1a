"""Overlap-add with the fast Fourier transform: cost hardly grows with the kernel.

The image is cut into blocks along each spatial axis, every block is convolved with the whole kernel
by one product of transforms, and the tails that stick out of the blocks are added to their
neighbours (Stockham, 1966). The error is bounded in norm only: every output carries rounding of the
largest one, and a single NaN spoils its block.
"""

from __future__ import annotations

import math

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Counts, Method, Problem

# Up to this many channels, adding up products of transforms beats moving the axes around.
_FEW_CHANNELS = 4
# Blocks are at least so long, and so many. To join their tails costs a fifth more, and
# every number is moved some times beside its butterflies.
_SHORTEST, _MOST_BLOCKS = 64, 512
_JOINED, _MOVED = 1.2, 8


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel) to (N, G, O, *output)."""
    xp = backend.xp
    axes = geometry.axes
    spatial = tuple(range(-axes, 0))
    kernel = xp.flip(spread(weight, geometry.dilation, backend), axis=spatial)
    blocks, lengths = _lengths(geometry, is_open=backend.is_exporting())
    cut = _cut_into_blocks(x, blocks, backend)  # (N, G, C, *counts, *blocks)
    counts = cut.shape[3 : 3 + axes]

    real = dtypes.kind(backend.dtype_name(x.dtype)) != "complex"
    x_hat = backend.transform(cut, lengths, is_real=real)
    w_hat = backend.transform(kernel, lengths, is_real=real)
    if x.shape[2] <= _FEW_CHANNELS:
        y_hat = _mix_few_channels(x_hat, w_hat, backend)
    else:
        y_hat = _mix_channels(x_hat, w_hat, backend)
    y = backend.inverse(y_hat, lengths, is_real=real)

    for axis in range(axes):
        y = _overlap_add(y, axis, counts[axis], blocks[axis], backend)
    # Of the full convolution, the correlation's first output lies where the kernel first fits.
    window = tuple(
        slice(span - 1, span - 1 + (out - 1) * s + 1, s)
        for span, out, s in zip(geometry.span, geometry.output_size, geometry.stride, strict=True)
    )
    return y[(..., *window)]


def _lengths(geometry: Geometry, *, is_open: bool = False) -> tuple[list[int], tuple[int, ...]]:
    """Return the blocks of the image along each axis, and the lengths of their transforms.

    Sizes that stand for a range (``is_open``) go whole: to compare them would narrow it.
    """
    if is_open:
        reach = zip(geometry.padded_size, geometry.span, strict=True)
        return list(geometry.padded_size), tuple(n + span - 1 for n, span in reach)
    blocks = [_block(n, span) for n, span in zip(geometry.padded_size, geometry.span, strict=True)]
    reach = zip(blocks, geometry.span, strict=True)
    return blocks, tuple(fast_length(block + span - 1) for block, span in reach)


def fast_length(n: int) -> int:
    """Return the smallest product of 2, 3 and 5 that is at least n."""
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            rest = -(-n // three)
            best = min(best, three << max(rest - 1, 0).bit_length())
            three *= 3
        five *= 5
    return best


def _block(n: int, span: int) -> int:
    """Return how much of an axis of length n goes into one transform.

    The count of blocks is the one with the least work: c L (log2 L + m) for c transforms of length
    L, whose numbers are moved m times beside.
    """
    whole = _work(1, n, span)
    counts = range(2, min(n // max(span, _SHORTEST), _MOST_BLOCKS) + 1)
    count = min(counts, key=lambda c: _work(c, n, span), default=1)
    return -(-n // count) if _JOINED * _work(count, n, span) < whole else n


def _work(count: int, n: int, span: int) -> float:
    length = fast_length(-(-n // count) + span - 1)
    return count * length * (math.log2(max(length, 2)) + _MOVED)


def _cut_into_blocks(x: Array, blocks: list[int], backend: Backend) -> Array:
    """Cut (N, G, C, *size) into (N, G, C, *counts, *blocks), with zeros at the end."""
    axes = len(blocks)
    size = x.shape[-axes:]
    counts = [-(-n // block) for n, block in zip(size, blocks, strict=True)]
    pads = tuple(
        (0, count * block - n) for n, count, block in zip(size, counts, blocks, strict=True)
    )
    x = pad_or_crop(x, pads, backend)
    split = [part for pair in zip(counts, blocks, strict=True) for part in pair]
    x = backend.xp.reshape(x, (*x.shape[:3], *split))
    order = [3 + 2 * axis for axis in range(axes)] + [4 + 2 * axis for axis in range(axes)]
    return backend.xp.permute_dims(x, (0, 1, 2, *order))


def _mix_few_channels(x_hat: Array, w_hat: Array, backend: Backend) -> Array:
    """Multiply (N, G, C, *counts, *lengths) with (G, O, C, *lengths), one channel at a time."""
    axes = w_hat.ndim - 3
    w_hat = backend.xp.reshape(w_hat, (1, *w_hat.shape[:3], *(1,) * axes, *w_hat.shape[3:]))
    total = x_hat[:, :, None, 0, ...] * w_hat[:, :, :, 0, ...]
    for channel in range(1, x_hat.shape[2]):
        total = total + x_hat[:, :, None, channel, ...] * w_hat[:, :, :, channel, ...]
    return total


def _mix_channels(x_hat: Array, w_hat: Array, backend: Backend) -> Array:
    """Do the same with one product of matrices for each frequency."""
    xp = backend.xp
    axes = w_hat.ndim - 3
    batch, groups, channels = x_hat.shape[:3]
    counts, lengths = x_hat.shape[3 : 3 + axes], x_hat.shape[3 + axes :]
    blocks, frequencies = math.prod(counts), math.prod(lengths)
    rows = xp.reshape(x_hat, (batch, groups, channels, blocks, frequencies))
    rows = xp.reshape(
        xp.permute_dims(rows, (1, 4, 0, 3, 2)), (groups, frequencies, batch * blocks, channels)
    )
    columns = xp.reshape(w_hat, (groups, w_hat.shape[1], channels, frequencies))
    columns = xp.permute_dims(columns, (0, 3, 2, 1))
    mixed = backend.matmul(rows, columns)
    mixed = xp.reshape(mixed, (groups, frequencies, batch, blocks, w_hat.shape[1]))
    mixed = xp.permute_dims(mixed, (2, 0, 4, 3, 1))
    return xp.reshape(mixed, (batch, groups, w_hat.shape[1], *counts, *lengths))


def _overlap_add(y: Array, axis: int, count: int, block: int, backend: Backend) -> Array:
    """Join the blocks of one axis.

    ``y`` is (N, G, O, *done, count, *counts, length, *lengths): joined axes first, then the counts
    and the lengths still to come. The axis that is joined takes its place behind the others.
    """
    xp = backend.xp
    at = 3 + axis
    remaining = (y.ndim - at) // 2
    order = list(range(y.ndim))
    order.insert(at + 1, order.pop(at + remaining))
    y = xp.permute_dims(y, tuple(order))  # (..., count, length, ...)
    if count == 1:
        return y[(*(slice(None),) * at, 0, ...)]
    length = y.shape[at + 1]
    behind = (slice(None),) * (y.ndim - at - 2)
    pads_behind = ((0, 0),) * (y.ndim - at - 2)
    tails = -(-length // block)  # how many blocks one result reaches over
    y = backend.pad_zeros(y, ((0, 0), (0, tails * block - length), *pads_behind))
    total = None
    for reach in range(tails):
        piece = y[(..., slice(reach * block, (reach + 1) * block), *behind)]
        piece = backend.pad_zeros(piece, ((reach, tails - 1 - reach), (0, 0), *pads_behind))
        total = piece if total is None else total + piece
    shape = (*y.shape[:at], (count + tails - 1) * block, *y.shape[at + 2 :])
    return xp.reshape(total, shape)


def _refusal(problem: Problem, backend: Backend) -> str | None:
    if dtypes.kind(problem.dtype) == "integer":
        return (
            f"integers ({problem.dtype}) never pass through floating point; "
            f"method='direct' or 'auto' is exact, or cast x and weight to a float"
        )
    if not hasattr(backend.xp, "fft"):
        return f"the {backend.name} backend has no Fourier transforms; method='auto' works"
    return None


def _workspace(problem: Problem, backend: Backend) -> int:
    """Count the blocks of image and result, and the transforms of these and the kernel.

    That of n real numbers has n / 2 complex ones.
    """
    blocks, lengths = _lengths(problem.geometry)
    counts = (-(-n // b) for n, b in zip(problem.geometry.padded_size, blocks, strict=True))
    images = problem.batch * (problem.channels + problem.filters) * math.prod(counts)
    kernels = problem.channels * problem.filters
    return problem.groups * (2 * images + kernels) * math.prod(lengths)


def _counts(problem: Problem, backend: Backend) -> Counts:
    blocks, lengths = _lengths(problem.geometry)
    counts = (-(-n // b) for n, b in zip(problem.geometry.padded_size, blocks, strict=True))
    pieces = problem.batch * problem.groups * math.prod(counts)
    length = math.prod(lengths)
    kernels = problem.groups * problem.channels * problem.filters
    transforms = pieces * (problem.channels + problem.filters) + kernels
    return {
        "call": 1,
        "butterfly": transforms * length * math.log2(max(length, 2)) * problem.width,
        "product": pieces * problem.channels * problem.filters * length * problem.width,
        "number": (problem.pixels + problem.outputs) * problem.width,
    }


METHOD = Method("fft", run, refusal=_refusal, workspace=_workspace, counts=_counts, error="norm")
