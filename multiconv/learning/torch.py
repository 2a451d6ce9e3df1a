"""Gradient descent in PyTorch, through autograd."""

from __future__ import annotations

from typing import Any

import torch

from multiconv.layers import shared as layers


def descend(task: Any) -> tuple[Any, Any, Any]:
    """Run a `multiconv.learning.descend.Task`; return weight, bias and the losses."""
    with torch.inference_mode(mode=False):  # tensors of that mode cannot be differentiated
        x, y = (a.clone() if a.is_inference() else a.detach() for a in (task.x, task.y))
        parameters = [p.detach().clone() for p in (task.weight, task.bias) if p is not None]
    losses = torch.zeros(task.steps, dtype=y.dtype, device=y.device)
    for step in range(task.steps):
        with torch.inference_mode(mode=False), torch.enable_grad():
            parameters = [p.requires_grad_() for p in parameters]
            error = layers.apply(task.layer, x, *_both(parameters)) - y
            loss = error.square().mean() if task.mean else error.square().sum()
            gradients = torch.autograd.grad(loss, parameters)
            parameters = [p.detach() for p in parameters]
            following = [p - task.lr * g for p, g in zip(parameters, gradients, strict=True)]
        losses[step] = value = loss.detach()
        task.report(step, float(value), *_both(parameters))
        parameters = following
    return *_both(parameters), losses


def _both(parameters: list[Any]) -> tuple[Any, Any]:
    return parameters[0], parameters[1] if len(parameters) > 1 else None
