"""The filters of `scipy.ndimage` that are made of correlations, on the arrays of any library.

>>> import numpy as np
>>> from multiconv.compat.scipy import ndimage
>>> ndimage.sobel(np.array([[0, 0, 0, 9, 9, 9]] * 3))
array([[ 0,  0, 36, 36,  0,  0],
       [ 0,  0, 36, 36,  0,  0],
       [ 0,  0, 36, 36,  0,  0]])

Results have the image's size and, unless ``output`` says otherwise, its dtype.
"""

from multiconv.compat.scipy.ndimage.correlation import (
    convolve,
    convolve1d,
    correlate,
    correlate1d,
)
from multiconv.compat.scipy.ndimage.derivatives import (
    gaussian_gradient_magnitude,
    gaussian_laplace,
    generic_gradient_magnitude,
    generic_laplace,
    laplace,
    prewitt,
    sobel,
)
from multiconv.compat.scipy.ndimage.gaussian import gaussian_filter, gaussian_filter1d
from multiconv.compat.scipy.ndimage.uniform import uniform_filter, uniform_filter1d

__all__ = [
    "convolve", "convolve1d", "correlate", "correlate1d", "gaussian_filter", "gaussian_filter1d",
    "gaussian_gradient_magnitude", "gaussian_laplace", "generic_gradient_magnitude",
    "generic_laplace", "laplace", "prewitt", "sobel", "uniform_filter", "uniform_filter1d",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
