"""What a call would do, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.core import arguments, dtypes
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.functions.conv import CONV_ORDERS
from multiconv.functions.conv_transpose import CONV_TRANSPOSE_ORDERS
from multiconv.functions.images import CONVOLVE, CONVOLVE2D, CORR2D, CORRELATE
from multiconv.functions.one_axis import along, axes_of, first_dtype, separable
from multiconv.planning.dispatch import Operation, plan_for
from multiconv.planning.operands import kernel_letters
from multiconv.planning.options import read
from multiconv.planning.passes import in_passes
from multiconv.planning.plan import Plan

#: The functions of kernels without channels, and how many axes those have.
_IMAGES: dict[str, tuple[Operation, int | None]] = {
    "corr2d": (CORR2D, 2),
    "convolve2d": (CONVOLVE2D, 2),
    "correlate": (CORRELATE, None),
    "convolve": (CONVOLVE, None),
    "correlate1d": (CORRELATE, 1),
}


@takes()
def plan(
    x: Array | tuple[int, ...],
    weight: Array | tuple[int, ...],
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    padding_value: complex | Sequence[complex] = 0,
    axes: Sequence[int] | None = None,
    function: str | None = None,
    channels_last: bool = False,
    weight_order: str | None = None,
    method: str = "auto",
    transposed: bool = False,
    output_padding: IntOrInts = 0,
    dtype: Any = None,
    backend: str | None = None,
) -> Plan:
    """Say what a convolution would do, without computing it.

    Parameters
    ----------
    x, weight : array or tuple of int
        The arrays, or their shapes, which stand for arrays with numbers: under ``jax.jit`` and
        ``jax.grad`` other methods may be faster, and the plan of a tracer says so. A weight
        (kh, kw) is that of `corr2d`, one (kw,) that of `correlate`, and one of more axes that of
        `conv1d`, `conv2d` or `conv3d`, or their transposes, unless ``function`` says otherwise.
    stride, padding, dilation, groups, padding_mode, padding_value, method : optional
        As in `conv2d`.
    axes : sequence of int, optional
        As in `corr2d` and `correlate`, for a kernel without channels.
    function : str, optional
        The function of a kernel without channels: ``"corr2d"``, ``"convolve2d"``,
        ``"correlate1d"``, or ``"correlate"`` and ``"convolve"``, whose kernels have any number of
        axes; or ``"separable"``, for which weight is a list of kernels, or of their shapes.
    channels_last, weight_order : optional
        As in `conv2d`, for a weight with channels.
    transposed : bool, optional
        Plan `conv_transpose2d` instead, with its ``output_padding``.
    dtype : str or dtype, optional
        The dtype of what is given as a shape; if left out that of the other array, else
        ``"float32"``.
    backend : str, optional
        The name of the backend whose array a shape stands for; if left out that of the other
        array, else the default one.

    Returns
    -------
    Plan
        ``print`` shows all of it:

        - ``output_shape`` and ``dtype`` of the result, and the ``pads`` of every axis;
        - the ``method`` and the ``reason`` for it, and as ``alternatives`` the methods that
          ``auto`` considered: each with its estimated ``seconds``, or its ``refusal``;
        - ``multiply_adds``, and ``workspace_bytes`` beside arguments and result, None where the
          framework does not say;
        - ``error_bound``, the factor e of ``|computed - exact| <= e * sum |x| |w|``: 0 for
          integers, which are exact; that of norms for ``fft``, of ``|y|`` for ``exact``.

        The plan of a `separable` has ``passes``, a plan for each kernel; its ``multiply_adds`` are
        their sum.

    Raises
    ------
    ValueError, TypeError
        As the call itself would.

    Examples
    --------
    >>> import multiconv as mc
    >>> print(mc.plan((1024, 1024), (3, 3), padding="same", backend="numpy"))
    output         (1024, 1024) float32
    padding        ((1, 1), (1, 1)) zeros
    method         ...: about ..., the fastest within the element-wise bound
    others         ...
    multiply-adds  9,437,184
    workspace      ...
    error          at most 5.96e-07 * sum |x| |w|
    """
    if function == "separable":
        given = (stride, padding, dilation, padding_mode, padding_value, method)
        unused = {"groups": groups != 1, "channels_last": channels_last, "transposed": transposed}
        unused |= {"weight_order": weight_order is not None}
        _check_unused("separable", **unused, output_padding=output_padding != 0)
        return _separable(x, weight, axes, given, dtype, backend)
    chosen, signed = _described({"x": x, "weight": weight}, dtype, backend)
    rank = len(signed[1][0])
    images = _image_function(function, rank)
    count = rank if images else max(rank - 2, 1)
    options = read(
        count,
        stride,
        padding,
        dilation,
        groups=groups,
        padding_mode=padding_mode,
        padding_value=padding_value,
        method=method,
        output_padding=arguments.per_axis("output_padding", output_padding, count, minimum=0),
        image_axes=() if axes is None else arguments.axes("axes", axes, count),
    )
    if images:
        letters = kernel_letters(rank)
        what = f"the image form, with a kernel ({letters}),"
        _check_unused(
            what,
            transposed=transposed,
            groups=groups != 1,
            channels_last=channels_last,
            weight_order=weight_order is not None,
        )
        _check_unused(what, output_padding=any(options.output_padding))
        return plan_for(images, chosen, tuple(signed), options)
    if arguments.flag("transposed", transposed):
        orders = CONV_TRANSPOSE_ORDERS
        what, others = "a transposed convolution", {"padding_mode": options.padding_mode != "zeros"}
    else:
        orders = CONV_ORDERS
        what, others = "a convolution", {"output_padding": any(options.output_padding)}
    _check_unused(what, axes=axes is not None, **others)
    return plan_for(
        orders.ordered(channels_last, weight_order, count), chosen, (*signed, None), options
    )


def _described(given: dict[str, Any], dtype: Any, backend: str | None) -> tuple[Backend, list[Any]]:
    """Return the backend and the signatures of arrays, some of which are shapes alone."""
    arrays = {name: a for name, a in given.items() if not _is_shape(a)}
    named = None if backend is None else registry.load(backend)
    chosen, found = registry.backend_of(arrays, named)
    signatures = dict(zip(arrays, map(chosen.signature, found), strict=True))
    like = next(iter(found), None)
    return chosen, [
        signatures[name] if name in signatures else _signature(name, shape, dtype, chosen, like)
        for name, shape in given.items()
    ]


def _separable(
    x: Any, kernels: Any, axes: Any, options: tuple[Any, ...], dtype: Any, backend: str | None
) -> Plan:
    """Plan a `separable`: a correlation along one axis after another."""
    if not isinstance(kernels, (list, tuple)) or not kernels or _is_shape(kernels):
        msg = (
            "function='separable' takes a list of kernels (kw,), or of their shapes, got weight="
            f"{kernels!r}; plan(x, [(3,), (5,)], function='separable') has two"
        )
        raise ValueError(msg) if isinstance(kernels, (list, tuple)) else TypeError(msg)
    names = [f"weight[{number}]" for number in range(len(kernels))]
    named = dict(zip(names, kernels, strict=True))
    chosen, (image, *signed) = _described({"x": x, **named}, dtype, backend)
    for name, (shape, *_) in zip(names, signed, strict=True):
        if len(shape) != 1:
            msg = f"{name} must be a kernel of shape (kw,), got {len(shape)} axes"
            raise ValueError(msg)
    all_names = [chosen.dtype_name(signature[1]) for signature in (image, *signed)]
    signed[0] = (signed[0][0], chosen.dtype(first_dtype(all_names, chosen)), *signed[0][2:])
    *geometry, mode, value, method = options
    read_all = read(len(signed), *geometry)
    passes: list[Plan] = []
    for number, axis in enumerate(axes_of(axes, len(signed), len(image[0]))):
        each: dict[str, Any] = along(read_all, number)
        each |= {"padding_mode": mode, "padding_value": value, "method": method}
        one = plan_for(
            CORRELATE, chosen, (image, signed[number]), read(1, **each, image_axes=(axis,))
        )
        passes.append(one)
        image = (one.output_shape, chosen.dtype(one.dtype), *image[2:])
    names_of = ("stride", "padding", "dilation", "padding_mode", "padding_value", "method")
    given = dict(zip(names_of, options, strict=True))
    return in_passes(tuple(passes), lambda x, *ks: separable(x, ks, axes=axes, **given))


def _image_function(function: Any, rank: int) -> Operation | None:
    """Return what correlates with a kernel of so many axes and no channels, None for channels."""
    if function is None:
        return {1: CORRELATE, 2: CORR2D}.get(rank)
    chosen, axes = _IMAGES[arguments.choice("function", function, (*_IMAGES, "separable"))]
    if rank == 0 or axes not in (None, rank):
        shape = kernel_letters(1 if axes is None else axes)
        msg = f"function={function!r} takes a kernel ({shape}), and weight has {rank} axes"
        raise ValueError(msg)
    return chosen


def _check_unused(what: str, **given: Any) -> None:
    """Refuse options that a call of this kind does not have."""
    for name, is_given in given.items():
        if is_given:
            msg = f"{what} has no {name}: leave it out"
            raise ValueError(msg)


def _is_shape(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and all(isinstance(n, int) for n in given)


def _signature(name: str, shape: Any, dtype: Any, backend: Backend, like: Any) -> Any:
    """Return the signature of an array of a shape, on the device of ``like``."""
    size = arguments.sizes(f"{name} as a shape", tuple(shape), len(shape))
    if dtype is None:
        dtype = "float32" if like is None else backend.dtype_name(like.dtype)
    elif not isinstance(dtype, str):
        dtype = backend.dtype_name(dtype)
    arguments.choice("dtype", dtype, dtypes.SUPPORTED)
    beside = backend.asarray([0]) if like is None else like
    return size, backend.dtype(dtype), backend.signature(beside)[2]
