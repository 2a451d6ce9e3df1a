"""Correlation as a matrix product: the patch matrix, its adjoint, and the Toeplitz matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.core.geometry import Geometry, positions
from multiconv.methods import im2col as patch_matrix
from multiconv.methods import toeplitz
from multiconv.methods.borders import extend, fold, pixel_of_border
from multiconv.planning.dispatch import Options, Plan, dispatch, result_dtype
from multiconv.planning.operands import check_weight


@takes("x")
def im2col(
    x: Array,
    kernel_size: IntOrInts,
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
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
    stride, padding, dilation, padding_mode : optional
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
    options = _read(kernel_size, stride, padding, dilation, padding_mode)
    return dispatch(_plan_im2col, {"x": x}, options)


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
    kernel_size, stride, padding, dilation, padding_mode : optional
        Those of `im2col`.

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
    options = _read(kernel_size, stride, padding, dilation, padding_mode)
    axes = len(options.stride)
    given = arguments.count_axes("input_size", input_size, axes)
    size = arguments.sizes("input_size", input_size, given if given == axes + 1 else axes)
    options = options._replace(sizes=(*options.sizes, size))
    return dispatch(_plan_col2im, {"cols": cols}, options)


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
        As in `conv2d`.
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
    rank = arguments.rank(weight)
    axes = 2 if rank == 2 else max(rank - 2, 1)
    given = arguments.count_axes("input_size", input_size, axes)
    options = Options(
        arguments.per_axis("stride", stride, axes, minimum=1),
        arguments.padding(padding, axes),
        arguments.per_axis("dilation", dilation, axes, minimum=1),
        arguments.integer("groups", groups, minimum=1),
        arguments.padding_mode(padding_mode),
        sizes=(
            arguments.sizes("input_size", input_size, given if given == axes + 1 else axes),
            bool(sparse),
        ),
    )
    return dispatch(_plan_toeplitz, {"weight": weight}, options)


def _read(kernel_size: Any, stride: Any, padding: Any, dilation: Any, padding_mode: Any) -> Options:
    axes = arguments.count_axes("kernel_size", kernel_size, 2)
    return Options(
        arguments.per_axis("stride", stride, axes, minimum=1),
        arguments.padding(padding, axes),
        arguments.per_axis("dilation", dilation, axes, minimum=1),
        padding_mode=arguments.padding_mode(padding_mode),
        sizes=(arguments.sizes("kernel_size", kernel_size, axes),),
    )


def _plan_im2col(backend: Backend, operands: list[Any], options: Options) -> Plan:
    (x,) = operands
    axes = len(options.stride)
    if len(x.shape) < axes:
        msg = (
            f"x must have the shape (..., C, *spatial) or (*spatial) with {axes} spatial axes, as "
            f"many as kernel_size={options.sizes[0]} has, got the shape {tuple(x.shape)}"
        )
        raise ValueError(msg)
    (kernel_size,) = options.sizes
    resolved = options.resolve(tuple(x.shape[-axes:]), kernel_size)
    result = result_dtype(x, x, backend)
    lead = tuple(x.shape[:-axes])
    batch = 1
    for size in lead:
        batch *= size
    grouped = (batch, 1, 1, *resolved.input_size)
    rows = (*lead[:-1], lead[-1] * resolved.taps) if lead else (resolved.taps,)
    xp = backend.xp
    sums = backend.accumulator(result)

    def run(x: Array) -> Array:
        images = xp.reshape(backend.astype(x, sums), grouped)
        images = extend(images, resolved, backend)
        columns = patch_matrix.patches(images, resolved.padded(), backend)
        return backend.astype(xp.reshape(columns, (*rows, resolved.outputs)), result)

    return Plan(run, 2 * min(resolved.taps, resolved.outputs))


def _plan_col2im(backend: Backend, operands: list[Any], options: Options) -> Plan:
    (cols,) = operands
    xp = backend.xp
    axes = len(options.stride)
    kernel_size, size = options.sizes
    input_size = size[-axes:]
    resolved = options.resolve(input_size, kernel_size)
    taps, outputs = resolved.taps, resolved.outputs
    shape = tuple(cols.shape)
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
    batch = 1
    for count in lead:
        batch *= count
    result = result_dtype(cols, cols, backend)
    sums = backend.accumulator(result)
    padded = resolved.padded_size

    def run(cols: Array) -> Array:
        pieces = xp.reshape(
            backend.astype(cols, sums), (batch, *kernel_size, *resolved.output_size)
        )
        total = backend.zeros((batch, *padded), pieces)
        for tap in positions(kernel_size):
            piece = spread(pieces[(slice(None), *tap, ...)], resolved.stride, backend)
            pads = []
            for axis, (t, d) in enumerate(zip(tap, resolved.dilation, strict=True)):
                pads.append((t * d, padded[axis] - t * d - piece.shape[1 + axis]))
            total = total + pad_or_crop(piece, tuple(pads), backend)
        return backend.astype(
            xp.reshape(fold(total, resolved, backend), (*lead, *input_size)), result
        )

    return Plan(run, 5 * taps)


def _plan_toeplitz(backend: Backend, operands: list[Any], options: Options) -> Plan:
    (weight,) = operands
    axes = len(options.stride)
    size, sparse = options.sizes
    groups = options.groups
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
            f"input_size={size} has {size[0]} channels and weight of shape {tuple(weight.shape)} "
            f"with groups={groups} takes {per_group * groups}"
        )
        raise ValueError(msg)
    resolved = options.resolve(size[-axes:], tuple(weight.shape[-axes:]))
    result = result_dtype(weight, weight, backend)
    shape = (groups, filters // groups, per_group, *resolved.kernel_size)
    if sparse:
        return _sparse(backend, resolved, shape, result)
    refusal = toeplitz.refusal(resolved, per_group, filters // groups, groups)
    if refusal:
        msg = f"input_size={size} is too large for a dense matrix: {refusal}; sparse=True gives one"
        raise ValueError(msg)
    return _dense(backend, resolved, shape, result)


def _dense(backend: Backend, resolved: Geometry, shape: tuple[int, ...], result: str) -> Plan:
    xp = backend.xp
    groups, filters, channels = shape[:3]
    pixels = 1
    for n in resolved.input_size:
        pixels *= n
    sums = backend.accumulator(result)

    def run(weight: Array) -> Array:
        grouped = xp.reshape(backend.astype(weight, sums), shape)
        blocks = toeplitz.doubly_blocked(grouped, resolved.padded(), backend)
        images = xp.reshape(blocks, (*blocks.shape[:-1], *resolved.padded_size))
        blocks = xp.reshape(
            fold(images, resolved, backend),
            (groups, filters * resolved.outputs, channels * pixels),
        )
        return backend.astype(_block_diagonal(blocks, backend), result)

    return Plan(run)


def _block_diagonal(blocks: Array, backend: Backend) -> Array:
    """Put (G, rows, columns) on the diagonal of a matrix of zeros."""
    groups, _, columns = blocks.shape
    rows = [
        backend.pad_zeros(
            blocks[group, ...], ((0, 0), (group * columns, (groups - 1 - group) * columns))
        )
        for group in range(groups)
    ]
    return rows[0] if groups == 1 else backend.xp.concat(rows, axis=0)


def _sparse(backend: Backend, resolved: Geometry, shape: tuple[int, ...], result: str) -> Plan:
    xp = backend.xp
    groups, filters, channels = shape[:3]
    outputs = resolved.outputs
    taps, rows, columns, pixels = _entries(resolved)
    all_filters = np.arange(groups * filters)[:, None, None]
    all_channels = np.arange(channels)[None, :, None]
    group = all_filters // filters
    whole = (groups * filters, channels, len(rows))
    row = np.broadcast_to(all_filters * outputs + rows, whole).reshape(-1)
    column = np.broadcast_to((group * channels + all_channels) * pixels + columns, whole).reshape(
        -1
    )
    size = (groups * filters * outputs, groups * channels * pixels)

    def run(weight: Array) -> Any:
        flat = xp.reshape(
            backend.astype(weight, result), (groups * filters, channels, resolved.taps)
        )
        values = xp.reshape(backend.gather(flat, taps), (-1,))
        return backend.sparse_matrix(values, row, column, size)

    return Plan(run, unrolled=NEVER_COMPILED)


# A sparse matrix is no array: it is built outside of compiled calls.
NEVER_COMPILED = 2**62


def _entries(
    resolved: Geometry,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
    """List (tap, output, pixel) of all products of one channel, and count the pixels."""
    axes = resolved.axes
    pixel = np.zeros((1,) * (2 * axes), dtype=np.int64)
    inside = np.ones((1,) * (2 * axes), dtype=bool)
    pixels = 1
    for axis in range(axes):
        n = resolved.input_size[axis]
        shown = pixel_of_border(n, *resolved.pads[axis], resolved.padding_mode)
        tap = np.arange(resolved.kernel_size[axis])[:, None] * resolved.dilation[axis]
        output = np.arange(resolved.output_size[axis])[None, :] * resolved.stride[axis]
        along = shown[tap + output]
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = along.shape
        along = along.reshape(shape)
        inside = inside & (along >= 0)
        pixel = pixel * n + along
        pixels *= n
    inside = inside.reshape(resolved.taps, resolved.outputs)
    taps, outputs = np.nonzero(inside)
    return taps, outputs, pixel.reshape(resolved.taps, resolved.outputs)[inside], pixels
