"""Gradient descent in JAX, as one compiled scan over all steps."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments


def descend(task: Any) -> tuple[Any, Any, Any]:
    """Run a `multiconv.learning.descend.Task`; return weight, bias and the losses."""
    start = (task.weight, task.bias)
    end, (losses, path) = _scan(task.layer, task.steps, task.mean, task.x, task.y, start, task.lr)
    weights, biases = path
    for step in range(task.steps):
        bias = None if biases is None else biases[step]
        task.report(step, float(losses[step]), weights[step], bias)
    weight, bias = end
    return weight, bias, losses


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _scan(
    layer: LayerArguments, steps: int, mean: bool, x: Any, y: Any, start: Any, lr: Any
) -> tuple[Any, Any]:
    def loss(parameters: Any) -> Any:
        error = layers.apply(layer, x, *parameters) - y
        return jnp.mean(error**2) if mean else jnp.sum(error**2)

    def step(parameters: Any, _: None) -> tuple[Any, Any]:
        value, gradients = jax.value_and_grad(loss)(parameters)
        # The rate in the parameters' dtype: a float32 rate must not widen bfloat16 weights.
        after = jax.tree.map(lambda p, g: p - jnp.asarray(lr, p.dtype) * g, parameters, gradients)
        return after, (value, parameters)

    return jax.lax.scan(step, start, None, length=steps)
