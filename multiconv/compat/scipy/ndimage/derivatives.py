"""Derivatives: `sobel`, `prewitt`, `laplace`, those of a Gaussian, and the sums of any others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from multiconv.backends.base import Array, Backend
from multiconv.compat.arrays import arrays_of
from multiconv.compat.promotion import double, is_integer
from multiconv.compat.scipy.ndimage import arguments
from multiconv.compat.scipy.ndimage.arguments import Ints, Modes, Numbers
from multiconv.compat.scipy.ndimage.correlation import correlate1d
from multiconv.compat.scipy.ndimage.gaussian import gaussian_filter
from multiconv.compat.scipy.ndimage.output import image_and_output
from multiconv.compat.scipy.ndimage.sums import as_in_c, between_passes, unfiltered
from multiconv.core import dtypes


def sobel(
    input: Array,
    axis: int = -1,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
) -> Array:
    """Differentiate along an axis and smooth along all others, as `scipy.ndimage.sobel` does.

    Parameters
    ----------
    input : array
        The image, of any number of axes: all of them are filtered.
    axis : int, optional
        Along which ``[-1, 0, 1]`` is correlated; along the others ``[1, 2, 1]`` is.
    output, cval : optional
        As in `correlate`.
    mode : name, or one for each axis
        As in `correlate`.

    Returns
    -------
    array of the image's shape
        As in `correlate`. Unsigned integers wrap: ``output="int32"`` keeps the sign.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.sobel(np.array([[0, 0, 9, 9]] * 3, np.uint8), output=np.int32)
    array([[ 0, 36, 36,  0],
           [ 0, 36, 36,  0],
           [ 0, 36, 36,  0]], dtype=int32)
    """
    return _smoothed_difference(input, [1, 2, 1], axis, output, mode, cval)


def prewitt(
    input: Array,
    axis: int = -1,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
) -> Array:
    """Differentiate along an axis and smooth along all others, as `scipy.ndimage.prewitt` does.

    Parameters
    ----------
    input, axis, output, mode, cval : optional
        As in `sobel`; smoothing is by ``[1, 1, 1]``.

    Returns
    -------
    array of the image's shape
        As in `sobel`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `sobel`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.prewitt(np.array([[0, 0, 9, 9]] * 3))
    array([[ 0, 27, 27,  0],
           [ 0, 27, 27,  0],
           [ 0, 27, 27,  0]])
    """
    return _smoothed_difference(input, [1, 1, 1], axis, output, mode, cval)


def generic_laplace(
    input: Array,
    derivative2: Callable[..., Array],
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    extra_arguments: Sequence[Any] = (),
    extra_keywords: Mapping[str, Any] | None = None,
    *,
    axes: Ints | None = None,
) -> Array:
    """Add up second derivatives along the axes, as `scipy.ndimage.generic_laplace` does.

    Parameters
    ----------
    input : array
        The image.
    derivative2 : callable
        ``derivative2(input, axis, output, mode, cval, *extra_arguments, **extra_keywords)`` returns
        the second derivative along an axis. ``output`` is always a dtype: an array to write to, as
        SciPy passes for the first axis, most libraries do not have.
    output, cval : optional
        As in `correlate`.
    mode : name, or one for each of ``axes``
        As in `correlate`.
    extra_arguments, extra_keywords : optional
        Handed on.
    axes : int or ints, optional
        Which axes, all of them if nothing is said.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> def second(input, axis, output, mode, cval):
    ...     return ndimage.correlate1d(input, [1, -2, 1], axis, output, mode, cval)
    >>> ndimage.generic_laplace([[0, 0, 0], [0, 1, 0], [0, 0, 0]], second)
    array([[ 0,  1,  0],
           [ 1, -4,  1],
           [ 0,  1,  0]])
    """
    backend, x, into = image_and_output(input, output)
    terms = _along_axes(
        x, derivative2, backend.dtype(into.dtype), mode, cval, extra_arguments, extra_keywords, axes
    )
    if not terms:
        return into.given(unfiltered(x, into.dtype, backend))
    return into.given(_sum(terms, into.dtype, backend))


def laplace(
    input: Array,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    *,
    axes: Ints | None = None,
) -> Array:
    """Add up second differences along the axes, as `scipy.ndimage.laplace` does.

    Parameters
    ----------
    input, output, mode, cval, axes : optional
        As in `generic_laplace`.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.laplace([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    array([[ 0,  1,  0],
           [ 1, -4,  1],
           [ 0,  1,  0]])
    """

    def derivative2(x: Array, axis: int, dtype: Any, border: str, cval: complex) -> Array:
        return correlate1d(x, [1, -2, 1], axis, dtype, border, cval)

    return generic_laplace(input, derivative2, output, mode, cval, axes=axes)


def gaussian_laplace(
    input: Array,
    sigma: Numbers,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    *,
    axes: Ints | None = None,
    **kwargs: Any,
) -> Array:
    """Take the Laplacian of a smoothed image, as `scipy.ndimage.gaussian_laplace` does.

    Parameters
    ----------
    input, output, mode, cval, axes : optional
        As in `generic_laplace`.
    sigma : float, or one for each of ``axes``
        Standard deviation, in pixels.
    **kwargs
        ``truncate`` and ``radius``, as in `gaussian_filter`.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `gaussian_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.gaussian_laplace(np.eye(3), sigma=1).round(3)
    array([[-0.385,  0.037,  0.348],
           [ 0.037, -0.073,  0.037],
           [ 0.348,  0.037, -0.385]])
    """
    derivative2 = _gaussian_derivative(2)
    sigmas = _sigma_of_every_axis(input, sigma, axes)
    return generic_laplace(input, derivative2, output, mode, cval, (sigmas,), kwargs, axes=axes)


def generic_gradient_magnitude(
    input: Array,
    derivative: Callable[..., Array],
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    extra_arguments: Sequence[Any] = (),
    extra_keywords: Mapping[str, Any] | None = None,
    *,
    axes: Ints | None = None,
) -> Array:
    """Take the root of the sum of squared derivatives along the axes.

    As `scipy.ndimage.generic_gradient_magnitude` does; its own gradient is 0 where it is 0.

    Parameters
    ----------
    input, output, mode, cval, extra_arguments, extra_keywords, axes : optional
        As in `generic_laplace`.
    derivative : callable
        ``derivative(input, axis, output, mode, cval, *extra_arguments, **extra_keywords)`` returns
        the derivative along an axis; ``output`` is always a dtype.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `correlate`.

    Examples
    --------
    >>> from multiconv.compat.scipy import ndimage
    >>> x = [[0.0, 3.0, 6.0], [4.0, 7.0, 10.0], [8.0, 11.0, 14.0]]
    >>> float(ndimage.generic_gradient_magnitude(x, ndimage.sobel)[1, 1])
    40.0
    """
    backend, x, into = image_and_output(input, output)
    terms = _along_axes(
        x, derivative, backend.dtype(into.dtype), mode, cval, extra_arguments, extra_keywords, axes
    )
    if not terms:
        return into.given(unfiltered(x, into.dtype, backend))
    squares = _sum(terms, into.dtype, backend, squared=True)
    return into.given(_root(squares, into.dtype, backend))


def gaussian_gradient_magnitude(
    input: Array,
    sigma: Numbers,
    output: Any = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    *,
    axes: Ints | None = None,
    **kwargs: Any,
) -> Array:
    """Measure how steep a smoothed image is, as `scipy.ndimage.gaussian_gradient_magnitude` does.

    Parameters
    ----------
    input, output, mode, cval, axes : optional
        As in `generic_laplace`.
    sigma : float, or one for each axis of the image
        Standard deviation, in pixels.
    **kwargs
        ``truncate`` and ``radius``, as in `gaussian_filter`.

    Returns
    -------
    array of the image's shape
        As in `correlate`.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        As in `gaussian_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.scipy import ndimage
    >>> ndimage.gaussian_gradient_magnitude(np.eye(3), sigma=1).round(3)
    array([[0.153, 0.202, 0.132],
           [0.202, 0.   , 0.202],
           [0.132, 0.202, 0.153]])
    """
    return generic_gradient_magnitude(
        input, _gaussian_derivative(1), output, mode, cval, (sigma,), kwargs, axes=axes
    )


def _smoothed_difference(
    input: Array, smoothing: list[int], axis: Any, output: Any, mode: Modes, cval: complex
) -> Array:
    backend, x, into = image_and_output(input, output)
    first = arguments.axis_of(axis, x.ndim)
    modes = arguments.per_axis("mode", mode, x.ndim)
    dtype = backend.dtype(between_passes(into.dtype))
    y = correlate1d(x, [-1, 0, 1], first, dtype, modes[first], cval)
    for other in range(x.ndim):
        if other != first:
            y = correlate1d(y, smoothing, other, dtype, modes[other], cval)
    return into.given(as_in_c(y, into.dtype, backend))


def _gaussian_derivative(degree: int) -> Callable[..., Array]:
    """Return the derivative along one axis of an image smoothed along all."""

    def derivative(
        x: Array, axis: int, dtype: Any, mode: str, cval: complex, sigma: Numbers, **options: Any
    ) -> Array:
        order = [degree if a == axis else 0 for a in range(x.ndim)]
        return gaussian_filter(x, sigma, order, dtype, mode, cval, **options)

    return derivative


def _sigma_of_every_axis(input: Array, sigma: Numbers, axes: Any) -> list[float]:
    """Return sigmas of 0 for the axes that are not filtered."""
    _, [x] = arrays_of(input=input)
    along = arguments.axes_of(axes, x.ndim)
    given = dict(zip(along, arguments.per_axis("sigma", sigma, len(along)), strict=True))
    return [given.get(axis, 0.0) for axis in range(x.ndim)]


def _along_axes(
    x: Array,
    derivative: Callable[..., Array],
    dtype: Any,
    mode: Modes,
    cval: complex,
    extra_arguments: Sequence[Any],
    extra_keywords: Mapping[str, Any] | None,
    axes: Ints | None,
) -> list[Array]:
    along = arguments.axes_of(axes, x.ndim)
    modes = arguments.per_axis("mode", mode, len(along))
    return [
        derivative(x, axis, dtype, border, cval, *extra_arguments, **(extra_keywords or {}))
        for axis, border in zip(along, modes, strict=True)
    ]


def _sum(terms: list[Array], dtype: str, backend: Backend, *, squared: bool = False) -> Array:
    """Add up arrays of a dtype, or their squares, in that dtype: integers wrap."""
    wide = backend.canonical("int64") if is_integer(dtype) else dtype
    total = None
    for given in terms:
        term = backend.astype(given, wide)
        term = term * term if squared else term
        total = term if total is None else total + term
    return as_in_c(total, dtype, backend)


def _root(squares: Array, dtype: str, backend: Backend) -> Array:
    xp = backend.xp
    if dtypes.kind(dtype) == "complex":
        return xp.sqrt(squares)
    if is_integer(dtype):  # a sum that has wrapped may be negative
        squares = backend.astype(squares, double("float32", backend))
        return as_in_c(xp.sqrt(xp.where(squares > 0, squares, squares * 0)), dtype, backend)
    # The slope of the root is infinite at 0, and infinity times 0 no gradient.
    is_flat = squares == 0
    root = xp.sqrt(xp.where(is_flat, squares + 1, squares))
    return xp.where(is_flat, squares, root)
