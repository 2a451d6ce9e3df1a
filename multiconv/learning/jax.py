"""Gradient descent in JAX, as compiled scans over many steps."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning.table import Task

# So many steps at most are one scan: between two of them the progress is shown, Ctrl-C is heard,
# and the parameters of the steps that were reported are given up.
_TOGETHER = 32


def descend(task: Task) -> tuple[Any, Any]:
    """Run the steps of a task; return weight and bias."""
    problem, end = task.problem, (task.weight, task.bias)
    # Scans of one length alone, so that only one is compiled.
    together = max(n for n in range(1, _TOGETHER + 1) if task.steps % n == 0)
    for first in range(0, task.steps, together):
        end, (losses, (weights, biases)) = _scan(
            problem.layer, together, task.mean, problem.sums, problem.x, problem.y, end, task.lr
        )
        for i, loss in enumerate(np.asarray(losses)):
            task.report(first + i, float(loss), weights[i], None if biases is None else biases[i])
    return end


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _scan(
    layer: LayerArguments, steps: int, mean: bool, sums: str, x: Any, y: Any, start: Any, lr: Any
) -> tuple[Any, Any]:
    def loss(parameters: Any) -> Any:
        error = (layers.apply(layer, x, *parameters) - y).astype(sums)
        return jnp.mean(error**2) if mean else jnp.sum(error**2)

    def step(parameters: Any, _: None) -> tuple[Any, Any]:
        value, gradients = jax.value_and_grad(loss)(parameters)
        # The rate in the parameters' dtype: a float32 rate must not widen bfloat16 weights.
        after = jax.tree.map(lambda p, g: p - jnp.asarray(lr, p.dtype) * g, parameters, gradients)
        return after, (value, parameters)

    return jax.lax.scan(step, start, None, length=steps)
