"""The columns of a block of an image's patch matrix, compiled where Numba is installed."""

from __future__ import annotations

import functools

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.backends.loops import compiled
from multiconv.backends.loops.threads import shared

# From so many numbers on, threads are worth being woken.
_SHARED = 2**18


def pack(
    x: NumPyArray,
    columns: NumPyArray,
    first_row: int,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    """Copy what rows of outputs, from ``first_row`` on, see of an image into a patch matrix.

    Parameters
    ----------
    x : ndarray
        The image with its border, (C, H, W).
    columns : ndarray
        (C * kh * kw, rows * W'), contiguous: what is written to.
    first_row : int
        The first row of outputs.
    kernel_size, stride, dilation : tuple of int
        Of the two axes.
    """
    wide = (x.shape[2] - dilation[1] * (kernel_size[1] - 1) - 1) // stride[1] + 1
    target = columns.reshape(columns.shape[0], -1, wide)
    loops = compiled.loops_for_copies(x, columns.size)
    if loops is not None:
        arguments = compiled.plain(x), compiled.written(target), first_row
        work = functools.partial(loops.pack, *arguments, kernel_size, stride, dilation)
    else:
        work = functools.partial(_pack, x, target, first_row, kernel_size, stride, dilation)
    if columns.size < _SHARED:
        work(0, columns.shape[0])
    else:
        shared(work, columns.shape[0])


def _pack(
    x: NumPyArray,
    target: NumPyArray,
    first_row: int,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    start: int,
    stop: int,
) -> None:
    rows, width = target.shape[1:]
    for number in range(start, stop):
        c, j, k = np.unravel_index(number, (x.shape[0], *kernel_size))
        top, left = first_row * stride[0] + j * dilation[0], k * dilation[1]
        down = slice(top, top + (rows - 1) * stride[0] + 1, stride[0])
        target[number] = x[c, down, left : left + (width - 1) * stride[1] + 1 : stride[1]]
