# %% [markdown]
# # Comparing frameworks
#
# Which framework is faster? A wrong answer needs no stopwatch, so agreement comes
# first. It is strict: the numbers below are small and whole, and float32 holds the sums
# exactly. All must agree in every bit, and no tolerance can hide a mistake.

# %%
import statistics
import sys
import time

import numpy as np

import multiconv as mc

rng = np.random.default_rng(0)
image = rng.integers(-2, 3, (256, 256)).astype("float32")
kernel = rng.integers(-2, 3, (3, 3)).astype("float32")

# %% [markdown]
# ## The same work, in each idiom
#
# Two calls: forward, and the gradient of sum(y²) / 2 with respect to the kernel, which
# needs forward too. Each framework does it as its users would: JAX compiled by jit,
# torch by autograd, NumPy by the adjoint. Data are moved beforehand.


# %%
def numpy_calls():
    def gradient():
        return mc.conv_weight_grad(image, mc.corr2d(image, kernel), kernel.shape)

    return lambda: mc.corr2d(image, kernel), gradient


def torch_calls():
    import torch

    x, k = torch.tensor(image), torch.tensor(kernel)
    weight = torch.tensor(kernel, requires_grad=True)

    def gradient():
        return torch.autograd.grad((mc.corr2d(x, weight) ** 2).sum() / 2, weight)[0]

    return lambda: mc.corr2d(x, k), gradient


def jax_calls():
    import jax

    x, k = jax.numpy.array(image), jax.numpy.array(kernel)
    forward = jax.jit(mc.corr2d)
    gradient = jax.jit(jax.grad(lambda k, x: (mc.corr2d(x, k) ** 2).sum() / 2))
    return lambda: forward(x, k), lambda: gradient(k, x)


calls = {}
for make in (numpy_calls, torch_calls, jax_calls):
    name = make.__name__.removesuffix("_calls")
    if name in mc.available_backends():
        calls[name, "forward"], calls[name, "gradient"] = make()


def seconds(name, call):
    """Return how long a call takes until its result is there, and the result."""
    start = time.perf_counter()
    result = call()
    mc.get_backend(name).backend.synchronize(result)
    return time.perf_counter() - start, result


# %% [markdown]
# JAX, and torch on a GPU, return before the work is done; without the line
# `synchronize` one would time the asking and not the work.
#
# ## First calls: right, and cold
#
# The first call loads, plans and perhaps compiles. That happens once, and must not be
# averaged with the rest. Its result is compared with that of int64, which is exact.

# %%
cold, results = {}, {}
for key, call in calls.items():
    cold[key], results[key] = seconds(key[0], call)
whole, taps = image.astype("int64"), kernel.astype("int64")
exact = {"forward": mc.corr2d(whole, taps)}
exact["gradient"] = mc.conv_weight_grad(whole, exact["forward"], taps.shape)
for (name, what), result in results.items():
    print(name, what, "equals the exact result:", np.array_equal(result, exact[what]))
# numpy forward equals the exact result: True
# numpy gradient equals the exact result: True
# torch forward equals the exact result: True
# torch gradient equals the exact result: True
# jax forward equals the exact result: True
# jax gradient equals the exact result: True

# %% [markdown]
# ## Warm calls: in turns, and the median
#
# Other work disturbs a clock. Taking turns spreads that over all; a median ignores the
# few calls that were interrupted, which a mean would not. Times differ from run to run,
# so they go to stderr, with half the distance of the quartiles, to tell what they mean.

# %%
warm = {key: [] for key in calls}
for _ in range(21):
    for key, call in calls.items():
        warm[key].append(seconds(key[0], call)[0])
for key, times in warm.items():
    low, median, high = (1e6 * t for t in statistics.quantiles(times, n=4))
    first, half = 1e6 * cold[key], (high - low) / 2
    print(f"{key}: {first:.0f} µs, then {median:.0f} ± {half:.0f} µs", file=sys.stderr)
    if key[0] == "jax":
        print(*key, "- the first takes over ten warm ones:", first > 10 * median)
# jax forward - the first takes over ten warm ones: True
# jax gradient - the first takes over ten warm ones: True

# %% [markdown]
# `multiconv compare` does this for every method, `multiconv bench` for many sizes.
