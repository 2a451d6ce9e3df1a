"""Functions as students write them in JAX: right ones, and others, named as they err."""

import dataclasses
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np


def right_einsum(x, k):
    rows = jnp.arange(x.shape[0] - k.shape[0] + 1)[:, None] + jnp.arange(k.shape[0])
    columns = jnp.arange(x.shape[1] - k.shape[1] + 1)[:, None] + jnp.arange(k.shape[1])
    return jnp.einsum("ijkl,jl->ik", x[rows][:, :, columns], k)


@jax.jit
def right_lax(x, k):
    return jax.lax.conv(x[None, None], k[None, None], (1, 1), "VALID")[0, 0]


def right_reduce(x, k):
    h, w = (n - m + 1 for n, m in zip(x.shape, k.shape, strict=True))
    taps = [(i, j) for i in range(k.shape[0]) for j in range(k.shape[1])]
    return reduce(lambda y, t: y + k[t] * x[t[0] : t[0] + h, t[1] : t[1] + w], taps, 0)


def flipped(x, k):
    return right_lax(x, k[::-1, ::-1])


def transposed_result(x, k):
    return right_lax(x, k).T


def window_one_short(x, k):
    return right_lax(x, k)[:-1, :-1]


def mean(x, k):
    return right_lax(x, k) / k.size


def padded(x, k):
    pads = [(n - 1, n - 1) for n in k.shape]
    return right_lax(jnp.pad(x, pads), k)


def truncated(x, k):
    return right_lax(x.astype(int), k.astype(int))


def absolute(x, k):
    return abs(right_lax(x, k))


def none(x, k):
    right_lax(x, k)


def immutable(X, K):
    h, w = K.shape
    Y = jnp.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()  # HERE
    return Y


def gradient_cut(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()  # HERE
    return jnp.array(Y)


def gradient_cut_silently(x, k):
    return right_lax(jax.lax.stop_gradient(x), k)


def square_images_only(x, k):
    n = min(x.shape)
    return right_lax(x[:n, :n], k)


@dataclasses.dataclass(frozen=True, init=False)
class Right:
    weight: jax.Array
    bias: jax.Array

    def __init__(self, kernel_size, key):
        object.__setattr__(self, "weight", jax.random.uniform(key, kernel_size))
        object.__setattr__(self, "bias", jnp.zeros(1))

    def __call__(self, x):
        return right_lax(x, self.weight) + self.bias


class BiasForgotten(Right):
    def __call__(self, x):
        return right_lax(x, self.weight)


def descend(x, y, kernel_size, rate=3e-2, mean=False):
    def loss(k):
        squares = (right_lax(x, k) - y) ** 2
        return squares.mean() if mean else squares.sum()

    k = jax.random.uniform(jax.random.PRNGKey(1), kernel_size)
    slope = jax.jit(jax.grad(loss))
    for _ in range(10):
        k = k - rate * slope(k)
    return k


def learn(x, y, kernel_size):
    return descend(x, y, kernel_size)


def wrong_sign(x, y, kernel_size):
    return descend(x, y, kernel_size, rate=-3e-2)


def wrong_scale(x, y, kernel_size):
    return descend(x, y, kernel_size, mean=True)
