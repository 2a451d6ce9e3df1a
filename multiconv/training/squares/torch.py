"""The sum of squares in PyTorch: an operator where Dynamo reads along, and elsewhere a function.

Dynamo takes no function with a derivative in forward mode, and an operator can have none.
"""

from __future__ import annotations

from typing import Any

import torch

from multiconv.backends.torch import BACKEND
from multiconv.core.geometry import Geometry
from multiconv.exact.description import Sum
from multiconv.exact.torch import evaluate
from multiconv.training.sums import dot


def sum_of_squares(error: torch.Tensor) -> torch.Tensor:
    """Return RN(sum of error squared)."""
    if torch.compiler.is_compiling():
        compiled: torch.Tensor = _operator(error)
        return compiled
    total: torch.Tensor = _Recorded.apply(error)  # type: ignore[no-untyped-call]
    return total


@torch.library.custom_op("multiconv::exact_sum_of_squares", mutates_args=())
def _operator(error: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = dot(error, error, BACKEND)
    return total


@_operator.register_fake
def _(error: torch.Tensor) -> torch.Tensor:
    return error.new_empty(())


def _gradient(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
    """Return RN(2 grad error), a correlation of one tap: the cotangent is doubled exactly."""
    (error,) = ctx.saved_tensors
    size = (error.numel(),)
    taps = Geometry(size, (1,), (1,), (1,), ((0, 0),))
    total = Sum("y", taps, 1, size, BACKEND.dtype_name(error.dtype))
    product = evaluate(total, error.reshape(1, 1, -1), (2 * grad).reshape(1, 1, 1), None)
    return product.reshape(error.shape)


_operator.register_autograd(
    _gradient, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs)
)


class _Recorded(torch.autograd.Function):
    """The same with its derivatives of both modes, of any order."""

    generate_vmap_rule = True

    @staticmethod
    def forward(error: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = dot(error, error, BACKEND)
        return total

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return _gradient(ctx, grad)

    @staticmethod
    def jvp(ctx: Any, change: torch.Tensor) -> torch.Tensor:
        (error,) = ctx.saved_tensors
        tangent: torch.Tensor = 2 * dot(error, change, BACKEND)
        return tangent
