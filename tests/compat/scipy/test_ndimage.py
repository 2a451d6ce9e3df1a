"""compat.scipy.ndimage gives what scipy.ndimage gives: sizes, dtypes, bits of integers, errors."""

import backends_under_test
import bounds
import numpy as np
import pytest
import scipy_calls
from filter_bounds import bound_of
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

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
    @pytest.mark.parametrize(
        ("name", "given"),
        [
            *(("sobel", ()), ("prewitt", ()), ("laplace", ()), ("gaussian_filter", (1,))),
            *(("uniform_filter", (2,)), ("gaussian_laplace", (1,)), ("correlate1d", ([300, -7],))),
            ("gaussian_gradient_magnitude", (1,)),
        ],
    )
    def test_into_bool_from_one_axis_to_the_next_by_whole_bytes(self, backend, dtype, name, given):
        x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 7, (5, 6)).astype(dtype)
        call = Call(name, (x, *given), {"output": np.dtype("bool")})
        # SciPy leaves its bytes in the array: any but 0 is True.
        expected = call.of(S).view("uint8") != 0
        y, found = on(backend, call)
        assert found == "bool"
        assert np.array_equal(y, expected)

    def test_whole_numbers_beyond_2_to_the_53_are_exact(self, backend):
        call = Call("correlate1d", (np.array([2**62 + 1, 0]), [0, 1, 0]), {})
        assert on(backend, call)[0].tolist() == [2**62 + 1, 0]


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


class TestComplexIntoReal:
    @pytest.mark.filterwarnings("ignore:Casting complex values to real")
    @pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
    def test_where_no_axis_is_smoothed_the_real_part_is_left(self, backend, dtype):
        x = np.array([[1.5 + 2j, -1.25, 3j], [0, 2 - 1j, -3.75 + 1j]])
        call = Call("gaussian_filter", (x, 0), {"output": np.dtype(dtype)})
        y, found = on(backend, call)
        assert found == dtype
        assert np.array_equal(y, call.of(S))

    def test_it_warns_as_scipy_does(self):
        for module in (S, M):
            with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
                module.gaussian_filter(np.ones((2, 2), complex), (0, 0), output=np.float32)

    def test_one_that_is_smoothed_is_refused(self):
        for module in (S, M):
            with pytest.raises(RuntimeError, match="output must have complex dtype"):
                module.gaussian_filter(np.ones((2, 2), complex), (0, 1), output=np.float32)


class TestComplexSums:
    """A complex64 image is summed in complex128, and rounded once to what is asked for."""

    @pytest.mark.parametrize("output", [None, "complex64", "complex128", float])
    @pytest.mark.filterwarnings("ignore:promoting specified output dtype to complex")
    def test_weights_of_any_kind(self, backend, output):
        rng = np.random.default_rng(0)
        x = (rng.standard_normal((6, 7)) + 1j * rng.standard_normal((6, 7))).astype("complex64")
        weights = rng.standard_normal((3, 2))
        for w in (weights, weights + 1j * weights[::-1]):
            y, dtype = on(backend, Call("correlate", (x, w), {"output": output}))
            assert dtype == ("complex64" if output in (None, "complex64") else "complex128")
            expected = S.correlate(x.astype("complex128"), w)
            # Sums of 12 products of parts in float64 on both sides, then one rounding of ours.
            magnitude = S.correlate(abs(x).astype("float64"), abs(w)) * 2
            bound = 2 * bounds.gamma(14, float(bounds.ROUNDOFF["float64"])) * magnitude
            for part in (np.real, np.imag):
                rounding = 0.0
                if dtype == "complex64":
                    rounding = float(bounds.ROUNDOFF["float32"]) * (abs(part(expected)) + bound)
                assert np.all(abs(part(y) - part(expected)) <= rounding + bound)
