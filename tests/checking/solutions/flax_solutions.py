"""Layers as students write them in Flax."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx


def corr2d(x, k):
    return jax.lax.conv(x[None, None], k[None, None], (1, 1), "VALID")[0, 0]


class Nnx(nnx.Module):
    def __init__(self, kernel_size, rngs):
        self.weight = nnx.Param(jax.random.uniform(rngs.params(), kernel_size))
        self.bias = nnx.Param(jnp.zeros(1))

    def __call__(self, x):
        return corr2d(x, self.weight[...]) + self.bias[...]


class Linen(nn.Module):
    kernel_size: tuple

    def setup(self):
        self.weight = self.param("w", nn.initializers.uniform(), self.kernel_size)
        self.bias = self.param("b", nn.initializers.zeros, 1)

    def __call__(self, x):
        return corr2d(x, self.weight) + self.bias


class BiasForgotten(Linen):
    def __call__(self, x):
        return corr2d(x, self.weight)
