"""The convolutions of `scipy.signal`, on the arrays of any library.

>>> from multiconv.compat.scipy import signal
>>> signal.correlate2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]], mode="valid")
array([[19, 25],
       [37, 43]])

What is convolved is flipped, and what is correlated conjugated, as in SciPy.
"""

from multiconv.compat.scipy.signal.direct import convolve, correlate
from multiconv.compat.scipy.signal.planar import convolve2d, correlate2d, sepfir2d
from multiconv.compat.scipy.signal.transforms import fftconvolve, oaconvolve

__all__ = [
    "convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "oaconvolve", "sepfir2d",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
