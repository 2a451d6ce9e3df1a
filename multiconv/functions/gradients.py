"""The two adjoints of a convolution, for any number of spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.chunked.plans import planned
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.planning.axis_order import Ordered
from multiconv.planning.computation import Computation
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.operands import Layout, Operand, check_grad, check_weight, leading
from multiconv.planning.options import Options, read_channels
from multiconv.planning.plan import Plan


@takes("grad", "weight")
def conv_input_grad(
    grad: Array,
    weight: Array,
    input_size: IntOrInts,
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
    r"""Return the gradient of a convolution with respect to its input.

    .. math:: dx[n, c, i] = \sum_{o, p, k:\; s p + d k - P = i} dy[n, o, p]\; w[o, c, k]

    the adjoint: ``sum(conv(x, w) * dy) == sum(x * conv_input_grad(dy, w, size))`` for all x
    (Dumoulin and Visin, 2016, chapter 4). With a border mode, what falls on the border is added
    back to the pixels it repeats. Complex numbers are not conjugated.

    Parameters
    ----------
    grad : array of shape (N, O, *output) or (O, *output)
        Gradient with respect to the convolution's output.
    weight : array of shape (O, C/groups, *kernel)
        The filters. A kernel of shape (kh, kw) is that of `corr2d`: then grad is (..., H', W').
    input_size : int or sequence of int
        Spatial size of the convolution's input; the full shape, (N, C, *spatial), is taken too.
    stride, padding, dilation, groups, padding_mode, padding_value : optional
        Those of the convolution, as in `conv2d`; the value of a constant border does not matter.
    channels_last : bool, optional
        Whether the channels are the last axis of all arrays, as in `conv2d`.
    weight_order : str, optional
        The order of the weight's axes if it is not that of the images, as in `conv2d`: ``"OIHW"``
        or ``"HWIO"``, ``"OI*"`` or ``"*IO"`` for more than three spatial axes.
    method : str, optional
        As in `conv2d`.

    Returns
    -------
    array of shape (N, C, *input_size) or (C, *input_size)
        For a kernel (kh, kw) of shape (..., H, W). Of the dtype that grad and weight promote to.

    Raises
    ------
    ValueError
        If grad is not of the shape that the convolution's output has, and as in `conv2d`.
    TypeError
        As in `conv2d`.

    Examples
    --------
    Each pixel of a 3 x 3 image takes part in as many outputs as it lies under positions of the
    kernel:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.conv_input_grad(np.ones((1, 2, 2), int), np.ones((1, 1, 2, 2), int), (3, 3))
    array([[[1, 2, 1],
            [2, 4, 2],
            [1, 2, 1]]])
    """
    given = (input_size, stride, padding, dilation, groups, padding_mode, method)
    operation = _INPUT_GRAD_ORDERS.ordered(
        channels_last, weight_order, lambda: _axes_of_weight(weight)
    )
    return dispatch(operation, (grad, weight), given, padding_value)


@takes("x", "grad")
def conv_weight_grad(
    x: Array,
    grad: Array,
    kernel_size: IntOrInts,
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
    r"""Return the gradient of a convolution with respect to its weight.

    .. math:: dw[o, c, k] = \sum_{n, p} dy[n, o, p]\; x[n, c, s p + d k - P]

    the adjoint: ``sum(conv(x, w) * dy) == sum(w * conv_weight_grad(x, dy, size))`` for all w. The
    gradient with respect to a bias is ``grad`` summed over all axes but O. Complex numbers are not
    conjugated.

    Parameters
    ----------
    x : array of shape (N, C, *spatial) or (C, *spatial)
        The convolution's input. With as many axes as the kernel has it is the image of `corr2d`.
    grad : array of shape (N, O, *output) or (O, *output)
        Gradient with respect to the convolution's output.
    kernel_size : int or sequence of int
        Spatial size of the weight; the full shape, (O, C/groups, *kernel), is taken too. An int is
        a square kernel of as many axes as x and grad leave for it: those behind (N, C).
    stride, padding, dilation, groups, padding_mode, padding_value : optional
        Those of the convolution, as in `conv2d`.
    channels_last : bool, optional
        Whether the channels are the last axis of all arrays, as in `conv2d`.
    weight_order : str, optional
        The order of the result's axes if it is not that of the images, as in `conv2d`: ``"OIHW"``
        or ``"HWIO"``, ``"OI*"`` or ``"*IO"`` for more than three spatial axes.
    method : str, optional
        As in `conv2d`.

    Returns
    -------
    array of shape (O, C/groups, *kernel_size)
        For the image of `corr2d` of shape (kh, kw). Of the dtype that x and grad promote to.

    Raises
    ------
    ValueError
        If grad is not of the shape that the convolution's output has, and as in `conv2d`.
    TypeError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> x = np.arange(9).reshape(1, 3, 3)
    >>> mc.conv_weight_grad(x, np.ones((1, 2, 2), int), (2, 2))
    array([[[[ 8, 12],
             [20, 24]]]])
    """
    given = (kernel_size, stride, padding, dilation, groups, padding_mode, method)
    operation = _WEIGHT_GRAD_ORDERS.ordered(
        channels_last, weight_order, lambda: _axes_of_kernel(kernel_size, x)
    )
    return dispatch(operation, (x, grad), given, padding_value)


def _read_input_grad(arrays: Any, input_size: Any, *given: Any) -> Options:
    axes = _axes_of_weight(arrays[1])
    size = _given_size("input_size", input_size, axes)
    return read_channels(axes, *given, given_size=size)


def _read_weight_grad(arrays: Any, kernel_size: Any, *given: Any) -> Options:
    axes = _axes_of_kernel(kernel_size, arrays[0])
    size = _given_size("kernel_size", kernel_size, axes)
    return read_channels(axes, *given, given_size=size)


def _axes_of_weight(weight: Any) -> int:
    rank = arguments.rank("weight", weight)
    if rank < 2:
        msg = (
            f"weight must have the shape (O, C/groups, *kernel), or (kh, kw) for corr2d, "
            f"got {rank} axes"
        )
        raise ValueError(msg)
    return 2 if rank == 2 else rank - 2


def _axes_of_kernel(kernel_size: Any, x: Any) -> int:
    """Return the number of spatial axes; see the table of shapes in `conv_weight_grad`."""
    rank = arguments.rank("x", x)
    given = arguments.count_axes("kernel_size", kernel_size, 0)
    if given == 0 and rank >= 2:
        return max(rank - 2, 1) if rank > 2 else 2
    if given and (rank in (given + 1, given + 2) or rank == given == 2):
        return given
    if given > 2 and rank in (given - 1, given):
        return given - 2
    msg = (
        f"kernel_size={kernel_size!r} and x with {rank} axes do not go together: for {given or 2} "
        f"spatial axes x has the shape (N, C, *spatial) or (C, *spatial)"
    )
    raise ValueError(msg)


def _given_size(name: str, value: Any, axes: int) -> tuple[int, ...]:
    """Read a spatial size, or a whole shape that ends with one."""
    given = arguments.count_axes(name, value, axes)
    return arguments.sizes(name, value, given if given in (axes + 1, axes + 2) else axes)


def _check_size(name: str, given: tuple[int, ...], shape: tuple[int, ...], axes: int) -> None:
    if len(given) > axes and given != shape:
        msg = (
            f"{name}={given} does not agree with the other arguments, whose shapes give {shape}; "
            f"the spatial size {shape[-axes:]} alone is enough"
        )
        raise ValueError(msg)


def _image(lead: tuple[int, ...], groups: int) -> Layout:
    """Return the layout of `corr2d`."""
    if groups != 1:
        msg = (
            f"groups={groups} needs a weight with channels, (O, C/groups, *kernel); groups=1 works"
        )
        raise ValueError(msg)
    return Layout(lead, 1, 1, 1, is_image=True)


def _plan_input_grad(backend: Backend, operands: list[Any], options: Options) -> Plan:
    grad, weight, *border = operands
    axes, groups = options.axes, options.groups
    if len(weight.shape) == 2:
        layout = _image(grad.shape[:-axes], groups)
    else:
        check_weight(weight, axes, groups)
        filters, per_group = weight.shape[:2]
        layout = Layout(leading(grad, axes, "O"), groups, per_group, filters // groups)
    input_size = options.given_size[-axes:]
    geometry = options.resolve(input_size, weight.shape[-axes:])
    of = f"input_size={input_size}, {weight.name} of shape {weight.shape}"
    check_grad(grad, layout.whole("y", geometry.output_size), of)
    _check_size("input_size", options.given_size, layout.whole("x", input_size), axes)
    asked = Computation({"y": grad, "weight": weight}, "x", layout, geometry, options.method)
    return planned(backend, asked, options, border=border)


def _plan_weight_grad(backend: Backend, operands: list[Any], options: Options) -> Plan:
    x, grad, *border = operands
    axes = options.axes
    is_image = len(x.shape) == axes
    layout = _image((), options.groups) if is_image else _two_batches(x, grad, axes, options.groups)
    kernel_size = options.given_size[-axes:]
    geometry = options.resolve(x.shape[-axes:], kernel_size)
    of = f"kernel_size={kernel_size}, {x.name} of shape {x.shape}"
    check_grad(grad, layout.whole("y", geometry.output_size), of)
    _check_size("kernel_size", options.given_size, layout.whole("weight", kernel_size), axes)
    asked = Computation({"x": x, "y": grad}, "weight", layout, geometry, options.method)
    return planned(backend, asked, options, border=border)


def _two_batches(x: Operand, grad: Operand, axes: int, groups: int) -> Layout:
    """Read x (N, C, *spatial) and grad (N, O, *output), or both without N."""
    lead = leading(x, axes, "C")
    if len(grad.shape) != len(x.shape):
        leading(grad, axes, "O")
        msg = (
            f"{x.name} of shape {x.shape} and {grad.name} of shape {grad.shape} must both have a "
            f"batch axis, or neither"
        )
        raise ValueError(msg)
    counts = x.shape[len(lead)], grad.shape[len(lead)]
    for operand, count in zip((x, grad), counts, strict=True):
        if count % groups:
            msg = (
                f"groups={groups} does not divide the {count} channels of {operand.name}, "
                f"whose shape is {operand.shape}"
            )
            raise ValueError(msg)
    return Layout(lead, groups, counts[0] // groups, counts[1] // groups)


INPUT_GRAD = Operation(_plan_input_grad, ("grad", "weight"), _read_input_grad)
WEIGHT_GRAD = Operation(_plan_weight_grad, ("x", "grad"), _read_weight_grad)
_INPUT_GRAD_ORDERS = Ordered.of(INPUT_GRAD, ("image", "weight"), "image")
_WEIGHT_GRAD_ORDERS = Ordered.of(WEIGHT_GRAD, ("image", "image"), "weight")
