"""Gradient descent in PyTorch, through autograd."""

from __future__ import annotations

from typing import Any

import torch

from multiconv.layers import shared as layers
from multiconv.learning.table import Task


def descend(task: Task) -> tuple[Any, Any]:
    """Run the steps of a task; return weight and bias."""
    problem = task.problem
    with torch.inference_mode(mode=False):  # tensors of that mode cannot be differentiated
        x, y = (a.clone() if a.is_inference() else a.detach() for a in (problem.x, problem.y))
        parameters = [p.detach().clone() for p in (task.weight, task.bias) if p is not None]
    for step in range(task.steps):
        with torch.inference_mode(mode=False), torch.enable_grad():
            parameters = [p.requires_grad_() for p in parameters]
            error = layers.apply(problem.layer, x, *_both(parameters)) - y
            squares = problem.backend.astype(error, problem.sums).square()
            loss = squares.mean() if task.mean else squares.sum()
            gradients = torch.autograd.grad(loss, parameters)
            parameters = [p.detach() for p in parameters]
            following = [p - task.lr * g for p, g in zip(parameters, gradients, strict=True)]
        task.report(step, float(loss.detach()), *_both(parameters))
        parameters = following
    return _both(parameters)


def _both(parameters: list[Any]) -> tuple[Any, Any]:
    return parameters[0], parameters[1] if len(parameters) > 1 else None
