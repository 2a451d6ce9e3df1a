# %% [markdown]
# # Correlation as a matrix
#
# A correlation is linear in the image and linear in the kernel. So there are two ways
# to write it as a product of a matrix and a vector, and neither of them flips anything.
#
# ## The kernel is the vector
#
# `im2col` makes the matrix of the image: column by column, what each output sees. The
# product is the result, row after row.

# %%
import importlib.util

import numpy as np

import multiconv as mc

backend = mc.get_backend()
image = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1], [2, 3, 4, 5]]
kernel = [[1, 2], [3, 4]]
patches = np.asarray(backend.im2col(image, (2, 2)))
print(patches)
# [[0 1 2 4 5 6 8 9 0]
#  [1 2 3 5 6 7 9 0 1]
#  [4 5 6 8 9 0 2 3 4]
#  [5 6 7 9 0 1 3 4 5]]
print(np.ravel(kernel) @ patches)
# [34 44 54 74 44 24 44 34 34]

print(np.asarray(backend.corr2d(image, kernel)))
# [[34 44 54]
#  [74 44 24]
#  [44 34 34]]

# %% [markdown]
# ## The image is the vector
#
# `toeplitz_matrix` makes the matrix of the kernel. It has a row for each output and a
# column for each pixel. Drawn with a dot for every 0 and a gap between the rows of the
# image, it shows why it is called doubly blocked: the blocks repeat along the diagonal,
# and so do the numbers in each block.

# %%
matrix = np.asarray(backend.toeplitz_matrix(kernel, (4, 4)))
for number, row in enumerate(matrix.tolist()):
    text = "".join(str(entry or ".") for entry in row)
    blocks = " ".join(text[i : i + 4] for i in range(0, 16, 4))
    print(blocks if (number + 1) % 3 else blocks + "\n")
# 12.. 34.. .... ....
# .12. .34. .... ....
# ..12 ..34 .... ....
#
# .... 12.. 34.. ....
# .... .12. .34. ....
# .... ..12 ..34 ....
#
# .... .... 12.. 34..
# .... .... .12. .34.
# .... .... ..12 ..34
#
print(matrix @ np.ravel(image))
# [34 44 54 74 44 24 44 34 34]

# %% [markdown]
# ## Where the matrix is transposed
#
# Backwards, from outputs to pixels, goes the transposed matrix. It gives the gradient
# with respect to the image, which is also the transposed convolution.

# %%
slopes = [[1, 0, 0], [0, 0, 0], [0, 0, 2]]
print((matrix.T @ np.ravel(slopes)).reshape(4, 4))
# [[1 2 0 0]
#  [3 4 0 0]
#  [0 0 2 4]
#  [0 0 6 8]]
back = backend.conv_transpose2d([[slopes]], [[kernel]])
print(np.array_equal(matrix.T @ np.ravel(slopes), np.ravel(np.asarray(back))))
# True

# %% [markdown]
# ## How sparse it is
#
# An image of 28 x 28 and a kernel of 3 x 3 give 676 outputs, of 9 products each. That
# is how many numbers the patches have, and how many of the half a million in the other
# matrix are not zero. `sparse=True` stores only those, in the framework's own sparse
# matrix. NumPy's is SciPy's; without it the dense one does the same.

# %%
stroke = backend.corr2d(np.eye(30).tolist(), np.ones((3, 3)).tolist())
blur = (np.outer([1, 2, 1], [1, 2, 1]) / 16).tolist()
sparse = backend.name != "numpy" or importlib.util.find_spec("scipy") is not None
dense = np.asarray(backend.toeplitz_matrix(blur, (28, 28)))
print(dense.shape, dense.size, np.count_nonzero(dense))
# (676, 784) 529984 6084
print(tuple(backend.im2col(stroke, (3, 3)).shape))
# (9, 676)
product = backend.toeplitz_matrix(blur, (28, 28), sparse=sparse) @ stroke.reshape(-1)
result = np.asarray(backend.corr2d(stroke, blur))
print(np.array_equal(np.asarray(product), result.ravel()))
# True

# %% [markdown]
# ## The picture
#
# With matplotlib, the matrix for an image of 8 x 8 and a kernel of 3 x 3. Each dot is a
# number that is not 0.

# %%
if importlib.util.find_spec("matplotlib") is not None:
    from matplotlib import pyplot

    matrix = np.asarray(backend.toeplitz_matrix(blur, (8, 8)))
    pyplot.spy(matrix, markersize=3)
    pyplot.title("36 outputs, 64 pixels")
    pyplot.show()
