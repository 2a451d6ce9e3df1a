r"""How far a rounded sum of products may lie from the exact one.

Every bound is derived, none is a tolerance that somebody chose. They are evaluated in float64,
whose own rounding, some 1e-15 of a bound, is left out.

References
----------
.. [H] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM, 2002: section
   3.1 (inner products), section 3.6 (complex numbers), section 24.1 (the fast Fourier transform).
.. [P] C. Percival, "Rapid multiplication modulo the sum and difference of highly composite
   numbers", *Mathematics of Computation* 72, 2003, pages 387-395, section 2 (convolution by the
   fast Fourier transform).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multiconv.core import rounding


def elementwise_bound(
    exact: ArrayLike, magnitude: ArrayLike, products: int, dtype: str
) -> NDArray[np.float64]:
    r"""Return the bound that every method but ``fft`` keeps, for each output.

    .. math:: |\hat y - y| \le \gamma_{n+1}(u_{acc})\, S + 2\, u_{out}\, |y| + (n + 1)\, \eta,
        \qquad S = \sum_{i=1}^{n} |x_i| |w_i|

    Each of the n products is rounded once and takes part in at most n further roundings, in any
    order of summation, a bias among them [H, section 3.1]. The second term stands for rounding
    to a result narrower than the sums, twice where a bias is added in between, and is left out
    where the two have the same dtype; the third for gradual underflow.

    Each part of a complex output is a sum of 2 n real products with S at most
    :math:`\sum |x_i| |w_i|`, by Cauchy and Schwarz; the modulus of the error is at most
    :math:`\sqrt 2` times that of the larger part.

    ``exact`` holds the outputs y, ``magnitude`` their S, ``products`` is n, and ``dtype`` the name
    of the result's dtype, whose `accumulator` it is summed in.
    """
    parts = 2 if dtype in rounding.PARTS else 1
    lost = parts * (parts * products + 1) * rounding.smallest_subnormal(dtype)
    bound = rounding.summing_factor(products, dtype) * np.asarray(magnitude, np.float64)
    return np.asarray(bound + rounding.narrowing(dtype) * np.abs(exact) + lost, dtype=np.float64)


def fft_bound(
    norms: ArrayLike, lengths: tuple[int, ...], channels: int, dtype: str
) -> NDArray[np.float64]:
    r"""Return the bound of the Fourier method, the same for all outputs of one image and filter.

    .. math:: \max |\hat y - y| \le u \left(C + 8.3 \log_2 \prod_a L_a\right)
        \sum_{c=1}^{C} \|x_c\|_2 \|w_c\|_2

    Transforms mix all pixels, so that only the norms of the image and the kernel count. The error
    of one transform grows like the logarithm of its length [H, theorem 24.2], and so does that of
    the three transforms of a convolution [P]; C counts the product of the transforms and the sum
    over channels. The constant is smaller than that of the worst case, which has every rounding
    at its largest and in phase: 8.3 allows each of the three transforms an error of 2.77 u for
    every doubling of its length.

    ``norms`` holds the sums over the channels, ``lengths`` those of the transform on each axis, or
    more. For a dtype narrower than its sums, twice its unit roundoff times the exact output comes
    on top, as in `elementwise_bound`.
    """
    bound = rounding.fft_factor(lengths, channels, dtype) * np.asarray(norms, dtype=np.float64)
    return np.asarray(bound + rounding.smallest_subnormal(dtype), dtype=np.float64)
