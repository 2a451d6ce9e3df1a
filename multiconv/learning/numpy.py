"""Gradient descent in NumPy, through the layer's own backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.layers.numpy import Conv2D


def descend(task: Any) -> tuple[Any, Any, Any]:
    """Run a `multiconv.learning.descend.Task`; return weight, bias and the losses."""
    layer = Conv2D.from_parameters(task.layer, task.weight, task.bias)
    losses = np.zeros(task.steps, task.y.dtype)
    for step in range(task.steps):
        error = layer(task.x) - task.y
        losses[step] = np.mean(error**2) if task.mean else np.sum(error**2)
        task.report(step, float(losses[step]), layer.weight.copy(), _copy(layer.bias))
        layer.zero_grad()
        layer.backward(2 * error / error.size if task.mean else 2 * error)
        layer.weight -= task.lr * layer.weight_grad
        if layer.bias is not None:
            layer.bias -= task.lr * layer.bias_grad
    return layer.weight, layer.bias, losses


def _copy(bias: Any) -> Any:
    return None if bias is None else bias.copy()
