"""How far apart two results of a filter of scipy.ndimage may lie."""

import numpy as np
import scipy_calls
from bounds import ROUNDOFF, gamma

S = scipy_calls.original("ndimage")


def bound_of(call, expected, sums, monkeypatch):
    """How far apart two results may lie.

    A pass over a line or an image of n products is off by at most g S, with g = gamma_(n+1) for
    the sums and twice the roundoff of the result, and S the same pass over sizes. After p passes,
    additions of results and roots counted among them, ((1 + g)^p - 1) S, for either of the two.
    """
    x = call.arrays[0]
    part = {"complex64": "float32", "complex128": "float64"}.get(expected.dtype.name)
    out = float(ROUNDOFF[part or expected.dtype.name])
    products = 64 if call.name not in ("correlate", "convolve") else call.arrays[1].size
    keywords = {k: v for k, v in call.keywords.items() if k != "output"}
    sizes = of_sizes(call, keywords, monkeypatch)
    if call.name.startswith("uniform"):  # SciPy's sums run along the line, and lose on the way
        sizes, products = np.maximum(abs(x).max(), keywords["cval"]), 64
    g = float(gamma(2 * products + 2, ROUNDOFF[sums])) + 2 * out
    passes = 2 * x.ndim + 4
    return (4 if part else 2) * ((1 + g) ** passes - 1) * sizes + 1e-300


def of_sizes(call, keywords, monkeypatch):
    """The filter of |x| with |w| on every line, by SciPy."""
    inner = S._filters.correlate1d

    def with_sizes(x, weights, axis=-1, output=None, *more, **keywords):
        y = inner(np.abs(x), np.abs(np.asarray(weights)), axis, None, *more, **keywords)
        if isinstance(output, np.ndarray):
            output[...] = y
        return y

    x, *weights = (abs(a).astype("float64") for a in call.arrays)
    with monkeypatch.context() as patch:
        patch.setattr(S._filters, "correlate1d", with_sizes)
        return getattr(S._filters, call.name)(x, *weights, **keywords)
