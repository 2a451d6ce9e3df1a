"""Kernels that bring out texture: sharper, in relief, or the stripes of one direction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multiconv.kernels.arguments import Size, positive, real, unit_vector
from multiconv.kernels.derivatives import laplacian, prewitt, steered
from multiconv.kernels.like import Array, Kernel, kernel
from multiconv.kernels.smoothing import bell, bell_window, identity, offsets

# sigma / wavelength of a Gabor filter whose bandwidth is one octave (Petkov and Kruizinga).
_SIGMA_PER_WAVELENGTH = 3.0 / math.pi * math.sqrt(math.log(2.0) / 2.0)


@kernel("(3, 3)")
def sharpen(
    *, amount: float = 1.0, like: Array | None = None, dtype: Any = None, device: Any = None
) -> Kernel:
    """Sharpening: the image minus `amount` times its :func:`laplacian` ([GW], section 3.6).

    Flat areas and ramps keep their values, for any amount.

    Parameters
    ----------
    amount : float
        0 is the identity, 1 the classical kernel with 5 at the centre; below 0 it blurs.

    Examples
    --------
    >>> from multiconv.kernels import sharpen
    >>> sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    values: Kernel = identity() - real("amount", amount) * laplacian()
    return values


@kernel("(3, 3)")
def emboss(
    *,
    angle: float = math.pi / 4,
    amount: float = 1.0,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
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

    Examples
    --------
    >>> from multiconv.kernels import emboss
    >>> emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    v1, v2 = unit_vector(angle)
    largest = max(abs(v1), abs(v2))
    relief = steered(v1 / largest, v2 / largest, prewitt())
    values: Kernel = identity() + real("amount", amount) * relief
    return values


@kernel("(rows, columns)")
def gabor(
    size: Size | None = None,
    *,
    wavelength: float,
    angle: float = 0.0,
    sigma: float | None = None,
    aspect: float = 1.0,
    phase: float = 0.0,
    like: Array | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Kernel:
    r"""Gabor filter: a wave under a Gaussian; answers to stripes of one width and orientation.

    .. math:: k_{yx} = \exp\left(-\frac{p^2 + \gamma^2 q^2}{2\sigma^2}\right)
              \cos\left(\frac{2\pi p}{\lambda} + \psi\right), \qquad
              \begin{aligned} p &= x\cos\alpha + y\sin\alpha \\
                              q &= -x\sin\alpha + y\cos\alpha \end{aligned}

    The model of J. G. Daugman (Journal of the Optical Society of America A 2 (1985), 1160-1169) in
    the formula of N. Petkov and P. Kruizinga (Biological Cybernetics 76 (1997), 83-96). With
    ``phase=0`` the kernel is even and its sum is not 0, so it answers a little to flat areas; with
    ``phase=np.pi / 2`` it is odd.

    Parameters
    ----------
    size : int or (int, int), optional
        Odd number of rows and columns. Default: 4 standard deviations of the longer axis to each
        side, rounded, as in :func:`gaussian`.
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

    Examples
    --------
    >>> from multiconv.kernels import gabor
    >>> gabor((1, 5), wavelength=4).round(3)
    array([[-0.673,  0.   ,  1.   ,  0.   , -0.673]])
    """
    wavelength, aspect = positive("wavelength", wavelength), positive("aspect", aspect)
    by = "wavelength and aspect" if sigma is None else "sigma and aspect"
    sigma = _SIGMA_PER_WAVELENGTH * wavelength if sigma is None else positive("sigma", sigma)
    phase = real("phase", phase)
    v1, v2 = unit_vector(angle)
    rows, columns = bell_window(size, by, np.divide(sigma, min(aspect, 1.0)))
    y, x = offsets(rows)[:, None], offsets(columns)
    across, along = v1 * x + v2 * y, v1 * y - v2 * x
    wave: Kernel = np.cos(2.0 * math.pi * across / wavelength + phase)
    return bell(np.hypot(across, aspect * along), sigma) * wave
