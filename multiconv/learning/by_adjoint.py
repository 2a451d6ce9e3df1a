"""Gradient descent by the adjoint, for arrays without autodiff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multiconv.backends.base import Array
from multiconv.functions.gradients import conv_weight_grad
from multiconv.layers import shared as layers
from multiconv.learning import optimizers
from multiconv.learning.table import Task


def descend(task: Task) -> tuple[Array, Array | None]:
    """Run the steps of a task; return weight and bias."""
    if task.optimizer is not None:
        raise TypeError(optimizers.refusal(task.problem.backend.array_name, task.optimizer))
    parameters = [p for p in (task.weight, task.bias) if p is not None]
    velocity: Sequence[Array] | None = None
    for step in range(task.steps):
        loss, gradients = _slope(task, *_both(parameters))
        task.report(step, loss, *_both(parameters))
        parameters, velocity = _step(task, parameters, gradients, velocity)
    return _both(parameters)


@np.errstate(over="ignore", invalid="ignore")  # that it diverges has been said, once
def _slope(task: Task, weight: Array, bias: Array | None) -> tuple[float, list[Array]]:
    """Return the loss and its gradients.

    With r the error and s = 2, over the number of outputs for the mean, the gradients are the
    adjoint's: dw = conv_weight_grad(x, s r), and db the sum of s r over all axes but the filters'.
    """
    problem, backend, layer = task.problem, task.problem.backend, task.problem.layer
    xp = backend.xp
    error = backend.astype(layers.apply(layer, problem.x, weight, bias) - problem.y, problem.sums)
    scale = 1 / problem.y.size if task.mean else 1
    x = xp.reshape(problem.x, (-1, layer.in_channels or 1, *problem.x.shape[-2:]))
    slope = xp.reshape(2 * scale * error, (x.shape[0], -1, *error.shape[-2:]))
    dw = conv_weight_grad(x, slope, layer.kernel_size, **layer.options())
    gradients = [xp.reshape(dw, weight.shape)]
    if bias is not None:
        gradients.append(xp.sum(slope, axis=(0, 2, 3)))
    loss, *gradients = backend.computed([xp.sum(error * error) * scale, *gradients])
    return float(loss), gradients


@np.errstate(over="ignore", invalid="ignore")
def _step(
    task: Task, parameters: list[Array], gradients: list[Array], velocity: Sequence[Array] | None
) -> tuple[list[Array], Sequence[Array] | None]:
    if task.momentum:
        before = velocity or [0] * len(gradients)
        pairs = zip(before, gradients, strict=True)
        velocity = gradients = [_kept(task, task.momentum * v + g) for v, g in pairs]
    pairs = zip(parameters, gradients, strict=True)
    return [_kept(task, p - task.lr * g) for p, g in pairs], velocity


def _kept(task: Task, array: Array) -> Array:
    """Return an array of the kernel's dtype, by way of NumPy.

    For a lazy library would compute every step anew in each that follows.
    """
    problem, backend = task.problem, task.problem.backend
    return backend.from_numpy(backend.to_numpy(array), problem.dtype, problem.x)


def _both(parameters: list[Any]) -> tuple[Array, Array | None]:
    return parameters[0], parameters[1] if len(parameters) > 1 else None
