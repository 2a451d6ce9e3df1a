"""Gradient descent by the method "exact": one loop, and one trajectory, for every library.

Every number is an exact sum, rounded once (see `multiconv.training`). The gradients are taken by
the adjoint and not by autodiff, which would give the same.
"""

from __future__ import annotations

from multiconv.backends.base import Array
from multiconv.functions.gradients import conv_weight_grad
from multiconv.layers import shared as layers
from multiconv.learning.table import Task
from multiconv.training.errors import squared_error, squared_error_grad
from multiconv.training.sums import channel_sums
from multiconv.training.update import update


def descend(task: Task) -> tuple[Array, Array | None]:
    """Run the steps of a task; return weight and bias."""
    if task.optimizer is not None:
        msg = (
            "optimizer: its divisions and roots differ from library to library; method='exact' "
            "takes momentum=0.9 instead, or leave out method"
        )
        raise ValueError(msg)
    problem, reduction = task.problem, "mean" if task.mean else "sum"
    x, target = _unrecorded(task, problem.x), _unrecorded(task, problem.y)
    parameters = [p for p in (task.weight, task.bias) if p is not None]
    velocity: list[Array] | None = None
    for step in range(task.steps):
        y = layers.apply(problem.layer, x, *_both(parameters))
        loss = float(squared_error(y, target, reduction=reduction))
        task.report(step, loss, *_both(parameters))
        slope = squared_error_grad(y, target, reduction=reduction)
        gradients = _gradients(task, x, slope, parameters)
        if task.momentum:
            pairs = zip(gradients, velocity or gradients, strict=True)
            # The first velocity is the gradient itself: there is none before it.
            kept = [g if velocity is None else update(g, v, -task.momentum) for g, v in pairs]
            velocity = gradients = kept
        pairs = zip(parameters, gradients, strict=True)
        parameters = [_unrecorded(task, update(p, g, task.lr)) for p, g in pairs]
    return _both(parameters)


def _gradients(task: Task, x: Array, slope: Array, parameters: list[Array]) -> list[Array]:
    """Return dw, the adjoint's, and db, the sum of the slope over all axes but the filters'."""
    problem, layer = task.problem, task.problem.layer
    xp = problem.backend.xp
    images = xp.reshape(x, (-1, layer.in_channels or 1, *x.shape[-2:]))
    slope = xp.reshape(slope, (images.shape[0], -1, *slope.shape[-2:]))
    dw = conv_weight_grad(images, slope, layer.kernel_size, **layer.options())
    both = [xp.reshape(dw, parameters[0].shape)]
    return both if len(parameters) == 1 else [*both, channel_sums(slope, problem.backend)]


def _unrecorded(task: Task, array: Array) -> Array:
    """Return a copy by way of NumPy, which no autodiff records, and no lazy library defers."""
    backend = task.problem.backend
    return backend.from_numpy(backend.to_numpy(array), task.problem.dtype, array)


def _both(parameters: list[Array]) -> tuple[Array, Array | None]:
    return parameters[0], parameters[1] if len(parameters) > 1 else None
