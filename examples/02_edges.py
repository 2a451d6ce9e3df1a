# %% [markdown]
# # Edges
#
# The kernel `[1, -1]` subtracts from each pixel its right neighbour. Where the two are
# alike the answer is 0; where they differ there is an edge between them.
#
# The image is white (1) with a black stripe (0) down the middle.

# %%
import numpy as np

import multiconv as mc

backend = mc.get_backend()
stripe = [[1, 1, 0, 0, 0, 0, 1, 1]] * 6
edge = [[1, -1]]
print(np.asarray(backend.corr2d(stripe, edge)))
# [[ 0  1  0  0  0 -1  0]
#  [ 0  1  0  0  0 -1  0]
#  [ 0  1  0  0  0 -1  0]
#  [ 0  1  0  0  0 -1  0]
#  [ 0  1  0  0  0 -1  0]
#  [ 0  1  0  0  0 -1  0]]

# %% [markdown]
# 1 marks white to black, -1 black to white. The result is one pixel narrower than the
# image: eight pixels have seven pairs of neighbours.
#
# ## What happens when the image is transposed?
#
# The stripe lies down, and along a row nothing changes any more: all answers are 0.

# %%
lying = np.transpose(stripe).tolist()
print(np.asarray(backend.corr2d(lying, edge)).any())
# False

# %% [markdown]
# ## And when the kernel is transposed?
#
# `[[1], [-1]]` compares each pixel with the one below: it finds horizontal edges, which
# the lying stripe has and the standing one lacks.

# %%
upright = np.transpose(edge).tolist()
print(np.asarray(backend.corr2d(lying, upright)))
# [[ 0  0  0  0  0  0]
#  [ 1  1  1  1  1  1]
#  [ 0  0  0  0  0  0]
#  [ 0  0  0  0  0  0]
#  [ 0  0  0  0  0  0]
#  [-1 -1 -1 -1 -1 -1]
#  [ 0  0  0  0  0  0]]
print(np.asarray(backend.corr2d(stripe, upright)).any())
# False

# %% [markdown]
# Transposing both transposes the result. It is the same sum with rows called columns:

# %%
both = np.asarray(backend.corr2d(lying, upright))
print(np.array_equal(both, np.asarray(backend.corr2d(stripe, edge)).T))
# True

# %% [markdown]
# ## What about a diagonal?
#
# "All zeros" is a common answer, and wrong. Only an image that is constant *along its
# rows* vanishes. Here each row has one white pixel: it gives +1 where it stands, and -1
# just before it, for the step from black to white. So there are two diagonals.

# %%
diagonal = np.eye(6, 8, dtype=int).tolist()
print(np.asarray(backend.corr2d(diagonal, edge)))
# [[ 1  0  0  0  0  0  0]
#  [-1  1  0  0  0  0  0]
#  [ 0 -1  1  0  0  0  0]
#  [ 0  0 -1  1  0  0  0]
#  [ 0  0  0 -1  1  0  0]
#  [ 0  0  0  0 -1  1  0]]

# %% [markdown]
# The transposed kernel sees the line just as well. The one that does not is the kernel
# that compares each pixel with its neighbour *along* the line, to the lower right.

# %%
print(np.asarray(backend.corr2d(diagonal, upright)).any())
# True
print(np.asarray(backend.corr2d(diagonal, [[1, 0], [0, -1]])).any())
# False
