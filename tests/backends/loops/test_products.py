"""The compiled products of patches that are never laid out as a matrix."""

import tracemalloc

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import multiconv as mc
from multiconv.backends.loops import compiled
from multiconv.backends.loops.products import calls
from multiconv.backends.numpy import BACKEND
from multiconv.core.geometry import Geometry, resolve
from multiconv.methods.base import Problem
from multiconv.methods.table import METHODS
from multiconv.planning.choose import MOST_WORKSPACE

pytestmark = pytest.mark.skipif(not compiled.is_installed(), reason="there is no Numba")


@st.composite
def problems(draw):
    """Draw a correlation of grouped arrays: with more outputs than taps, or with fewer."""
    axes = draw(st.integers(1, 3))
    size = tuple(draw(st.integers(1, (200, 40, 9)[axes - 1])) for _ in range(axes))
    kernel = tuple(draw(st.integers(1, n)) for n in size)
    steps = st.tuples(*(st.integers(1, 3),) * axes)
    pads = st.tuples(*(st.tuples(st.integers(0, 3), st.integers(0, 3)),) * axes)
    dilation, stride, pads = draw(steps), draw(steps), draw(pads)
    spans = zip(size, kernel, dilation, pads, strict=True)
    if any(n + sum(p) < (k - 1) * d + 1 for n, k, d, p in spans):
        dilation = (1,) * axes
    geometry = Geometry(size, kernel, stride, dilation, pads)
    counts = [draw(st.integers(1, most)) for most in (3, 2, 5, 20)]
    return geometry, counts, draw(st.sampled_from(("float32", "float64")))


def drawn(geometry, counts, dtype, seed=0, integers=True):
    batch, groups, channels, filters = counts
    rng = np.random.default_rng(seed)
    shapes = (
        (batch, groups, channels, *geometry.input_size),
        (groups, filters, channels, *geometry.kernel_size),
    )
    if integers:
        return [rng.integers(-3, 4, shape).astype(dtype) for shape in shapes]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def in_words(x, weight, geometry):
    """Add up as it is defined, by whole numbers."""
    batch, groups, channels = x.shape[:3]
    y = oracle.conv(
        x.reshape(batch, groups * channels, *geometry.input_size).astype(np.int64),
        weight.reshape(-1, channels, *geometry.kernel_size).astype(np.int64),
        stride=geometry.stride,
        padding=geometry.pads,
        dilation=geometry.dilation,
        groups=groups,
    )
    return y.reshape(batch, groups, weight.shape[1], *geometry.output_size)


LAYER = resolve((21, 50), (3, 5), (2, 1), (1, 2), ((1, 2), (4, 4)))
GRADIENT = resolve((30, 50), (28, 47), (1, 1), (1, 1), ((1, 0), (1, 1)))


class TestCorrelate:
    @given(problems())
    def test_integers_are_the_exact_ones(self, problem):
        geometry, counts, dtype = problem
        x, weight = drawn(geometry, counts, dtype)
        y = calls.correlate(x, weight, geometry)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, in_words(x, weight, geometry))

    @pytest.mark.parametrize("filters", [1, 4, 5, 8, 9, 19])
    @pytest.mark.parametrize("geometry", [LAYER, GRADIENT])
    def test_neither_threads_nor_parts_decide_about_a_bit(self, geometry, filters, monkeypatch):
        x, weight = drawn(geometry, (3, 2, 20, filters), "float32", integers=False)
        y = calls.correlate(x, weight, geometry, threads=1)
        monkeypatch.setattr(calls, "_SHARED", 0)
        for together, some in ((1, 2**19), (2, 1), (3, 1)):
            monkeypatch.setattr(calls, "TOGETHER", together)
            monkeypatch.setattr(calls, "SLICE", some)
            again = calls.correlate(x, weight, geometry, threads=3)
            np.testing.assert_array_equal(again, y)

    @pytest.mark.parametrize("geometry", [LAYER, GRADIENT])
    def test_an_image_does_not_depend_on_those_beside_it(self, geometry):
        x, weight = drawn(geometry, (3, 1, 20, 9), "float32", integers=False)
        y = calls.correlate(x, weight, geometry)
        for n in range(3):
            alone = calls.correlate(x[n : n + 1], weight, geometry)
            np.testing.assert_array_equal(alone[0], y[n])

    @pytest.mark.parametrize("geometry", [LAYER, GRADIENT])
    def test_arrays_of_any_order_are_read_and_left_alone(self, geometry):
        x, weight = drawn(geometry, (2, 2, 3, 5), "float64")
        expected = in_words(x, weight, geometry)
        turned = np.ascontiguousarray(x.transpose(2, 0, 1, 4, 3)).transpose(1, 2, 0, 4, 3)
        backward = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
        apart = np.repeat(weight, 2, axis=-1)[..., ::2]
        for array in (turned, backward, apart):
            array.flags.writeable = array is turned
        for image in (x, turned, backward):
            for kernel in (weight, apart):
                before = image.copy(), kernel.copy()
                y = calls.correlate(image, kernel, geometry)
                np.testing.assert_array_equal(y, expected)
                np.testing.assert_array_equal(image, before[0])
                np.testing.assert_array_equal(kernel, before[1])

    @pytest.mark.parametrize("geometry", [LAYER, GRADIENT])
    def test_what_is_not_finite_reaches_what_reads_it_alone(self, geometry):
        x, weight = drawn(geometry, (2, 1, 3, 5), "float32")
        x[0, 0, 1, 7, 20], x[1, 0, 2, 0, 0], weight[0, 3, 1, 0, 0] = np.inf, np.nan, -np.inf
        with np.errstate(invalid="ignore"):
            y = calls.correlate(x, weight, geometry)
            expected = oracle.conv(
                x[:, 0], weight[0], None, geometry.stride, geometry.pads, geometry.dilation
            )
        np.testing.assert_array_equal(y[:, 0], expected)


class TestTakes:
    @pytest.mark.parametrize(
        ("dtype", "channels", "filters", "size", "takes"),
        [
            ("float32", 64, 64, 56, True),
            ("float64", 64, 64, 56, True),
            ("complex64", 64, 64, 56, False),
            ("int32", 64, 64, 56, False),
            ("float32", 64, 1, 56, False),  # a tile would be empty
            ("float32", 4, 4, 8, False),  # too little to load the loops for
        ],
    )
    def test_large_products_of_floats(self, dtype, channels, filters, size, *, takes):
        geometry = resolve((size, size), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))
        assert calls.takes(dtype, (1, 1, channels), filters, geometry) is takes

    def test_im2col_is_done_by_them(self, monkeypatch):
        seen = []
        correlate = calls.correlate
        monkeypatch.setattr(
            calls, "correlate", lambda *a, **k: seen.append(a[2]) or correlate(*a, **k)
        )
        rng = np.random.default_rng(0)
        x, weight = (
            rng.integers(-3, 4, shape).astype(np.float32)
            for shape in ((2, 16, 20, 31), (24, 16, 3, 3))
        )
        options = {"padding": 1, "stride": (2, 1)}
        y = mc.conv2d(x, weight, method="im2col", **options)
        g = rng.integers(-3, 4, y.shape).astype(np.float32)
        dx = mc.conv_input_grad(g, weight, (20, 31), method="im2col", **options)
        dw = mc.conv_weight_grad(x, g, (3, 3), method="im2col", **options)
        np.testing.assert_array_equal(y, oracle.conv(x, weight, **options))
        np.testing.assert_array_equal(dx, oracle.input_grad(g, weight, (20, 31), **options))
        np.testing.assert_array_equal(dw, oracle.weight_grad(x, g, (3, 3), **options))
        # The result, two phases of the gradient with respect to x, and that to the kernel; no
        # border is made a part of an image first.
        assert [geometry.input_size for geometry in seen] == [
            (20, 31), y.shape[2:], y.shape[2:], (20, 31)
        ]  # fmt: skip


class TestWorkspace:
    @pytest.mark.parametrize(
        ("x", "weight"),
        [
            ((8, 64, 56, 56), (64, 64, 3, 3)),
            ((1, 512, 7, 7), (512, 512, 3, 3)),
            ((2, 3, 224, 224), (64, 3, 7, 7)),
            ((1, 64, 224, 224), (64, 64, 3, 3)),
        ],
    )
    def test_it_is_what_is_needed_and_within_the_room_that_auto_has(self, x, weight):
        y, size = (x[0], weight[0], *x[2:]), weight[2:]
        pads = ((size[0] // 2,) * 2,) * 2
        layer = resolve(x[2:], size, (1, 1), (1, 1), pads)
        gradient = resolve(x[2:], y[2:], (1, 1), (1, 1), pads)
        for geometry, image, kernel in (
            (layer, (x[0], 1, *x[1:]), (1, *weight)),
            (gradient, (x[1], 1, x[0], *x[2:]), (1, y[1], y[0], *y[2:])),
        ):
            arrays = np.ones(image, np.float32), np.ones(kernel, np.float32)
            calls.correlate(*arrays, geometry)
            tracemalloc.start()
            result = calls.correlate(*arrays, geometry)
            peak = tracemalloc.get_traced_memory()[1] - result.nbytes
            tracemalloc.stop()
            problem = Problem(geometry, image[0], 1, image[2], kernel[1], "float32", None)
            needed = 4 * METHODS["im2col"].workspace(problem, BACKEND)
            # In front of a large array is room that nobody touches, up to where a page begins.
            assert peak <= needed + 2 * 2**21 + 2**16
            room = MOST_WORKSPACE * (problem.pixels + problem.outputs)
            assert needed <= 4 * max(room, 2**19)
