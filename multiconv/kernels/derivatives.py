"""Derivatives: first and higher along an axis, first along a direction, and the Laplacian."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.core.arguments import flag
from multiconv.kernels.arguments import Size, image_axis, positive, unit_vector, whole
from multiconv.kernels.like import Array, Kernel, kernel
from multiconv.kernels.smoothing import bell_window, gaussian_taps, offsets


@kernel("(1, order + 1) over x, (order + 1, 1) over y")
def finite_difference(
    order: int, *, axis: int = -1, like: Array | None = None, dtype: Any = None, device: Any = None
) -> Kernel:
    r"""Smallest kernel of the `order`-th derivative: a row of Pascal's triangle with signs.

    .. math:: k_j = (-1)^{d-j} \binom{d}{j}, \qquad j = 0, \dots, d

    It annihilates every polynomial of degree below d and maps :math:`x^d` to exactly :math:`d!`; no
    kernel with fewer taps does (B. Fornberg, "Generation of finite difference formulas on
    arbitrarily spaced grids", Mathematics of Computation 51 (1988), 699-706). With an odd number of
    taps the answer belongs to the central pixel, else to the middle of the central two.

    Parameters
    ----------
    order : int
        The derivative d, from 0 to 56, beyond which float64 does not hold the coefficients.
    axis : int
        -1 or 1 differentiates along a row (over x), 0 or -2 along a column (over y).

    Examples
    --------
    >>> from multiconv.kernels import finite_difference
    >>> finite_difference(1)
    array([[-1.,  1.]])
    >>> finite_difference(2, axis=0).shape
    (3, 1)
    """
    # C(57, 28) is above 2**53.
    meaning = "between 0 and 56, where every coefficient is exact in float64"
    order = whole("order", order, range(57), meaning)
    taps = [(-1) ** (order - j) * math.comb(order, j) for j in range(order + 1)]
    return _along(axis, np.array([taps], dtype=np.float64))


@kernel("(3, 3)")
def sobel(
    *,
    axis: int = -1,
    normalize: bool = False,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    """Sobel's derivative: difference ``[-1, 0, 1]`` across the smoothing ``[1, 2, 1]``.

    I. Sobel and G. Feldman, "A 3x3 isotropic gradient operator for image processing", talk at the
    Stanford Artificial Intelligence Project, 1968; [GW], section 10.2.

    Parameters
    ----------
    axis : int
        -1 or 1 differentiates over x (finds vertical edges), 0 or -2 over y.
    normalize : bool
        Divide by 8, which makes the derivative exact on every polynomial of degree 2.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> from multiconv.kernels import sobel
    >>> sobel()
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    >>> x32 = np.ones((5, 5), dtype=np.float32)
    >>> mc.corr2d(x32, sobel(axis=0, like=x32)).dtype
    dtype('float32')
    """
    return _smoothed_difference((1.0, 2.0, 1.0), axis, normalize)


@kernel("(3, 3)")
def scharr(
    *,
    axis: int = -1,
    normalize: bool = False,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    """Scharr's derivative: as :func:`sobel`, with smoothing ``[3, 10, 3]``.

    It makes the direction of the gradient, ``atan2(dy, dx)``, nearly independent of the edge's
    orientation (H. Scharr, *Optimale Operatoren in der Digitalen Bildverarbeitung*, doctoral
    thesis, Heidelberg University, 2000, which lists further variants of these usual integers).

    Parameters
    ----------
    axis : int
    normalize : bool
        As in :func:`sobel`; the divisor is 32.

    Examples
    --------
    >>> from multiconv.kernels import scharr
    >>> scharr()[:2]
    array([[ -3.,   0.,   3.],
           [-10.,   0.,  10.]])
    """
    return _smoothed_difference((3.0, 10.0, 3.0), axis, normalize)


@kernel("(3, 3)")
def prewitt(
    *,
    axis: int = -1,
    normalize: bool = False,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    """Prewitt's derivative: as :func:`sobel`, with smoothing ``[1, 1, 1]``.

    Six times the slope of the plane fitted to the 3 x 3 pixels by least squares (J. M. S. Prewitt,
    "Object enhancement and extraction", in B. Lipkin and A. Rosenfeld (eds.), *Picture Processing
    and Psychopictorics*, Academic Press, 1970, 75-149).

    Parameters
    ----------
    axis : int
    normalize : bool
        As in :func:`sobel`; the divisor is 6, and 1/6 is rounded.

    Examples
    --------
    >>> from multiconv.kernels import prewitt
    >>> prewitt()[0]
    array([-1.,  0.,  1.])
    """
    return _smoothed_difference((1.0, 1.0, 1.0), axis, normalize)


@kernel("(3, 3)")
def directional(
    angle: float | tuple[float, float],
    *,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    r"""Sobel derivative along the direction :math:`v = (\cos\alpha, \sin\alpha)`.

    .. math:: k = \tfrac18 (v_1 S_x + v_2 S_y)

    with the two :func:`sobel` kernels. A ramp of slope 1 along v gives 1, a ramp across v gives 0,
    since a directional derivative is the gradient times v: the filter is steerable (W. T. Freeman
    and E. H. Adelson, "The design and use of steerable filters", IEEE Transactions on Pattern
    Analysis and Machine Intelligence 13 (1991), 891-906).

    Parameters
    ----------
    angle : float or (float, float)
        Direction in radians, from +x (right) towards +y (down), or as a vector (x, y) of any
        length.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.kernels import directional
    >>> directional(np.pi / 2)
    array([[-0.125, -0.25 , -0.125],
           [ 0.   ,  0.   ,  0.   ],
           [ 0.125,  0.25 ,  0.125]])
    >>> np.array_equal(directional((0, 3)), directional(np.pi / 2))
    True
    """
    return steered(*unit_vector(angle), sobel(normalize=True))


@kernel("(3, 3)")
def laplacian(
    *, diagonal: bool = False, like: Array | None = None, dtype: Any = None, device: Any = None
) -> Kernel:
    r"""Laplacian :math:`\partial^2/\partial x^2 + \partial^2/\partial y^2`, centre negative.

    The sum of the two second differences, exact on every polynomial of degree 3 ([GW], section
    3.6). With `diagonal`, the second differences along both diagonals are added: the answer is then
    *three* times the Laplacian (a diagonal step is :math:`\sqrt2` pixels long and counts twice).

    Parameters
    ----------
    diagonal : bool
        Use all eight neighbours instead of four.

    Examples
    --------
    >>> from multiconv.kernels import laplacian
    >>> laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    >>> laplacian(diagonal=True)[1]
    array([ 1., -8.,  1.])
    """
    corner = 1.0 if flag("diagonal", diagonal) else 0.0
    side = [corner, 1.0, corner]
    return np.array([side, [1.0, -4.0 - 4.0 * corner, 1.0], side])


@kernel("(rows, columns)")
def laplacian_of_gaussian(
    size: Size | None = None,
    *,
    sigma: float,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    r"""Laplacian of a Gaussian-smoothed image, centre negative.

    The continuous filter (D. Marr and E. Hildreth, "Theory of edge detection", Proceedings of the
    Royal Society of London B 207 (1980), 187-217) is a sum of two products,

    .. math:: \nabla^2 G(x, y) = g''(x) g(y) + g(x) g''(y), \qquad
              g''(x) = \frac{x^2 - \sigma^2}{\sigma^4} g(x).

    Sampled and cut off as it stands, it answers to flat areas. Here g is the sampled, normalised
    window of :func:`gaussian` and the two constants are that window's own moments,

    .. math:: g''_i = \frac{2 (x_i^2 - m_2)}{\sum_j (x_j^2 - m_2)^2 g_j} g_i, \qquad
              m_2 = \sum_j x_j^2 g_j,

    which tend to the continuous :math:`\sigma^2` and :math:`2\sigma^4`. So for every `sigma` and
    `size` the kernel sums to 0 and, up to rounding, is the exact Laplacian on polynomials of degree
    3. For small `sigma` it tends to :func:`laplacian`; with a wide window and `sigma` above one
    pixel it is what ``scipy.ndimage.gaussian_laplace`` correlates with, which has no correction.

    Parameters
    ----------
    size : int or (int, int), optional
        Odd number of rows and columns, at least 3. Default: ``2 * int(4 * sigma + 0.5) + 1``, as in
        SciPy, and at least 3.
    sigma : float
        Standard deviation of the Gaussian in pixels, at least about 0.027, below which float64 does
        not hold the neighbours' weights. The answer changes sign at the radius
        :math:`\sqrt2\sigma`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.kernels import laplacian_of_gaussian
    >>> kernel = laplacian_of_gaussian(9, sigma=1.4)
    >>> kernel.shape
    (9, 9)
    >>> x = np.arange(-4, 5.0)
    >>> float(np.sum(kernel * (x**2 + x[:, None] ** 2)).round(12))  # the Laplacian of x^2 + y^2
    4.0
    """
    sigma = positive("sigma", sigma)
    rows, columns = bell_window(size, "sigma", sigma, minimum=3)
    down, down_2 = _taps_and_second_derivative(rows, sigma)
    right, right_2 = _taps_and_second_derivative(columns, sigma)
    return np.outer(down_2, right) + np.outer(down, right_2)


def steered(v1: float, v2: float, over_x: Kernel) -> Kernel:
    """Return the derivative along (v1, v2), given the one over x."""
    # Adding 0 turns -0.0, from a negative component times a zero tap, into 0.0.
    return v1 * over_x + v2 * over_x.T + 0.0


def _along(axis: int, over_x: Kernel) -> Kernel:
    return over_x if image_axis(axis) == 1 else np.ascontiguousarray(over_x.T)


def _smoothed_difference(smoothing: tuple[float, ...], axis: int, normalize: bool) -> Kernel:
    # The central difference doubles a slope, and the smoothing multiplies it by its sum.
    slope = 2.0 * sum(smoothing) if flag("normalize", normalize) else 1.0
    return _along(axis, np.outer(smoothing, (-1.0, 0.0, 1.0)) / slope)


def _taps_and_second_derivative(n: int, sigma: float) -> tuple[Kernel, Kernel]:
    taps = gaussian_taps(n, sigma)
    if taps[n // 2 + 1] < np.finfo(np.float64).tiny:
        raise ValueError(
            f"sigma must be large enough, about 0.027, for exp(-1 / (2 sigma**2)) to be a normal "
            f"float64; got {sigma!r}: use laplacian(), the limit"
        )
    squares = offsets(n) ** 2
    centred = squares - np.sum(squares * taps)
    return taps, centred * taps * (2.0 / np.sum(centred**2 * taps))
