"""Gradient descent in JAX: one compiled loop, called for one step or for many."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning import optimizers
from multiconv.learning.table import Task

# So many steps at most are one call, and no more than take so many seconds: between two of them
# the progress is shown, what is printed is printed, and Ctrl-C is heard.
_TOGETHER = 1024
_SECONDS = 0.05

# From gradients, memory and parameters to what is added to these, and the memory.
_Update: TypeAlias = Callable[..., tuple[Any, Any]]


def descend(task: Task) -> tuple[Any, Any]:
    """Run the steps of a task; return weight and bias."""
    problem, parameters = task.problem, (task.weight, task.bias)
    update, memory = _rule(task, parameters)
    run = functools.partial(_steps, problem.layer, task.mean, problem.sums, update)
    rates, first, together = (task.lr, task.momentum), 0, 1
    while first < task.steps:
        count, began = min(together, task.steps - first), time.monotonic()
        following, losses = run(problem.x, problem.y, (parameters, memory), rates, count)
        for i, loss in enumerate(np.asarray(losses)[:count]):
            task.report(first + i, float(loss), *parameters)
        first, (parameters, memory) = first + count, following
        # The count is no part of what is compiled, so the numbers do not depend on it.
        if not task.watched and time.monotonic() - began < _SECONDS:
            together = min(2 * together, _TOGETHER)
    return parameters


def _rule(task: Task, parameters: Any) -> tuple[_Update | None, Any]:
    """Return the optimizer's update, None for gradient descent, and its first memory."""
    given = task.optimizer
    if given is None:
        return None, jax.tree.map(jnp.zeros_like, parameters) if task.momentum else None
    # A class makes no transformation: it is one of another framework.
    made = given(task.lr) if callable(given) and not isinstance(given, type) else given
    if not (callable(getattr(made, "init", None)) and callable(getattr(made, "update", None))):
        msg = (
            f"optimizer must be an optax.GradientTransformation, such as optax.adam(0.1), or be "
            f"called with the rate, such as optax.adam; got {optimizers.shown(given)}"
        )
        raise TypeError(msg)
    return made.update, made.init(parameters)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _steps(
    layer: LayerArguments,
    mean: bool,
    sums: str,
    update: _Update | None,
    x: Any,
    y: Any,
    start: Any,
    rates: Any,
    count: Any,
) -> tuple[Any, Any]:
    """Take a number of steps; return parameters and memory, and the losses before the steps."""

    def loss(parameters: Any) -> Any:
        error = (layers.apply(layer, x, *parameters) - y).astype(sums)
        return jnp.mean(error**2) if mean else jnp.sum(error**2)

    def step(i: Any, carried: Any) -> Any:
        (parameters, memory), losses = carried
        value, gradients = jax.value_and_grad(loss)(parameters)
        if update is None:
            after, memory = _descended(parameters, memory, gradients, *rates)
        else:
            search = {"value": value, "grad": gradients, "value_fn": loss}
            more = search if _searches(update) else {}
            changes, memory = update(gradients, memory, parameters, **more)
            after = jax.tree.map(lambda p, c: (p + c).astype(p.dtype), parameters, changes)
        return (after, memory), losses.at[i].set(value)

    end: tuple[Any, Any] = jax.lax.fori_loop(0, count, step, (start, jnp.zeros(_TOGETHER, sums)))
    return end


def _searches(update: _Update) -> bool:
    """Tell whether an optimizer takes what a search along the line needs, as that of L-BFGS."""
    kinds = [parameter.kind for parameter in inspect.signature(update).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _descended(
    parameters: Any, velocity: Any, gradients: Any, lr: Any, momentum: Any
) -> tuple[Any, Any]:
    # The rates in the parameters' dtype: a float32 rate must not widen bfloat16 weights.
    def by(rate: Any, array: Any) -> Any:
        return jnp.asarray(rate, array.dtype) * array

    if velocity is not None:
        velocity = gradients = jax.tree.map(lambda v, g: by(momentum, v) + g, velocity, gradients)
    return jax.tree.map(lambda p, g: p - by(lr, g), parameters, gradients), velocity
