"""Gradient descent in PyTorch, through autograd."""

from __future__ import annotations

from typing import Any

import torch

from multiconv.layers import shared as layers
from multiconv.learning import optimizers
from multiconv.learning.table import Task


def descend(task: Task) -> tuple[Any, Any]:
    """Run the steps of a task; return weight and bias."""
    problem = task.problem
    with torch.inference_mode(mode=False):  # tensors of that mode cannot be differentiated
        x, y = (a.clone() if a.is_inference() else a.detach() for a in (problem.x, problem.y))
        parameters = [p.detach().clone() for p in (task.weight, task.bias) if p is not None]
    if task.optimizer is not None:
        return _by_optimizer(task, x, y, parameters)
    velocity: list[Any] | None = None
    for step in range(task.steps):
        with torch.inference_mode(mode=False), torch.enable_grad():
            parameters = [p.requires_grad_() for p in parameters]
            loss = _loss(task, x, y, parameters)
            slope = list(torch.autograd.grad(loss, parameters))
            parameters = [p.detach() for p in parameters]
            if task.momentum:
                before = velocity or [0] * len(slope)
                slope = [task.momentum * v + g for v, g in zip(before, slope, strict=True)]
                velocity = slope
            following = [p - task.lr * g for p, g in zip(parameters, slope, strict=True)]
        task.report(step, float(loss.detach()), *_both(parameters))
        parameters = following
    return _both(parameters)


def _by_optimizer(task: Task, x: Any, y: Any, parameters: list[Any]) -> tuple[Any, Any]:
    with torch.inference_mode(mode=False), torch.enable_grad():
        parameters = [p.requires_grad_() for p in parameters]
        optimizer = _made(task, parameters)

    def slope() -> Any:
        optimizer.zero_grad()
        loss = _loss(task, x, y, parameters)
        loss.backward()
        return loss

    for step in range(task.steps):
        before = [p.detach().clone() for p in parameters] if task.watched else parameters
        with torch.inference_mode(mode=False), torch.enable_grad():
            # L-BFGS calls it more than once; all return the loss of the first time.
            loss: Any = optimizer.step(slope)
        task.report(step, float(loss.detach()), *_both(before))
    return _both([p.detach() for p in parameters])


def _made(task: Task, parameters: list[Any]) -> torch.optim.Optimizer:
    """Call the class with the parameters and the rate, or another factory with the parameters."""
    given = task.optimizer
    if not callable(given):
        advice = ", one that belongs to other parameters" if hasattr(given, "param_groups") else ""
        msg = (
            f"optimizer must be called with the parameters, such as torch.optim.Adam or "
            f"lambda p: torch.optim.Adam(p, lr=0.1); got {optimizers.shown(given)}{advice}"
        )
        raise TypeError(msg)
    made = given(parameters, lr=task.lr) if isinstance(given, type) else given(parameters)
    if not isinstance(made, torch.optim.Optimizer):
        msg = f"optimizer must return a torch.optim.Optimizer, it returned {optimizers.shown(made)}"
        raise TypeError(msg)
    return made


def _loss(task: Task, x: Any, y: Any, parameters: list[Any]) -> Any:
    problem = task.problem
    error = layers.apply(problem.layer, x, *_both(parameters)) - y
    squares = problem.backend.astype(error, problem.sums).square()
    return squares.mean() if task.mean else squares.sum()


def _both(parameters: list[Any]) -> tuple[Any, Any]:
    return parameters[0], parameters[1] if len(parameters) > 1 else None
