# %% [markdown]
# # Kernels by design
#
# A kernel asks the same question around every pixel. Here kernels are made for a given
# question: how steep is the image there along v, how does it bend, what is its sum?
#
# ## A derivative along the direction v
#
# The slope along v = (v1, v2) is v1 times the slope along x, to the right, plus v2
# times the slope along y, down. Correlation is linear in the kernel, so kernels add up
# likewise. Sobel's kernels, divided by 8, measure the two slopes.

# %%
import math

import numpy as np

import multiconv as mc

backend = mc.get_backend()
over_x = mc.kernels.sobel(axis=1, normalize=True)
over_y = mc.kernels.sobel(axis=0, normalize=True)
print(8 * over_x)
# [[-1.  0.  1.]
#  [-2.  0.  2.]
#  [-1.  0.  1.]]

# %% [markdown]
# The image 2x + 3y has the slope 2 v1 + 3 v2 everywhere: 2 along x, 3 along y, 3.6
# along (0.6, 0.8), and none across its steepest direction, that is along (3, -2).

# %%
ramp = [[2 * x + 3 * y for x in range(4)] for y in range(4)]
for v in [(1, 0), (0, 1), (0.6, 0.8), (3, -2)]:
    along_v = v[0] * over_x + v[1] * over_y
    slope = backend.corr2d(ramp, along_v.tolist())
    print(v, "slope", np.unique(np.asarray(slope).round(4)))
# (1, 0) slope [2.]
# (0, 1) slope [3.]
# (0.6, 0.8) slope [3.6]
# (3, -2) slope [0.]

# %% [markdown]
# `mc.kernels.directional(angle)` is this kernel for v = (cos angle, sin angle).
#
# ## The second derivative
#
# The difference of two neighbouring differences, (c - b) - (b - a), is a - 2b + c: the
# kernel is [1, -2, 1]. On x² it gives 2, and on a straight line nothing.

# %%
second = mc.kernels.finite_difference(2).tolist()
print(second)
# [[1.0, -2.0, 1.0]]
print(np.asarray(backend.corr2d([[x**2 for x in range(7)]], second)))
# [[2. 2. 2. 2. 2.]]
print(np.asarray(backend.corr2d([[5 * x + 1 for x in range(7)]], second)))
# [[0. 0. 0. 0. 0.]]

# %% [markdown]
# ## The smallest kernel for the d-th derivative
#
# It has d + 1 taps. It must turn 1, x, ..., x^(d-1) into 0 and x^d into d!: one
# equation for each power. With d + 1 taps they have one solution, a row of Pascal's
# triangle with alternating signs.

# %%
d = 3
powers = np.vander(range(d + 1), increasing=True).T  # row m: the taps see x^m
print(np.linalg.solve(powers, [0, 0, 0, math.factorial(d)]).round(6).tolist())
# [-1.0, 3.0, -3.0, 1.0]
print(mc.kernels.finite_difference(d).tolist())
# [[-1.0, 3.0, -3.0, 1.0]]

# %% [markdown]
# With only d taps the d equations for 1, ..., x^(d-1) have full rank, and all right
# sides are 0. So all taps are 0: there is no such kernel.

# %%
print(np.linalg.matrix_rank(powers[:d, :d]) == d)
# True

# %% [markdown]
# ## The integral
#
# Ones add up what they see. A kernel of fixed size gives a moving sum; for the sum of
# everything so far it must be as long as the row, with zeros before the row begins. The
# difference [-1, 1] undoes it, but for the first number.

# %%
row = [[3, 1, 4, 1, 5, 9]]
print(np.asarray(backend.corr2d(row, [[1, 1, 1]])))
# [[ 8  6 10 15]]
total = backend.corr2d(row, [[1] * 6], padding=((0, 0), (5, 0)))
print(np.asarray(total))
# [[ 3  4  8  9 14 23]]
print(np.asarray(backend.corr2d(total, [[-1, 1]])))
# [[1 4 1 5 9]]

# %% [markdown]
# ## Blur
#
# Weights that are positive and sum to 1 average: a flat area keeps its value, and a
# single bright pixel is spread out. A box treats all neighbours alike; a Gaussian
# trusts the near ones more.

# %%
spike = [[9 * (x == y == 2) for x in range(5)] for y in range(5)]
for blur in (mc.kernels.box(3), mc.kernels.gaussian(3)):
    flat = backend.corr2d([[7] * 3] * 3, blur.tolist()).item()
    spread = np.asarray(backend.corr2d(spike, blur.tolist()))[0]
    print("flat", round(flat, 4), "spike", spread.round(3))
# flat 7.0 spike [1. 1. 1.]
# flat 7.0 spike [0.514 1.123 0.514]
