"""How far a result may lie from the exact one. Every bound is derived; none is a chosen tolerance.

With u the unit roundoff and n the number of products in one output, a sum of n products and a bias,
each product and each addition rounded once and in any order, is off by at most

    gamma_(n+1) * S,    gamma_m = m u / (1 - m u),    S = sum |x| |w| (+ |bias|)

Rounding the accumulator to a narrower result adds one unit roundoff of the result (two are allowed,
for a result rounded before and after the bias), and underflow a smallest subnormal number for every
operation.

A complex product is four real ones, two for each part. Each part is then a sum of 2n products with
S at most sum |x| |w|, by Cauchy and Schwarz, and the modulus of the error at most sqrt(2) times it.

The Fourier transform mixes all pixels, so that its bound holds in norm only:

    max |y - y*| <= u * sum_c ||x_c||_2 ||w_c||_2 * (C + 8.3 log2(L1 L2 ...))

with C channels and transforms of length L1, L2, ...
"""

import math
from fractions import Fraction

import numpy as np
import oracle

ROUNDOFF = {
    "bfloat16": Fraction(1, 2**8),
    "float16": Fraction(1, 2**11),
    "float32": Fraction(1, 2**24),
    "float64": Fraction(1, 2**53),
}
SMALLEST = {
    "bfloat16": Fraction(1, 2**133),
    "float16": Fraction(1, 2**24),
    "float32": Fraction(1, 2**149),
    "float64": Fraction(1, 2**1074),
}
ACCUMULATOR = {
    "bfloat16": "float32",
    "float16": "float32",
    "float32": "float32",
    "float64": "float64",
}
PART = {"complex64": "float32", "complex128": "float64"}
SQRT2_ABOVE = Fraction(1414213563, 10**9)


def gamma(m, u):
    return m * u / (1 - m * u)


def real_bound(exact, magnitude, products, dtype):
    """Element by element, in fractions: the bound for a real result."""
    accumulator = ACCUMULATOR[dtype]
    bound = gamma(products + 1, ROUNDOFF[accumulator]) * magnitude
    if accumulator != dtype:
        bound = bound + 2 * ROUNDOFF[dtype] * abs(exact)
    return bound + (products + 1) * SMALLEST[dtype]


def elementwise_excess(result, x, weight, bias, dtype, **options):
    """The outputs whose error is above the bound, as readable lines: none, where the bound holds.

    ``result`` is float64 or complex128 with the values of the result, which has the dtype named.
    """
    products = int(np.prod(weight.shape[1:]))
    if dtype in PART:
        return _complex_excess(result, x, weight, bias, products, PART[dtype], options)
    exact_bias = None if bias is None else oracle.exactly(bias)
    exact = oracle.conv(oracle.exactly(x), oracle.exactly(weight), exact_bias, **options)
    magnitude = oracle.conv(
        oracle.exactly(abs(x)),
        oracle.exactly(abs(weight)),
        None if bias is None else abs(exact_bias),
        **options,
    )
    return _excess(oracle.exactly(result), exact, real_bound(exact, magnitude, products, dtype))


def _complex_excess(result, x, weight, bias, products, part, options):
    def run(a, b, c=None):
        c = None if c is None else oracle.exactly(c)
        return oracle.conv(oracle.exactly(a), oracle.exactly(b), c, **options)

    biases = (None, None) if bias is None else (bias.real, bias.imag)
    real = run(x.real, weight.real, biases[0]) - run(x.imag, weight.imag)
    imag = run(x.real, weight.imag, biases[1]) + run(x.imag, weight.real)
    up = 1 + 2.0**-50  # the moduli are rounded: a little upwards, to stay above
    magnitude = run(abs(x) * up, abs(weight) * up, None if bias is None else abs(bias) * up)
    bound = SQRT2_ABOVE * gamma(2 * products + 1, ROUNDOFF[part]) * magnitude
    bound = bound + 2 * (2 * products + 1) * SMALLEST[part]
    square = (oracle.exactly(result.real) - real) ** 2 + (oracle.exactly(result.imag) - imag) ** 2
    return _excess(square, 0 * square, bound * bound)


def _excess(result, exact, bound):
    assert result.shape == exact.shape == bound.shape
    return [
        f"at {place}: off by {float(abs(result[place] - exact[place])):.3g}, "
        f"bound {float(bound[place]):.3g}"
        for place in np.ndindex(result.shape)
        if abs(result[place] - exact[place]) > bound[place]
    ]


def fft_bound(x, weight, dtype, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros"):
    """(N, O, 1, ...): the bound in norm, for each image and each filter. Real and complex alike."""
    out = PART.get(dtype, dtype)
    unit = float(ROUNDOFF[ACCUMULATOR[out]])
    kernel, size = weight.shape[2:], x.shape[2:]
    axes = len(kernel)
    pads = oracle.resolve_pads(padding, size, kernel, stride, dilation)
    taps = [
        np.r_[oracle.border_map(n, low, high, padding_mode)]
        for n, (low, high) in zip(size, pads, strict=True)
    ]
    padded = oracle.gather(x, [t[:, None] for t in taps])
    x_norms = np.sqrt((abs(padded) ** 2).sum(tuple(range(2, padded.ndim))))
    w_norms = np.sqrt((abs(weight) ** 2).sum(tuple(range(2, weight.ndim))))
    reach = [d * (k - 1) for k, d in zip(kernel, oracle.per_axis(dilation, axes), strict=True)]
    lengths = [2 ** math.ceil(math.log2(len(t) + r + 1)) for t, r in zip(taps, reach, strict=True)]
    channels = weight.shape[1]
    x_norms = x_norms.reshape(len(x), groups, channels)
    w_norms = w_norms.reshape(groups, len(weight) // groups, channels)
    norms = np.einsum("ngc,goc->ngo", x_norms, w_norms)
    norms = norms.reshape(len(x), len(weight), *[1] * axes)
    return unit * norms * (channels + 8.3 * math.log2(math.prod(lengths)))


def fft_excess(result, x, weight, bias, dtype, **options):
    """The outputs of the Fourier method whose error is above the bound in norm."""
    if x.ndim < weight.ndim:
        return fft_excess(result[None], x[None], weight, bias, dtype, **options)
    exact = _in_float64(x, weight, bias, options)
    out = PART.get(dtype, dtype)
    limit = fft_bound(x, weight, dtype, **options) + 0 * abs(exact)
    if bias is not None:  # one more addition, rounded once
        limit += float(ROUNDOFF[ACCUMULATOR[out]]) * (abs(exact) + limit)
    if ACCUMULATOR[out] != out:
        limit += 2 * float(ROUNDOFF[out]) * abs(exact)
    return _excess(np.asarray(result), exact, limit + float(SMALLEST[out]))


def _in_float64(x, weight, bias, options):
    """The exact result rounded to float64, which is far below the bounds in norm."""
    if not np.iscomplexobj(x) and not np.iscomplexobj(weight):
        exact_bias = None if bias is None else oracle.exactly(bias)
        exact = oracle.conv(oracle.exactly(x), oracle.exactly(weight), exact_bias, **options)
        return exact.astype(np.float64)
    parts = [
        _in_float64(x.real, weight.real, None, options)
        - _in_float64(x.imag, weight.imag, None, options),
        _in_float64(x.real, weight.imag, None, options)
        + _in_float64(x.imag, weight.real, None, options),
    ]
    y = parts[0] + 1j * parts[1]
    return y if bias is None else y + bias.reshape(-1, *[1] * (weight.ndim - 2))
