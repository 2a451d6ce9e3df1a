"""Transposed convolutions: the adjoints of `conv1d`, `conv2d` and `conv3d`."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.chunked.plans import planned
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.core.geometry import Geometry, transposed_pads, transposed_size
from multiconv.planning.axis_order import Ordered
from multiconv.planning.computation import Computation
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.operands import transposed_channels_and_weight
from multiconv.planning.options import Options, read
from multiconv.planning.plan import Plan


@takes("x", "weight", "bias")
def conv_transpose1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
    *,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
) -> Array:
    """Spread signals out through a bank of filters: the adjoint of `conv1d`.

    `conv_transpose2d` with one spatial axis; the formula and every option are described there.

    Parameters
    ----------
    x : array of shape (N, C, L) or (C, L)
        A batch of signals, or one.
    weight : array of shape (C, O/groups, kw)
        The filters, in the layout of the convolution that this is the adjoint of.
    bias : array of shape (O,), optional
        A number added to each output channel.
    stride, padding, output_padding, groups, dilation : optional
        As in `conv_transpose2d`, for one axis.
    channels_last, weight_order, method : optional
        As in `conv_transpose2d`; the weight's orders are ``"OIW"`` and ``"WIO"``.

    Returns
    -------
    array of shape (N, O, L') or (O, L')
        Of the dtype that x and weight promote to.

    Raises
    ------
    ValueError, TypeError
        As in `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.conv_transpose1d(np.array([[1, 2, 3]]), np.array([[[1, 10]]]), stride=2)
    array([[ 1, 10,  2, 20,  3, 30]])
    """
    options = (1, stride, padding, output_padding, groups, dilation, method)
    operation = CONV_TRANSPOSE_ORDERS.ordered(channels_last, weight_order, 1)
    return dispatch(operation, (x, weight, bias), options)


@takes("x", "weight", "bias")
def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
    *,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
) -> Array:
    r"""Spread images out through a bank of filters: the exact adjoint of `conv2d`.

    .. math:: y[n, o, i, j] = b[o] + \sum_{c, p, q, u, v} x[n, c, p, q]\; w[c, o, u, v]

    over all p, u with ``s p + d u - P = i`` and all q, v with ``s q + d v - P = j`` (Dumoulin and
    Visin, 2016, chapter 4). For the same weight and options,
    ``sum(conv2d(a, w) * x) == sum(a * conv_transpose2d(x, w))``. Argument order and weight layout
    are those of ``torch.nn.functional.conv_transpose2d``.

    Parameters
    ----------
    x : array of shape (N, C, H, W) or (C, H, W)
        A batch of images, or one.
    weight : array of shape (C, O/groups, kh, kw)
        The filters, in the layout of the convolution that this is the adjoint of: its outputs,
        which are this one's inputs, come first.
    bias : array of shape (O,), optional
        A number added to each output channel.
    stride : int or (int, int), optional
        Step between the places where neighbouring inputs are put, in pixels.
    padding : int, (int, int), ((low, high), (low, high)) or name, optional
        That of the convolution this is the adjoint of: so much is cut off the result. ``"same"``
        gives an output of ``n * stride`` (where the kernel covers at least the stride).
    output_padding : int or (int, int), optional
        Rows and columns added at the end of the output, where several input sizes of the
        convolution have the same output size; smaller than the stride or the dilation.
    groups : int, optional
        As in `conv2d`.
    dilation : int or (int, int), optional
        As in `conv2d`.
    channels_last : bool, optional
        Whether the channels are the last axis: x (N, H, W, C), weight (kh, kw, O/groups, C), that
        of the convolution which this is the adjoint of, and the result likewise.
    weight_order : {"OIHW", "HWIO"}, optional
        The order of the weight's axes, (C, O/groups, kh, kw) or (kh, kw, O/groups, C), if it is not
        that of the images. Its letters are those of the convolution, whose outputs are the inputs
        here: O stands for C, and I for O/groups.
    method : str, optional
        How to compute it, as in `corr2d`.

    Returns
    -------
    array of shape (N, O, H', W') or (O, H', W')
        With ``H' = (H - 1) * stride - low - high + dilation * (kh - 1) + 1 + output_padding``; of
        the dtype that x and weight promote to.

    Raises
    ------
    ValueError
        For shapes that do not go together, groups that do not divide the channels, an
        output_padding that is too large, a padding that leaves nothing, or a method that cannot do
        this input.
    TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> x = np.array([[[1, 2], [3, 4]]])
    >>> mc.conv_transpose2d(x, np.array([[[[1, 10], [100, 1000]]]]))
    array([[[   1,   12,   20],
            [ 103, 1234, 2040],
            [ 300, 3400, 4000]]])
    """
    options = (2, stride, padding, output_padding, groups, dilation, method)
    operation = CONV_TRANSPOSE_ORDERS.ordered(channels_last, weight_order, 2)
    return dispatch(operation, (x, weight, bias), options)


@takes("x", "weight", "bias")
def conv_transpose3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
    *,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
) -> Array:
    """Spread volumes out through a bank of filters: the adjoint of `conv3d`.

    `conv_transpose2d` with three spatial axes; the formula and every option are described there.

    Parameters
    ----------
    x : array of shape (N, C, D, H, W) or (C, D, H, W)
        A batch of volumes, or one.
    weight : array of shape (C, O/groups, kd, kh, kw)
        The filters, in the layout of the convolution that this is the adjoint of.
    bias : array of shape (O,), optional
        A number added to each output channel.
    stride, padding, output_padding, groups, dilation : optional
        As in `conv_transpose2d`, for three axes.
    channels_last, weight_order, method : optional
        As in `conv_transpose2d`; the weight's orders are ``"OIDHW"`` and ``"DHWIO"``.

    Returns
    -------
    array of shape (N, O, D', H', W') or (O, D', H', W')
        Of the dtype that x and weight promote to.

    Raises
    ------
    ValueError, TypeError
        As in `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.conv_transpose3d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 1, 2)), stride=(1, 1, 2))
    array([[[[1., 1., 1., 1.]]]])
    """
    options = (3, stride, padding, output_padding, groups, dilation, method)
    operation = CONV_TRANSPOSE_ORDERS.ordered(channels_last, weight_order, 3)
    return dispatch(operation, (x, weight, bias), options)


def _read(
    arrays: Any,
    axes: int,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
    method: Any,
) -> Options:
    return read(
        axes,
        stride,
        padding,
        dilation,
        groups=groups,
        method=method,
        output_padding=arguments.per_axis("output_padding", output_padding, axes, minimum=0),
    )


def _plan(backend: Backend, operands: list[Any], options: Options) -> Plan:
    x, weight, bias = operands
    axes = options.axes
    layout = transposed_channels_and_weight(x, weight, axes, options.groups)
    kernel_size, stride, dilation = weight.shape[2:], options.stride, options.dilation
    pads = transposed_pads(options.padding, kernel_size, stride, dilation)
    size = transposed_size(
        x.shape[-axes:], kernel_size, stride, dilation, pads, options.output_padding
    )
    # A single input is put in one place: strides beyond what it reaches there are all alike.
    stride = tuple(
        s if n > 1 else min(s, d * k + low + high + m)
        for n, s, d, k, (low, high), m in zip(
            x.shape[-axes:], stride, dilation, kernel_size, pads, size, strict=True
        )
    )
    # The convolution whose adjoint this is. With an output_padding from the stride on it would
    # have more results than x, so that it is not resolved but put together.
    geometry = Geometry(size, kernel_size, stride, dilation, pads)
    asked = Computation({"y": x, "weight": weight}, "x", layout, geometry, options.method)
    return planned(backend, asked, options, bias=bias)


CONV_TRANSPOSE = Operation(_plan, ("x", "weight", "bias"), _read)
CONV_TRANSPOSE_ORDERS = Ordered.of(CONV_TRANSPOSE, ("image", "weight"), "image")
