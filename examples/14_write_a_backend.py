# %% [markdown]
# # Write a backend
#
# Arrays that follow the array API standard need no backend. multiconv takes them as
# they are and uses the functions of their namespace:

# %%
import itertools

import array_api_strict
import numpy as np

import multiconv as mc
from multiconv.backends.base import Backend

reference = mc.get_backend()
image, kernel = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
x, k = array_api_strict.asarray(image), array_api_strict.asarray(kernel)
print(np.asarray(mc.corr2d(x, k)).tolist())
# [[19, 25], [37, 43]]

# %% [markdown]
# A backend adds what the namespace cannot say: a name for `get_backend`, and what the
# library does better. It is a subclass of `Backend` with `name`, `xp` and `owns`; all
# other methods have defaults. This one brings a convolution of its own, for
# `method="native"`: a product of matrices for each tap of the kernel.


# %%
class StrictBackend(Backend):
    name = "strict"
    xp = array_api_strict

    def owns(self, array):
        return type(array) is type(array_api_strict.empty(0))

    def native_refusal(self, dtype, device, axes):
        """Return why there is no convolution for such an input, None where there is."""
        return None if axes == 2 else "it has one for images only"

    def native(self, x, weight, *, stride, pads, dilation, groups):
        """Correlate (N, C, H, W) with (O, C/groups, kh, kw)."""
        if groups != 1:
            raise ValueError(f"groups must be 1 for method='native', got {groups}")
        x, y = self.pad_zeros(x, pads), 0
        (kh, kw), (sh, sw), (dh, dw) = weight.shape[2:], stride, dilation
        height, width = x.shape[2] - dh * (kh - 1), x.shape[3] - dw * (kw - 1)
        for i, j in itertools.product(range(kh), range(kw)):
            met = x[:, :, i * dh : i * dh + height : sh, j * dw : j * dw + width : sw]
            y = y + self.xp.tensordot(weight[:, :, i, j], met, axes=([1], [1]))
        return self.xp.moveaxis(y, 0, 1)


mc.register_backend(StrictBackend())
strict = mc.get_backend("strict")
print(strict, "strict" in mc.available_backends())
# <multiconv backend 'strict'> True
print(type(strict.corr2d(image, kernel)) is type(x), mc.get_backend_of(x) is strict)
# True True

# %% [markdown]
# ## Is it right?
#
# Small integers are summed without rounding, so all methods of all backends must agree
# in every bit with the definition, which is `method="loop"`. The cases are drawn.

# %%
rng = np.random.default_rng(0)


def draw():
    """Return images, filters and options of a convolution, at random."""
    channels, filters = rng.integers(1, 4, 2)
    x = rng.integers(-9, 10, (2, channels, *rng.integers(6, 10, 2))).tolist()
    weight = rng.integers(-9, 10, (filters, channels, *rng.integers(1, 4, 2))).tolist()
    stride, dilation = (tuple(rng.integers(1, 3, 2).tolist()) for _ in range(2))
    options = {"stride": stride, "dilation": dilation, "padding": int(rng.integers(3))}
    options["padding_mode"] = str(rng.choice(["zeros", "reflect", "circular"]))
    return x, weight, options


def is_right(backend, methods):
    """Compare a backend with the reference, bit by bit, in eight drawn cases."""
    for x, weight, options in (draw() for _ in range(8)):
        wanted = np.asarray(reference.conv2d(x, weight, **options, method="loop"))
        for method in methods:
            y = backend.conv2d(x, weight, **options, method=method)
            if not np.array_equal(np.asarray(y), wanted):
                return False
    return True


print(is_right(strict, ["native", "direct", "im2col", "toeplitz", "folded", "auto"]))
# True

# %% [markdown]
# A test is worth what it finds. This one finds a backend that flips the kernel, as
# `scipy.signal.convolve2d` does:


# %%
class Flipping(StrictBackend):
    name = "flipping"

    def native(self, x, weight, **options):
        return super().native(x, self.xp.flip(weight, axis=(2, 3)), **options)


mc.register_backend(Flipping())
print(is_right(mc.get_backend("flipping"), ["native"]))
# False
