"""compat.scipy.signal gives what scipy.signal gives: sizes, dtypes, bits of integers, errors."""

import math

import numpy as np
import pytest
import scipy_calls
from bounds import ROUNDOFF
from scipy_calls import FLOATS, INTEGERS, Call, signal_calls
from strategies import for_all

S, M = scipy_calls.original("signal"), scipy_calls.ours("signal")
SUMS = ("convolve", "correlate", "convolve2d", "correlate2d")
TRANSFORMS = ("fftconvolve", "oaconvolve")


def on(backend, call):
    with backend.wide("float64"):
        y = call.on(backend, M)
        assert backend.is_native_array(y)
        return backend.to_numpy(y), backend.dtype_name(y)


class TestIntegersBitForBit:
    def test_sums(self, backend):
        @for_all(backend, signal_calls(SUMS, INTEGERS), times=4)
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            assert np.array_equal(y, expected)

    def test_transforms_are_rounded_back(self, backend):
        @for_all(backend, signal_calls(SUMS[:2], ("int32", "int64"), methods=("fft",)))
        def check(call):
            y, dtype = on(backend, call)
            assert dtype == call.of(S).dtype
            assert np.array_equal(y, call.of(S))

    def test_bools_tell_whether_there_is_an_overlap(self, backend):
        x, w = np.array([True, False, True, True]), np.array([True, True])
        y, dtype = on(backend, Call("convolve", (x, w), {}))
        assert dtype == "bool"
        assert np.array_equal(y, S.convolve(x, w))


def bound_of(call, expected):
    """How far apart two results may lie, in norm, as bounds.fft_bound has it.

    SciPy transforms each operand in its own precision, so the coarser one counts. It holds for
    sums, too: n u sum |w| |x| is at most n u ||w|| ||x||, and n at most the elements.
    """
    x, w = call.arrays
    is_coarse = any(a.dtype.name in ("float32", "complex64") for a in (x, w, expected))
    roundoff = float(ROUNDOFF["float32" if is_coarse else "float64"])
    norms = np.linalg.norm(x.ravel()) * np.linalg.norm(w.ravel())
    lengths = math.prod(2 * (n + k) for n, k in zip(x.shape, w.shape, strict=True))
    factor = max(1 + 8.3 * math.log2(lengths), 2 * min(x.size, w.size) + 2)
    return 2 * roundoff * (factor + 2) * norms


class TestFloatsWithinTheBound:
    @pytest.mark.parametrize("names", [SUMS, TRANSFORMS], ids=["sums", "transforms"])
    def test_real_and_complex(self, backend, names):
        methods = ("auto", "direct", "fft")

        @for_all(backend, signal_calls(names, FLOATS, methods), times=3)
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            assert y.shape == expected.shape
            if call.keywords.get("boundary", "fill") == "fill" and "fillvalue" not in call.keywords:
                assert np.all(np.abs(y - expected) <= bound_of(call, expected))
            else:
                assert np.all(np.abs(y - expected) <= bound_with_border(call, expected))

    def test_integers_become_floats(self, backend):
        @for_all(backend, signal_calls(TRANSFORMS, ("int16", "float32", "int64")))
        def check(call):
            expected = call.of(S)
            y, dtype = on(backend, call)
            assert dtype == expected.dtype
            if expected.dtype.kind == "i":  # nothing to transform: a product
                assert np.array_equal(y, expected)
            else:
                assert np.all(np.abs(y - expected) <= bound_of(call, expected))

    def test_sepfir2d(self, backend):
        rng = np.random.default_rng(6)
        for dtype in ("uint8", "int64", "float32", "float64", "complex64", "complex128"):
            x = scipy_calls.numbers(rng, (7, 6), dtype)
            taps = [scipy_calls.numbers(rng, n, "float32") for n in (5, 3)]
            call = Call("sepfir2d", (x, *taps), {})
            expected = call.of(S)
            y, name = on(backend, call)
            assert name == expected.dtype
            part = {"complex64": "float32", "complex128": "float64"}.get(name, name)
            sizes = S.sepfir2d(abs(x).astype("float64"), *(abs(t).astype("float64") for t in taps))
            assert np.all(np.abs(y - expected) <= 4 * 12 * float(ROUNDOFF[part]) * sizes)

    @pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2), (2, 5), (3, 4)])
    def test_sepfir2d_of_a_small_image(self, backend, size):
        """SciPy reads and writes beyond an image that is shorter than a filter, and may crash."""
        x = np.arange(math.prod(size), dtype="float32").reshape(size) % 7 + 1
        for row, column in ((1, 1), (3, 1), (3, 5), (7, 3), (9, 11)):
            taps = [np.arange(n, dtype="float32") - 2 for n in (row, column)]
            expected = x.astype("float64")
            for axis, line in ((1, taps[0]), (0, taps[1])):
                expected = scipy_calls.original("ndimage").convolve1d(
                    expected, line, axis, mode="reflect"
                )
            call = Call("sepfir2d", (x, *taps), {})
            if row <= size[1] and column <= size[0]:
                assert np.array_equal(call.of(S), expected)
            assert np.array_equal(on(backend, call)[0], expected)


def bound_with_border(call, expected):
    """The norms are of an image with its border, which shows every pixel so many times."""
    x, w = call.arrays
    small, large = sorted((x.size, w.size))
    times = (1 + max(map(max, zip(x.shape, w.shape, strict=True)))) ** 2
    shown = call.keywords["fillvalue"] * math.sqrt(times * (small + large))
    norm = np.linalg.norm(w.ravel()) + np.linalg.norm(x.ravel())
    return bound_of(call, expected) * times + bound_of(
        Call(call.name, (np.array([[shown]]), np.array([[norm]])), {}), expected
    ) * (small + 2)


REFUSED = {
    "a mode that is none": ("convolve", ([1], [1]), {"mode": "half"}),
    "a mode of images": ("correlate2d", ([[1]], [[1]]), {"mode": "half"}),
    "a mode of transforms": ("fftconvolve", ([1], [1]), {"mode": "half"}),
    "a method that is none": ("convolve", ([1], [1]), {"method": "slow"}),
    "a boundary that is none": ("convolve2d", ([[1]], [[1]]), {"boundary": "mirror"}),
    "another number of axes": ("correlate", ([[1, 2]], [1]), {}),
    "other numbers of axes than two": ("convolve2d", ([1], [1]), {}),
    "neither is the larger": ("convolve2d", ([[1, 2]], [[1], [2]]), {"mode": "valid"}),
    "an axis that is none": ("fftconvolve", ([1], [1]), {"axes": 3}),
    "an axis twice": ("oaconvolve", ([1, 2], [1, 2]), {"axes": (0, 0)}),
    "no axes": ("fftconvolve", ([1], [1]), {"axes": ()}),
    "sizes that do not broadcast": ("fftconvolve", ([[1, 2]] * 2, [[1, 2]] * 3), {"axes": 1}),
    "a complex number around": ("convolve2d", ([[1]], [[1]]), {"fillvalue": 1j}),
    "two numbers around": ("convolve2d", ([[1]], [[1]]), {"fillvalue": np.array([1, 2])}),
    "an even filter": ("sepfir2d", ([[1.0]], [1.0, 2.0], [1.0]), {}),
    "no numbers at all": ("convolve", (np.array([]), [1]), {}),
}


class TestErrors:
    @pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
    @pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
    def test_what_scipy_refuses_is_refused_as_there(self, call):
        call = Call(call[0], tuple(np.asarray(a) for a in call[1]), call[2])
        for module in (S, M):
            with pytest.raises(ValueError):  # noqa: PT011 - the type is what is compared
                call.of(module)

    def test_filters_wider_than_the_result(self):
        call = Call("sepfir2d", (np.ones((3, 3), "float32"), np.ones(3), np.ones(3)), {})
        for module in (S, M):
            with pytest.raises(TypeError, match="float32"):
                call.of(module)
