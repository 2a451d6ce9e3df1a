# %% [markdown]
# # Channels, layouts and padding
#
# An image with channels is (N, C, H, W), as in PyTorch: batch, channels, rows, columns.
# A weight is (O, C, kh, kw): for each of the O output channels a kernel for every input
# channel. Each output is the sum over the input channels.

# %%
import textwrap

import numpy as np

import multiconv as mc

backend = mc.get_backend()
image = [[[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
kernels = [[[0, 1], [2, 3]], [[1, 2], [3, 4]]]
print(np.asarray(backend.conv2d(image, [kernels])).tolist())
# [[[56, 72], [104, 120]]]
both = [np.asarray(backend.corr2d(x, k)) for x, k in zip(image, kernels, strict=True)]
print(sum(both).tolist())
# [[56, 72], [104, 120]]

# %% [markdown]
# A kernel of 1 x 1 looks at one pixel through all its channels: it is a matrix, and the
# layer a fully connected one that every pixel goes through.

# %%
matrix = np.array([[1, 2], [3, -1], [0, 5]])
mixed = backend.conv2d(image, matrix[:, :, None, None].tolist())
print(np.array_equal(np.asarray(mixed), np.einsum("oc,chw->ohw", matrix, image)))
# True

# %% [markdown]
# ## Channels last
#
# TensorFlow, Keras and Flax put channels last, (N, H, W, C), and their weights are (kh,
# kw, C, O). Move the axes of both, or say so; a weight that is reshaped is another one.

# %%
try:
    backend.conv2d(np.zeros((1, 6, 8, 3)).tolist(), np.zeros((4, 3, 2, 2)).tolist())
except ValueError as error:
    print(str(error).rpartition(": ")[2])
# pass moveaxis(x, -1, -3), or channels_last=True, weight_order='OIHW'
hwio = np.arange(48).reshape(2, 2, 3, 4)
oihw = hwio.transpose(3, 2, 0, 1)
print(oihw.shape, np.array_equal(oihw, hwio.reshape(4, 3, 2, 2)))
# (4, 3, 2, 2) False

# %% [markdown]
# ## Two axes or four
#
# PyTorch's layer wants (N, C, H, W) or (C, H, W), one dtype, and no "same" with stride.

# %%
if "torch" in mc.available_backends():
    import torch

    net = torch.nn.Conv2d(1, 1, (1, 2))
    calls = [
        lambda: net(torch.zeros(6, 8)),
        lambda: net(torch.zeros(1, 6, 8, 1)),
        lambda: net(torch.zeros(1, 6, 8).double()),
        lambda: torch.nn.Conv2d(1, 1, 3, stride=2, padding="same"),
    ]
    for call in calls:
        try:
            call()
        except (RuntimeError, ValueError) as error:
            print(textwrap.fill(f"torch: {error}", 80, subsequent_indent="  "))
# torch: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of
#   size: [6, 8]
# torch: Given groups=1, weight of size [1, 1, 1, 2], expected input[1, 6, 8, 1]
#   to have 1 channels, but got 6 channels instead
# torch: Input type (double) and bias type (float) should be the same
# torch: padding='same' is not supported for strided convolutions

# %% [markdown]
# ## "same" with a stride
#
# With stride s "same" means ceil(n / s) outputs. JAX, and Flax with it, pads as much as
# that needs, an odd pixel at the end. Padding by k // 2 on both sides, as is usual in
# PyTorch, gives as many outputs, but other ones: the weights see other pixels.

# %%
row, weight = [[[0, 1, 2, 3, 4, 5]]], [[[1, 10, 100]]]
print("same", np.asarray(backend.conv1d(row, weight, stride=2, padding="same")).ravel())
# same [210 432  54]
print("1, 1", np.asarray(backend.conv1d(row, weight, stride=2, padding=1)).ravel())
# 1, 1 [100 321 543]
if "jax" in mc.available_backends():
    from jax import lax

    own = lax.conv(np.float32(row), np.float32(weight), (2,), "SAME").astype(int)
    print("jax SAME", np.asarray(own).ravel())
# jax SAME [210 432  54]

# %% [markdown]
# ## How large, and what it costs
#
# `output_size` does the sum (n + low + high - k) // stride + 1; `plan` counts the work.
# A stride of one half is a transposed convolution. And two kernels in a row are one of
# size k1 + k2 - 1.

# %%
print(mc.output_size((8, 8), (3, 5), stride=(3, 4), padding=(0, 1)))
# (2, 2)
print(mc.plan((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3).multiply_adds)
# 118013952
print(mc.output_size(14, 2, stride=2, transposed=True))
# 28
one, two = [[1, 2], [3, 4]], [[1, 0, -1]]
together = backend.convolve2d(one, two, padding="full")
print(tuple(together.shape))
# (2, 4)
x = np.arange(30).reshape(5, 6).tolist()
twice, once = backend.corr2d(backend.corr2d(x, one), two), backend.corr2d(x, together)
print(np.array_equal(np.asarray(twice), np.asarray(once)))
# True
