# %% [markdown]
# # Why autograd fails
#
# The two loops of the definition are right, and yet a framework may refuse to
# differentiate them. Here each refusal is provoked, and followed by what works. PyTorch
# and JAX have a section each, which does nothing where the framework is not installed.

# %%
import textwrap

import numpy as np

import multiconv as mc

image = [[0.0, 1, 2], [3, 4, 5], [6, 7, 8]]
kernel = [[0.0, 1], [2, 3]]
has_torch, has_jax = (name in mc.available_backends() for name in ("torch", "jax"))


def attempt(title, function):
    try:
        print(title, "->", np.asarray(function()).tolist())
    except Exception as error:
        says = textwrap.shorten(str(error), 50, placeholder="...")
        print(title, "->", type(error).__name__, says)


def corr2d(x, k, y):
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + k.shape[0], j : j + k.shape[1]] * k).sum()
    return y


# %% [markdown]
# ## PyTorch
#
# Writing into zeros is recorded, and the gradient is right. What cannot be written to
# is an output that is itself a parameter. A second `backward` fails because the first
# one has freed what it needed: compute the loss again. NumPy is no way, and says so;
# `detach` cuts the record in silence, and the error comes at `backward`, far from it.

# %%
if has_torch:
    import torch

    x, k = torch.tensor(image), torch.tensor(kernel, requires_grad=True)

    def slopes_of(y, times=1):
        k.grad = None
        for _ in range(times):
            y.sum().backward()
        return k.grad

    attempt("torch zeros", lambda: slopes_of(corr2d(x, k, torch.zeros(2, 2))))
    attempt("torch leaf", lambda: corr2d(x, k, torch.zeros(2, 2, requires_grad=True)))
    attempt("torch twice", lambda: slopes_of(mc.corr2d(x, k), times=2))
    attempt("torch numpy", lambda: mc.corr2d(x, k).numpy())
    attempt("torch cut", lambda: slopes_of(mc.corr2d(x, k.detach())))
    attempt("torch ours", lambda: slopes_of(mc.corr2d(x, k)))
# torch zeros -> [[8.0, 12.0], [20.0, 24.0]]
# torch leaf -> RuntimeError a view of a leaf Variable that requires grad is...
# torch twice -> RuntimeError Trying to backward through the graph a second...
# torch numpy -> RuntimeError Can't call numpy() on Tensor that requires...
# torch cut -> RuntimeError element 0 of tensors does not require grad and...
# torch ours -> [[8.0, 12.0], [20.0, 24.0]]

# %% [markdown]
# The gradient belongs to a parameter, not to the layer. And PyTorch has no negative
# strides, so a kernel that NumPy has flipped must be copied.

# %%
if has_torch:
    net = torch.nn.Conv2d(1, 1, 2, bias=False)
    net(x[None]).sum().backward()
    attempt("torch net.grad", lambda: net.grad)
    attempt("torch net.weight.grad", lambda: net.weight.grad)
    flipped = np.array(kernel)[::-1, ::-1]
    attempt("torch flipped", lambda: torch.from_numpy(flipped))
    attempt("torch copied", lambda: torch.from_numpy(flipped.copy()))
# torch net.grad -> AttributeError 'Conv2d' object has no attribute 'grad'
# torch net.weight.grad -> [[[[8.0, 12.0], [20.0, 24.0]]]]
# torch flipped -> ValueError At least one stride in the given numpy array is...
# torch copied -> [[3.0, 2.0], [1.0, 0.0]]

# %% [markdown]
# ## JAX
#
# Its arrays are never changed, so `y[i, j] = ...` fails; `y = y.at[i, j].set(...)`
# gives a new one. NumPy's can be written to, but hold numbers, and JAX differentiates
# with tracers, which record and have none. And only floats have slopes.

# %%
if has_jax:
    import jax
    from jax import numpy as jnp

    x, k = jnp.array(image), jnp.array(kernel)

    def slopes(function):
        return jax.grad(lambda k: function(k).sum())

    attempt("jax in place", lambda: corr2d(x, k, jnp.zeros((2, 2))))
    attempt("jax numpy", lambda: slopes(lambda k: corr2d(x, k, np.zeros((2, 2))))(k))
    attempt("jax whole", lambda: slopes(lambda k: mc.corr2d(x, k))(k.astype(int)))
    attempt("jax ours", lambda: slopes(lambda k: mc.corr2d(x, k))(k))
# jax in place -> TypeError JAX arrays are immutable and do not support in-...
# jax numpy -> ValueError setting an array element with a sequence.
# jax whole -> TypeError grad requires real- or complex-valued inputs...
# jax ours -> [[8.0, 12.0], [20.0, 24.0]]

# %% [markdown]
# ## NumPy
#
# It records nothing, so there is no gradient to fail. But the slope of a correlation is
# a correlation, of the image with the slopes of the output (here ones).

# %%
attempt("numpy ours", lambda: mc.conv_weight_grad(np.array(image), np.ones((2, 2)), 2))
# numpy ours -> [[8.0, 12.0], [20.0, 24.0]]
