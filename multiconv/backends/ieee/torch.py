"""PyTorch's convolutions of float32 in float32, where others may be rounded to TF32.

cuDNN may round the factors to ten bits unless told otherwise, and PyTorch tells it so by default.
The setting is the user's, and one for the whole process; so it is not touched, and each
convolution asks for itself. PyTorch's own derivatives would not ask: these are written with the
same convolution, so that derivatives of every order keep the precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor


class How(NamedTuple):
    """What a convolution is told beside its two tensors; ``padding`` is the same on both sides."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int


_SETTINGS = {
    (device_type, operation): getattr(library, operation, None)
    for device_type, operation, library in (
        ("cuda", "conv", torch.backends.cudnn),
        ("cuda", "matmul", torch.backends.cuda),
        ("cpu", "conv", torch.backends.mkldnn),
        ("cpu", "matmul", torch.backends.mkldnn),
    )
}


def rounds_products(device_type: str, operation: str) -> bool:
    """Tell whether the user lets float32 products be rounded (TF32, bfloat16)."""
    settings = _SETTINGS.get((device_type, operation))
    precision = getattr(settings, "fp32_precision", None)
    if precision is not None:
        return bool(precision != "ieee" and precision != "none")  # noqa: PLR1714 - called often
    # Before PyTorch 2.9 there was one switch each.
    if (device_type, operation) == ("cuda", "conv"):
        return bool(torch.backends.cudnn.allow_tf32)
    return operation == "matmul" and torch.get_float32_matmul_precision() != "highest"


# What torch.compiler.assume_constant_result does, for which it imports all of Dynamo: seconds.
rounds_products._dynamo_marked_constant = True  # type: ignore[attr-defined]


def can_ask(device_type: str) -> bool:
    """Tell whether a convolution may be asked for float32 on a device.

    Where matrix products may be rounded, too, the convolutions that are made of them would be.
    """
    return device_type == "cuda" and not rounds_products(device_type, "matmul")


def convolve(x: Tensor, weight: Tensor, how: How) -> Tensor:
    """Convolve in float32, differentiably."""
    if torch.compiler.is_compiling():
        # Not the function's own call: Inductor would forget what that is asked for.
        return _whole(x, weight, how)
    y: Tensor = _Convolution.apply(x, weight, *how)  # type: ignore[no-untyped-call]
    return y


def input_gradient(
    grad: Tensor, weight: Tensor, how: How, size: Sequence[int], run: Callable[..., Tensor]
) -> Tensor:
    """Return the gradient with respect to an image of that size, by the convolution ``run``."""
    axes = range(len(size))
    if how.transposed:
        dx = run(grad, weight, how._replace(transposed=False, output_padding=(0,) * len(size)))
        return _cut(dx, size)
    reached = [
        (grad.shape[2 + i] - 1) * how.stride[i]
        - 2 * how.padding[i]
        + how.dilation[i] * (weight.shape[2 + i] - 1)
        + 1
        for i in axes
    ]
    left = tuple(size[i] - reached[i] for i in axes)
    return run(grad, weight, how._replace(transposed=True, output_padding=left))


def weight_gradient(
    x: Tensor, grad: Tensor, how: How, size: Sequence[int], run: Callable[..., Tensor]
) -> Tensor:
    """Return the gradient with respect to a kernel of that size, by the convolution ``run``.

    The image is correlated with the gradient: batch and channels, stride and dilation trade places.
    """
    if how.transposed:
        x, grad = grad, x
    groups = how.groups
    batch, channels = x.shape[:2]
    images = x.reshape(batch, groups, channels // groups, *x.shape[2:]).movedim(0, 2)
    images = images.movedim(1, 0).flatten(1, 2)  # (C, G * N, *size)
    swapped = how._replace(
        stride=how.dilation,
        dilation=how.stride,
        transposed=False,
        output_padding=(0,) * len(size),
    )
    dw = run(images, grad.movedim(0, 1), swapped)  # (C, G * O, *kernel)
    return _cut(dw, size).movedim(0, 1)


def _cut(y: Tensor, size: Sequence[int]) -> Tensor:
    for axis, length in enumerate(size):
        y = y.narrow(2 + axis, 0, length)
    return y


def _gradients(
    saved: Sequence[Tensor], how: How, grad: Tensor, needed: Sequence[bool], run: Any
) -> tuple[Tensor | None, Tensor | None]:
    x, weight = saved
    dx = input_gradient(grad, weight, how, x.shape[2:], run) if needed[0] else None
    dw = weight_gradient(x, grad, how, weight.shape[2:], run) if needed[1] else None
    return dx, dw


def _raw(x: Tensor, weight: Tensor, *how: Any) -> Tensor:
    cudnn = torch.backends.cudnn
    y: Tensor = torch.ops.aten._convolution.default(
        x, weight, None, *how, cudnn.benchmark, cudnn.deterministic, cudnn.enabled, False
    )
    return y


def _folded_batch(
    size: int, places: Sequence[int | None], x: Tensor, weight: Tensor, how: How, run: Any
) -> tuple[Tensor, int]:
    """Convolve a batch of images, of kernels or of both in one call: as images, or as groups."""
    at, where = places[:2]
    if where is None and at is not None:
        y = run(x.movedim(at, 0).flatten(0, 1), weight, how)
        return y.reshape(size, y.shape[0] // size, *y.shape[1:]), 0
    # (N, B, C, *size); a batch of none has no sizes to infer.
    x = x.unsqueeze(1).expand(-1, size, *x.shape[1:]) if at is None else x.movedim(at, 1)
    weight = weight.movedim(where or 0, 0)
    together = how._replace(groups=how.groups * size)
    y = run(x.flatten(1, 2), weight.flatten(0, 1), together)
    return y.reshape(y.shape[0], size, y.shape[1] // size, *y.shape[2:]), 1


class _Convolution(torch.autograd.Function):
    """The convolution for eager calls, with forward derivatives."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, *how: Any) -> Tensor:
        return _raw(x, weight, *how)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.save_for_forward(*inputs[:2])
        ctx.how = How(*inputs[2:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        found = _gradients(ctx.saved_tensors, ctx.how, grad, ctx.needs_input_grad, convolve)
        return (*found, *(None,) * len(ctx.how))

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dw: Tensor | None, *_: Any) -> Tensor | None:
        x, weight = ctx.saved_tensors
        terms = []
        if dx is not None:
            terms.append(convolve(dx, weight, ctx.how))
        if dw is not None:
            terms.append(convolve(x, dw, ctx.how))
        return sum(terms[1:], terms[0]) if terms else None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, weight: Tensor, *how: Any
    ) -> tuple[Tensor, int]:
        return _folded_batch(info.batch_size, in_dims, x, weight, How(*how), convolve)


@torch.library.custom_op("multiconv::convolution_ieee", mutates_args=())
def _operator(
    x: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolve, for compilers: whole, and with derivatives that are this operator again."""
    y = _raw(x, weight, stride, padding, dilation, transposed, output_padding, groups)
    return y.contiguous()


@_operator.register_fake
def _(x: Tensor, weight: Tensor, *how: Any) -> Tensor:
    y: Tensor = _raw(x, weight, *how).contiguous()
    return y


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])
    ctx.how = How(*inputs[2:])


def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    found = _gradients(ctx.saved_tensors, ctx.how, grad, ctx.needs_input_grad, _whole)
    return (*found, *(None,) * len(ctx.how))


def _whole(x: Tensor, weight: Tensor, how: How) -> Tensor:
    y: Tensor = _operator(x, weight, *how)
    return y


_operator.register_autograd(_backward, setup_context=_remember)


@_operator.register_vmap
def _(info: Any, in_dims: Any, x: Tensor, weight: Tensor, *how: Any) -> tuple[Tensor, int]:
    return _folded_batch(info.batch_size, in_dims, x, weight, How(*how), _whole)
