# %% [markdown]
# # One figure, five spellings
#
# In the first figure of "Convolutions for Images" a kernel slides over an image:
#
# ```text
#   image          kernel         result
#   0  1  2        0  1           19  25        19 = 0*0 + 1*1 + 3*2 + 4*3
#   3  4  5    *   2  3     =     37  43
#   6  7  8
# ```
#
# Here are five ways to write it down. All give 19, 25, 37 and 43, in every framework.
# `backend` is the one that the environment variable `MULTICONV_BACKEND` names, else
# NumPy. It takes nested lists and returns its arrays; `np.asarray` shows all alike.

# %%
import numpy as np

import multiconv as mc

backend = mc.get_backend()
image = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
kernel = [[0, 1], [2, 3]]

# %% [markdown]
# ## 1. The function

# %%
result = backend.corr2d(image, kernel)
print(np.asarray(result))
# [[19 25]
#  [37 43]]

# %% [markdown]
# ## 2. The definition
#
# $$Y_{ij} = \sum_{a,b} X_{i+a,\,j+b}\,K_{ab}$$
#
# Two loops visit the outputs; each is the sum of a window times the kernel. An image of
# H x W and a kernel of h x w leave room for (H - h + 1) x (W - w + 1) windows.


# %%
def corr2d(x, k):
    h, w = k.shape
    y = np.zeros((x.shape[0] - h + 1, x.shape[1] - w + 1), dtype=x.dtype)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + h, j : j + w] * k).sum()
    return y


print(corr2d(np.array(image), np.array(kernel)).tolist())
# [[19, 25], [37, 43]]

# %% [markdown]
# ## 3. The patches times the kernel
#
# `im2col` writes each window as a column, so that one product of matrices does it all.

# %%
patches = backend.im2col(image, (2, 2))
print(np.asarray(patches))
# [[0 1 3 4]
#  [1 2 4 5]
#  [3 4 6 7]
#  [4 5 7 8]]
print(np.ravel(kernel) @ np.asarray(patches))
# [19 25 37 43]

# %% [markdown]
# ## 4. The Toeplitz matrix times the image
#
# The other way round: the kernel becomes a matrix, with a row for every output, and the
# image a vector. `06_as_a_matrix.py` draws larger ones.

# %%
toeplitz = backend.toeplitz_matrix(kernel, (3, 3))
print(np.asarray(toeplitz))
# [[0 1 0 2 3 0 0 0 0]
#  [0 0 1 0 2 3 0 0 0]
#  [0 0 0 0 1 0 2 3 0]
#  [0 0 0 0 0 1 0 2 3]]
print(np.asarray(toeplitz) @ np.ravel(image))
# [19 25 37 43]

# %% [markdown]
# ## 5. The framework's own
#
# PyTorch and JAX have a convolution with axes for batch and channels, hence two more
# brackets. NumPy has none for images, but it has windows, and `einsum` sums over them.

# %%
if backend.name == "torch":
    import torch

    own = torch.nn.functional.conv2d(torch.tensor([[image]]), torch.tensor([[kernel]]))
elif backend.name == "jax":
    from jax import lax
    from jax import numpy as jnp

    own = lax.conv(jnp.array([[image]]), jnp.array([[kernel]]), (1, 1), "VALID")
else:
    windows = np.lib.stride_tricks.sliding_window_view(image, (2, 2))
    own = np.einsum("ijab,ab->ij", windows, kernel)
print(np.asarray(own).ravel())
# [19 25 37 43]
