"""``jax.lax``'s convolutions on the arrays of any library.

>>> import numpy as np
>>> from multiconv.compat.jax import lax
>>> image, kernel = np.ones((1, 4, 4, 3)), np.ones((3, 3, 3, 2))
>>> lax.conv_general_dilated(
...     image, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
... ).shape
(1, 2, 2, 2)

Arguments, defaults, output sizes, dtypes and errors are JAX's. What differs:

* Sums are always carried in full precision, whatever ``precision`` says.
* ``out_sharding`` is refused: it is for JAX arrays alone.
* A sum of no products, of lengths of 0, has its shape on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from multiconv.backends.base import Array
from multiconv.compat.arrays import arrays_of
from multiconv.compat.jax import windows
from multiconv.compat.jax.checks import check_groups, check_precision, result_dtype
from multiconv.compat.jax.correlation import correlation
from multiconv.compat.jax.dimension_numbers import ConvDimensionNumbers, conv_dimension_numbers
from multiconv.core.calls import takes

__all__ = [
    "ConvDimensionNumbers",
    "conv",
    "conv_dimension_numbers",
    "conv_general_dilated",
    "conv_general_dilated_patches",
    "conv_transpose",
    "conv_with_general_padding",
]

Padding: TypeAlias = str | Sequence[tuple[int, int]]
DimensionNumbers: TypeAlias = ConvDimensionNumbers | tuple[str, str, str] | None


@takes("lhs", "rhs")
def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: DimensionNumbers = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: None = None,
) -> Array:
    """Correlate with any number of spatial axes, as ``jax.lax.conv_general_dilated``.

    Parameters
    ----------
    lhs : array
        Images, with as many axes as `dimension_numbers` says: (N, C, *spatial) by default.
    rhs : array
        The kernel, (O, C/groups, *kernel) by default, of the dtype of lhs.
    window_strides : sequence of int
        One for each spatial axis.
    padding : {"SAME", "SAME_LOWER", "VALID"} or sequence of (int, int)
        By name, or (low, high) for each spatial axis; a negative one cuts.
    lhs_dilation, rhs_dilation : sequence of int, optional
        Distance between neighbouring pixels, between neighbouring taps.
    dimension_numbers : (str, str, str) or ConvDimensionNumbers, optional
        Which axis is which, such as ``("NHWC", "HWIO", "NHWC")``; strides, pads and dilations are
        in the order of the kernel's letters.
    feature_group_count, batch_group_count : int, optional
        Groups of channels, and of the batch: a filter sees the group of its own number. One of the
        two is 1.
    precision : optional
        Any that JAX takes; it is full precision always.
    preferred_element_type : dtype, optional
        Of the sums and the result, at least as wide as that of the arrays.
    out_sharding : None
        Not supported.

    Returns
    -------
    array
        In the layout of the third of `dimension_numbers`; of the dtype of lhs, or that preferred.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        Where JAX raises them: sizes that do not go together, dtypes and layouts, an unknown padding
        name.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.jax import lax
    >>> x, k = np.array([[[1, 2]]]), np.array([[[1, 10, 100]]])
    >>> lax.conv_general_dilated(x, k, (1,), [(2, 2)], lhs_dilation=(2,))
    array([[[100,  10, 201,  20,   2]]])
    """
    if out_sharding is not None:
        raise ValueError(
            "out_sharding is for JAX arrays alone: use jax.lax, or move the result afterwards"
        )
    backend, (lhs, rhs) = arrays_of(lhs=lhs, rhs=rhs)
    numbers = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    image, kernel, _ = numbers
    check_groups(
        tuple(lhs.shape[axis] for axis in image[:2]),
        tuple(rhs.shape[axis] for axis in kernel[:2]),
        feature_group_count,
        batch_group_count,
    )
    check_precision(precision)
    given = backend.dtype_name(lhs.dtype)
    dtype = result_dtype(given, backend.dtype_name(rhs.dtype), preferred_element_type, backend)
    read = windows.read(
        tuple(lhs.shape[axis] for axis in image[2:]),
        tuple(rhs.shape[axis] for axis in kernel[2:]),
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
    )
    sums = backend.default_integer if dtype == "bool" else dtype
    operands = backend.astype(lhs, sums), backend.astype(rhs, sums)
    groups = feature_group_count, batch_group_count
    y = correlation(*operands, read, numbers, *groups, backend)
    return backend.astype(y, dtype)


@takes("lhs", "rhs")
def conv(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: str,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """Correlate images and filters in JAX's default layout, as ``jax.lax.conv``.

    Parameters
    ----------
    lhs : array of shape (N, C, *spatial)
    rhs : array of shape (O, C, *kernel)
    window_strides : sequence of int
    padding : {"SAME", "SAME_LOWER", "VALID"}
    precision, preferred_element_type : optional
        As in `conv_general_dilated`.

    Returns
    -------
    array of shape (N, O, *output)

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As in `conv_general_dilated`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.jax import lax
    >>> lax.conv(np.array([[[1, 2, 3]]]), np.array([[[1, 10]]]), (1,), "SAME_LOWER")
    array([[[10, 21, 32]]])
    """
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


@takes("lhs", "rhs")
def conv_with_general_padding(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """Correlate with pads and dilations, as ``jax.lax.conv_with_general_padding``.

    Parameters
    ----------
    lhs : array of shape (N, C, *spatial)
    rhs : array of shape (O, C, *kernel)
    window_strides, padding, lhs_dilation, rhs_dilation
        As in `conv_general_dilated`; None for no dilation.
    precision, preferred_element_type : optional
        As in `conv_general_dilated`.

    Returns
    -------
    array of shape (N, O, *output)

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As in `conv_general_dilated`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.jax import lax
    >>> x, k = np.array([[[1, 2, 3]]]), np.array([[[1, 10]]])
    >>> lax.conv_with_general_padding(x, k, (1,), [(0, 2)], None, (2,))
    array([[[31,  2,  3]]])
    """
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


@takes("lhs", "rhs")
def conv_transpose(
    lhs: Array,
    rhs: Array,
    strides: Sequence[int],
    padding: Padding,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: DimensionNumbers = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
) -> Array:
    """Correlate images with zeros between their pixels, as ``jax.lax.conv_transpose``.

    Parameters
    ----------
    lhs : array
        Images, (N, *spatial, C) by default: other than in `conv_general_dilated`.
    rhs : array
        The kernel, (*kernel, C, O) by default.
    strides : sequence of int
        Distance between the pixels of lhs.
    padding : {"SAME", "VALID"} or sequence of (int, int)
        By name that of the convolution this is the transpose of, whose input has ``n * stride``
        pixels; pairs are zeros around the image, unless `use_consistent_padding`.
    rhs_dilation : sequence of int, optional
        Distance between neighbouring taps.
    dimension_numbers : optional
        As in `conv_general_dilated`.
    transpose_kernel : bool, optional
        Flip the kernel, and exchange its channels: the adjoint of a convolution with that kernel,
        as in torch and TensorFlow.
    precision, preferred_element_type : optional
        As in `conv_general_dilated`.
    use_consistent_padding : bool, optional
        Read pairs, too, as those of the convolution that this is the transpose of.

    Returns
    -------
    array
        In the layout of the third of `dimension_numbers`.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As in `conv_general_dilated`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.jax import lax
    >>> x, k = np.array([[[1], [2]]]), np.array([[[1]], [[10]], [[100]]])
    >>> lax.conv_transpose(x, k, (2,), "VALID")[0, :, 0]
    array([100,  10, 201,  20,   2])
    >>> lax.conv_transpose(x, k, (2,), "VALID", transpose_kernel=True)[0, :, 0]
    array([  1,  10, 102,  20, 200])
    """
    backend, (lhs, rhs) = arrays_of(lhs=lhs, rhs=rhs)
    if dimension_numbers is None:
        dimension_numbers = _channels_last(len(lhs.shape) - 2)
    numbers = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    kernel_axes = tuple(numbers.rhs_spec[2:])
    pads = padding
    if use_consistent_padding or (isinstance(padding, str) and padding in ("SAME", "VALID")):
        kernel = tuple(rhs.shape[axis] for axis in kernel_axes)
        pads = windows.transposed_pads(kernel, strides, padding, rhs_dilation)
    if transpose_kernel:
        out, into, *_ = numbers.rhs_spec
        rhs = backend.xp.flip(rhs, axis=kernel_axes)
        numbers = numbers._replace(rhs_spec=(into, out, *kernel_axes))
    return conv_general_dilated(
        lhs,
        rhs,
        (1,) * len(kernel_axes),
        pads,
        strides,
        rhs_dilation,
        numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


@takes("lhs")
def conv_general_dilated_patches(
    lhs: Array,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: DimensionNumbers = None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """Gather patches into the channels, as ``jax.lax.conv_general_dilated_patches``.

    Parameters
    ----------
    lhs : array
        Images, (N, C, *spatial) by default.
    filter_shape : sequence of int
        Size of a patch, in the order of the kernel's letters.
    window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers : optional
        As in `conv_general_dilated`.
    precision, preferred_element_type : optional
        As in `conv_general_dilated`.

    Returns
    -------
    array
        Of ``C * prod(filter_shape)`` channels, the pixels of a patch of each channel side by side.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As in `conv_general_dilated`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.jax import lax
    >>> lax.conv_general_dilated_patches(np.array([[[1, 2, 3, 4]]]), (3,), (1,), "VALID")
    array([[[1, 2],
            [2, 3],
            [3, 4]]])
    """
    backend, (lhs,) = arrays_of(lhs=lhs)
    filter_shape = tuple(filter_shape)
    numbers = conv_dimension_numbers(lhs.shape, (1, 1, *filter_shape), dimension_numbers)
    taps = math.prod(filter_shape)
    channels = lhs.shape[numbers.lhs_spec[1]]
    # A filter for every tap, which is 1 there: their sums are the pixels themselves.
    ones = np.tile(np.eye(taps), (channels, 1)).reshape(channels * taps, 1, *filter_shape)
    dtype = backend.dtype_name(lhs.dtype)
    filters = backend.from_numpy(ones, dtype, lhs)
    out, into, *_ = numbers.rhs_spec
    order = (out, into, *numbers.rhs_spec[2:])
    places = tuple(order.index(axis) for axis in range(len(order)))
    return conv_general_dilated(
        lhs,
        backend.xp.permute_dims(filters, places),
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        numbers,
        feature_group_count=channels,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def _channels_last(axes: int) -> tuple[str, str, str]:
    """Return the layout that `conv_transpose` has by default."""
    spatial = ("", "H", "HW", "HWD")
    if axes >= len(spatial):
        raise ValueError(
            f"conv_transpose has no dimension_numbers of its own for {axes} spatial axes: give "
            "three strings"
        )
    return f"N{spatial[axes]}C", f"{spatial[axes]}IO", f"N{spatial[axes]}C"
