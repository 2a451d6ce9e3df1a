# %% [markdown]
# # Feature maps and the receptive field
#
# A convolution answers one question everywhere: how much does the image look like the
# kernel here? The array of answers is a *feature map*. Below, a kernel that asks for a
# plus sign meets an image with a plus on the left and a full square on the right.

# %%
import numpy as np

import multiconv as mc

backend = mc.get_backend()

image = [
    [0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 1, 1, 1, 0],
    [0, 1, 1, 1, 0, 1, 1, 1, 0],
    [0, 0, 1, 0, 0, 1, 1, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0],
]
plus = [[-1, 1, -1], [1, 1, 1], [-1, 1, -1]]
feature_map = np.asarray(backend.corr2d(image, plus, padding="same"))
print(feature_map)
# [[ 0 -1  1 -1 -1  0 -1  0 -1]
#  [-1  1  0  1 -1  2  2  2  0]
#  [ 1  0  5  0  0  2  1  2 -1]
#  [-1  1  0  1 -1  2  2  2  0]
#  [ 0 -1  1 -1 -1  0 -1  0 -1]]

# %% [markdown]
# The largest answer, 5, stands where the plus is. The square gives 1 at its centre: its
# corners count against it.
#
# ## The size of a feature map
#
# Along each axis, n pixels between `low` and `high` pixels of padding leave
# `(n + low + high - dilation * (k - 1) - 1) // stride + 1` places for a kernel of k
# taps. The book asks for 8 x 8 pixels, a kernel (3, 5), padding (0, 1) and stride (3,
# 4):

# %%
print((8 - 2 - 1) // 3 + 1, (8 + 1 + 1 - 4 - 1) // 4 + 1)
# 2 2
options = {"stride": (3, 4), "padding": (0, 1)}
print(mc.output_size((8, 8), (3, 5), **options))
# (2, 2)
print(tuple(backend.corr2d([[1] * 8] * 8, [[1] * 5] * 3, **options).shape))
# (2, 2)

# %% [markdown]
# ## What one pixel of a deep map has seen
#
# A pixel of the second map is computed from a window of the first, each pixel of which
# saw a window of the image. The pixels of the image that it depends on are its
# *receptive field*. A kernel adds `dilation * (k - 1) * jump` to its size, and a stride
# multiplies `jump`, the distance in the image between what neighbours see. Three layers
# with kernels of 3, the second with stride 2: 1 + 2 + 2 + 2 * 2 = 9 pixels, not 3.

# %%
layers = [(3, 1, 1), (3, 2, 1), (3, 1, 1)]  # kernel size, stride, padding
field = mc.receptive_field(*layers)
print("size", field.size, "jump", field.jump, "offset", field.offset)
# size (9, 9) jump (2, 2) offset (-4, -4)

# %% [markdown]
# Output p starts at pixel `offset + p * jump`: output 0 reaches 4 pixels into the
# padding.
#
# To see this, light one pixel and look where its light arrives. The rows of the
# identity matrix are all such signals of 14 pixels at once; the kernels are ones, so
# that nothing cancels. Read by columns, the result says which lit pixels reach output
# p.


# %%
def stack(signals):
    """Send signals, (number, channels, pixels), through the three layers."""
    for kernel_size, stride, padding in layers:
        ones = [[[1] * kernel_size]]
        signals = backend.conv1d(signals, ones, stride=stride, padding=padding)
    return signals


impulses = np.eye(14, dtype=int)[:, None].tolist()
arrived = np.asarray(stack(impulses))[:, 0]
for p, column in enumerate(arrived.T):
    print(p, "".join("#" if light else "." for light in column))
# 0 #####.........
# 1 #######.......
# 2 #########.....
# 3 ..#########...
# 4 ....#########.
# 5 ......########
# 6 ........######

# %% [markdown]
# Nine pixels, two further to the right each time, cut off at the borders: as computed.
# `field.pixels` gives the same without any image.

# %%
row = mc.receptive_field(*[((k,), s, p) for k, s, p in layers])  # along one axis
seen = [row.pixels(p, 14)[0] for p in range(7)]
print(seen == [tuple(np.flatnonzero(column).tolist()) for column in arrived.T])
# True

# %% [markdown]
# Not all nine count alike. Through kernels of ones, the light of the middle pixel
# reaches output 3 by five paths, that of an outermost one by a single path:

# %%
print(arrived[:, 3])
# [0 0 1 2 4 4 5 4 4 2 1 0 0 0]
