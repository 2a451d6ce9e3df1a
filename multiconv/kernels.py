r"""Classical image kernels, each with its formula and its source.

Every function returns a fresh, writable, C-contiguous NumPy ``float64`` array of shape
``(rows, columns)``, to be *correlated* with an image (:func:`multiconv.corr2d` does not flip it)::

    multiconv.corr2d(image, kernels.sobel())

Conventions, the same in all formulas below:

- ``x`` is the column, axis -1, growing to the right; ``y`` is the row, axis -2, growing *down*.
  Both are 0 at the kernel's centre and are measured in pixels.
- An angle is in radians and turns from +x towards +y: clockwise on the screen, where rows go down.
  ``0`` points right, ``np.pi / 2`` down. Multiples of ``np.pi / 4`` are taken as such, so that a
  kernel along an axis holds true zeros, not ``6e-17``.
- A derivative kernel answers positively where the image grows along the direction.

References
----------
.. [GW] R. C. Gonzalez and R. E. Woods, *Digital Image Processing*, 4th ed., Pearson, 2018,
   chapters 3 (smoothing, sharpening), 5 (motion) and 10 (derivatives, Marr-Hildreth).
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable
from numbers import Real
from typing import SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "box",
    "directional",
    "emboss",
    "finite_difference",
    "gabor",
    "gaussian",
    "identity",
    "laplacian",
    "laplacian_of_gaussian",
    "motion_blur",
    "named",
    "names",
    "prewitt",
    "scharr",
    "sharpen",
    "sobel",
]

Kernel: TypeAlias = NDArray[np.float64]
Size: TypeAlias = int | tuple[int, int]

# Unit vectors (x, y) of the multiples of 45 degrees, from right by way of down.
_S = math.sqrt(0.5)
_COMPASS = (
    (1.0, 0.0), (_S, _S), (0.0, 1.0), (-_S, _S), (-1.0, 0.0), (-_S, -_S), (0.0, -1.0), (_S, -_S),
)  # fmt: skip

# The largest d whose binomial coefficients C(d, k) all lie below 2**53, hence are exact in float64.
_LARGEST_EXACT_ORDER = 56

# SciPy's truncation, so that the default windows agree with scipy.ndimage.gaussian_filter.
_GAUSSIAN_RADIUS_IN_SIGMAS = 4.0

# sigma / wavelength of a Gabor filter whose bandwidth is one octave (Petkov and Kruizinga).
_SIGMA_PER_WAVELENGTH = 3.0 / math.pi * math.sqrt(math.log(2.0) / 2.0)


# Pixels as they are ------------------------------------------------------------------------------


def identity(size: Size = 3) -> Kernel:
    """Kernel that returns the image: one at the centre, zeros elsewhere.

    Parameters
    ----------
    size : int or (int, int)
        Odd number of rows and columns.

    Returns
    -------
    ndarray of float64, shape (rows, columns)

    Raises
    ------
    TypeError, ValueError
        If `size` is not a positive odd int or a pair of them.

    Examples
    --------
    >>> from multiconv.kernels import identity
    >>> identity(3)
    array([[0., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]])
    """
    rows, columns = _odd_window(size)
    kernel = np.zeros((rows, columns))
    kernel[rows // 2, columns // 2] = 1.0
    return kernel


# First and higher derivatives --------------------------------------------------------------------


def finite_difference(order: int, axis: int = -1) -> Kernel:
    r"""Smallest kernel of the `order`-th derivative: a row of Pascal's triangle with signs.

    .. math:: k_j = (-1)^{d-j} \binom{d}{j}, \qquad j = 0, \dots, d

    It is ``[-1, 1]`` correlated with itself d times. It annihilates every polynomial of degree
    below d and maps :math:`x^d` to exactly :math:`d!`; no kernel with fewer taps does [1]_. With an
    odd number of taps the answer belongs to the central pixel, else to the middle of the central
    two.

    Parameters
    ----------
    order : int
        The derivative d, from 0 (the identity) to 56, beyond which float64 cannot hold the
        coefficients exactly.
    axis : int
        -1 or 1 differentiates along a row (over x), 0 or -2 along a column (over y).

    Returns
    -------
    ndarray of float64, shape (1, order + 1) for the last axis, (order + 1, 1) for the first

    Raises
    ------
    TypeError, ValueError
        If `order` or `axis` is not an int, or out of range.

    References
    ----------
    .. [1] B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids",
       Mathematics of Computation 51 (1988), 699-706.

    Examples
    --------
    >>> from multiconv.kernels import finite_difference
    >>> finite_difference(1)
    array([[-1.,  1.]])
    >>> finite_difference(2, axis=0)
    array([[ 1.],
           [-2.],
           [ 1.]])
    """
    order = _integer("order", order)
    if not 0 <= order <= _LARGEST_EXACT_ORDER:
        raise ValueError(
            f"order must be between 0 and {_LARGEST_EXACT_ORDER}, where every coefficient is exact "
            f"in float64; got {order}"
        )
    taps = [(-1) ** (order - j) * math.comb(order, j) for j in range(order + 1)]
    return _along(axis, np.array([taps], dtype=np.float64))


def sobel(axis: int = -1, normalize: bool = False) -> Kernel:
    """Sobel's derivative: difference ``[-1, 0, 1]`` across the smoothing ``[1, 2, 1]`` [1]_.

    Parameters
    ----------
    axis : int
        -1 or 1 differentiates over x (finds vertical edges), 0 or -2 over y.
    normalize : bool
        Divide by 8, so that a ramp of slope 1 gives 1; the derivative is then exact on every
        polynomial of degree 2. The coefficients stay exact in float64.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    TypeError, ValueError
        If `axis` is not one of -2, -1, 0, 1.

    References
    ----------
    .. [1] I. Sobel and G. Feldman, "A 3x3 isotropic gradient operator for image processing", talk
       at the Stanford Artificial Intelligence Project, 1968; [GW], section 10.2.

    Examples
    --------
    >>> from multiconv.kernels import sobel
    >>> sobel()
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    >>> sobel(axis=0)
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return _smoothed_difference((1.0, 2.0, 1.0), axis, normalize)


def scharr(axis: int = -1, normalize: bool = False) -> Kernel:
    """Scharr's derivative: as :func:`sobel`, with smoothing ``[3, 10, 3]`` [1]_.

    The weights make the direction of the gradient, ``atan2(dy, dx)``, nearly independent of the
    edge's orientation. These are the usual small integers; the thesis lists further variants.

    Parameters
    ----------
    axis : int
        -1 or 1 differentiates over x, 0 or -2 over y.
    normalize : bool
        Divide by 32, so that a ramp of slope 1 gives 1. The coefficients stay exact in float64.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    TypeError, ValueError
        If `axis` is not one of -2, -1, 0, 1.

    References
    ----------
    .. [1] H. Scharr, *Optimale Operatoren in der Digitalen Bildverarbeitung*, doctoral thesis,
       Heidelberg University, 2000.

    Examples
    --------
    >>> from multiconv.kernels import scharr
    >>> scharr()
    array([[ -3.,   0.,   3.],
           [-10.,   0.,  10.],
           [ -3.,   0.,   3.]])
    """
    return _smoothed_difference((3.0, 10.0, 3.0), axis, normalize)


def prewitt(axis: int = -1, normalize: bool = False) -> Kernel:
    """Prewitt's derivative: as :func:`sobel`, with smoothing ``[1, 1, 1]`` [1]_.

    It is six times the slope of the plane fitted to the 3 x 3 pixels by least squares.

    Parameters
    ----------
    axis : int
        -1 or 1 differentiates over x, 0 or -2 over y.
    normalize : bool
        Divide by 6, so that a ramp of slope 1 gives 1 (up to the rounding of 1/6).

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    TypeError, ValueError
        If `axis` is not one of -2, -1, 0, 1.

    References
    ----------
    .. [1] J. M. S. Prewitt, "Object enhancement and extraction", in B. Lipkin and A. Rosenfeld
       (eds.), *Picture Processing and Psychopictorics*, Academic Press, 1970, 75-149.

    Examples
    --------
    >>> from multiconv.kernels import prewitt
    >>> prewitt()
    array([[-1.,  0.,  1.],
           [-1.,  0.,  1.],
           [-1.,  0.,  1.]])
    """
    return _smoothed_difference((1.0, 1.0, 1.0), axis, normalize)


def directional(angle: float) -> Kernel:
    r"""Sobel derivative along the direction :math:`v = (\cos\alpha, \sin\alpha)`.

    .. math:: k = \tfrac18 (v_1 S_x + v_2 S_y)

    with the two :func:`sobel` kernels. A ramp of slope 1 along v gives 1, a ramp across v gives 0,
    since a directional derivative is the gradient times v: the filter is "steerable" [1]_.

    Parameters
    ----------
    angle : float
        Direction in radians, from +x (right) towards +y (down).

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    TypeError, ValueError
        If `angle` is not a finite real number.

    References
    ----------
    .. [1] W. T. Freeman and E. H. Adelson, "The design and use of steerable filters", IEEE
       Transactions on Pattern Analysis and Machine Intelligence 13 (1991), 891-906.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.kernels import directional
    >>> directional(np.pi / 2)
    array([[-0.125, -0.25 , -0.125],
           [ 0.   ,  0.   ,  0.   ],
           [ 0.125,  0.25 ,  0.125]])
    """
    v1, v2 = _unit_vector(angle)
    return _steered(v1, v2, sobel(axis=1, normalize=True), sobel(axis=0, normalize=True))


def laplacian(diagonal: bool = False) -> Kernel:
    r"""Laplacian :math:`\partial^2/\partial x^2 + \partial^2/\partial y^2`, centre negative.

    The sum of the two second differences, exact on every polynomial of degree 3 [GW]_. With
    `diagonal`, the second differences along both diagonals are added: the answer is then *three*
    times the Laplacian (a diagonal step is :math:`\sqrt2` pixels long and counts twice).

    Parameters
    ----------
    diagonal : bool
        Use all eight neighbours instead of four.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Examples
    --------
    >>> from multiconv.kernels import laplacian
    >>> laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    >>> laplacian(diagonal=True)
    array([[ 1.,  1.,  1.],
           [ 1., -8.,  1.],
           [ 1.,  1.,  1.]])
    """
    here, second = np.array([0.0, 1.0, 0.0]), finite_difference(2)[0]
    kernel = np.outer(here, second) + np.outer(second, here)
    if diagonal:
        kernel += np.diag(second) + np.fliplr(np.diag(second))
    return kernel


def laplacian_of_gaussian(sigma: float, size: Size | None = None) -> Kernel:
    r"""Laplacian of a Gaussian-smoothed image (Marr-Hildreth edge detector [1]_), centre negative.

    The continuous filter is a sum of two products of one-dimensional functions,

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
    sigma : float
        Standard deviation of the Gaussian in pixels. The zero crossing is a circle of radius
        :math:`\sqrt2\sigma`.
    size : int or (int, int), optional
        Odd number of rows and columns, at least 3. Default: ``2 * int(4 * sigma + 0.5) + 1``, as in
        SciPy, and at least 3.

    Returns
    -------
    ndarray of float64, shape (rows, columns)

    Raises
    ------
    TypeError, ValueError
        If `sigma` is not a positive finite number, or so small (about 0.027) that float64 cannot
        hold the neighbours' weights; if `size` is not made of odd ints, at least 3.

    References
    ----------
    .. [1] D. Marr and E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society of
       London B 207 (1980), 187-217.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.kernels import laplacian_of_gaussian
    >>> kernel = laplacian_of_gaussian(1.4, size=9)
    >>> kernel.shape
    (9, 9)
    >>> x = np.arange(-4, 5.0)
    >>> float(np.sum(kernel * (x**2 + x[:, None] ** 2)).round(12))  # the Laplacian of x^2 + y^2
    4.0
    """
    sigma = _positive("sigma", sigma)
    rows, columns = _odd_window(max(3, _gaussian_size(sigma)) if size is None else size)
    if min(rows, columns) < 3:
        raise ValueError(
            f"size must be at least 3 along both axes, for a second derivative needs three points; "
            f"got {size!r}"
        )
    down, down_2 = _gaussian_and_second_derivative(sigma, rows)
    right, right_2 = _gaussian_and_second_derivative(sigma, columns)
    return np.outer(down_2, right) + np.outer(down, right_2)


# Smoothing ---------------------------------------------------------------------------------------


def box(size: Size, normalize: bool = True) -> Kernel:
    """Mean of a rectangle of pixels; or its sum, with ``normalize=False``.

    Parameters
    ----------
    size : int or (int, int)
        Number of rows and columns, odd or even.
    normalize : bool
        Divide by the number of pixels, so that flat areas keep their value.

    Returns
    -------
    ndarray of float64, shape (rows, columns)

    Raises
    ------
    TypeError, ValueError
        If `size` is not a positive int or a pair of them.

    Examples
    --------
    >>> from multiconv.kernels import box
    >>> box((2, 4))
    array([[0.125, 0.125, 0.125, 0.125],
           [0.125, 0.125, 0.125, 0.125]])
    >>> box(2, normalize=False)
    array([[1., 1.],
           [1., 1.]])
    """
    rows, columns = _window(size)
    return np.full((rows, columns), 1.0 / (rows * columns) if normalize else 1.0)


def gaussian(sigma: float, size: Size | None = None) -> Kernel:
    r"""Gaussian blur: the samples of a Gaussian, made to sum to 1.

    .. math:: k_{yx} = g_y g_x, \qquad
              g_x = \frac{\exp(-x^2 / 2\sigma^2)}{\sum_j \exp(-x_j^2 / 2\sigma^2)}

    The same samples, window and normalisation as ``scipy.ndimage.gaussian_filter``.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels.
    size : int or (int, int), optional
        Odd number of rows and columns. Default: ``2 * int(4 * sigma + 0.5) + 1``, as in SciPy.

    Returns
    -------
    ndarray of float64, shape (rows, columns)

    Raises
    ------
    TypeError, ValueError
        If `sigma` is not a positive finite number, or `size` not made of positive odd ints.

    Examples
    --------
    >>> from multiconv.kernels import gaussian
    >>> gaussian(1.0).shape
    (9, 9)
    >>> gaussian(0.8, size=3).round(3)
    array([[0.057, 0.125, 0.057],
           [0.125, 0.272, 0.125],
           [0.057, 0.125, 0.057]])
    """
    sigma = _positive("sigma", sigma)
    rows, columns = _odd_window(_gaussian_size(sigma) if size is None else size)
    return np.outer(_gaussian_taps(sigma, rows), _gaussian_taps(sigma, columns))


def motion_blur(length: float, angle: float = 0.0) -> Kernel:
    r"""Blur of a camera that moves uniformly along a straight line during the exposure.

    .. math:: k_{yx} = \frac{1}{L}\, \bigl|\{t \in [-L/2, L/2] :
              (t \cos\alpha, t \sin\alpha) \in \text{pixel } (y, x)\}\bigr|

    The share of the segment's length that lies in the unit square around the pixel's centre, found
    by clipping the segment against the square's two slabs [1]_. There is no sampling step and no
    rounding to a line of whole pixels, so any length and angle is served alike.

    Parameters
    ----------
    length : float
        Length L of the path in pixels, not necessarily whole.
    angle : float
        Direction in radians, from +x (right) towards +y (down). The opposite direction is the same
        blur.

    Returns
    -------
    ndarray of float64, shape (n, n)
        n is the smallest odd number that is at least `length`. The sum is 1 up to rounding.

    Raises
    ------
    TypeError, ValueError
        If `length` is not a positive finite number, or `angle` not a finite one.

    References
    ----------
    .. [1] T. L. Kay and J. T. Kajiya, "Ray tracing complex scenes", SIGGRAPH Computer Graphics 20
       (1986), 269-278. For the model of blur: [GW], section 5.6.

    Examples
    --------
    >>> from multiconv.kernels import motion_blur
    >>> motion_blur(4)
    array([[0.   , 0.   , 0.   , 0.   , 0.   ],
           [0.   , 0.   , 0.   , 0.   , 0.   ],
           [0.125, 0.25 , 0.25 , 0.25 , 0.125],
           [0.   , 0.   , 0.   , 0.   , 0.   ],
           [0.   , 0.   , 0.   , 0.   , 0.   ]])
    """
    length = _positive("length", length)
    v1, v2 = _unit_vector(angle)
    n = 2 * math.ceil((length - 1.0) / 2.0) + 1
    enter_x, leave_x = _slab_crossings(v1, n, length)
    enter_y, leave_y = _slab_crossings(v2, n, length)
    enter = np.maximum(enter_y[:, None], enter_x)
    leave = np.minimum(leave_y[:, None], leave_x)
    chords: Kernel = np.maximum(leave - enter, 0.0)
    return chords / length


# Enhancement and texture -------------------------------------------------------------------------


def sharpen(amount: float = 1.0) -> Kernel:
    """Sharpening: the image minus `amount` times its Laplacian [GW]_.

    Flat areas and ramps keep their values, for any amount.

    Parameters
    ----------
    amount : float
        0 is the identity, 1 the classical kernel with 5 at the centre; below 0 it blurs.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    TypeError, ValueError
        If `amount` is not a finite real number.

    Examples
    --------
    >>> from multiconv.kernels import sharpen
    >>> sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    return identity() - _real("amount", amount) * laplacian()


def emboss(angle: float = math.pi / 4, amount: float = 1.0) -> Kernel:
    r"""Relief: the image plus `amount` times its slope along a direction.

    .. math:: k = \delta + a\, \frac{v_1 P_x + v_2 P_y}{\max(|v_1|, |v_2|)}, \qquad
              v = (\cos\alpha, \sin\alpha)

    with the :func:`prewitt` kernels. The denominator keeps the coefficients whole in the eight
    compass directions; it makes the relief :math:`\sqrt2` times stronger along the diagonals. Flat
    areas keep their value. The default is the kernel that image editors call "emboss".

    Parameters
    ----------
    angle : float
        Direction in radians, from +x (right) towards +y (down), along which growing brightness is
        shown as raised (brighter). The default points to the lower right.
    amount : float
        Height of the relief.

    Returns
    -------
    ndarray of float64, shape (3, 3)

    Raises
    ------
    TypeError, ValueError
        If `angle` or `amount` is not a finite real number.

    Examples
    --------
    >>> from multiconv.kernels import emboss
    >>> emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    v1, v2 = _unit_vector(angle)
    largest = max(abs(v1), abs(v2))
    relief = _steered(v1 / largest, v2 / largest, prewitt(axis=1), prewitt(axis=0))
    return identity() + _real("amount", amount) * relief


def gabor(
    wavelength: float,
    angle: float = 0.0,
    *,
    sigma: float | None = None,
    aspect: float = 1.0,
    phase: float = 0.0,
    size: Size | None = None,
) -> Kernel:
    r"""Gabor filter: a wave under a Gaussian; answers to stripes of one width and orientation.

    .. math:: k_{yx} = \exp\left(-\frac{p^2 + \gamma^2 q^2}{2\sigma^2}\right)
              \cos\left(\frac{2\pi p}{\lambda} + \psi\right), \qquad
              \begin{aligned} p &= x\cos\alpha + y\sin\alpha \\
                              q &= -x\sin\alpha + y\cos\alpha \end{aligned}

    The formula of [2]_, for the model of [1]_, without a factor in front: the Gaussian has height
    1. With ``phase=0`` the kernel is even and its sum is not 0, so it answers a little to flat
    areas; with ``phase=np.pi / 2`` it is odd.

    Parameters
    ----------
    wavelength : float
        Wavelength :math:`\lambda` in pixels.
    angle : float
        Direction :math:`\alpha` in radians in which the wave travels, across its stripes: 0 is +x
        (right; vertical stripes), ``np.pi / 2`` is +y (down; horizontal stripes).
    sigma : float, optional
        Standard deviation of the Gaussian along the wave, in pixels. Default: 0.562 wavelengths,
        a bandwidth of one octave.
    aspect : float
        Aspect ratio :math:`\gamma`: the standard deviation along the stripes is ``sigma / aspect``.
    phase : float
        Phase :math:`\psi` in radians.
    size : int or (int, int), optional
        Odd number of rows and columns. Default: 4 standard deviations of the longer axis to each
        side, rounded, as in :func:`gaussian`.

    Returns
    -------
    ndarray of float64, shape (rows, columns)

    Raises
    ------
    TypeError, ValueError
        If `wavelength`, `sigma` or `aspect` is not a positive finite number, `angle` or `phase` not
        a finite one, or `size` not made of positive odd ints.

    References
    ----------
    .. [1] J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
       orientation optimized by two-dimensional visual cortical filters", Journal of the Optical
       Society of America A 2 (1985), 1160-1169.
    .. [2] N. Petkov and P. Kruizinga, "Computational models of visual neurons specialised in the
       detection of periodic and aperiodic oriented visual stimuli: bar and grating cells",
       Biological Cybernetics 76 (1997), 83-96.

    Examples
    --------
    >>> from multiconv.kernels import gabor
    >>> gabor(4.0, size=(1, 5)).round(3)
    array([[-0.673,  0.   ,  1.   ,  0.   , -0.673]])
    """
    wavelength = _positive("wavelength", wavelength)
    sigma = _SIGMA_PER_WAVELENGTH * wavelength if sigma is None else _positive("sigma", sigma)
    aspect = _positive("aspect", aspect)
    phase = _real("phase", phase)
    v1, v2 = _unit_vector(angle)
    longest = sigma / min(aspect, 1.0)
    rows, columns = _odd_window(_gaussian_size(longest) if size is None else size)
    y, x = _offsets(rows)[:, None], _offsets(columns)
    across, along = v1 * x + v2 * y, v1 * y - v2 * x
    envelope = _bell(np.hypot(across, aspect * along), sigma)
    wave: Kernel = np.cos(2.0 * math.pi * across / wavelength + phase)
    return envelope * wave


# Kernels by name ---------------------------------------------------------------------------------

_NAMED: dict[str, Callable[[], Kernel]] = {
    "identity": identity,
    # The textbook's edge detector, [[1, -1]]: minus the derivative, +1 where white turns to black.
    "edge": lambda: -finite_difference(1),
    "sobel-x": lambda: sobel(axis=1),
    "sobel-y": lambda: sobel(axis=0),
    "scharr-x": lambda: scharr(axis=1),
    "scharr-y": lambda: scharr(axis=0),
    "prewitt-x": lambda: prewitt(axis=1),
    "prewitt-y": lambda: prewitt(axis=0),
    "laplacian": laplacian,
    "gaussian": lambda: gaussian(1.0),
    "box": lambda: box(3),
    "sharpen": sharpen,
    "emboss": emboss,
}


def names() -> tuple[str, ...]:
    """Names that :func:`named` knows, in the order in which to show them.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from multiconv.kernels import names
    >>> names()[:3]
    ('identity', 'edge', 'sobel-x')
    """
    return tuple(_NAMED)


def named(name: str) -> Kernel:
    """Kernel of a simple name, with the default parameters; for the command line.

    Parameters
    ----------
    name : str
        One of :func:`names`. "edge" is the textbook's ``[[1, -1]]``, "gaussian" has ``sigma=1``,
        "box" is the 3 x 3 mean; "-x" and "-y" say along which direction is differentiated.

    Returns
    -------
    ndarray of float64, two-dimensional

    Raises
    ------
    TypeError
        If `name` is not a str.
    ValueError
        If no kernel has that name; the message lists all of them.

    Examples
    --------
    >>> from multiconv.kernels import named
    >>> named("edge")
    array([[ 1., -1.]])
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, one of {', '.join(_NAMED)}; got {name!r}")
    if name in _NAMED:
        return _NAMED[name]()
    close = sorted(difflib.get_close_matches(name.lower(), _NAMED, n=2))
    hint = f" (did you mean {' or '.join(close)}?)" if close else ""
    raise ValueError(f"name: no kernel is called {name!r}{hint}; there are {', '.join(_NAMED)}")


# The mathematics that several kernels share ------------------------------------------------------


def _along(axis: int, row: Kernel) -> Kernel:
    """Turn a kernel that acts along x to `axis`."""
    return row if _image_axis(axis) == 1 else np.ascontiguousarray(row.T)


def _smoothed_difference(smoothing: tuple[float, ...], axis: int, normalize: bool) -> Kernel:
    # The central difference doubles a slope, and the smoothing multiplies it by its sum.
    slope = 2.0 * sum(smoothing) if normalize else 1.0
    return _along(axis, np.outer(smoothing, (-1.0, 0.0, 1.0)) / slope)


def _steered(v1: float, v2: float, over_x: Kernel, over_y: Kernel) -> Kernel:
    # Adding 0 turns -0.0, from a negative component times a zero tap, into 0.0.
    return v1 * over_x + v2 * over_y + 0.0


def _unit_vector(angle: float) -> tuple[float, float]:
    angle = _real("angle", angle)
    # np.pi / 2 is not quite pi/2 and its cosine not 0, but whoever writes it means the right angle;
    # math.radians may miss the nearest float by one. Beyond two turns a float is a poor multiple.
    if abs(angle) <= 4 * math.pi:
        eighths = round(angle / (math.pi / 4))
        if abs(angle - eighths * (math.pi / 4)) <= math.ulp(angle):
            return _COMPASS[eighths % 8]
    return math.cos(angle), math.sin(angle)


def _offsets(n: int) -> Kernel:
    """Pixel coordinates of an odd window, 0 at its centre."""
    return np.arange(n, dtype=np.float64) - n // 2


def _bell(distance: Kernel, sigma: float) -> Kernel:
    # Far outside a very narrow bell the exponent overflows to -inf, whose exponential is rightly 0.
    with np.errstate(over="ignore"):
        bell: Kernel = np.exp(-0.5 * (distance / sigma) ** 2)
    return bell


def _gaussian_size(sigma: float) -> int:
    return 2 * int(_GAUSSIAN_RADIUS_IN_SIGMAS * sigma + 0.5) + 1


def _gaussian_taps(sigma: float, n: int) -> Kernel:
    taps = _bell(_offsets(n), sigma)
    return taps / np.sum(taps)


def _gaussian_and_second_derivative(sigma: float, n: int) -> tuple[Kernel, Kernel]:
    taps = _gaussian_taps(sigma, n)
    if taps[n // 2 + 1] < np.finfo(np.float64).tiny:
        raise ValueError(
            f"sigma must be large enough for the neighbours' weights exp(-1 / (2 sigma**2)) to be "
            f"normal float64 numbers, about 0.027; got {sigma!r}: use laplacian(), the limit"
        )
    squares = _offsets(n) ** 2
    centred = squares - np.sum(squares * taps)
    return taps, centred * taps * (2.0 / np.sum(centred**2 * taps))


def _slab_crossings(component: float, n: int, length: float) -> tuple[Kernel, Kernel]:
    """Return when the point t * v enters and leaves each of n unit slabs, within the segment."""
    # A component of 0 gives infinities of the right sign: inside the central slab for ever, never
    # inside another. There is no 0 / 0, since the slabs' borders are half-integers.
    with np.errstate(divide="ignore", over="ignore"):
        one = np.clip((_offsets(n) - 0.5) / component, -length / 2, length / 2)
        other = np.clip((_offsets(n) + 0.5) / component, -length / 2, length / 2)
    return np.minimum(one, other), np.maximum(one, other)


# Arguments ---------------------------------------------------------------------------------------


def _integer(name: str, value: SupportsIndex) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an int; got {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int; got {value!r}") from None


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number; got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite; got {value!r}")
    return float(value)


def _positive(name: str, value: object) -> float:
    number = _real(name, value)
    if number <= 0.0:
        raise ValueError(f"{name} must be greater than 0; got {value!r}")
    return number


def _image_axis(axis: int) -> int:
    """Check `axis` and return it as 0 (over y) or 1 (over x)."""
    axis = _integer("axis", axis)
    if not -2 <= axis <= 1:
        raise ValueError(f"axis must be -1 or 1 (over x) or -2 or 0 (over y); got {axis}")
    return axis % 2


def _window(size: Size) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"size must be one int or a pair (rows, columns); got {size!r}")
    rows, columns = (_integer("size", n) for n in pair)
    if min(rows, columns) < 1:
        raise ValueError(f"size must be at least 1 along both axes; got {size!r}")
    return rows, columns


def _odd_window(size: Size) -> tuple[int, int]:
    rows, columns = _window(size)
    if rows % 2 == 0 or columns % 2 == 0:
        raise ValueError(
            f"size must be odd along both axes, so that the kernel has a centre; got {size!r}: "
            f"the next larger is {(rows | 1, columns | 1)}"
        )
    return rows, columns
