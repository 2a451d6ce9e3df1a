"""The convolutions of deep learning: `conv1d`, `conv2d` and `conv3d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.chunked.plans import planned
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.planning.axis_order import Ordered
from multiconv.planning.computation import Computation
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.operands import channels_and_weight, swapped
from multiconv.planning.options import Options, read_channels
from multiconv.planning.plan import Plan


@takes("x", "weight", "bias")
def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    padding_value: complex | Sequence[complex] | Array = 0,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
) -> Array:
    """Correlate signals of several channels with a bank of filters.

    `conv2d` with one spatial axis; the formula and every option are described there.

    Parameters
    ----------
    x : array of shape (N, C, L) or (C, L)
        A batch of signals, or one.
    weight : array of shape (O, C/groups, kw)
        The filters.
    bias : array of shape (O,), optional
        A number added to each output channel.
    stride, padding, dilation, groups, padding_mode, padding_value : optional
        As in `conv2d`, for one axis: ``padding=((1, 0),)`` pads the start only.
    channels_last, weight_order, method : optional
        As in `conv2d`; the weight's orders are ``"OIW"`` and ``"WIO"``.

    Returns
    -------
    array of shape (N, O, L') or (O, L')
        Of the dtype that x and weight promote to.

    Raises
    ------
    ValueError, TypeError
        As in `conv2d`.

    Examples
    --------
    A causal filter pads the past only:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.conv1d(np.array([[1, 2, 3, 4]]), np.array([[[1, 1]]]), padding=((1, 0),))
    array([[1, 3, 5, 7]])
    """
    options = (1, stride, padding, dilation, groups, padding_mode, method)
    operation = CONV_ORDERS.ordered(channels_last, weight_order, 1)
    return dispatch(operation, (x, weight, bias), options, padding_value)


@takes("x", "weight", "bias")
def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    padding_value: complex | Sequence[complex] | Array = 0,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
) -> Array:
    r"""Correlate images of several channels with a bank of filters.

    .. math::
        y[n, o, p, q] = b[o] + \sum_{c, i, j}
        x[n, c, s p + d i - P,\; s q + d j - P]\; w[o, c, i, j]

    summed over the channels c of the group that the filter o belongs to. Argument order and weight
    layout are those of ``torch.nn.functional.conv2d``.

    Parameters
    ----------
    x : array of shape (N, C, H, W) or (C, H, W)
        A batch of images, or one. An empty batch is fine; zero channels give zeros plus the bias.
    weight : array of shape (O, C/groups, kh, kw)
        The filters, of the same library and on the same device as x.
    bias : array of shape (O,), optional
        A number added to each output channel, in the dtype of the sums, before the result is
        rounded.
    stride : int or (int, int), optional
        Step between neighbouring outputs, in pixels.
    padding : int, (int, int), ((low, high), (low, high)) or name, optional
        Border in pixels, or ``"valid"``, ``"same"``, ``"same_lower"``, ``"full"`` as in `corr2d`;
        with any stride, dilation and border mode.
    dilation : int or (int, int), optional
        Distance between neighbouring kernel taps, in pixels.
    groups : int, optional
        Number of groups that channels and filters are divided into; filters see their own group's
        channels only. ``groups=C`` is a depthwise convolution.
    padding_mode : {"zeros", "constant", "reflect", "symmetric", "replicate", "circular"}, optional
        What the border shows, as in `corr2d`.
    padding_value : number, sequence of numbers or array of shape () or (C,), optional
        What a constant border shows, one number or one per channel, which the dtype of x holds. If
        it is an array, gradients flow to it.
    channels_last : bool, optional
        Whether the channels are the last axis: x (N, H, W, C) or (H, W, C), weight
        (kh, kw, C/groups, O) and the result likewise, as in Keras and Flax.
    weight_order : {"OIHW", "HWIO"}, optional
        The order of the weight's axes, (O, C/groups, kh, kw) or (kh, kw, C/groups, O), if it is not
        that of the images.
    method : str, optional
        How to compute it, as in `corr2d`.

    Returns
    -------
    array of shape (N, O, H', W') or (O, H', W')
        With ``H' = (H + low + high - dilation * (kh - 1) - 1) // stride + 1``; the same kind of
        array as x, on its device, of the dtype that x and weight promote to.

    Raises
    ------
    ValueError
        For shapes that do not go together, groups that do not divide the channels, a border of
        pixels around an image that has none, arrays on different devices, or a method that cannot
        do this input.
    TypeError
        For arrays of different libraries, a bias that the result's dtype cannot hold, or arguments
        of the wrong type.

    See Also
    --------
    conv_transpose2d : the adjoint.
    conv_input_grad, conv_weight_grad : the gradients, for libraries that have none.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> x = np.arange(18.0).reshape(1, 2, 3, 3)
    >>> mc.conv2d(x, np.ones((1, 2, 2, 2)), np.array([0.5]), padding="same", stride=2)
    array([[[[52.5, 32.5],
             [44.5, 25.5]]]])

    A border of one colour, a number for each channel:

    >>> picture = np.zeros((3, 2, 2), dtype=np.uint8)
    >>> total = np.ones((1, 3, 3, 3), dtype=np.uint8)
    >>> options = {"padding_mode": "constant", "padding_value": (1, 0, 4)}
    >>> mc.conv2d(picture, total, padding="same", **options)
    array([[[25, 25],
            [25, 25]]], dtype=uint8)
    """
    options = (2, stride, padding, dilation, groups, padding_mode, method)
    operation = CONV_ORDERS.ordered(channels_last, weight_order, 2)
    return dispatch(operation, (x, weight, bias), options, padding_value)


@takes("x", "weight", "bias")
def conv3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    padding_value: complex | Sequence[complex] | Array = 0,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
) -> Array:
    """Correlate volumes of several channels with a bank of filters.

    `conv2d` with three spatial axes; the formula and every option are described there.

    Parameters
    ----------
    x : array of shape (N, C, D, H, W) or (C, D, H, W)
        A batch of volumes, or one.
    weight : array of shape (O, C/groups, kd, kh, kw)
        The filters.
    bias : array of shape (O,), optional
        A number added to each output channel.
    stride, padding, dilation, groups, padding_mode, padding_value : optional
        As in `conv2d`, for three axes.
    channels_last, weight_order, method : optional
        As in `conv2d`; the weight's orders are ``"OIDHW"`` and ``"DHWIO"``.

    Returns
    -------
    array of shape (N, O, D', H', W') or (O, D', H', W')
        Of the dtype that x and weight promote to.

    Raises
    ------
    ValueError, TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.conv3d(np.ones((1, 4, 4, 4)), np.ones((2, 1, 2, 2, 2)), stride=2)[:, 0, 0]
    array([[8., 8.],
           [8., 8.]])
    """
    options = (3, stride, padding, dilation, groups, padding_mode, method)
    operation = CONV_ORDERS.ordered(channels_last, weight_order, 3)
    return dispatch(operation, (x, weight, bias), options, padding_value)


def _read(arrays: Any, *given: Any) -> Options:
    return read_channels(*given)


def _plan(backend: Backend, operands: list[Any], options: Options) -> Plan:
    x, weight, bias, *border = operands
    axes = options.axes
    layout = channels_and_weight(x, weight, axes, options.groups)
    geometry = options.resolve(x.shape[-axes:], weight.shape[2:], advice=swapped(x, weight, axes))
    asked = Computation({"x": x, "weight": weight}, "y", layout, geometry, options.method)
    return planned(backend, asked, options, border=border, bias=bias)


CONV = Operation(_plan, ("x", "weight", "bias"), _read)
CONV_ORDERS = Ordered.of(CONV, ("image", "weight"), "image")
