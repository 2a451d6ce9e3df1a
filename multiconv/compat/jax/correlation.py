"""A correlation as XLA has it: any layout, zeros between pixels, pads that cut, groups of batches.

It is brought into the form of `multiconv.conv2d` and carried out there. Zeros between pixels with
stride 1 are a transposed convolution, whose cost does not grow with them.
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.compat.jax.dimension_numbers import ConvDimensionNumbers
from multiconv.compat.jax.windows import Windows
from multiconv.core.arguments import Pairs
from multiconv.functions.conv import CONV
from multiconv.functions.conv_transpose import CONV_TRANSPOSE
from multiconv.methods.adjoints import nothing
from multiconv.planning.dispatch import dispatch

_CONV = CONV._replace(names=("lhs", "rhs", "bias"))
_CONV_TRANSPOSE = CONV_TRANSPOSE._replace(names=("lhs", "rhs", "bias"))


def correlation(
    lhs: Array,
    rhs: Array,
    windows: Windows,
    numbers: ConvDimensionNumbers,
    feature_groups: int,
    batch_groups: int,
    backend: Backend,
) -> Array:
    """Correlate arrays of one dtype, whose sizes go together."""
    xp = backend.xp
    lhs = xp.permute_dims(lhs, tuple(numbers.lhs_spec))
    rhs = xp.permute_dims(rhs, tuple(numbers.rhs_spec))
    batch, channels, *size = lhs.shape
    if batch_groups > 1:  # each sees its own part of the batch, as a group sees its own channels
        parts = xp.reshape(lhs, (batch_groups, batch // batch_groups, channels, *size))
        parts = xp.permute_dims(parts, (1, 0, *range(2, len(parts.shape))))
        lhs = xp.reshape(parts, (batch // batch_groups, batch_groups * channels, *size))
    y = _correlated(lhs, rhs, windows, feature_groups * batch_groups, backend)
    places = tuple(numbers.out_spec)
    return xp.permute_dims(y, tuple(places.index(axis) for axis in range(len(places))))


def _correlated(lhs: Array, rhs: Array, windows: Windows, groups: int, backend: Backend) -> Array:
    """Correlate (N, C, *size) with (O, C/groups, *kernel)."""
    axes, size, kernel = len(windows.strides), lhs.shape[2:], rhs.shape[2:]
    shape = (lhs.shape[0], rhs.shape[0], *windows.output_size(size, kernel))
    if 0 in shape:
        return nothing(lhs, rhs, shape, backend)
    if axes == 0:  # a product of matrices: of images of a single pixel
        lhs, rhs = lhs[..., None], rhs[..., None]
        y = dispatch(_CONV, (lhs, rhs, None), (1, 1, 0, 1, groups, "zeros", "auto"))
        return y[..., 0]
    is_transposed = any(factor > 1 for factor in windows.lhs_dilation) and 0 not in size
    if is_transposed and all(stride == 1 for stride in windows.strides):
        return _transposed(lhs, rhs, windows, groups, backend)
    x = pad_or_crop(spread(lhs, windows.lhs_dilation, backend), _cuts(windows.pads), backend)
    pads = tuple((max(low, 0), max(high, 0)) for low, high in windows.pads)
    options = (axes, windows.strides, pads, windows.rhs_dilation, groups, "zeros", "auto")
    return dispatch(_CONV, (x, rhs, None), options)


def _transposed(lhs: Array, rhs: Array, windows: Windows, groups: int, backend: Backend) -> Array:
    """Correlate the image with zeros between its pixels, by the adjoint of a strided correlation.

    That gives every output that a pixel reaches: so much as the pads fall short of this is cut off,
    and beyond it there are zeros.
    """
    xp, axes = backend.xp, len(windows.strides)
    filters, channels, *kernel = rhs.shape
    each = filters // groups
    weight = xp.reshape(rhs, (groups, each, channels, *kernel))
    weight = xp.permute_dims(weight, (0, 2, 1, *range(3, 3 + axes)))
    weight = xp.reshape(weight, (groups * channels, each, *kernel))
    weight = xp.flip(weight, axis=tuple(range(2, 2 + axes)))
    reach = [d * (k - 1) for k, d in zip(kernel, windows.rhs_dilation, strict=True)]
    excess = tuple(
        (low - most, high - most) for (low, high), most in zip(windows.pads, reach, strict=True)
    )
    cut = ((0, 0),) * axes
    if all(low <= 0 and high <= 0 for low, high in excess):  # it need not be computed at all
        cut, excess = tuple((-low, -high) for low, high in excess), cut
    options = (axes, windows.lhs_dilation, cut, 0, groups, windows.rhs_dilation, "auto")
    y = dispatch(_CONV_TRANSPOSE, (lhs, weight, None), options)
    return pad_or_crop(y, excess, backend)


def _cuts(pads: Pairs) -> Pairs:
    return tuple((min(low, 0), min(high, 0)) for low, high in pads)
