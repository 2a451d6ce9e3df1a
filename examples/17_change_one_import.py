# %% [markdown]
# # Change one import
#
# These filters are written for SciPy, by somebody who has never heard of multiconv:
# they begin with `from scipy import ndimage`. With another first line,
# `from multiconv.compat.scipy import ndimage`, they take the arrays of every library.
#
# *Unsharp masking* adds what a blur takes away. An *edge* (J. Canny, 1986) is a ridge
# of the gradient that is steep enough. The *structure tensor* (W. Förstner, 1987) tells
# by how much one direction prevails around a pixel: 1 on a straight edge, 0 where flat.

# %%
SCRIPT = """
from scipy import ndimage

def unsharp_mask(image, sigma=1.0, amount=1.5):
    return image + amount * (image - ndimage.gaussian_filter(image, sigma))

def edges(image, sigma=1.0, threshold=0.5):
    smooth = ndimage.gaussian_filter(image, sigma)
    dy, dx = ndimage.sobel(smooth, axis=0), ndimage.sobel(smooth, axis=1)
    steepness = (dx**2 + dy**2) ** 0.5
    first, last = [1, 0, 0], [0, 0, 1]
    left, right = (ndimage.correlate1d(steepness, w, axis=1) for w in (first, last))
    above, below = (ndimage.correlate1d(steepness, w, axis=0) for w in (first, last))
    is_ridge_x = (steepness > left) & (steepness >= right) & (dx**2 >= dy**2)
    is_ridge_y = (steepness > above) & (steepness >= below) & (dx**2 < dy**2)
    return (is_ridge_x | is_ridge_y) & (steepness > threshold)

def coherence(image, sigma=1.5):
    dy, dx = ndimage.sobel(image, axis=0), ndimage.sobel(image, axis=1)
    products = (dx * dx, dx * dy, dy * dy)
    xx, xy, yy = (ndimage.gaussian_filter(product, sigma) for product in products)
    return (((xx - yy) ** 2 + 4 * xy**2) / ((xx + yy) ** 2 + 1e-6)) ** 0.5
"""


def loaded(first_line):
    """Return the script as a module, with another first line."""
    names = {}
    exec(SCRIPT.replace("from scipy import ndimage", first_line), names)
    return names


filters = loaded("from multiconv.compat.scipy import ndimage")

# %% [markdown]
# ## On NumPy

# %%
import importlib.util

import numpy as np

y, x = np.mgrid[-5:6, -9:10]
disc = ((x**2 / 4 + y**2 < 8) + 0.01 * x).astype("float32")
for row in filters["edges"](disc)[2:-2]:
    print("".join("#" if is_edge else "." for is_edge in row))
# ...................
# .....#########.....
# ....#.........#....
# ....#.........#....
# ....#.........#....
# .....#########.....
# ...................

# %% [markdown]
# ## The same numbers elsewhere
#
# SciPy is one of the candidates, with the first line as it was written.

# %%
results = {name: filters[name](disc) for name in ("unsharp_mask", "coherence")}
if importlib.util.find_spec("scipy"):
    original = loaded("from scipy import ndimage")
    print(
        "scipy",
        all(np.allclose(original[n](disc), y, atol=1e-5) for n, y in results.items()),
    )
for library in ("numpy", "torch", "jax.numpy"):
    if importlib.util.find_spec(library.partition(".")[0]):
        image = importlib.import_module(library).asarray(disc)
        found = {name: filters[name](image) for name in results}
        alike = all(
            np.allclose(np.asarray(found[n]), y, atol=1e-5) for n, y in results.items()
        )
        print(library, type(found["coherence"]) is type(image), alike)
# scipy True
# numpy True True
# torch True True
# jax.numpy True True

# %% [markdown]
# ## And with gradients
#
# How does the sum of squares change with a pixel? For NumPy a difference tells.


# %%
def energy(image):
    return (filters["unsharp_mask"](image) ** 2).sum()


step = np.zeros_like(disc)
step[5, 5] = 1
print(f"numpy {(energy(disc + step) - energy(disc - step)) / 2:.2f}")
if importlib.util.find_spec("torch"):
    import torch

    image = torch.tensor(disc, requires_grad=True)
    energy(image).backward()
    print(f"torch {image.grad[5, 5]:.2f}")
if importlib.util.find_spec("jax"):
    import jax

    print(f"jax {jax.jit(jax.grad(energy))(disc)[5, 5]:.2f}")
# numpy 2.60
# torch 2.60
# jax 2.60
