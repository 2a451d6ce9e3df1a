# %% [markdown]
# # The same bits everywhere
#
# Two frameworks add up the same nine products and get different numbers. Neither is
# wrong: a sum of floats depends on the order of the additions, for each is rounded. A
# million plus one has no room for a hundredth.

# %%
import hashlib

import numpy as np

import multiconv as mc
from multiconv import exact

a, b, c, d = np.float32([1e6, 0.01, -1e6, 0.01])
print((a + b) + (c + d), (a + c) + (b + d))
# 0.0 0.02

# %% [markdown]
# So there is no "right" order, but there is a right sum: the real number. With
# `method="exact"` every output is that number, rounded once, to the nearest float. How
# it was found no longer matters; all that find it have the same bits.

# %%
ones = np.ones((1, 4), np.float32)
print(mc.corr2d(np.stack([[a, b, c, d]]), ones, method="exact"))
# [[0.02]]

# %% [markdown]
# ## One hash for all frameworks
#
# A hash shows whether any bit differs. The picture below is random, and the kernel a
# Gaussian blur.

# %%
rng = np.random.default_rng(0)
image = rng.random((64, 64), dtype=np.float32)
kernel = mc.kernels.gaussian(5, sigma=1).astype("float32")


def sha(array):
    return hashlib.sha256(np.asarray(array).tobytes()).hexdigest()[:16]


def frameworks():
    yield "numpy", np.asarray
    if "torch" in mc.available_backends():
        import torch

        yield "torch", torch.tensor
    if "jax" in mc.available_backends():
        import jax

        yield "jax", jax.numpy.array


for name, array in frameworks():
    print(name, sha(mc.corr2d(array(image), array(kernel), method="exact")))
# numpy 4950fcdfa95cf8a0
# torch 4950fcdfa95cf8a0
# jax 4950fcdfa95cf8a0

# %% [markdown]
# The usual methods keep a bound of the error instead, and the bits are whatever the
# order made them. How many pixels of NumPy's differ from the exact result?

# %%
right = mc.corr2d(image, kernel, method="exact")
for method in ("direct", "im2col"):
    share = np.mean(mc.corr2d(image, kernel, method=method) != right)
    print(method, "rounds otherwise:", share > 0.1)
# direct rounds otherwise: True
# im2col rounds otherwise: True

# %% [markdown]
# ## A whole training run
#
# A difference in the last bit grows: the next step starts from it. Exact steps have
# none. The gradient is an exact sum, too, and the step `w - lr * g`, rounded once, is
# `exact.update`: written as it stands, a compiler may contract it.

# %%
target = mc.corr2d(image, np.float32([[1, 0, -1], [2, 0, -2], [1, 0, -1]]))
start = np.zeros((3, 3), np.float32)
options = {"lr": 0.3, "loss": "mean", "method": "exact"}
for name, array in frameworks():
    x, y, init = map(array, (image, target, start))
    learned = mc.learn_kernel(x, y, (3, 3), init=init, **options)
    print(name, sha(learned.weight), sha(learned.losses))
# numpy faf637a2d804a48f edb9cf08e42715eb
# torch faf637a2d804a48f edb9cf08e42715eb
# jax faf637a2d804a48f edb9cf08e42715eb

# %% [markdown]
# By hand it is the same run, bit for bit: forward, the gradient of the squared error,
# the gradient of the kernel, and the step.

# %%
weight = start
for _ in range(10):
    y = mc.corr2d(image, weight, method="exact")
    slope = exact.squared_error_grad(y, target, reduction="mean")
    grad = mc.conv_weight_grad(image, slope, (3, 3), method="exact")
    weight = exact.update(weight, grad, lr=0.3)
print("numpy", sha(weight))
# numpy faf637a2d804a48f

# %% [markdown]
# Exact is not the same as good: the picture, the kernel and the rate are as they were.
# It costs time, which `multiconv compare` shows, and it ends one kind of question: if
# two runs differ, it was not the arithmetic.
