"""The sum of squares in PyTorch."""

from __future__ import annotations

from typing import Any

import torch

from multiconv.backends.torch import BACKEND
from multiconv.training.sums import dot, scaled


class _SumOfSquares(torch.autograd.Function):
    """RN(sum of error squared); derivatives of any order are exact products again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(error: Any) -> Any:
        return dot(error, error, BACKEND)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any], output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (error,) = ctx.saved_tensors
        return scaled(error, 2 * grad, BACKEND)


class _InForwardMode(_SumOfSquares):
    """The same with a derivative of that mode, which Dynamo does not take."""

    @staticmethod
    def jvp(ctx: Any, change: Any) -> Any:
        (error,) = ctx.saved_tensors
        return 2 * dot(error, change, BACKEND)


def sum_of_squares(error: Any) -> Any:
    """Return RN(sum of error squared)."""
    function = _SumOfSquares if torch.compiler.is_compiling() else _InForwardMode
    return function.apply(error)  # type: ignore[no-untyped-call]
