"""``torch.nn.functional`` on the arrays of any library: convolutions, `unfold` and `fold`.

>>> import numpy as np
>>> from multiconv.compat.torch.nn import functional as F
>>> F.conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding="same")
array([[[[4., 4., 2.],
         [4., 4., 2.],
         [2., 2., 1.]]]])

Arguments, defaults, output sizes and errors are torch's: arrays of one call have one dtype, a
mistake in shapes or sizes is a `RuntimeError`, one in types a `TypeError`. What differs:

* Integers of every width are taken, also by `unfold` and `fold`, and on every device.
* Without input channels there are filters all the same: zeros (plus the bias) of the shape
  ``(N, O, *spatial)``, where torch gives ``(N, 0, *spatial)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from multiconv.backends.base import Array
from multiconv.compat.torch.nn import empty
from multiconv.compat.torch.nn.reading import explained, lengths, operands
from multiconv.core.arguments import IntOrInts
from multiconv.functions import matrices
from multiconv.functions.conv import CONV
from multiconv.functions.conv_transpose import CONV_TRANSPOSE
from multiconv.functions.sizes import output_size as output_size_of
from multiconv.planning.dispatch import dispatch

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "fold",
    "unfold",
]

_NAMES = ("input", "weight", "bias")
_CONV = CONV._replace(names=_NAMES)
_CONV_TRANSPOSE = CONV_TRANSPOSE._replace(names=_NAMES)


@explained(*_NAMES)
def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """Correlate signals of several channels, as ``torch.nn.functional.conv1d``.

    Parameters
    ----------
    input : array of shape (N, C, L) or (C, L)
    weight : array of shape (O, C/groups, kw)
    bias : array of shape (O,), optional
    stride, padding, dilation, groups : optional
        As in `conv2d`, for one axis.

    Returns
    -------
    array of shape (N, O, L') or (O, L')

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.conv1d(np.array([[1, 2, 3, 4]]), np.array([[[1, 10]]]), stride=2)
    array([[21, 43]])
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


@explained(*_NAMES)
def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """Correlate images of several channels, as ``torch.nn.functional.conv2d``.

    Parameters
    ----------
    input : array of shape (N, C, H, W) or (C, H, W)
        Of any library, and of any dtype but bool.
    weight : array of shape (O, C/groups, kh, kw)
        Of the dtype of input.
    bias : array of shape (O,), optional
        Of the dtype of input.
    stride, dilation : int, (int,) or (int, int), optional
        One for all axes, or one for each.
    padding : int, (int,), (int, int), "valid" or "same", optional
        Zeros on both sides of each axis. ``"same"`` keeps the size, with an odd zero at the end,
        for stride 1.
    groups : int, optional
        Number of groups of channels.

    Returns
    -------
    array of shape (N, O, H', W') or (O, H', W')
        Of the dtype of input.

    Raises
    ------
    RuntimeError
        For sizes and dtypes that do not go together.
    TypeError
        For arrays of different libraries, and arguments of the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.conv2d(np.arange(9).reshape(1, 1, 3, 3), np.array([[[[0, 1], [2, 3]]]]), np.array([100]))
    array([[[[119, 125],
             [137, 143]]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


@explained(*_NAMES)
def conv3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Array:
    """Correlate volumes of several channels, as ``torch.nn.functional.conv3d``.

    Parameters
    ----------
    input : array of shape (N, C, D, H, W) or (C, D, H, W)
    weight : array of shape (O, C/groups, kd, kh, kw)
    bias : array of shape (O,), optional
    stride, padding, dilation, groups : optional
        As in `conv2d`, for three axes.

    Returns
    -------
    array of shape (N, O, D', H', W') or (O, D', H', W')

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.conv3d(np.ones((1, 2, 2, 3)), np.ones((1, 1, 2, 2, 2)))
    array([[[[8., 8.]]]])
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


@explained(*_NAMES)
def conv_transpose1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
) -> Array:
    """Spread signals out, as ``torch.nn.functional.conv_transpose1d``.

    Parameters
    ----------
    input : array of shape (N, C, L) or (C, L)
    weight : array of shape (C, O/groups, kw)
    bias : array of shape (O,), optional
    stride, padding, output_padding, groups, dilation : optional
        As in `conv_transpose2d`, for one axis.

    Returns
    -------
    array of shape (N, O, L') or (O, L')

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.conv_transpose1d(np.array([[1, 2]]), np.array([[[1, 10, 100]]]), stride=2)
    array([[  1,  10, 102,  20, 200]])
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(1, input, weight, bias, *options)


@explained(*_NAMES)
def conv_transpose2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
) -> Array:
    """Spread images out, as ``torch.nn.functional.conv_transpose2d``: the adjoint of `conv2d`.

    Parameters
    ----------
    input : array of shape (N, C, H, W) or (C, H, W)
    weight : array of shape (C, O/groups, kh, kw)
    bias : array of shape (O,), optional
    stride, dilation : int, (int,) or (int, int), optional
        One for all axes, or one for each.
    padding : int, (int,) or (int, int), optional
        What is cut off both sides of each axis.
    output_padding : int, (int,) or (int, int), optional
        What is added at the end of each axis, smaller than the stride or the dilation.
    groups : int, optional
        Number of groups of channels.

    Returns
    -------
    array of shape (N, O, H', W') or (O, H', W')
        Of the dtype of input.

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.conv_transpose2d(np.array([[[1, 2]]]), np.array([[[[1, 10], [100, 1000]]]]))
    array([[[   1,   12,   20],
            [ 100, 1200, 2000]]])
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(2, input, weight, bias, *options)


@explained(*_NAMES)
def conv_transpose3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
) -> Array:
    """Spread volumes out, as ``torch.nn.functional.conv_transpose3d``.

    Parameters
    ----------
    input : array of shape (N, C, D, H, W) or (C, D, H, W)
    weight : array of shape (C, O/groups, kd, kh, kw)
    bias : array of shape (O,), optional
    stride, padding, output_padding, groups, dilation : optional
        As in `conv_transpose2d`, for three axes.

    Returns
    -------
    array of shape (N, O, D', H', W') or (O, D', H', W')

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.conv_transpose3d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 1, 2)), stride=(1, 1, 2))
    array([[[[1., 1., 1., 1.]]]])
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(3, input, weight, bias, *options)


@explained("input")
def unfold(
    input: Array,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Array:
    """Gather the patches of images into columns, as ``torch.nn.functional.unfold``.

    Parameters
    ----------
    input : array of shape (N, C, H, W) or (C, H, W)
    kernel_size : int or (int, int)
        Size of a patch.
    dilation, padding, stride : int or (int, int), optional
        As in `conv2d`.

    Returns
    -------
    array of shape (N, C * kh * kw, L) or (C * kh * kw, L)
        With L the number of patches.

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.unfold(np.arange(9.0).reshape(1, 3, 3), 2)
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    (input,) = operands(input=input)
    if len(input.shape) not in (3, 4):
        shapes = "(N, C, H, W) or (C, H, W)"
        raise RuntimeError(f"input must have the shape {shapes}, got {tuple(input.shape)}")
    return matrices.im2col(
        input,
        _pair("kernel_size", kernel_size),
        stride=_pair("stride", stride),
        padding=_pair("padding", padding),
        dilation=_pair("dilation", dilation),
    )


@explained("input")
def fold(
    input: Array,
    output_size: IntOrInts,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Array:
    """Add columns up to images, as ``torch.nn.functional.fold``: the adjoint of `unfold`.

    Parameters
    ----------
    input : array of shape (N, C * kh * kw, L) or (C * kh * kw, L)
        What `unfold` gives.
    output_size : int or (int, int)
        Height and width of the images.
    kernel_size, dilation, padding, stride : optional
        Those of `unfold`.

    Returns
    -------
    array of shape (N, C, H, W) or (C, H, W)

    Raises
    ------
    RuntimeError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.torch.nn import functional as F
    >>> F.fold(np.ones((4, 4)), (3, 3), 2)
    array([[[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]]])
    """
    (input,) = operands(input=input)
    shape, size = tuple(input.shape), _pair("kernel_size", kernel_size)
    taps = size[0] * size[1]
    if len(shape) not in (2, 3) or taps < 1 or shape[-2] % taps:
        rows = f"C * {size[0]} * {size[1]}"
        raise RuntimeError(f"input must have the shape (N, {rows}, L) or ({rows}, L), got {shape}")
    image = _pair("output_size", output_size)
    geometry: dict[str, Any] = {
        "stride": _pair("stride", stride),
        "padding": _pair("padding", padding),
        "dilation": _pair("dilation", dilation),
    }
    columns = math.prod(output_size_of(image, size, **geometry))
    if shape[-1] != columns:
        raise RuntimeError(
            f"input must have {columns} columns, one for each patch of {size} in an image of "
            f"{image}, got the shape {shape}"
        )
    return matrices.col2im(input, (shape[-2] // taps, *image), size, **geometry)


def _conv(axes: int, input: Array, weight: Array, bias: Array | None, *options: Any) -> Array:
    stride, padding, dilation, groups = options
    strides = lengths("stride", stride, axes, minimum=1)
    if not isinstance(padding, str):
        padding = lengths("padding", padding, axes, minimum=0)
    elif padding not in ("valid", "same"):
        raise RuntimeError(f"padding must be ints, 'valid' or 'same', got {padding!r}")
    elif padding == "same" and strides != (1,) * axes:
        raise RuntimeError(
            f"padding='same' has no meaning in torch with stride={stride!r}: use stride=1, or "
            f"multiconv.conv{axes}d, where it gives ceil(n / stride) outputs"
        )
    arrays = operands(input=input, weight=weight, bias=bias)
    dilations = lengths("dilation", dilation, axes, minimum=1)
    return dispatch(_CONV, arrays, (axes, strides, padding, dilations, groups, "zeros", "auto"))


def _conv_transpose(
    axes: int, input: Array, weight: Array, bias: Array | None, *options: Any
) -> Array:
    stride, padding, output_padding, groups, dilation = options
    arrays = operands(input=input, weight=weight, bias=bias)
    given = (
        axes,
        lengths("stride", stride, axes, minimum=1),
        lengths("padding", padding, axes, minimum=0),
        lengths("output_padding", output_padding, axes, minimum=0),
        groups,
        lengths("dilation", dilation, axes, minimum=1),
        "auto",
    )
    try:
        return dispatch(_CONV_TRANSPOSE, arrays, given)
    except ValueError:
        found = empty.transposed(_CONV_TRANSPOSE, arrays, given)
        if found is None:
            raise
        return found


def _pair(name: str, value: Any) -> tuple[int, ...]:
    """Read an int or two: unlike the convolutions, `unfold` and `fold` take no sequence of one."""
    if isinstance(value, Sequence) and len(value) == 1:
        raise RuntimeError(f"{name} must be an int or two, got {value!r}; {name}={value[0]!r} does")
    return lengths(name, value, 2, minimum=1 if name in ("stride", "dilation") else 0)
