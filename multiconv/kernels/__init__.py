r"""Classical image kernels, each with its formula and its source.

A kernel has the shape ``(rows, columns)`` and is to be *correlated* with an image, as
:func:`multiconv.corr2d` does, which flips nothing. It is a fresh, writable, C-contiguous NumPy
array of ``float64``; with the keyword `like` it takes library, device and dtype of another array,
so that the dtype of the image is kept:

>>> import numpy as np
>>> import multiconv as mc
>>> from multiconv import kernels
>>> x32 = np.ones((5, 5), dtype=np.float32)
>>> mc.corr2d(x32, kernels.sobel(like=x32)).dtype
dtype('float32')

Floats are rounded to the dtype of `like`. An integer dtype is kept where it holds every coefficient
(a bool counts as the library's default integer); for all other kernels, a blur or negative numbers
beside ``uint8``, it is ``float32``. `dtype` and `device` ask for one of them alone, and the faces
have kernels of their own framework: ``multiconv.torch.kernels.sobel()`` is a tensor.

Conventions, the same in all formulas:

- The first argument is what defines the kernel, a size wherever it has one; the others are
  keywords.
- ``x`` is the column, axis -1, growing to the right; ``y`` is the row, axis -2, growing *down*.
  Both are 0 at the kernel's centre and are measured in pixels.
- An angle is in radians and turns from +x towards +y: clockwise on the screen, where rows go down.
  ``0`` points right, ``np.pi / 2`` down. Multiples of ``np.pi / 4`` are taken as such, so that a
  kernel along an axis holds true zeros, not ``6e-17``.
- A derivative kernel answers positively where the image grows along the direction.

There is a file for each family, since they share little beyond reading arguments and `like`.

References
----------
- [GW] R. C. Gonzalez and R. E. Woods, *Digital Image Processing*, 4th ed., Pearson, 2018,
  chapters 3 (smoothing, sharpening), 5 (motion) and 10 (derivatives, Marr-Hildreth).
"""

from multiconv.kernels.by_name import named, names
from multiconv.kernels.derivatives import (
    directional,
    finite_difference,
    laplacian,
    laplacian_of_gaussian,
    prewitt,
    scharr,
    sobel,
)
from multiconv.kernels.smoothing import box, gaussian, identity, motion_blur
from multiconv.kernels.texture import emboss, gabor, sharpen

__all__ = [
    "box", "directional", "emboss", "finite_difference", "gabor", "gaussian", "identity",
    "laplacian", "laplacian_of_gaussian", "motion_blur", "named", "names", "prewitt", "scharr",
    "sharpen", "sobel",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
