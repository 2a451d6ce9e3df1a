"""The one order of additions of NumPy's `direct`, whichever way follows it."""

import itertools
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from subprocesses import run_python

from multiconv.backends.loops import compiled, sums, threads
from multiconv.core.geometry import Geometry, resolve

needs_loops = pytest.mark.skipif(not compiled.is_installed(), reason="there is no Numba")

DTYPES = ("float32", "float64", "int8", "int64", "uint16", "complex64")


def in_words(x, weight, geometry):
    """Add up in the order that is promised, one operation of NumPy's for each step."""
    if x.dtype.kind == "c":
        rr, ri, ir, ii = (
            in_words(a, b, geometry)
            for a, b in itertools.product((x.real, x.imag), (weight.real, weight.imag))
        )
        return ((rr - ii) + 1j * (ri + ir)).astype(x.dtype)
    x = sums.padded(x, geometry)
    y = np.zeros((x.shape[0], *weight.shape[:2], *geometry.output_size), x.dtype)
    for n, g, o in np.ndindex(y.shape[:3]):
        kernel = weight[g, o]
        if geometry.outputs >= geometry.taps:
            for channel, (tap, window) in itertools.product(
                range(len(kernel)), list(geometry.tap_windows())
            ):
                y[n, g, o] += kernel[(channel, *tap)] * x[n, g, channel][window[1:]]
            continue
        for place, window in zip(
            np.ndindex(geometry.output_size), geometry.output_windows(), strict=True
        ):
            seen, vector = x[n, g][(slice(None), *window[1:])], np.zeros(kernel.shape[-1], x.dtype)
            for row in np.ndindex(kernel.shape[:-1]):
                vector = vector + kernel[row] * seen[row]
            while vector.size > 1:
                half = (vector.size + 1) // 2
                vector[: vector.size - half] += vector[half:]
                vector = vector[:half]
            y[(n, g, o, *place)] = vector[0]
    return y


@st.composite
def problems(draw):
    axes = draw(st.integers(1, 3))
    longest = (150, 150, 9)[axes - 1]
    size = tuple(draw(st.integers(1, 9)) for _ in range(axes - 1))
    size = (*size, draw(st.integers(1, longest)))
    kernel = tuple(draw(st.integers(1, n)) for n in size)
    steps = st.tuples(*(st.integers(1, 3),) * axes)
    pads = st.tuples(*(st.tuples(st.integers(0, 3), st.integers(0, 3)),) * axes)
    dilation = draw(steps)
    dilation = tuple(
        min(d, (n - 1) // max(k - 1, 1) or 1)
        for d, n, k in zip(dilation, size, kernel, strict=True)
    )
    geometry = resolve(size, kernel, draw(steps), dilation, draw(pads))
    counts = [draw(st.integers(1, 2)) for _ in range(3)]
    counts.append(draw(st.sampled_from((1, 1, 2, 4, 5))))
    if counts[-1] == 5:  # so many are added up like taps for a single filter
        counts[2] = 1
    dtype, seed = draw(st.sampled_from(DTYPES)), draw(st.integers(0, 2**32 - 1))
    return geometry, counts, dtype, seed


def drawn(geometry, counts, dtype, seed):
    rng = np.random.default_rng(seed)
    batch, groups, filters, channels = counts

    def some(*shape):
        if np.dtype(dtype).kind in "iu":
            return rng.integers(-(2**40), 2**40, shape).astype(dtype)
        wide = rng.standard_normal(shape) * np.exp(3 * rng.standard_normal(shape))
        return (wide + 1j * rng.standard_normal(shape)).astype(dtype) if dtype[0] == "c" else wide

    x = some(batch, groups, channels, *geometry.input_size).astype(dtype)
    return x, some(groups, filters, channels, *geometry.kernel_size).astype(dtype)


WAYS = {
    "at once": {"_FEW": 2**60, "loops": False},
    "blocks": {"_FEW": -1, "loops": False},
    "threads": {"_FEW": -1, "_SHARED": 0, "loops": False},
    "compiled": {"loops": True},
    "compiled, on threads": {"loops": True, "threads": True},
}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    chosen = dict(WAYS[request.param])
    loops = chosen.pop("loops", None)
    on_threads = chosen.pop("threads", False)
    for name, value in chosen.items():
        monkeypatch.setattr(sums, name, value)
    if loops:
        pytest.importorskip("numba")
        monkeypatch.setattr(compiled, "_LOADED", 0)
    if loops is False:
        monkeypatch.setattr(compiled, "loops", lambda *asked, **options: None)
    if on_threads:
        monkeypatch.setattr(compiled, "_SHARED", 0)
        monkeypatch.setattr(threads, "thread_count", lambda: 3)
        monkeypatch.setattr(compiled, "thread_count", lambda: 3)
    return request.param


class TestOrder:
    # Every way is one fixture for all examples, which set nothing.
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(problems())
    def test_bits(self, way, problem):
        geometry, *rest = problem
        x, weight = drawn(geometry, *rest)
        with np.errstate(over="ignore"):
            y, expected = sums.sum_of_taps(x, weight, geometry), in_words(x, weight, geometry)
        assert y.dtype == x.dtype
        assert np.array_equal(y, expected)

    @pytest.mark.parametrize("where", [0, -1])
    def test_border_meets_infinity(self, way, where):
        geometry = resolve((9, 70), (3, 5), (1, 1), (1, 1), "same")
        x, weight = drawn(geometry, (1, 1, 1, 1), "float32", 3)
        weight.flat[where] = np.inf
        with np.errstate(invalid="ignore"):
            y, expected = sums.sum_of_taps(x, weight, geometry), in_words(x, weight, geometry)
        assert np.isnan(y).any()
        assert np.array_equal(y, expected, equal_nan=True)

    @pytest.mark.parametrize("kernel", [(3, 3), (5, 2), (2, 5), (1, 4), (7, 1)])
    @pytest.mark.parametrize("padding", [0, 2])
    def test_rows_together(self, way, kernel, padding):
        pads = ((padding, padding),) * 2
        geometry = resolve((23, 197), kernel, (1, 1), (1, 1), pads)
        for dtype in ("float32", "float64", "int8"):
            x, weight = drawn(geometry, (2, 1, 2, 1), dtype, 7)
            with np.errstate(over="ignore"):
                y, expected = sums.sum_of_taps(x, weight, geometry), in_words(x, weight, geometry)
            assert np.array_equal(y, expected)

    def test_wide_rows_are_read_in_place(self, way):
        geometry = resolve((40, 1300), (3, 5), (1, 1), (1, 1), "same")
        x, weight = drawn(geometry, (1, 1, 2, 1), "float32", 4)
        assert np.array_equal(sums.sum_of_taps(x, weight, geometry), in_words(x, weight, geometry))

    def test_any_memory(self, way):
        geometry = Geometry((30, 40), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))
        x, weight = drawn(geometry, (2, 1, 1, 1), "float64", 5)
        expected = in_words(x, weight, geometry)
        x = np.asfortranarray(x[..., ::-1])[..., ::-1]
        x.flags.writeable = False
        weight.flags.writeable = False
        assert np.array_equal(sums.sum_of_taps(x, weight, geometry), expected)

    def test_from_several_threads_at_once(self, way):
        geometry = resolve((64, 64), (3, 3), (1, 1), (1, 1), "same")
        x, weight = drawn(geometry, (1, 1, 1, 1), "float32", 6)
        expected, results = in_words(x, weight, geometry), []
        callers = [
            threading.Thread(target=lambda: results.append(sums.sum_of_taps(x, weight, geometry)))
            for _ in range(4)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(results) == 4
        assert all(np.array_equal(y, expected) for y in results)


def test_without_its_compiler_numba_is_left_alone():
    code = """if True:
        import numpy as np
        from multiconv.backends.loops import sums
        from multiconv.core.geometry import resolve
        geometry = resolve((200, 200), (3, 3), (1, 1), (1, 1), "same")
        x, k = np.ones((1, 1, 1, 200, 200)), np.ones((1, 1, 1, 3, 3))
        print(sums.sum_of_taps(x, k, geometry).sum())"""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "357604.0\n"


class TestThreads:
    def test_every_part_once(self, monkeypatch):
        monkeypatch.setattr(threads, "thread_count", lambda: 3)
        seen = []
        threads.shared(lambda start, stop: seen.extend(range(start, stop)), 50)
        assert sorted(seen) == list(range(50))

    def test_an_error_comes_back(self, monkeypatch):
        monkeypatch.setattr(threads, "thread_count", lambda: 3)

        def fail(start, stop):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            threads.shared(fail, 50)

    def test_the_users_limit(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        assert threads.thread_count() == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_a_child_has_threads_of_its_own(self, monkeypatch):
        monkeypatch.setattr(threads, "thread_count", lambda: 2)
        threads.shared(lambda start, stop: None, 8)
        before = dict(threads._pools)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        threads.shared(lambda start, stop: None, 8)
        assert set(threads._pools) - set(before) == {(-1, 1)}

    def test_what_begins_after_the_main_thread_has_ended_is_done_alone(self):
        """Python shuts its pools down before it waits for the threads that it still has."""
        out = run_python("""
            import atexit, threading
            from multiconv.backends.loops import threads

            def work():
                seen = []
                threads.shared(lambda start, stop: seen.extend(range(start, stop)), 50, 2)
                print(sorted(seen) == list(range(50)))

            def later():
                threading.main_thread().join()
                work()

            work()
            atexit.register(work)
            threading.Thread(target=later).start()
        """)
        assert out.split() == ["True"] * 3


@needs_loops
def test_loops_that_are_there_are_used_for_few_products_too(monkeypatch):
    """A call that is too small to load them never does."""
    x, k = np.ones((1, 1, 1, 3, 3), np.int16), np.ones((1, 1, 1, 2, 2), np.int16)
    geometry = Geometry((3, 3), (2, 2), (1, 1), (1, 1), ((0, 0), (0, 0)))
    loops, used, taps = compiled._loops_of("<i2", False), [], compiled.taps

    def noted(*given, **options):
        used.append(given)
        return taps(*given, **options)

    monkeypatch.setattr(compiled, "taps", noted)
    monkeypatch.setattr(compiled, "_loaded", {})
    first = sums.sum_of_taps(x, k, geometry)
    assert not used
    monkeypatch.setattr(compiled, "_loaded", {("<i2", False): loops})
    second = sums.sum_of_taps(x, k, geometry)
    assert len(used) == 1
    assert first.tolist() == second.tolist() == [[[[[4, 4], [4, 4]]]]]


def test_an_array_at_an_odd_address_is_copied():
    """Numba would compile for it anew, for many seconds."""
    bytes_ = np.zeros(4 * 9 + 1, np.uint8)
    odd = bytes_[1:].view(np.float32).reshape(3, 3)
    assert not odd.flags.aligned
    assert compiled.plain(odd).flags.carray
    even = np.zeros((3, 3), np.float32)
    assert compiled.plain(even) is even


@needs_loops
def test_what_is_rounded_once_does_not_depend_on_what_is_loaded():
    """Of few products it is rounded twice, as it is before anything has been loaded."""
    compiled._loops_of("<f4", True)
    rng = np.random.default_rng(4)
    x, k = (rng.standard_normal((1, 1, 1, *s)).astype("f4") for s in ((9, 9), (3, 3)))
    geometry = Geometry((9, 9), (3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))
    found, plain = (sums.sum_of_taps(x, k, geometry, fused=fused) for fused in (True, False))
    assert np.array_equal(found, plain)


def test_read_only_memory_is_read_where_it_is():
    pytest.importorskip("numba")
    x = np.arange(2.0**15)
    x.flags.writeable = False
    view = compiled.plain(x)
    assert view.flags.carray
    assert np.shares_memory(view, x)
    assert np.array_equal(view, x)
