"""Exact sums of a bordered image for PyTorch, with the derivatives of image, border and filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from multiconv.backends.torch import BACKEND
from multiconv.exact import derivatives
from multiconv.exact import torch as plain
from multiconv.exact.bordered.border import gradient, of_image, of_surrounded, surrounded
from multiconv.exact.derivatives import Terms
from multiconv.exact.description import OPERANDS, Sum, Wanted
from multiconv.exact.flat import SCHEMA, described, flat

_Maybe = torch.Tensor | None


def evaluate(
    total: Sum, image: torch.Tensor, value: torch.Tensor, second: torch.Tensor, bias: _Maybe
) -> torch.Tensor:
    """Evaluate a sum of floats, and record it where gradients are recorded."""
    if not image.is_floating_point() and not image.is_complex():  # which nothing differentiates
        return _plainly(total, image, value, second, bias)
    if torch.compiler.is_compiling():
        y: torch.Tensor = _operator(image, value, second, bias, *flat(total))
    else:
        y = _Recorded.apply(total, image, value, second, bias)  # type: ignore[no-untyped-call]
    return y


def _plainly(
    total: Sum, image: torch.Tensor, value: torch.Tensor, second: torch.Tensor, bias: _Maybe
) -> torch.Tensor:
    whole = surrounded(total, image, value, BACKEND)
    return plain.evaluate(of_surrounded(total), whole, second, bias)


def _summed(asked: Sum, terms: Terms[torch.Tensor]) -> torch.Tensor:
    return plain.evaluate(asked, *derivatives.joined(asked, terms, BACKEND), terms.bias)


@torch.library.custom_op(
    "multiconv::exact_sum_in_border",
    mutates_args=(),
    schema=f"(Tensor image, Tensor value, Tensor second, Tensor? bias, {SCHEMA}) -> Tensor",
)
def _operator(
    image: torch.Tensor, value: torch.Tensor, second: torch.Tensor, bias: _Maybe, *flattened: Any
) -> torch.Tensor:
    return _plainly(described(flattened), image, value, second, bias).contiguous()


@_operator.register_fake
def _(
    image: torch.Tensor, value: torch.Tensor, second: torch.Tensor, bias: _Maybe, *flattened: Any
) -> torch.Tensor:
    return plain.without_numbers(described(flattened), image, second)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    image, value, second, bias, *flattened = inputs
    plain.remember(ctx, described(tuple(flattened)), (image, value, second), bias)


def _gradients(ctx: Any, grad: _Maybe, needs: Sequence[bool]) -> list[_Maybe]:
    found: list[_Maybe] = [None] * 4
    if grad is None:
        return found
    total: Sum = ctx.total
    image, value, second = ctx.saved_tensors

    def adjoint(of: Sum, role: Wanted, factor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        # PyTorch conjugates what it multiplies with.
        dtype = BACKEND.dtype_name(factor.dtype)
        return _summed(*derivatives.adjoint(of, role, dtype, grad, other.conj(), BACKEND))

    if needs[0]:
        found[0] = adjoint(of_image(total), "x", image, second)
    if needs[1]:
        factors = grad, second.conj()
        y, weight = factors if total.wanted == "y" else factors[::-1]
        asked = gradient(total, value, y, weight, BACKEND)
        none = torch.zeros_like(value)
        found[1] = none if asked is None else _summed(*asked).reshape(value.shape)
    if needs[2]:
        whole = surrounded(total, image, value, BACKEND)
        found[2] = adjoint(of_surrounded(total), OPERANDS[total.wanted][1], second, whole)
    if needs[3]:
        own = derivatives.adjoint_of_bias(BACKEND.dtype_name(ctx.bias), grad, BACKEND)
        found[3] = _summed(*own).reshape(-1)
    return found


_operator.register_autograd(
    lambda ctx, grad: (*_gradients(ctx, grad, ctx.needs_input_grad), *(None,) * 10),
    setup_context=_remember,
)


class _Recorded(torch.autograd.Function):
    """The sums with their derivatives of both modes."""

    @staticmethod
    def forward(
        total: Sum, image: torch.Tensor, value: torch.Tensor, second: torch.Tensor, bias: _Maybe
    ) -> torch.Tensor:
        return _plainly(total, image, value, second, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        total, image, value, second, bias = inputs
        plain.remember(ctx, total, (image, value, second), bias)
        ctx.save_for_forward(image, value, second)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: _Maybe) -> tuple[_Maybe, ...]:
        return None, *_gradients(ctx, grad, ctx.needs_input_grad[1:])

    @staticmethod
    def jvp(
        ctx: Any, _: Any, image: _Maybe, value: _Maybe, second: _Maybe, bias: _Maybe
    ) -> torch.Tensor:
        total: Sum = ctx.total
        own, shown, other = ctx.saved_tensors
        whole = surrounded(total, own, shown, BACKEND)
        pairs = []
        if image is not None or value is not None:
            image = torch.zeros_like(own) if image is None else image
            value = torch.zeros_like(shown) if value is None else value
            pairs.append((surrounded(total, image, value, BACKEND), other))
        if second is not None:
            pairs.append((whole, second))
        asked = of_surrounded(total)
        pairs = pairs or [derivatives.nothing(asked, whole, other, BACKEND)]
        firsts, seconds = map(list, zip(*pairs, strict=True))
        return _summed(asked, Terms(firsts, seconds, bias))

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, total: Sum, *arrays: torch.Tensor | None
    ) -> tuple[torch.Tensor, int]:
        image, *others = arrays
        is_of_images = total.wanted == "y" and all(dim is None for dim in in_dims[2:])
        if image is not None and is_of_images:  # of one border
            image = image.movedim(in_dims[1], 0)
            y = _Recorded.apply(total, image.flatten(0, 1), *others)  # type: ignore[no-untyped-call]
            return y.unflatten(0, image.shape[:2]), 0
        run: Callable[..., torch.Tensor] = torch.vmap(
            lambda *some: _plainly(total, *some), in_dims[1:]
        )
        return run(*arrays), 0
