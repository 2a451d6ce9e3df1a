# %% [markdown]
# # Learning a kernel
#
# Given an image and its edges, gradient descent finds the kernel. The loss is the
# squared error of all pixels together. One step with all the data is an *epoch*; a
# batch would be a part of them.
#
# Three frameworks take the same ten steps. Those not installed are left out.

# %%
import numpy as np

import multiconv as mc

x = np.ones((6, 8), dtype=np.float32)
x[:, 2:6] = 0
y = mc.corr2d(x, np.array([[1, -1]], dtype=np.float32))
start = np.array([[0.5, 0.5]], dtype=np.float32)
lr = 3e-2

# %% [markdown]
# ## NumPy, by hand
#
# With the error E = corr2d(X, K) - Y the loss is the sum of E². Each tap K[a, b] meets
# the pixels X[i+a, j+b], so its slope is the sum of 2 E[i, j] X[i+a, j+b] over all i
# and j. That is a correlation again: of the image with 2 E.

# %%
k = start.copy()
for epoch in range(1, 11):
    error = mc.corr2d(x, k) - y
    k -= lr * mc.corr2d(x, 2 * error)
    if epoch % 5 == 0:
        print(f"epoch {epoch}, loss {(error**2).sum():.3f}")
# epoch 5, loss 2.854
# epoch 10, loss 0.274
print(k.round(3))
# [[ 1.042 -0.935]]

# %% [markdown]
# ## PyTorch
#
# Its layers want a batch and channels: the image becomes (1, 1, 6, 8). The gradient is
# in `net.weight.grad`, and would add up from step to step if it were not reset.

# %%
if "torch" in mc.available_backends():
    import torch

    net = torch.nn.Conv2d(1, 1, (1, 2), bias=False)
    net.weight.data = torch.tensor(start)[None, None]
    images, edges = torch.tensor(x)[None, None], torch.tensor(y)[None, None]
    for _ in range(10):
        loss = ((net(images) - edges) ** 2).sum()
        net.zero_grad()
        loss.backward()
        net.weight.data -= lr * net.weight.grad
    print("torch", net.weight.data[0, 0].numpy().round(3))
# torch [[ 1.042 -0.935]]

# %% [markdown]
# ## JAX
#
# The loss is a function of the kernel, and `jax.grad` makes of it the function that
# gives the slopes. Nothing is changed in place: each step gives a new kernel.

# %%
if "jax" in mc.available_backends():
    import jax

    def loss_of(k):
        return ((mc.corr2d(jax.numpy.array(x), k) - jax.numpy.array(y)) ** 2).sum()

    slopes, k = jax.jit(jax.grad(loss_of)), jax.numpy.array(start)
    for _ in range(10):
        k = k - lr * slopes(k)
    print("jax", np.asarray(k).round(3))
# jax [[ 1.042 -0.935]]

# %% [markdown]
# ## With a bias
#
# `learn_kernel` takes the same steps. A bias is a tap on an image of ones. The descent
# converges for rates below one over the largest eigenvalue of A Aᵀ, where A holds what
# each tap meets in a row. The ones halve this bound, and so the rate must be halved.

# %%
patches = mc.im2col(x, (1, 2))
for a in (patches, np.vstack([patches, np.ones(42)])):
    print(f"rates below {1 / np.linalg.eigvalsh(a @ a.T)[-1]:.4f}")
# rates below 0.0333
# rates below 0.0161
fit = mc.learn_kernel(x, y, (1, 2), bias=True, lr=lr / 2, init=start, steps=40)
print(fit.weight.round(2), fit.bias.round(2))
# [[ 1. -1.]] [0.]

# %% [markdown]
# ## The loss hardly falls?
#
# Then it may be a mean. Dividing by the 42 outputs divides the slopes, too: the same
# rate needs many more epochs, and 42 times the rate as many as before.

# %%
for loss, rate in [("sum", lr), ("mean", lr), ("mean", 42 * lr)]:
    fit = mc.learn_kernel(x, y, (1, 2), loss=loss, lr=rate, init=start, steps=1000)
    sums = fit.losses * (42 if loss == "mean" else 1)
    print(f"{loss:4}  rate {rate:.2f}  epochs {np.argmax(sums < 0.01)}")
# sum   rate 0.03  epochs 17
# mean  rate 0.03  epochs 412
# mean  rate 1.26  epochs 17

# %% [markdown]
# ## The learned kernel is another one?
#
# In a notebook, y may come from the K of an earlier cell. `solve_kernel` says at once
# which kernel fits best.

# %%
print(mc.solve_kernel(x, y, (1, 2)).weight.round(6))
# [[ 1. -1.]]
