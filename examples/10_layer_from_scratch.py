# %% [markdown]
# # A layer's backward pass, from scratch
#
# Training a layer `y = conv(x, w) + b` needs three gradients: by w, by b and by x. Here
# they are loops, checked by differences, and compared with library and autodiff.

# %%
import numpy as np

import multiconv as mc

backend = mc.get_backend()

# %% [markdown]
# ## Forward
#
# x is (C, H, W): channels, rows, columns. w is (O, C, kh, kw): O filters, each with a
# kernel per channel. An output is a sum over one window of all channels, and the bias.


# %%
def places(x, w, stride):
    """Yield every output's place (o, i, j) with the index of its window in x."""
    (kh, kw), s = w.shape[2:], stride
    for o, i, j in np.ndindex(len(w), *mc.output_size(x.shape[1:], (kh, kw), s)):
        yield (o, i, j), np.s_[:, i * s : i * s + kh, j * s : j * s + kw]


def forward(x, w, b, stride, padding):
    """Return y[o, i, j]."""
    size = mc.output_size(x.shape[1:], w.shape[2:], stride, padding)
    y = np.zeros((len(w), *size), x.dtype)
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    for (o, i, j), window in places(x, w, stride):
        y[o, i, j] = np.sum(x[window] * w[o]) + b[o]
    return y


# %% [markdown]
# ## Backward
#
# Let L be a number that depends on y, and dy = dL/dy. An output is
# `sum(window * w[o]) + b[o]`; so, by the chain rule, it hands its dy on three times: to
# each weight, times the pixel that the weight met; to each pixel, times the weight it
# met; and to the bias as it is. All this adds up, and what the padding got is cut off.


# %%
def backward(dy, x, w, stride, padding):
    """Return dL/dx, dL/dw and dL/db."""
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for (o, i, j), window in places(x, w, stride):
        dw[o] += dy[o, i, j] * x[window]
        dx[window] += dy[o, i, j] * w[o]
    inside = slice(padding, -padding or None)
    return dx[:, inside, inside], dw, dy.sum(axis=(1, 2))


# %% [markdown]
# ## A numerical check
#
# For one number p of x, w or b, `(L(p + h) - L(p - h)) / 2h` is near dL/dp. Take the
# sum of squares, `L = sum(y * y) / 2`: then dy = y, and L is a quadratic in p, of which
# this quotient is the derivative itself, whatever h is. With h = 1 and small integers
# nothing is rounded either: the numbers must be *equal*, without any tolerance.

# %%
rng = np.random.default_rng(0)
x, w, b = (rng.integers(-4, 5, size) for size in ((3, 5, 6), (4, 3, 3, 2), (4,)))
setup = {"stride": 2, "padding": 1}


def numerical(parameter):
    """Return dL/dparameter by differences, changing one number at a time, in place."""
    gradient = np.zeros_like(parameter)
    for place in np.ndindex(parameter.shape):
        for step, sign in ((1, 1), (-2, -1)):  # up to p + 1, then down to p - 1
            parameter[place] += step
            gradient[place] += sign * np.sum(forward(x, w, b, **setup) ** 2)
        parameter[place] += 1
    return gradient // 4


y = forward(x, w, b, **setup)
dx, dw, db = backward(y, x, w, **setup)
print([np.array_equal(numerical(p), d) for p, d in ((x, dx), (w, dw), (b, db))])
# [True, True, True]

# %% [markdown]
# ## The library and the framework
#
# `conv_input_grad` and `conv_weight_grad` are the same sums without the loops. torch
# and JAX differentiate the call themselves. NumPy cannot; its layer has a `backward`.

# %%
X, W, Y = x.tolist(), w.tolist(), y.tolist()  # every framework takes lists
DX = backend.conv_input_grad(Y, W, (5, 6), **setup)
DW = backend.conv_weight_grad(X, Y, (3, 2), **setup)
print([np.array_equal(DX, dx), np.array_equal(DW, dw)])
# [True, True]

floats = [array.astype("float32") for array in (x, w, b)]
if backend.name == "torch":
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in floats]
    (backend.conv2d(*tensors, **setup) ** 2).sum().div(2).backward()
    found = [tensor.grad for tensor in tensors]
elif backend.name == "jax":
    import jax

    loss = jax.jit(lambda *arrays: (backend.conv2d(*arrays, **setup) ** 2).sum() / 2)
    found = jax.grad(loss, argnums=(0, 1, 2))(*floats)
else:
    layer = backend.Conv2D((3, 2), in_channels=3, out_channels=4, **setup)
    layer.weight, layer.bias = floats[1:]
    found = [layer.backward(layer(floats[0])), layer.weight_grad, layer.bias_grad]
print([np.array_equal(f, g) for f, g in zip(found, (dx, dw, db), strict=True)])
# [True, True, True]
