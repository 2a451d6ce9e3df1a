"""The two adjoints of a convolution, for any number of spatial axes."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.core import arguments, geometry
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.functions.conv import read_options
from multiconv.methods import table as methods
from multiconv.methods.adjoints import (
    Channels,
    choose,
    input_adjoint,
    input_adjoint_geometry,
    weight_adjoint,
    weight_adjoint_geometry,
)
from multiconv.planning.dispatch import Operand, Options, Plan, dispatch, result_dtype
from multiconv.planning.operands import check_bias, check_grad, check_weight, leading


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
    stride, padding, dilation, groups, padding_mode : optional
        Those of the convolution, as in `conv2d`.
    method : str, optional
        As in `conv2d`.

    Returns
    -------
    array of shape (N, C, *input_size) or (C, *input_size)
        Of the dtype that grad and weight promote to.

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
    axes = _axes_of_weight(weight)
    size = _spatial("input_size", input_size, axes)
    options = read_options(axes, stride, padding, dilation, groups, padding_mode, method, size)
    return dispatch(_plan_input_grad, {"grad": grad, "weight": weight}, options)


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
    stride, padding, dilation, groups, padding_mode : optional
        Those of the convolution, as in `conv2d`.
    method : str, optional
        As in `conv2d`.

    Returns
    -------
    array of shape (O, C/groups, *kernel_size)
        Of the dtype that x and grad promote to.

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
    axes = _axes_of_kernel(kernel_size, x)
    size = _spatial("kernel_size", kernel_size, axes)
    options = read_options(axes, stride, padding, dilation, groups, padding_mode, method, size)
    return dispatch(_plan_weight_grad, {"x": x, "grad": grad}, options)


def _axes_of_weight(weight: Any) -> int:
    rank = arguments.rank(weight)
    if rank < 2:
        msg = (
            f"weight must have the shape (O, C/groups, *kernel), or (kh, kw) for corr2d, "
            f"got {rank} axes"
        )
        raise ValueError(msg)
    return 2 if rank == 2 else rank - 2


def _axes_of_kernel(kernel_size: Any, x: Any) -> int:
    """Return the number of spatial axes; see the table of shapes in `conv_weight_grad`."""
    rank = arguments.rank(x)
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


def _spatial(name: str, value: Any, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Split a spatial size or a whole shape into what leads and the spatial size."""
    given = arguments.count_axes(name, value, axes)
    if given in (axes + 1, axes + 2):
        shape = arguments.sizes(name, value, given)
        return shape[:-axes], shape[-axes:]
    return (), arguments.sizes(name, value, axes)


def _check_lead(name: str, lead: tuple[int, ...], shape: tuple[int, ...], axes: int) -> None:
    if lead and lead != shape[:-axes]:
        msg = (
            f"{name}={(*lead, *shape[-axes:])} does not agree with the other arguments, whose "
            f"shapes give {shape}; the spatial size {shape[-axes:]} alone is enough"
        )
        raise ValueError(msg)


def _check_no_groups(groups: int) -> None:
    if groups != 1:
        msg = (
            f"groups={groups} needs a weight with channels, (O, C/groups, *kernel); groups=1 works"
        )
        raise ValueError(msg)


def _plan_input_grad(backend: Backend, operands: list[Any], options: Options) -> Plan:
    grad, weight = operands
    axes = len(options.stride)
    lead_given, input_size = options.sizes
    kernel_size = tuple(weight.shape[-axes:])
    if len(weight.shape) == 2:
        _check_no_groups(options.groups)
        lead, filters = tuple(grad.shape[:-axes]), 1
        dx_channels: tuple[int, ...] = ()
        y_channels: tuple[int, ...] = ()
        per_group = 1
    else:
        check_weight(weight, axes, options.groups)
        lead = leading(grad, axes, "O")
        filters, per_group = weight.shape[:2]
        y_channels, dx_channels = (filters,), (per_group * options.groups,)
    resolved = options.resolve(input_size, kernel_size)
    check_grad(
        grad,
        (*lead, *y_channels, *resolved.output_size),
        f"input_size={input_size}, {weight.name} of shape {tuple(weight.shape)}",
    )
    shape = (*lead, *dx_channels, *input_size)
    _check_lead("input_size", lead_given, shape, axes)
    return plan_input_adjoint(
        backend, grad, weight, None, resolved, options, (filters, per_group), lead, shape
    )


def plan_input_adjoint(
    backend: Backend,
    grad: Operand,
    weight: Operand,
    bias: Operand | None,
    resolved: geometry.Geometry,
    options: Options,
    channels: tuple[int, int],
    lead: tuple[int, ...],
    shape: tuple[int, ...],
) -> Plan:
    """Plan the adjoint with respect to the input, for `conv_input_grad` and `conv_transpose2d`.

    ``channels`` are the output channels of the convolution and its input channels per group;
    ``lead`` are the axes of grad before its channels, ``shape`` is that of the result.
    """
    xp = backend.xp
    result = result_dtype(grad, weight, backend)
    sums = backend.accumulator(result)
    groups = options.groups
    filters, per_group = channels
    check_bias(bias, per_group * groups, result)
    batch = 1
    for size in lead:
        batch *= size
    sizes = Channels(batch, groups, filters // groups, per_group)
    inner = input_adjoint_geometry(resolved)
    chosen = choose(options.method, inner, sizes, sums, grad.device, backend).method
    adjoint = input_adjoint(resolved, chosen, backend)
    grad_shape = (batch, groups, filters // groups, *grad.shape[-resolved.axes :])
    weight_shape = (groups, filters // groups, per_group, *resolved.kernel_size)
    bias_shape = (1, groups, per_group, *(1,) * resolved.axes)

    def run(grad: Array, weight: Array, bias: Array | None = None) -> Array:
        dx = adjoint(
            xp.reshape(backend.astype(grad, sums), grad_shape),
            xp.reshape(backend.astype(weight, sums), weight_shape),
        )
        if bias is not None:
            dx = dx + xp.reshape(backend.astype(bias, sums), bias_shape)
        return backend.astype(xp.reshape(dx, shape), result)

    return Plan(run, methods.unrolled(chosen, inner))


def _plan_weight_grad(backend: Backend, operands: list[Any], options: Options) -> Plan:
    x, grad = operands
    xp = backend.xp
    axes = len(options.stride)
    groups = options.groups
    lead_given, kernel_size = options.sizes
    image = len(x.shape) == axes
    lead: tuple[int, ...] = () if image else leading(x, axes, "C")
    channels = 1 if image else x.shape[len(lead)]
    if image:
        _check_no_groups(groups)
        filters = 1
    else:
        if len(grad.shape) != len(x.shape):
            leading(grad, axes, "O")
            msg = (
                f"{x.name} of shape {tuple(x.shape)} and {grad.name} of shape {tuple(grad.shape)} "
                f"must both have a batch axis, or neither"
            )
            raise ValueError(msg)
        filters = grad.shape[len(lead)]
        for operand, count in ((x, channels), (grad, filters)):
            if count % groups:
                msg = (
                    f"groups={groups} does not divide the {count} channels of {operand.name}, "
                    f"whose shape is {tuple(operand.shape)}"
                )
                raise ValueError(msg)
    resolved = options.resolve(tuple(x.shape[-axes:]), kernel_size)
    expected = (*lead, *(() if image else (filters,)), *resolved.output_size)
    check_grad(grad, expected, f"kernel_size={kernel_size}, {x.name} of shape {tuple(x.shape)}")
    per_group = channels // groups
    shape = kernel_size if image else (filters, per_group, *kernel_size)
    _check_lead("kernel_size", lead_given, shape, axes)

    result = result_dtype(x, grad, backend)
    sums = backend.accumulator(result)
    batch = lead[0] if lead else 1
    inner = weight_adjoint_geometry(resolved)
    sizes = Channels(per_group, groups, batch, filters // groups)
    chosen = choose(options.method, inner, sizes, sums, x.device, backend).method
    adjoint = weight_adjoint(resolved, chosen, backend)
    x_shape = (batch, groups, per_group, *resolved.input_size)
    grad_shape = (batch, groups, filters // groups, *resolved.output_size)

    def run(x: Array, grad: Array) -> Array:
        dw = adjoint(
            xp.reshape(backend.astype(x, sums), x_shape),
            xp.reshape(backend.astype(grad, sums), grad_shape),
        )
        return backend.astype(xp.reshape(dw, shape), result)

    return Plan(run, methods.unrolled(chosen, inner))
