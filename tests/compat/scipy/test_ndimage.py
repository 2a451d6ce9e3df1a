"""compat.scipy.ndimage gives what scipy.ndimage gives: sizes, dtypes, bits of integers, errors."""

import backends_under_test
import numpy as np
import pytest
import scipy_calls
from bounds import ROUNDOFF, gamma
from scipy_calls import FILTERS, FLOATS, INTEGERS, Call, filter_calls
from strategies import for_all

S, M = scipy_calls.original("ndimage"), scipy_calls.ours("ndimage")


def on(backend, call):
    """The result in NumPy, of an array that is the backend's, and its dtype."""
    with backend.wide("float64"):
        y = call.on(backend, M)
        assert backend.is_native_array(y)
        return backend.to_numpy(y), backend.dtype_name(y)


class TestIntegersBitForBit:
    def test_every_filter_of_integers(self, backend):
        @for_all(backend, filter_calls(INTEGERS), times=4)
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            assert np.array_equal(y, expected)

    def test_of_any_dtype_into_integers(self, backend):
        names = ("correlate", "convolve", "correlate1d", "convolve1d", "sobel", "laplace")
        calls = filter_calls(("uint8", "int32"), names, ("int16", "int64"))

        @for_all(backend, calls)
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            assert np.array_equal(y, expected)

    def test_narrow_integers_wrap_as_in_c(self, backend):
        x = np.full((3, 4), 100, "int8")
        for dtype in ("int8", "uint8"):
            call = Call("correlate", (x.astype(dtype), np.full((3, 3), -1)), {})
            assert np.array_equal(on(backend, call)[0], call.of(S))

    def test_whole_numbers_beyond_2_to_the_53_are_exact(self, backend):
        call = Call("correlate1d", (np.array([2**62 + 1, 0]), [0, 1, 0]), {})
        assert on(backend, call)[0].tolist() == [2**62 + 1, 0]


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


OF_ANY = [name for name in FILTERS if name != "gaussian_gradient_magnitude"]
"""Of complex numbers its root has two signs, and rounding decides between them."""


class TestFloatsWithinTheBound:
    def test_every_filter(self, backend, monkeypatch):
        @for_all(backend, filter_calls(FLOATS, OF_ANY), times=2)
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            bound = bound_of(call, expected, "float64", monkeypatch)
            assert np.all(np.abs(y - expected) <= bound)

    def test_every_filter_of_real_numbers(self, backend, monkeypatch):
        @for_all(backend, filter_calls(("float32", "float64"), outputs=(None, "float32")), times=2)
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            assert np.all(np.abs(y - expected) <= bound_of(call, expected, "float64", monkeypatch))

    @pytest.mark.needs_backend("jax")
    def test_jax_without_float64_adds_up_in_float32(self, monkeypatch):
        backend = backends_under_test.Jax()

        @for_all(backend, filter_calls(("float32",)))
        def check(call):
            expected = call.of(S)
            weights = [w.astype("float32") if w.dtype == "float64" else w for w in call.arrays[1:]]
            weights = [w.astype("int32") if w.dtype == "int64" else w for w in weights]
            y = Call(call.name, (call.arrays[0], *weights), call.keywords).on(backend, M)
            assert backend.dtype_name(y) == "float32"
            bound = bound_of(call, expected, "float32", monkeypatch)
            assert np.all(np.abs(backend.to_numpy(y) - expected) <= bound)
