"""Correlation as a matrix product: the patch matrix, its adjoint, and the Toeplitz matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.core.geometry import Geometry, positions
from multiconv.methods import im2col as patch_matrix
from multiconv.methods import toeplitz
from multiconv.methods.base import per_tap
from multiconv.methods.borders import extend, fold, pixel_of_border
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.frame import bordered, framed
from multiconv.planning.memory import check_memory
from multiconv.planning.operands import Layout, Operand, check_weight, result_dtype
from multiconv.planning.options import Options, read
from multiconv.planning.plan import Plan, ignoring_last

Indices: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@takes("x")
def im2col(
    x: Array,
    kernel_size: IntOrInts,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
) -> Array:
    """Gather the patches of images into the columns of a matrix.

    ``weight.reshape(O, -1) @ im2col(x, ...)`` is the convolution (Chellapilla, Puri and Simard,
    2006): column p holds the pixels that output p sees, in the order of the weight's axes (C,
    *kernel).

    Parameters
    ----------
    x : array of shape (..., C, *spatial) or (*spatial)
        Images; the leading axes are batches.
    kernel_size : int or sequence of int
        Size of the patches. Its length is the number of spatial axes; an int means two.
    stride, padding, dilation, padding_mode, padding_value : optional
        As in `conv2d`.

    Returns
    -------
    array of shape (..., C * taps, L) or (taps, L)
        With taps the number of pixels of a patch, L the number of output positions in C order; of
        x's dtype, bool as the library's default integer.

    Raises
    ------
    ValueError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> cols = mc.im2col(np.arange(9).reshape(3, 3), (2, 2))
    >>> cols
    array([[0, 1, 3, 4],
           [1, 2, 4, 5],
           [3, 4, 6, 7],
           [4, 5, 7, 8]])
    >>> np.array([0, 1, 2, 3]) @ cols
    array([19, 25, 37, 43])
    """
    given = (kernel_size, stride, padding, dilation, padding_mode)
    return dispatch(_IM2COL, (x,), given, padding_value)


@takes("cols")
def col2im(
    cols: Array,
    input_size: IntOrInts,
    kernel_size: IntOrInts,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Array = 0,
) -> Array:
    """Add the columns of a patch matrix back into images: the adjoint of `im2col`.

    ``sum(im2col(x, ...) * cols) == sum(x * col2im(cols, ...))`` for all x. It is no inverse: a
    pixel that several patches contain receives the sum of them all.

    Parameters
    ----------
    cols : array of shape (..., C * taps, L) or (taps, L)
        What `im2col` returns.
    input_size : int or sequence of int
        Spatial size of the images, or (C, *spatial).
    kernel_size, stride, padding, dilation, padding_mode, padding_value : optional
        Those of `im2col`. What fell on a constant border belongs to no pixel, whatever its value.

    Returns
    -------
    array of shape (..., C, *spatial) or (*spatial)
        (*spatial) for two-dimensional cols of a single channel, unless input_size names the
        channel. Of the dtype of cols, bool as the library's default integer.

    Raises
    ------
    ValueError, TypeError
        If the shape of cols is not what `im2col` gives for these sizes, and as in `conv2d`.

    Examples
    --------
    How many 2 x 2 patches of a 3 x 3 image contain each pixel:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.col2im(np.ones((4, 4), int), (3, 3), (2, 2))
    array([[1, 2, 1],
           [2, 4, 2],
           [1, 2, 1]])
    """
    given = (input_size, kernel_size, stride, padding, dilation, padding_mode)
    return dispatch(_COL2IM, (cols,), given, padding_value)


@takes("weight")
def toeplitz_matrix(
    weight: Array,
    input_size: IntOrInts,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    sparse: bool = False,
) -> Any:
    """Build the matrix T of a correlation, ``y.ravel() == T @ x.ravel()``.

    Row p holds the kernel where it lies on the image for output p: a doubly blocked Toeplitz matrix
    for stride 1 and a border of zeros (Gray, "Toeplitz and circulant matrices: a review", 2006),
    block circulant for ``padding_mode="circular"`` with ``padding="same"``. Its transpose is the
    transposed convolution.

    Parameters
    ----------
    weight : array of shape (kh, kw) or (O, C/groups, *kernel)
        The kernel of `corr2d`, or the filters of `conv2d`.
    input_size : int or sequence of int
        Spatial size of the image, or (C, *spatial).
    stride, padding, dilation, groups, padding_mode : optional
        As in `conv2d`. A constant border other than zero adds a constant, which no matrix does.
    sparse : bool, optional
        Give the library's own sparse matrix: scipy.sparse (CSR), torch.sparse (COO) or
        jax.experimental.sparse (BCOO).

    Returns
    -------
    array or sparse matrix of shape (O * outputs, C * pixels)
        With the pixels of x (C, *spatial) and of y (O, *output) in C order; of the dtype of weight,
        bool as the library's default integer.

    Raises
    ------
    ValueError
        As in `conv2d`, and where a dense matrix would be very large or the library has no sparse
        ones.
    TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> T = mc.toeplitz_matrix(np.array([[0, 1], [2, 3]]), (3, 3))
    >>> T
    array([[0, 1, 0, 2, 3, 0, 0, 0, 0],
           [0, 0, 1, 0, 2, 3, 0, 0, 0],
           [0, 0, 0, 0, 1, 0, 2, 3, 0],
           [0, 0, 0, 0, 0, 1, 0, 2, 3]])
    >>> T @ np.arange(9)
    array([19, 25, 37, 43])
    """
    given = (input_size, stride, padding, dilation, groups, padding_mode, sparse)
    return dispatch(_TOEPLITZ, (weight,), given)


def _read_im2col(
    arrays: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    padding_mode: Any,
    padding_value: Any = 0,
) -> Options:
    axes = arguments.count_axes("kernel_size", kernel_size, 2)
    return read(
        axes,
        stride,
        padding,
        dilation,
        padding_mode=padding_mode,
        padding_value=padding_value,
        kernel_size=arguments.sizes("kernel_size", kernel_size, axes),
    )


def _read_col2im(arrays: Any, input_size: Any, *given: Any) -> Options:
    options = _read_im2col(arrays, *given)
    return options._replace(given_size=_given_size(input_size, options.axes))


def _read_toeplitz(
    arrays: Any,
    input_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    sparse: Any,
) -> Options:
    rank = arguments.rank("weight", arrays[0])
    axes = 2 if rank == 2 else max(rank - 2, 1)
    return read(
        axes,
        stride,
        padding,
        dilation,
        groups=groups,
        padding_mode=padding_mode,
        given_size=_given_size(input_size, axes),
        sparse=arguments.flag("sparse", sparse),
    )


def _given_size(value: Any, axes: int) -> tuple[int, ...]:
    """Read a spatial size, or one with the channels before it."""
    given = arguments.count_axes("input_size", value, axes)
    return arguments.sizes("input_size", value, given if given == axes + 1 else axes)


def _plan_im2col(backend: Backend, operands: list[Any], options: Options) -> Plan:
    x, *border = operands
    axes, kernel_size = options.axes, options.kernel_size
    if len(x.shape) < axes:
        msg = (
            f"x must have the shape (..., C, *spatial) or (*spatial) with {axes} spatial axes, as "
            f"many as kernel_size={kernel_size} has, got the shape {x.shape}"
        )
        raise ValueError(msg)
    geometry = options.resolve(x.shape[-axes:], kernel_size)
    lead = x.shape[:-axes]
    rows = (*lead[:-1], lead[-1] * geometry.taps) if lead else (geometry.taps,)
    shape = (*rows, geometry.outputs)
    if geometry.padding_mode == "constant":
        layout = Layout(lead[:-1], 1, lead[-1] if lead else 1, 1, is_image=not lead)
        return bordered(
            backend,
            options,
            x,
            layout,
            geometry,
            border,
            lambda padded: _gathered(backend, padded, geometry.padded(), shape),
        )
    return _gathered(backend, x, geometry, shape)


def _gathered(backend: Backend, x: Operand, geometry: Geometry, shape: tuple[int, ...]) -> Plan:
    padded = geometry.padded()

    def compute(images: Array) -> Array:
        return patch_matrix.patches(extend(images, geometry, backend), padded, backend)

    grouped = (math.prod(x.shape[: -geometry.axes]), 1, 1, *geometry.input_size)
    return _plan(backend, x, compute, grouped, shape, per_tap(geometry))


def _plan_col2im(backend: Backend, operands: list[Any], options: Options) -> Plan:
    cols, *border = operands
    axes, kernel_size, size = options.axes, options.kernel_size, options.given_size
    geometry = options.resolve(size[-axes:], kernel_size)
    taps, outputs, shape = geometry.taps, geometry.outputs, cols.shape
    channels = size[0] if len(size) > axes else None
    fits = len(shape) >= 2 and shape[-1] == outputs and shape[-2] % taps == 0
    if not fits or (channels is not None and shape[-2] != channels * taps):
        rows = f"C * {taps}" if channels is None else channels * taps
        msg = (
            f"cols must have the shape (..., {rows}, {outputs}), which im2col gives for "
            f"input_size={size} and kernel_size={kernel_size}, got the shape {shape}"
        )
        raise ValueError(msg)
    bare = len(shape) == 2 and shape[0] == taps and channels is None
    lead = () if bare else (*shape[:-2], shape[-2] // taps)
    grouped = (math.prod(lead), *kernel_size, *geometry.output_size)

    def compute(pieces: Array) -> Array:
        return _added_up(pieces, geometry, backend)

    plan = _plan(backend, cols, compute, grouped, (*lead, *size[-axes:]), 5 * taps)
    return ignoring_last(plan) if border else plan


def _added_up(pieces: Array, geometry: Geometry, backend: Backend) -> Array:
    """Add (N, *kernel, *output) up to images, tap by tap."""
    padded = geometry.padded_size
    total = backend.zeros((pieces.shape[0], *padded), pieces)
    for tap in positions(geometry.kernel_size):
        piece = spread(pieces[(slice(None), *tap, ...)], geometry.stride, backend)
        firsts = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        pads = [
            (first, n - first - m)
            for first, n, m in zip(firsts, padded, piece.shape[1:], strict=True)
        ]
        total = total + pad_or_crop(piece, tuple(pads), backend)
    return fold(total, geometry, backend)


def _plan_toeplitz(backend: Backend, operands: list[Any], options: Options) -> Plan:
    (weight,) = operands
    axes, size, groups = options.axes, options.given_size, options.groups
    if len(weight.shape) == 2:
        filters = per_group = 1
        if groups != 1:
            msg = f"groups={groups} needs a weight of shape (O, C/groups, *kernel)"
            raise ValueError(msg)
    else:
        check_weight(weight, axes, groups)
        filters, per_group = weight.shape[:2]
    if len(size) > axes and size[0] != per_group * groups:
        msg = (
            f"input_size={size} has {size[0]} channels and weight of shape {weight.shape} "
            f"with groups={groups} takes {per_group * groups}"
        )
        raise ValueError(msg)
    geometry = options.resolve(size[-axes:], weight.shape[-axes:])
    grouped = (groups, filters // groups, per_group, *geometry.kernel_size)
    if options.sparse:
        result = result_dtype(weight, weight, backend)
        return _sparse(backend, geometry, grouped, result, weight.device)
    shape = _matrix_shape(geometry, grouped)
    refusal = toeplitz.refusal(math.prod(shape))
    if refusal:
        msg = f"input_size={size} is too large for a dense matrix: {refusal}; sparse=True gives one"
        raise ValueError(msg)
    return _plan(
        backend, weight, lambda w: _dense(w, geometry, backend), grouped, shape, 10 + 2 * groups
    )


def _matrix_shape(geometry: Geometry, grouped: tuple[int, ...]) -> tuple[int, int]:
    groups, filters, channels = grouped[:3]
    pixels = math.prod(geometry.input_size)
    return groups * filters * geometry.outputs, groups * channels * pixels


def _dense(weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Build the matrix of (G, O, C, *kernel), one block of the diagonal for each group."""
    groups, filters, channels = weight.shape[:3]
    blocks = toeplitz.doubly_blocked(weight, geometry.padded(), backend)
    images = backend.xp.reshape(blocks, (*blocks.shape[:-1], *geometry.padded_size))
    rows, columns = _matrix_shape(geometry, (1, filters, channels))
    blocks = backend.xp.reshape(fold(images, geometry, backend), (groups, rows, columns))
    placed = [
        backend.pad_zeros(
            blocks[group, ...], ((0, 0), (group * columns, (groups - 1 - group) * columns))
        )
        for group in range(groups)
    ]
    return placed[0] if groups == 1 else backend.xp.concat(placed, axis=0)


def _plan(
    backend: Backend,
    operand: Operand,
    compute: Callable[[Array], Array],
    grouped: tuple[int, ...],
    shape: tuple[int, ...],
    operations: int,
) -> Plan:
    """Plan what takes one array and gives one of the same dtype, bool apart."""
    result = result_dtype(operand, operand, backend)
    run = framed(backend, compute, [(operand.shape, grouped, operand.dtype)], shape, result)
    return Plan(run, shape, result, operations, elements=(math.prod(shape),))


def _sparse(
    backend: Backend, geometry: Geometry, grouped: tuple[int, ...], result: str, device: Hashable
) -> Plan:
    groups, filters, channels = grouped[:3]
    entries = groups * filters * channels * geometry.taps * geometry.outputs
    check_memory([2 * entries], "int64", device, backend)
    taps, rows, columns = _entries(geometry)
    all_filters = np.arange(groups * filters)[:, None, None]
    all_channels = all_filters // filters * channels + np.arange(channels)[None, :, None]
    row = all_filters * geometry.outputs + rows
    column = all_channels * math.prod(geometry.input_size) + columns
    places = np.stack(np.broadcast_arrays(row, column)).reshape(2, -1)
    shape = _matrix_shape(geometry, grouped)
    xp = backend.xp

    def run(weight: Array) -> Any:
        flat = xp.reshape(
            backend.astype(weight, result), (groups * filters, channels, geometry.taps)
        )
        values = xp.reshape(backend.gather(flat, taps), (-1,))
        return backend.sparse_matrix(values, places, shape)

    return Plan(run, shape, result, is_compiled=False)


def _entries(geometry: Geometry) -> tuple[Indices, Indices, Indices]:
    """List (tap, output, pixel) of all products of one channel."""
    axes = geometry.axes
    pixel: Indices = np.zeros((1,) * (2 * axes), dtype=np.int64)
    inside = np.ones((1,) * (2 * axes), dtype=bool)
    for axis in range(axes):
        n = geometry.input_size[axis]
        shown = pixel_of_border(n, *geometry.pads[axis], geometry.padding_mode)
        tap = np.arange(geometry.kernel_size[axis])[:, None] * geometry.dilation[axis]
        output = np.arange(geometry.output_size[axis])[None, :] * geometry.stride[axis]
        along = shown[tap + output]
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = along.shape
        along = along.reshape(shape)
        inside = inside & (along >= 0)
        pixel = pixel * n + along
    inside = inside.reshape(geometry.taps, geometry.outputs)
    taps, outputs = np.nonzero(inside)
    return taps, outputs, pixel.reshape(geometry.taps, geometry.outputs)[inside]


_IM2COL = Operation(_plan_im2col, ("x",), _read_im2col)
_COL2IM = Operation(_plan_col2im, ("cols",), _read_col2im)
_TOEPLITZ = Operation(_plan_toeplitz, ("weight",), _read_toeplitz)
