"""Exact sums as an operator of PyTorch, which compilers write down and never look into.

The operator is one sum of one pair of factors. Its gradients are the operator again, rounded to
each factor's own dtype, and so are derivatives in forward mode, whose two products are joined into
one sum. Dynamo takes the operator as it is; elsewhere it stands in an `autograd.Function`, since an
operator cannot say what its forward derivative is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from multiconv.backends.in_place.torch import PLAIN, transforms_are_active
from multiconv.backends.torch import BACKEND
from multiconv.exact import derivatives, engine
from multiconv.exact.derivatives import Terms
from multiconv.exact.description import OPERANDS, Sum
from multiconv.exact.flat import SCHEMA, described, flat

_Maybe = torch.Tensor | None


def evaluate(
    total: Sum, first: torch.Tensor, second: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Evaluate a sum of floats, and record it where gradients are recorded."""
    if torch.compiler.is_compiling():
        return _operate(total, first, second, bias)
    y: torch.Tensor = _Recorded.apply(total, first, second, bias)  # type: ignore[no-untyped-call]
    return y


def _operate(total: Sum, first: torch.Tensor, second: torch.Tensor, bias: _Maybe) -> torch.Tensor:
    y: torch.Tensor = _operator(first, second, bias, *flat(total))
    return y


def _at_once(total: Sum, first: torch.Tensor, second: torch.Tensor, bias: _Maybe) -> torch.Tensor:
    """Return the sums of plain tensors, not by the operator: that loads the compiler first."""
    if not all(map(_is_plain, (first, second, bias))) or _somebody_reads_along():
        return _operate(total, first, second, bias)
    y: torch.Tensor = engine.evaluate(total, first, second, bias, BACKEND)
    return y.contiguous()


def _is_plain(array: _Maybe) -> bool:
    return array is None or (type(array) in PLAIN and not array.is_meta)


def _somebody_reads_along() -> bool:
    is_traced = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    return bool(is_traced or torch._C._len_torch_dispatch_stack() or transforms_are_active())


@torch.library.custom_op(
    "multiconv::exact_sum",
    mutates_args=(),
    schema=f"(Tensor first, Tensor second, Tensor? bias, {SCHEMA}) -> Tensor",
)
def _operator(
    first: torch.Tensor, second: torch.Tensor, bias: _Maybe, *flattened: Any
) -> torch.Tensor:
    y: torch.Tensor = engine.evaluate(described(flattened), first, second, bias, BACKEND)
    return y.contiguous()


@_operator.register_fake
def _(first: torch.Tensor, second: torch.Tensor, bias: _Maybe, *flattened: Any) -> torch.Tensor:
    return without_numbers(described(flattened), first, second)


def without_numbers(total: Sum, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return a tensor like the sums of two factors, for those who ask for its shape only."""
    size = derivatives.result_shape(total, tuple(first.shape), tuple(second.shape))
    return first.new_empty(size, dtype=getattr(torch, total.result))


def remember(ctx: Any, total: Sum, factors: Sequence[torch.Tensor], bias: _Maybe) -> None:
    """Keep what the derivatives of a sum depend on."""
    ctx.total, ctx.bias = total, None if bias is None else bias.dtype
    ctx.save_for_backward(*factors)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    first, second, bias, *flattened = inputs
    remember(ctx, described(tuple(flattened)), (first, second), bias)


def _gradients(ctx: Any, grad: _Maybe, needs: Sequence[bool]) -> tuple[_Maybe, _Maybe, _Maybe]:
    if grad is None:
        return None, None, None
    first, second = ctx.saved_tensors
    return (
        _gradient(ctx.total, 0, grad, first, second) if needs[0] else None,
        _gradient(ctx.total, 1, grad, second, first) if needs[1] else None,
        _gradient_of_bias(grad, ctx.bias) if needs[2] else None,
    )


def _gradient(
    total: Sum, place: int, grad: torch.Tensor, factor: torch.Tensor, other: torch.Tensor
) -> torch.Tensor:
    """Return the gradient of the factor at a place: torch conjugates what it multiplies with."""
    role, dtype = OPERANDS[total.wanted][place], BACKEND.dtype_name(factor.dtype)
    asked, terms = derivatives.adjoint(total, role, dtype, grad, other.conj(), BACKEND)
    return evaluate(asked, *derivatives.joined(asked, terms, BACKEND), None)


def _gradient_of_bias(grad: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    asked, terms = derivatives.adjoint_of_bias(BACKEND.dtype_name(dtype), grad, BACKEND)
    return evaluate(asked, *derivatives.joined(asked, terms, BACKEND), None).reshape(-1)


def _batched(
    run: Callable[..., torch.Tensor],
    total: Sum,
    in_dims: Sequence[int | None],
    count: int,
    arrays: Sequence[Any],
) -> tuple[torch.Tensor, int]:
    """Run a batch of sums as one, whose arrays have it along the axes ``in_dims``."""
    flags = [dim is not None for dim in in_dims]
    moved = [
        array if dim is None else array.movedim(dim, 0)
        for array, dim in zip(arrays, in_dims, strict=True)
    ]
    batched = Terms([flags[0]], [flags[1]], flags[2])
    folding = derivatives.folding(total, batched, count)
    given = Terms([moved[0]], [moved[1]], moved[2])
    folded = folding.factors(given, batched, BACKEND)
    y = run(folding.total, folded.firsts[0], folded.seconds[0], folded.bias)
    return folding.result(y, BACKEND), 0


_operator.register_autograd(
    lambda ctx, grad: (*_gradients(ctx, grad, ctx.needs_input_grad), *(None,) * 10),
    setup_context=_remember,
)
_operator.register_vmap(
    lambda info, in_dims, *inputs: _batched(
        _operate, described(inputs[3:]), in_dims[:3], info.batch_size, inputs[:3]
    )
)


class _Recorded(torch.autograd.Function):
    """The operator with its derivatives of both modes."""

    @staticmethod
    def forward(
        total: Sum, first: torch.Tensor, second: torch.Tensor, bias: _Maybe
    ) -> torch.Tensor:
        return _at_once(total, first, second, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        total, first, second, bias = inputs
        remember(ctx, total, (first, second), bias)
        ctx.save_for_forward(first, second)
        ctx.set_materialize_grads(False)  # to multiply with zeros would make NaN of infinities

    @staticmethod
    def backward(ctx: Any, grad: _Maybe) -> tuple[_Maybe, ...]:
        return None, *_gradients(ctx, grad, ctx.needs_input_grad[1:])

    @staticmethod
    def jvp(ctx: Any, _: Any, first: _Maybe, second: _Maybe, bias: _Maybe) -> torch.Tensor:
        ours, theirs = ctx.saved_tensors
        pairs = [] if first is None else [(first, theirs)]
        if second is not None:
            pairs.append((ours, second))
        pairs = pairs or [derivatives.nothing(ctx.total, ours, theirs, BACKEND)]
        terms = Terms(*map(list, zip(*pairs, strict=True)))
        return evaluate(ctx.total, *derivatives.joined(ctx.total, terms, BACKEND), bias)

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, total: Sum, *arrays: torch.Tensor | None
    ) -> tuple[torch.Tensor, int]:
        return _batched(evaluate, total, in_dims[1:], info.batch_size, arrays)
