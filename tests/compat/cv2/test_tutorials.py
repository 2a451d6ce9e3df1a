"""What OpenCV's tutorials write, and what people write with NumPy's numbers, gives what it gives.

"Making your own linear filters", "Smoothing Images", "Sobel Derivatives", "Laplace Operator",
"Image Gradients", "Anisotropic image segmentation by a gradient structure tensor", and kernels that
every collection has.
"""

from pathlib import Path

import numpy as np
import pytest
from comparing import assert_same

import multiconv
from multiconv.compat import cv2 as compat

pytestmark = pytest.mark.needs_library("cv2")

GREY = np.load(Path(multiconv.__file__).parent / "data" / "camera.npy")[40:80, 30:94]
COLOURS = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
OUTLINE = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])


def structure(m, x):
    """The sums of squares of the gradient in windows, as the tutorial on structure tensors."""
    along_x, along_y = m.Sobel(x, m.CV_32F, 1, 0, 3), m.Sobel(x, m.CV_32F, 0, 1, 3)
    return m.boxFilter(along_x * along_y, m.CV_32F, (9, 9), normalize=False)


def blurred_edges(m, x):
    """Canny's first steps: a Gaussian, then derivatives with a sign."""
    return m.Sobel(m.GaussianBlur(x, (3, 3), 0), m.CV_16S, 1, 0, ksize=3, scale=1, delta=0)


TUTORIALS = {
    "a normalised box of one's own": lambda m, x, to: m.filter2D(
        x, -1, to(np.ones((5, 5), dtype=np.float32) / (5 * 5)), anchor=(-1, -1), delta=0
    ),
    "means": lambda m, x, to: m.blur(x, (5, 5), anchor=(-1, -1)),
    "a Gaussian": lambda m, x, to: m.GaussianBlur(x, (5, 5), 0),
    "wider ones": lambda m, x, to: m.GaussianBlur(x, (31, 31), 0, 0),
    "from a sigma alone": lambda m, x, to: m.GaussianBlur(x, None, sigmaX=np.float32(2)),
    "derivatives": lambda m, x, to: blurred_edges(m, x),
    "Scharr's": lambda m, x, to: m.Sobel(x, m.CV_16S, 1, 0, ksize=m.FILTER_SCHARR),
    "Laplace's": lambda m, x, to: m.Laplacian(x, m.CV_16S, ksize=3),
    "a derivative in doubles": lambda m, x, to: m.Sobel(x, m.CV_64F, 0, 1, ksize=5),
    "and in bytes, cut off": lambda m, x, to: m.Sobel(x, m.CV_8U, 1, 0, ksize=5),
    "sharpened": lambda m, x, to: m.filter2D(x, -1, to(SHARPEN)),
    "embossed": lambda m, x, to: m.filter2D(src=x, ddepth=-1, kernel=to(EMBOSS), delta=128),
    "an outline": lambda m, x, to: m.filter2D(x, m.CV_16S, to(OUTLINE)),
    "rows and columns": lambda m, x, to: m.sepFilter2D(
        x, m.CV_16S, to(np.array([-1, 0, 1])), to(np.array([1, 2, 1]))
    ),
    "a depth with channels": lambda m, x, to: m.filter2D(x, m.CV_8UC3, to(SHARPEN)),
    "another": lambda m, x, to: m.boxFilter(x, m.CV_32FC1, (3, 3)),
    "a depth of NumPy": lambda m, x, to: m.Sobel(x, np.int64(3), np.int32(1), np.uint8(0)),
    "a size of NumPy": lambda m, x, to: m.blur(x, np.array([3, 5]), anchor=np.array([0, 1])),
    "a size in a list": lambda m, x, to: m.blur(x, [3, 5], borderType=np.int64(1)),
}


@pytest.mark.parametrize("x", [GREY, COLOURS], ids=["grey", "colours"])
@pytest.mark.parametrize("call", TUTORIALS.values(), ids=TUTORIALS)
def test_bit_for_bit(backend, call, x):
    import cv2

    expected = call(cv2, x, lambda kernel: kernel)
    with backend.wide("float64"):
        result = call(compat, backend.array(x), backend.array)
        assert_same(backend, result, expected, str(expected.dtype))


def test_structure_tensors(backend):
    """Whole numbers whose sums of 81 are below 2**24 in float32, where they are exact."""
    import cv2

    x = GREY // 8
    expected = structure(cv2, x)
    assert np.abs(structure(cv2, x.astype("float64").astype("float32"))).max() < 2**24
    assert_same(backend, structure(compat, backend.array(x)), expected, "float32")


@pytest.mark.parametrize("size", [np.int64(5), 7])
def test_kernels(size):
    import cv2

    ours, theirs = (m.getGaussianKernel(size, np.float32(1.5)) for m in (compat, cv2))
    assert np.all(np.abs(ours - theirs) <= 2**-53)  # a number below a half, rounded once in each
    for found, expected in zip(
        *(m.getDerivKernels(np.int64(1), 1, size) for m in (compat, cv2)), strict=True
    ):
        assert np.array_equal(found, expected)


REFUSED = {
    "a size of fractions": lambda m, x: m.blur(x, (3.0, 3.0)),
    "a size that is no pair": lambda m, x: m.blur(x, 3),
    "letters": lambda m, x: m.blur(x, "ab"),
    "an order that is a bool": lambda m, x: m.Sobel(x, -1, True, 0),
    "a depth that is a bool": lambda m, x: m.filter2D(x, True, np.ones((3, 3))),
    "int32": lambda m, x: m.filter2D(x, m.CV_32S, np.ones((3, 3))),
    "an anchor of fractions": lambda m, x: m.filter2D(x, -1, np.ones((3, 3)), anchor=(0.0, 0)),
    "neither a size nor a sigma": lambda m, x: m.GaussianBlur(x, None, 0),
    "a border that is a bool": lambda m, x: m.blur(x, (3, 3), borderType=True),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_opencv_refuses_is_refused(call):
    import cv2

    for module in (cv2, compat):
        with pytest.raises(module.error):
            call(module, GREY)
