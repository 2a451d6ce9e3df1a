"""Gradient descent by the adjoint, for arrays without autodiff."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import Array
from multiconv.functions.gradients import conv_weight_grad
from multiconv.layers import shared as layers
from multiconv.learning.table import Task


def descend(task: Task) -> tuple[Array, Array | None]:
    """Run the steps of a task; return weight and bias."""
    weight, bias = task.weight, task.bias
    for step in range(task.steps):
        loss, after = _step(task, weight, bias)
        task.report(step, loss, weight, bias)
        weight, bias = after
    return weight, bias


@np.errstate(over="ignore", invalid="ignore")  # that it diverges has been said, once
def _step(task: Task, weight: Array, bias: Array | None) -> tuple[float, tuple[Any, Any]]:
    """Return the loss and the parameters after a step.

    With r the error and s = 2, over the number of outputs for the mean, the gradients are the
    adjoint's: dw = conv_weight_grad(x, s r), and db the sum of s r over all axes but the filters'.
    """
    problem, backend, layer = task.problem, task.problem.backend, task.problem.layer
    xp = backend.xp
    error = backend.astype(layers.apply(layer, problem.x, weight, bias) - problem.y, problem.sums)
    scale = 1 / problem.y.size if task.mean else 1
    x = xp.reshape(problem.x, (-1, layer.in_channels or 1, *problem.x.shape[-2:]))
    slope = xp.reshape(2 * scale * error, (x.shape[0], -1, *error.shape[-2:]))
    dw = conv_weight_grad(x, slope, layer.kernel_size, method=layer.method)
    after = [weight - task.lr * xp.reshape(dw, weight.shape)]
    if bias is not None:
        after.append(bias - task.lr * xp.sum(slope, axis=(0, 2, 3)))
    # By way of NumPy, for a lazy library would compute every step anew in each that follows.
    fresh = [backend.from_numpy(backend.to_numpy(p), problem.dtype, problem.x) for p in after]
    return float(xp.sum(error * error) * scale), (fresh[0], None if bias is None else fresh[1])
