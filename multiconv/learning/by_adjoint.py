"""Gradient descent by the adjoint, for arrays without autodiff."""

from __future__ import annotations

from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.functions.gradients import conv_weight_grad
from multiconv.layers import shared as layers


def by_adjoint(task: Any, backend: Backend) -> tuple[Array, Array | None, Array]:
    """Run a `multiconv.learning.descend.Task`; return weight, bias and the losses."""
    xp = backend.xp
    weight, bias = task.weight, task.bias
    x, y = task.x, task.y
    if task.layer.in_channels is None:
        x = xp.reshape(x, (-1, 1, *x.shape[-2:]))
    scale = 1 / y.size if task.mean else 1
    losses = []
    for step in range(task.steps):
        error = layers.apply(task.layer, task.x, weight, bias) - y
        losses.append(xp.sum(error * error) * scale)
        task.report(step, float(losses[-1]), weight, bias)
        slope = xp.reshape(2 * scale * error, (x.shape[0], -1, *y.shape[-2:]))
        dw = conv_weight_grad(x, slope, task.layer.kernel_size, method=task.layer.method)
        weight = weight - task.lr * xp.reshape(dw, weight.shape)
        if bias is not None:
            bias = bias - task.lr * xp.sum(slope, axis=(0, 2, 3))
    stacked = xp.stack(losses) if losses else backend.zeros((0,), y)
    return weight, bias, stacked
