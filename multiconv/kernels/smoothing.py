"""Kernels that average: from the pixel itself to the path of a moving camera."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.core.arguments import flag
from multiconv.kernels.arguments import Size, check_count, positive, shown, unit_vector, window
from multiconv.kernels.like import Array, Kernel, kernel


@kernel("(rows, columns)")
def identity(
    size: Size = 3, *, like: Array | None = None, dtype: Any = None, device: Any = None
) -> Kernel:
    """Kernel that returns the image: one at the centre, zeros elsewhere.

    Parameters
    ----------
    size : int or (int, int)
        Odd number of rows and columns.

    Examples
    --------
    >>> from multiconv.kernels import identity
    >>> identity(3)
    array([[0., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]])
    """
    rows, columns = window(size, odd=True)
    values = np.zeros((rows, columns))
    values[rows // 2, columns // 2] = 1.0
    return values


@kernel("(rows, columns)")
def box(
    size: Size,
    *,
    normalize: bool = True,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    """Mean of a rectangle of pixels; or its sum, with ``normalize=False``.

    Parameters
    ----------
    size : int or (int, int)
        Number of rows and columns, odd or even.
    normalize : bool
        Divide by the number of pixels, so that flat areas keep their value.

    Examples
    --------
    >>> from multiconv.kernels import box
    >>> box((2, 4))
    array([[0.125, 0.125, 0.125, 0.125],
           [0.125, 0.125, 0.125, 0.125]])
    """
    rows, columns = window(size)
    weight = 1.0 / (rows * columns) if flag("normalize", normalize) else 1.0
    return np.full((rows, columns), weight)


@kernel("(rows, columns)")
def gaussian(
    size: Size | None = None,
    *,
    sigma: float | None = None,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    r"""Gaussian blur: the samples of a Gaussian, made to sum to 1.

    .. math:: k_{yx} = g_y g_x, \qquad
              g_x = \frac{\exp(-x^2 / 2\sigma^2)}{\sum_j \exp(-x_j^2 / 2\sigma^2)}

    Of `size` and `sigma` one may be left out. With both, or with `sigma` alone, these are the
    samples and the normalisation of ``scipy.ndimage.gaussian_filter``.

    Parameters
    ----------
    size : int or (int, int), optional
        Odd number of rows and columns. Default: ``2 * int(4 * sigma + 0.5) + 1``, as in SciPy.
    sigma : float, optional
        Standard deviation in pixels. Default: ``0.3 * ((n - 1) * 0.5 - 1) + 0.8`` for an axis of n
        pixels, as OpenCV's documentation of ``getGaussianKernel`` has it.

    Examples
    --------
    >>> from multiconv.kernels import gaussian
    >>> gaussian(3).round(3)
    array([[0.057, 0.125, 0.057],
           [0.125, 0.272, 0.125],
           [0.057, 0.125, 0.057]])
    >>> gaussian(sigma=2).shape
    (17, 17)
    """
    if sigma is not None:
        sigma = positive("sigma", sigma)
    elif size is None:
        raise TypeError("gaussian needs a size or a sigma: gaussian(3) or gaussian(sigma=1.0)")
    shape = bell_window(size, "sigma", sigma or 0.0)
    down, right = (gaussian_taps(n, sigma or 0.3 * ((n - 1) * 0.5 - 1) + 0.8) for n in shape)
    return np.outer(down, right)


@kernel("(n, n)")
def motion_blur(
    length: float,
    *,
    angle: float = 0.0,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    r"""Blur of a camera that moves uniformly along a straight line during the exposure.

    .. math:: k_{yx} = \frac{1}{L}\, \bigl|\{t \in [-L/2, L/2] :
              (t \cos\alpha, t \sin\alpha) \in \text{pixel } (y, x)\}\bigr|

    The share of the segment's length that lies in the unit square around the pixel's centre ([GW],
    section 5.6), found by clipping the segment against the square's two slabs (T. L. Kay and J. T.
    Kajiya, "Ray tracing complex scenes", SIGGRAPH Computer Graphics 20 (1986), 269-278). Nothing is
    sampled or rounded to whole pixels, so any length and angle is served alike.

    Parameters
    ----------
    length : float
        Length L of the path in pixels, not necessarily whole; n is the smallest odd number that is
        at least L.
    angle : float
        Direction in radians, from +x (right) towards +y (down). The opposite direction is the same
        blur.

    Examples
    --------
    >>> from multiconv.kernels import motion_blur
    >>> motion_blur(4)[2]
    array([0.125, 0.25 , 0.25 , 0.25 , 0.125])
    """
    length = positive("length", length)
    v1, v2 = unit_vector(angle)
    check_count(f"length={length}", length, length)
    n = 2 * math.ceil((length - 1.0) / 2.0) + 1
    enter_x, leave_x = _slab_crossings(v1, n, length)
    enter_y, leave_y = _slab_crossings(v2, n, length)
    times = np.minimum.outer(leave_y, leave_x) - np.maximum.outer(enter_y, enter_x)
    chords: Kernel = np.maximum(times, 0.0)
    return chords / length


def bell_window(size: Size | None, by: str, sigma: float, minimum: int = 1) -> tuple[int, int]:
    """Read `size`; None is SciPy's window for `sigma`, which the arguments `by` determine."""
    if size is None:
        radius = 4.0 * sigma + 0.5  # the truncation of scipy.ndimage.gaussian_filter
        check_count(f"the default size for this {by}", 2.0 * radius, 2.0 * radius)
        return (max(2 * int(radius) + 1, minimum),) * 2
    if isinstance(size, float):
        raise TypeError(f"size must be an int, in pixels; got {size!r}: is it sigma={size!r}?")
    shape = window(size, odd=True)
    if min(shape) < minimum:
        raise ValueError(f"size must be at least {minimum} along both axes; got {shown(size)}")
    return shape


def offsets(n: int) -> Kernel:
    """Return the pixel coordinates of an odd window, 0 at its centre."""
    return np.arange(n, dtype=np.float64) - n // 2


def bell(distance: Kernel, sigma: float) -> Kernel:
    """Return the Gaussian of height 1; far outside a narrow one, -inf has the exponential 0."""
    values: Kernel = np.exp(-0.5 * (distance / sigma) ** 2)
    return values


def gaussian_taps(n: int, sigma: float) -> Kernel:
    """Return a Gaussian's samples in a window of n pixels, made to sum to 1."""
    taps = bell(offsets(n), sigma)
    return taps / np.sum(taps)


def _slab_crossings(component: float, n: int, length: float) -> tuple[Kernel, Kernel]:
    """Return when the point t * v enters and leaves each of n unit slabs, within the segment."""
    # A component of 0 gives infinities of the right sign: inside the central slab for ever, never
    # inside another. There is no 0 / 0, since the slabs' borders are half-integers.
    borders = offsets(n)[:, None] + (-0.5, 0.5)
    times = np.clip(borders / np.float64(component), -length / 2, length / 2)
    return np.min(times, axis=1), np.max(times, axis=1)
