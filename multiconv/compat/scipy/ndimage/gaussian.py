"""Gaussian smoothing and its derivatives: `gaussian_filter` and `gaussian_filter1d`."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from multiconv.backends.base import Array, NumPyArray
from multiconv.compat.arrays import arrays_of
from multiconv.compat.scipy.ndimage import arguments
from multiconv.compat.scipy.ndimage.arguments import Ints, Modes, Numbers
from multiconv.compat.scipy.ndimage.correlation import correlate1d
from multiconv.compat.scipy.ndimage.output import image_and_output
from multiconv.compat.scipy.ndimage.sums import as_in_c, between_passes, unfiltered

# SciPy's: an axis with less is left alone.
_LEAST_SIGMA = 1e-15


def gaussian_filter1d(
    input: Array,
    sigma: float,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Array:
    r"""Smooth along one axis with a Gaussian, as `scipy.ndimage.gaussian_filter1d` does.

    .. math:: w_j \propto e^{-j^2 / 2 \sigma^2}, \quad |j| \le r, \quad \sum_j w_j = 1

    or the derivative of that Gaussian, of any order, at whole numbers.

    Parameters
    ----------
    input : array
        The image.
    sigma : float
        Standard deviation, in pixels.
    axis : int, optional
        Which axis; the others are a batch.
    order : int, optional
        0 smooths, 1 gives the first derivative of the smooth image, and so on.
    output, mode, cval : optional
        As in `correlate`.
    truncate : float, optional
        After how many standard deviations the Gaussian is cut off.
    radius : int, optional
        Where it is cut off, in pixels; ``int(truncate * sigma + 0.5)`` if nothing is said.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    ValueError
        For a radius or an order below 0.
    RuntimeError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.gaussian_filter1d([1.0, 2.0, 3.0, 4.0, 5.0], 1).round(4)
    array([1.427 , 2.0678, 3.    , 3.9322, 4.573 ])
    """
    reach: Any = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if not isinstance(reach, Integral) or reach < 0:
        msg = f"Radius must be a nonnegative integer, got {reach!r} (sigma={sigma})"
        raise ValueError(msg)
    backend, [x] = arrays_of(input=input)
    weights = _weights(sigma, order, int(reach))
    if backend.is_tracing():  # a compiler has made torch's operations of NumPy's
        traced = backend.xp.asarray(weights, dtype=backend.dtype("float64"), device=x.device)
        return correlate1d(x, traced, axis, output, mode, cval)
    return correlate1d(x, weights.tolist(), axis, output, mode, cval)


def gaussian_filter(
    input: Array,
    sigma: Numbers,
    order: Ints = 0,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: Ints | None = None,
    axes: Ints | None = None,
) -> Array:
    """Smooth an image with a Gaussian, as `scipy.ndimage.gaussian_filter` does.

    One axis after another, as `gaussian_filter1d` does; between them the numbers are cast to the
    dtype of the result, which cuts off the fractions of integers.

    Parameters
    ----------
    input : array
        The image, of any number of axes.
    sigma, order, mode, radius : number or name, or one for each of ``axes``
        As in `gaussian_filter1d`. An axis of a sigma of 0 is left alone.
    output, cval, truncate : optional
        As in `gaussian_filter1d`.
    axes : int or ints, optional
        The axes to smooth along; each other axis is a batch.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    ValueError, RuntimeError, TypeError
        As in `gaussian_filter1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> x = np.arange(50, step=2).reshape(5, 5)
    >>> ndimage.gaussian_filter(x, sigma=1)
    array([[ 4,  6,  8,  9, 11],
           [10, 12, 14, 15, 17],
           [20, 22, 24, 25, 27],
           [29, 31, 33, 34, 36],
           [35, 37, 39, 40, 42]])
    """
    _, [given] = arrays_of(input=input)
    along = arguments.axes_of(axes, given.ndim)
    count = len(along)
    sigmas = arguments.per_axis("sigma", sigma, count)
    is_idle = max(sigmas, default=0.0) <= _LEAST_SIGMA
    backend, x, into = image_and_output(given, output, may_discard=is_idle)
    each = zip(
        along,
        sigmas,
        arguments.per_axis("order", order, count),
        arguments.per_axis("mode", mode, count),
        arguments.per_axis("radius", radius, count),
        strict=True,
    )
    y, dtype = x, backend.dtype(between_passes(into.dtype))
    for axis, width, degree, border, reach in each:
        if width > _LEAST_SIGMA:
            y = gaussian_filter1d(
                y, width, axis, degree, dtype, border, cval, truncate, radius=reach
            )
    finish = unfiltered if y is x else as_in_c
    return into.given(finish(y, into.dtype, backend))


def _weights(sigma: float, order: int, radius: int) -> NumPyArray:
    """Return the weights to correlate with, the bits of SciPy's, by its operations.

    A derivative of q(x) e(x), with e = exp(-x**2 / 2 sigma**2), is (q'(x) - q(x) x / sigma**2) e:
    a linear map of the coefficients of the polynomial q.
    """
    if order < 0:
        msg = f"order must be non-negative, got {order}"
        raise ValueError(msg)
    squared = sigma * sigma
    x = np.arange(-radius, radius + 1)
    bell: NumPyArray = np.exp(-0.5 / squared * x**2)
    bell = bell / bell.sum()
    if order == 0:
        return bell
    powers = np.arange(order + 1)
    coefficients = np.zeros(order + 1)
    coefficients[0] = 1
    derive = np.diag(powers[1:], 1) + np.diag(np.ones(order) / -squared, -1)
    for _ in range(order):
        coefficients = derive.dot(coefficients)
    weights: NumPyArray = (x[:, None] ** powers).dot(coefficients) * bell
    return weights[::-1]
