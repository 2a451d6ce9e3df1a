# %% [markdown]
# # Questions that remain
#
# Most are exercises of the book's next sections: padding and stride, channels.
#
# ## What does a stride of 2 mean for a sound?
#
# Every other output is left out. That halves the rate of sampling, and tones too fast
# for the new rate turn into others: here the fastest one there is becomes a constant.
# An average taken before the stride removes it.

# %%
import numpy as np

import multiconv as mc

backend = mc.get_backend()
tone = [[1, -1, 1, -1, 1, -1, 1, -1]]
print(np.asarray(backend.corr2d(tone, [[1]], stride=2)))
# [[1 1 1 1]]
print(np.asarray(backend.corr2d(tone, [[1, 1]], stride=2)))
# [[0 0 0 0]]

# %% [markdown]
# ## How would a stride of 1/2 work?
#
# The kernel moves by half a pixel, so zeros stand between the pixels for it to fill.
# That is the transposed convolution. With [1, 2, 1] / 2 it keeps each pixel and puts
# the mean of two between them.

# %%
signal, spread, weight = [[2, 4, 8]], [[2, 0, 4, 0, 8]], [[[0.5, 1, 0.5]]]
print(np.asarray(backend.conv_transpose1d(signal, weight, stride=2, padding=1)))
# [[2. 3. 4. 6. 8.]]
print(np.asarray(backend.convolve2d(spread, weight[0], padding="same")))
# [[2. 3. 4. 6. 8.]]

# %% [markdown]
# ## How is mirror padding made?
#
# By indexing: rows and columns are taken again in reverse order, without the edge
# itself. `padding_mode="symmetric"` takes the edge again, too.

# %%
image = np.arange(12).reshape(3, 4)
mirrored = image[[1, 0, 1, 2, 1]][:, [1, 0, 1, 2, 3, 2]]
print(mirrored)
# [[ 5  4  5  6  7  6]
#  [ 1  0  1  2  3  2]
#  [ 5  4  5  6  7  6]
#  [ 9  8  9 10 11 10]
#  [ 5  4  5  6  7  6]]
kernel = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
ours = backend.corr2d(image.tolist(), kernel, padding=1, padding_mode="reflect")
print(np.array_equal(np.asarray(ours), mc.corr2d(mirrored, np.array(kernel))))
# True

# %% [markdown]
# ## Two kernels in a row are one. Is every kernel two?
#
# The taps of the one kernel are the coefficients of a product of polynomials, which is
# convolution. So [1, 2, 1] is [1, 1] twice, as 1 + 2z + z² = (1 + z)². But 1 + z² has
# no real roots, hence no real factors: [1, 0, 1] is never two kernels of size 2.

# %%
print(np.asarray(backend.convolve2d([[1, 1]], [[1, 1]], padding="full")))
# [[1 2 1]]
for c, b, a in ([1, 2, 1], [1, 0, 1]):
    print([c, b, a], "has real roots:", b**2 - 4 * a * c >= 0)
# [1, 2, 1] has real roots: True
# [1, 0, 1] has real roots: False

# %% [markdown]
# ## What does a layer cost?
#
# Each of O x H' x W' outputs is a sum of C x kh x kw products. So twice the channels in
# and out are four times the work, and a stride of 2 leaves a quarter of it. The patch
# matrix of `im2col` holds every pixel kh x kw times: here nine times the image.

# %%
layers = {
    "16 to 32 channels": ((16, 32, 32), (32, 16, 3, 3), 1),
    "32 to 64 channels": ((32, 32, 32), (64, 32, 3, 3), 1),
    "16 to 32, stride 2": ((16, 32, 32), (32, 16, 3, 3), 2),
}
for name, (size, weights, stride) in layers.items():
    work = mc.plan(size, weights, stride, padding=1).multiply_adds
    print(f"{name:18} {work:9} multiply-adds, {work // np.prod(weights):4} places")
# 16 to 32 channels    4718592 multiply-adds, 1024 places
# 32 to 64 channels   18874368 multiply-adds, 1024 places
# 16 to 32, stride 2   1179648 multiply-adds,  256 places
patches = mc.im2col(np.zeros((16, 32, 32)), (3, 3), padding=1)
print(patches.shape, patches.size / (16 * 32 * 32))
# (144, 1024) 9.0

# %% [markdown]
# Backward costs twice as much as forward: `10_layer_from_scratch.py` multiplies once
# for the weight and once for the pixel where forward multiplies once. And it needs x,
# so training keeps the input of every layer, which forward alone may forget.
#
# ## Why is my learned kernel wrong?
#
# It may be right, and y wrong. In a notebook the name K lives on: here y was meant to
# be edges, and is made with the kernel of the book's first figure. The best kernel of
# the expected size leaves no error; on an image of vertical stripes [2, 4], the sums of
# K's columns, does the same as K. So look at y before looking for a mistake in the
# learning.

# %%
K = np.array([[0.0, 1.0], [2.0, 3.0]])  # of an earlier cell
stripe = np.ones((6, 8))
stripe[:, 2:6] = 0
y = mc.corr2d(stripe, K)
fit = mc.solve_kernel(stripe[:5], y, (1, 2))
print(fit.weight.round(6), round(float(fit.residual), 6), K.sum(axis=0))
# [[2. 4.]] 0.0 [2. 4.]
print(y[0])
# [6. 2. 0. 0. 0. 4. 6.]
