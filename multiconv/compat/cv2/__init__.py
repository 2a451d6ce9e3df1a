"""OpenCV's linear filters on the arrays of any library.

>>> import numpy as np
>>> from multiconv.compat import cv2
>>> image = np.array([[0, 0, 255, 255]], dtype=np.uint8)
>>> cv2.Sobel(image, cv2.CV_16S, 1, 0)
array([[   0, 1020, 1020,    0]], dtype=int16)

Images are (H, W) or (H, W, C). Arguments, defaults, kernels, rounding, saturation and the dtypes of
results are OpenCV's, and so is the `error` for what it refuses. What differs:

* Not all arrays can be written to: JAX's are refused as ``dst``.
* Kernels are arrays of the image's library, or lists. `getGaussianKernel` and `getDerivKernels`
  make them, with ``like=image``.
* `boxFilter` and `blur` have no int32.
"""

from multiconv.compat.cv2.constants import (
    BORDER_CONSTANT,
    BORDER_DEFAULT,
    BORDER_ISOLATED,
    BORDER_REFLECT,
    BORDER_REFLECT101,
    BORDER_REFLECT_101,
    BORDER_REPLICATE,
    BORDER_TRANSPARENT,
    BORDER_WRAP,
    CV_8S,
    CV_8U,
    CV_8UC1,
    CV_8UC2,
    CV_8UC3,
    CV_8UC4,
    CV_16F,
    CV_16S,
    CV_16SC1,
    CV_16SC2,
    CV_16SC3,
    CV_16SC4,
    CV_16U,
    CV_16UC1,
    CV_16UC2,
    CV_16UC3,
    CV_16UC4,
    CV_32F,
    CV_32FC1,
    CV_32FC2,
    CV_32FC3,
    CV_32FC4,
    CV_32S,
    CV_64F,
    CV_64FC1,
    CV_64FC2,
    CV_64FC3,
    CV_64FC4,
    FILTER_SCHARR,
    error,
)
from multiconv.compat.cv2.derivatives import Laplacian, Scharr, Sobel, getDerivKernels
from multiconv.compat.cv2.kernels import getGaussianKernel
from multiconv.compat.cv2.linear import filter2D, sepFilter2D
from multiconv.compat.cv2.smoothing import GaussianBlur, blur, boxFilter

__all__ = [
    "BORDER_CONSTANT",
    "BORDER_DEFAULT",
    "BORDER_ISOLATED",
    "BORDER_REFLECT",
    "BORDER_REFLECT101",
    "BORDER_REFLECT_101",
    "BORDER_REPLICATE",
    "BORDER_TRANSPARENT",
    "BORDER_WRAP",
    "CV_8S",
    "CV_8U",
    "CV_8UC1",
    "CV_8UC2",
    "CV_8UC3",
    "CV_8UC4",
    "CV_16F",
    "CV_16S",
    "CV_16SC1",
    "CV_16SC2",
    "CV_16SC3",
    "CV_16SC4",
    "CV_16U",
    "CV_16UC1",
    "CV_16UC2",
    "CV_16UC3",
    "CV_16UC4",
    "CV_32F",
    "CV_32FC1",
    "CV_32FC2",
    "CV_32FC3",
    "CV_32FC4",
    "CV_32S",
    "CV_64F",
    "CV_64FC1",
    "CV_64FC2",
    "CV_64FC3",
    "CV_64FC4",
    "FILTER_SCHARR",
    "GaussianBlur",
    "Laplacian",
    "Scharr",
    "Sobel",
    "blur",
    "boxFilter",
    "error",
    "filter2D",
    "getDerivKernels",
    "getGaussianKernel",
    "sepFilter2D",
]
