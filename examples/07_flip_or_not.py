# %% [markdown]
# # Correlation or convolution
#
# "Why does my convolution differ from SciPy's?" Because mathematics flips the kernel,
# and deep learning does not. `convolve2d` flips it, along both axes; `corr2d` and
# everything called "conv" in deep learning correlate.

# %%
import importlib.util
import os

import numpy as np

import multiconv as mc

backend = mc.get_backend()
x, k = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
print(np.asarray(backend.corr2d(x, k)).tolist())
# [[19, 25], [37, 43]]
print(np.asarray(backend.convolve2d(x, k)).tolist())
# [[5, 11], [23, 29]]
print(np.asarray(backend.corr2d(x, np.flip(k).tolist())).tolist())
# [[5, 11], [23, 29]]

# %% [markdown]
# A single bright pixel shows it best. Convolution stamps the kernel there as it is,
# correlation stamps it flipped. A kernel that is its own flip, such as a Gaussian, does
# not care; and one that is *learned* by convolution comes out flipped.

# %%
spot = [[0, 0, 0, 1, 0, 0, 0]]
print("convolve2d", np.asarray(backend.convolve2d(spot, [[1, 2, 3]]))[0])
# convolve2d [0 1 2 3 0]
print("corr2d    ", np.asarray(backend.corr2d(spot, [[1, 2, 3]]))[0])
# corr2d     [0 3 2 1 0]

# %% [markdown]
# ## How large, where, and what lies beyond the border
#
# With an even kernel "same" leaves a choice: the odd zero goes to the end ("same") or
# to the start ("same_lower"). Powers of ten let one read what each tap has met.

# %%
row, even = [[1, 2, 3, 4, 5]], [[1, 10]]
for padding in ("valid", "same", "same_lower", "full"):
    print(f"{padding:10}", np.asarray(backend.corr2d(row, even, padding=padding))[0])
# valid      [21 32 43 54]
# same       [21 32 43 54  5]
# same_lower [10 21 32 43 54]
# full       [10 21 32 43 54  5]
five = [[1, 10, 100, 1000, 10000]]
for mode in ("zeros", "reflect", "symmetric", "replicate", "circular"):
    y = backend.corr2d(row, five, padding="same", padding_mode=mode)
    print(f"{mode:9}", np.asarray(y)[0])
# zeros     [32100 43210 54321  5432   543]
# reflect   [32123 43212 54321 45432 34543]
# symmetric [32112 43211 54321 55432 45543]
# replicate [32111 43211 54321 55432 55543]
# circular  [32154 43215 54321 15432 21543]

# %% [markdown]
# ## Which of them is which of theirs
#
# | theirs | ours | padding | padding_mode |
# |---|---|---|---|
# | `scipy.signal.correlate2d`, mode m | `corr2d` | m | zeros |
# | `scipy.signal.convolve2d`, "same" | `convolve2d` | "same_lower" | zeros |
# | `scipy.ndimage.correlate` | `corr2d` | "same_lower" | symmetric; others below |
# | `scipy.ndimage.convolve` | `convolve2d` | "same" | symmetric; others below |
# | `cv2.filter2D` | `corr2d` | "same_lower" | reflect |
# | `keras.ops.conv`, "same" | `corr2d` | "same" | zeros |
#
# What is installed is compared here, with a kernel that is even along one axis alone.

# %%
image = (np.arange(42.0).reshape(6, 7) * 5) % 17
kernel = np.arange(12.0).reshape(4, 3)
corr2d, convolve2d = backend.corr2d, backend.convolve2d


def compare(theirs, result, ours, padding, mode="zeros"):
    y = ours(image.tolist(), kernel.tolist(), padding=padding, padding_mode=mode)
    print(theirs, np.array_equal(np.asarray(result).squeeze(), np.asarray(y)))


if importlib.util.find_spec("scipy"):
    from scipy import ndimage, signal

    result = signal.correlate2d(image, kernel, "same")
    compare("scipy.signal.correlate2d", result, corr2d, "same")
    result = signal.convolve2d(image, kernel, "same")
    compare("scipy.signal.convolve2d", result, convolve2d, "same_lower")
    result = ndimage.convolve(image, kernel)
    compare("scipy.ndimage.convolve", result, convolve2d, "same", "symmetric")
    modes = {"reflect": "symmetric", "mirror": "reflect", "nearest": "replicate"}
    for theirs, mode in (modes | {"wrap": "circular", "constant": "zeros"}).items():
        result = ndimage.correlate(image, kernel, mode=theirs)
        compare(f"scipy.ndimage {theirs} = {mode}", result, corr2d, "same_lower", mode)
# scipy.signal.correlate2d True
# scipy.signal.convolve2d True
# scipy.ndimage.convolve True
# scipy.ndimage reflect = symmetric True
# scipy.ndimage mirror = reflect True
# scipy.ndimage nearest = replicate True
# scipy.ndimage wrap = circular True
# scipy.ndimage constant = zeros True
if importlib.util.find_spec("cv2"):
    import cv2

    result = cv2.filter2D(image, -1, kernel)
    compare("cv2.filter2D", result, corr2d, "same_lower", "reflect")
# cv2.filter2D True
frameworks = [name for name in ("jax", "torch") if name in mc.available_backends()]
if frameworks and importlib.util.find_spec("keras"):
    os.environ.setdefault("KERAS_BACKEND", frameworks[0])  # its own default: TensorFlow
    import keras

    x, k = image[None, ..., None], kernel[..., None, None]  # channels last
    compare("keras.ops.conv", keras.ops.conv(x, k, padding="same"), corr2d, "same")
# keras.ops.conv True
