# %% [markdown]
# # Filters for any array
#
# Whoever writes a library of filters does not know whose arrays will come. multiconv
# returns what it was given, so filters made of it work on NumPy, torch, JAX and every
# library that follows the array API standard. Three habits are enough: take functions
# from the array's own namespace, take kernels with `like=image`, and convert nothing.
#
# ## Unsharp masking
#
# What a blur takes away is detail. Added once more, it makes edges overshoot: sharper.

# %%
import importlib.util

import numpy as np
from array_api_compat import array_namespace

import multiconv as mc


def filtered(image, kernel):
    """Return images (..., H, W) of the same size; the border repeats its last pixel."""
    return mc.corr2d(image, kernel, padding="same", padding_mode="replicate")


def unsharp_mask(image, amount=1.0):
    blurred = filtered(image, mc.kernels.gaussian(3, like=image))
    return image + amount * (image - blurred)


step = np.array([[0.0, 0, 0, 1, 1, 1]])
print(filtered(step, mc.kernels.gaussian(3)).round(2))
# [[0.   0.   0.24 0.76 1.   1.  ]]
print(unsharp_mask(step).round(2))
# [[ 0.    0.   -0.24  1.24  1.    1.  ]]

# %% [markdown]
# ## Edges
#
# Sobel's kernels measure the slopes along x and y; together they give the magnitude of
# the gradient. An edge is a ridge of it: *non-maximum suppression* keeps a pixel that
# exceeds both neighbours across the edge. A kernel with a single 1 fetches a neighbour.


# %%
def edges(image):
    """Return the magnitude of the gradient where it is largest, 0 elsewhere."""
    xp = array_namespace(image)
    smooth = filtered(image, mc.kernels.gaussian(5, like=image))
    dx, dy = (filtered(smooth, mc.kernels.sobel(axis=a, like=image)) for a in (-1, -2))
    size = (dx**2 + dy**2 + 1e-12) ** 0.5  # at 0 a root has no finite slope
    left, right = (filtered(size, k) for k in ([[1, 0, 0]], [[0, 0, 1]]))
    above, below = (filtered(size, k) for k in ([[1], [0], [0]], [[0], [0], [1]]))
    along_x, along_y = (size > left) & (size >= right), (size > above) & (size >= below)
    is_ridge = xp.where(xp.abs(dx) >= xp.abs(dy), along_x, along_y)
    return xp.where(is_ridge, size, xp.zeros_like(size))


y, x = np.mgrid[-5:6, -9:10]
disc = (x**2 / 4 + y**2 < 8).astype("float32")
thin = edges(disc)
for row in thin[2:-2]:
    print("".join("#" if value > 0.5 else "." for value in row))
# ...................
# .....#########.....
# ....#.........#....
# ....#.........#....
# ....#.........#....
# .....#########.....
# ...................

# %% [markdown]
# ## The same code, other arrays
#
# No line of the filters names a library, and leading axes are a batch: colours, say.

# %%
for name in ("numpy", "torch", "jax.numpy", "array_api_strict"):
    if importlib.util.find_spec(name.partition(".")[0]):
        image = importlib.import_module(name).asarray(disc)
        result = edges(image)
        alike = np.allclose(np.asarray(result), thin, atol=1e-5)
        print(name, "the same type", type(result) is type(image), "and numbers", alike)
# numpy the same type True and numbers True
# torch the same type True and numbers True
# jax.numpy the same type True and numbers True
# array_api_strict the same type True and numbers True
print(edges(np.stack([disc, 2 * disc, 1 - disc])).shape)
# (3, 11, 19)

# %% [markdown]
# ## Differentiated, and compiled
#
# Does sharpening undo a blur? Autodiff tells how the error changes with the amount; at
# 0 it falls. The error is quadratic, so for NumPy a difference gives the same slope.

# %%
blurred = filtered(disc, mc.kernels.gaussian(3, like=disc))


def error(amount, blurred, target):
    return ((unsharp_mask(blurred, amount) - target) ** 2).sum() / 2


print(f"numpy {(error(1, blurred, disc) - error(-1, blurred, disc)) / 2:.3f}")
# numpy -0.911
if "torch" in mc.available_backends():
    import torch

    amount = torch.tensor(0.0, requires_grad=True)
    error(amount, torch.tensor(blurred), torch.tensor(disc)).backward()
    print(f"torch {amount.grad:.3f}")
# torch -0.911
if "jax" in mc.available_backends():
    import jax

    slope = jax.jit(jax.grad(error))(0.0, *map(jax.numpy.array, (blurred, disc)))
    print(f"jax {slope:.3f}", np.allclose(jax.jit(edges)(disc), thin, atol=1e-5))
# jax -0.911 True
