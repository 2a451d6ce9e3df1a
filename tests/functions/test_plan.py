"""`plan` says what a call would do, and the call does that."""

import math

import bounds
import numpy as np
import pytest
from comparing import check_error
from strategies import BORDERS, configurations, for_all

import multiconv as mc
from multiconv.methods.base import MethodRefusal
from multiconv.methods.table import METHODS


class TestWhatItSays:
    def test_it_is_what_the_call_gives(self, backend):
        @for_all(backend, configurations(("float32",), modes=BORDERS))
        def check(c):
            x, weight, bias = (
                backend.array(a, "float32")
                for a in c.integers(c.x_shape, c.weight_shape, c.weight_shape[:1])
            )
            plan = mc.plan(x, weight, **c.geometry)
            y = getattr(backend.functions, f"conv{c.axes}d")(x, weight, bias, **c.geometry)
            assert plan.output_shape == tuple(y.shape)
            assert plan.dtype == backend.dtype_name(y)
            assert plan.multiply_adds == int(np.prod(c.y_shape)) * c.products
            assert plan.method in (*METHODS, "none")

    def test_a_transposed_convolution(self, backend):
        x = backend.array(np.ones((2, 4, 5)), "float32")
        weight = backend.array(np.ones((4, 3, 3)), "float32")
        plan = mc.plan(x, weight, 2, 1, transposed=True, output_padding=1)
        y = backend.functions.conv_transpose1d(x, weight, None, 2, 1, 1)
        assert plan.output_shape == tuple(y.shape) == (2, 3, 10)
        assert plan.multiply_adds == 2 * 4 * 3 * 3 * 5

    def test_pads_are_resolved(self):
        plan = mc.plan((6, 7), (3, 2), 2, "same")
        assert plan.pads == ((0, 1), (0, 1))
        assert plan.output_shape == (3, 4)

    def test_the_bound_is_that_of_the_sums(self):
        for dtype, products in (("float32", 9), ("float64", 9), ("float16", 9)):
            factor = mc.plan((1, 8, 8), (1, 1, 3, 3), dtype=dtype, backend="numpy").error_bound
            sums = "float32" if dtype == "float16" else dtype
            expected = bounds.gamma(products + 1, bounds.ROUNDOFF[sums])
            if dtype == "float16":
                expected += 2 * bounds.ROUNDOFF["float16"]
            assert factor == pytest.approx(float(expected), rel=1e-12)
        assert mc.plan((8, 8), (3, 3), dtype="int8").error_bound == 0

    @pytest.mark.parametrize("dtype", ["float16", "float32", "complex128"])
    def test_the_bound_of_fft_is_that_of_its_butterflies(self, dtype):
        """Two channels; transforms of at most 2 * 9 and 2 * 10 numbers, with the border."""
        plan = mc.plan(
            (1, 2, 9, 8), (1, 2, 3, 3), padding=((0, 0), (1, 1)),
            method="fft", dtype=dtype, backend="numpy",
        )  # fmt: skip
        unit = bounds.ROUNDOFF[bounds.ACCUMULATOR[bounds.PART.get(dtype, dtype)]]
        expected = float(unit) * (2 + 8.3 * math.log2(18 * 20))
        if dtype == "float16":
            expected += 2 * float(bounds.ROUNDOFF["float16"])
        assert plan.error_bound == pytest.approx(expected, rel=1e-12)

    def test_the_workspace_of_im2col_is_its_patch_matrix_and_the_result_twice(self):
        plan = mc.plan(
            (1, 2, 10, 10), (4, 2, 3, 3), method="im2col", dtype="float64", backend="numpy"
        )
        assert plan.workspace_bytes == 8 * (2 * 9 + 2 * 4) * 8 * 8
        padded = mc.plan((1, 2, 10, 10), (4, 2, 3, 3), padding=1, method="im2col", backend="numpy")
        assert padded.workspace_bytes == 4 * ((2 * 9 + 2 * 4) * 10 * 10 + 2 * 12 * 12)

    @pytest.mark.parametrize("method", METHODS)
    def test_every_method_says_what_it_needs(self, method):
        if method == "native":
            with pytest.raises(MethodRefusal, match="no convolution of its own") as caught:
                mc.plan((8, 8), (3, 3), method=method, backend="numpy")
            assert caught.value.method == "native"
            assert caught.value.reason in str(caught.value)
            return
        plan = mc.plan((8, 8), (3, 3), method=method, backend="numpy")
        assert (plan.method, plan.reason) == (method, "asked for")
        assert plan.workspace_bytes > 0

    def test_it_reads_well(self):
        lines = str(mc.plan((64, 64), (3, 3), backend="numpy")).splitlines()
        assert [line.split()[0] for line in lines] == [
            *("output", "padding", "method", "others", "multiply-adds", "workspace", "error")
        ]
        assert lines[4].endswith("34,596")


class TestWhatItTakes:
    def test_arrays_and_shapes_together(self, backend):
        x = backend.array(np.ones((5, 5)), "float32")
        assert mc.plan(x, (2, 2)).output_shape == (4, 4)
        assert mc.plan((5, 5), x).output_shape == (1, 1)

    def test_the_errors_are_those_of_the_call(self):
        check_error(ValueError, lambda: mc.plan((5, 5), (7, 7)), "kernel", "7", "swapped")
        check_error(ValueError, lambda: mc.plan((1, 3, 5, 5), (2, 4, 3, 3)), "channel", "3", "4")
        check_error(
            ValueError, lambda: mc.plan((5, 5), (2, 2), dtype="float23"), "dtype", "float32"
        )
        check_error(ValueError, lambda: mc.plan((5, -5), (2, 2)), "x", "-5")

    def test_a_dtype_of_the_framework(self):
        plan = mc.plan((5, 5), (2, 2), dtype=np.dtype("float64"), backend="numpy")
        assert plan.dtype == "float64"

    def test_what_a_call_of_the_kind_does_not_have(self):
        image, channels = ((5, 5), (2, 2)), ((1, 5, 5), (1, 1, 2, 2))
        check_error(ValueError, lambda: mc.plan(*image, transposed=True), "transposed", "image")
        check_error(ValueError, lambda: mc.plan(*image, groups=2), "groups", "image")
        check_error(ValueError, lambda: mc.plan(*channels, output_padding=1), "output_padding")
        call = lambda: mc.plan(*channels, transposed=True, padding_mode="reflect")  # noqa: E731
        check_error(ValueError, call, "padding_mode", "transposed")

    def test_sizes_beyond_all_memory_are_planned(self):
        """Nothing is computed, so it says what it would take."""
        plan = mc.plan((2**25, 2**25), (3, 3), dtype="float64", backend="numpy")
        assert plan.output_shape == (2**25 - 2, 2**25 - 2)
        assert plan.workspace_bytes > 2**52

    def test_it_is_short_where_it_stands_in_a_list(self):
        assert repr(mc.plan((5, 5), (2, 2), backend="numpy")) == (
            "Plan(output_shape=(4, 4), dtype='float32', 'direct')"
        )


class TestOrdersOfAxes:
    def test_a_plan_is_that_of_the_call(self, backend):
        x, weight = np.ones((2, 7, 6, 4)), np.ones((3, 2, 4, 5))
        arrays = backend.array(x, "float32"), backend.array(weight, "float32")
        options = {"padding": 1, "stride": 2, "channels_last": True}
        y = backend.functions.conv2d(*arrays, **options)
        assert mc.plan(*arrays, **options).output_shape == tuple(y.shape)
        y = backend.functions.conv_transpose2d(y, arrays[1], stride=2, channels_last=True)
        plan = mc.plan((2, 4, 3, 5), weight.shape, 2, transposed=True, channels_last=True)
        assert plan.output_shape == (*y.shape[:1], 9, 6, 4)
        kernel = backend.array(np.ones((2, 3)), "float32")
        plan = mc.plan(arrays[0], kernel, axes=(1, 2))
        assert plan.output_shape == (2, 6, 4, 4)

    def test_what_has_no_such_order(self):
        call = lambda: mc.plan((3, 3), (2, 2), channels_last=True)  # noqa: E731
        check_error(ValueError, call, "image form", "channels_last")
        call = lambda: mc.plan((1, 3, 3), (1, 1, 2, 2), axes=(0, 1))  # noqa: E731
        check_error(ValueError, call, "a convolution", "axes")


class TestKernelsOfAnyAxes:
    @pytest.mark.parametrize("function", ["correlate", "convolve"])
    @pytest.mark.parametrize("axes", [1, 2, 3, 4])
    def test_correlate_and_convolve(self, backend, function, axes):
        x = np.arange(2.0 * 5 * 4 * 6 * 3).reshape(2, 5, 4, 6, 3)
        k = np.ones((2, 1, 3, 2)[:axes])
        along = tuple(range(-axes, 0))[::-1]
        options = {"padding": 1, "stride": 2, "axes": along}
        x, k = backend.array(x, "float32"), backend.array(k, "float32")
        plan = mc.plan(x, k, function=function, **options)
        y = getattr(backend.functions, function)(x, k, **options)
        assert plan.output_shape == tuple(y.shape)
        assert plan.dtype == backend.dtype_name(y)
        assert plan.multiply_adds == math.prod(y.shape) * math.prod(k.shape)

    def test_a_kernel_of_one_axis_needs_no_name(self):
        x, k = np.ones((4, 6), np.float32), np.ones(3, np.float32)
        for function in (None, "correlate1d"):
            plan = mc.plan(x, k, padding="full", axes=(0,), function=function)
            y = mc.correlate1d(x, k, axis=0, padding="full")
            assert plan.output_shape == y.shape

    def test_shapes_alone(self):
        plan = mc.plan((9, 8, 7), (3, 3, 3), function="correlate", backend="numpy")
        assert plan.output_shape == (7, 6, 5)
        assert mc.plan((9, 8), (3, 3), function="convolve2d").output_shape == (7, 6)

    def test_a_kernel_of_other_axes(self):
        call = lambda: mc.plan((4, 4), (2, 2), function="correlate1d")  # noqa: E731
        check_error(ValueError, call, "function='correlate1d'", "(kw)", "2 axes")
        call = lambda: mc.plan((4, 4), (2, 2), function="conv2d")  # noqa: E731
        check_error(ValueError, call, "function", "'correlate'", "'conv2d'")
        call = lambda: mc.plan((4, 4, 4), (2, 2, 2), function="convolve", groups=2)  # noqa: E731
        check_error(ValueError, call, "image form", "groups")
        call = lambda: mc.plan((4, 4), (2,), output_padding=1)  # noqa: E731
        check_error(ValueError, call, "image form", "output_padding")


class TestSeparable:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"padding": "same", "stride": (2, 1), "padding_mode": "reflect"},
            {"padding": ((1, 0), (2, 2)), "axes": (0, -1), "padding_mode": "constant"},
            {"padding": "full", "dilation": (1, 2), "method": "direct", "axes": (2, 0)},
        ],
    )
    def test_a_plan_is_that_of_the_call(self, backend, options):
        x = backend.array(np.arange(4.0 * 5 * 6).reshape(4, 5, 6) % 7, "float32")
        kernels = [backend.array(np.ones(n), "float32") for n in (3, 2)]
        if options.get("padding_mode") == "constant":
            options = options | {"padding_value": 2}
        plan = mc.plan(x, kernels, function="separable", **options)
        y = backend.functions.separable(x, kernels, **options)
        assert plan.output_shape == tuple(y.shape)
        assert plan.dtype == backend.dtype_name(y)
        assert (backend.to_numpy(plan.run(x, *kernels)) == backend.to_numpy(y)).all()
        assert len(plan.passes) == len(plan.pads) == 2

    def test_it_adds_up_what_its_passes_do(self):
        plan = mc.plan((64, 64), [(3,), (5,)], padding="same", function="separable")
        one, other = plan.passes
        assert plan.pads == ((1, 1), (2, 2))
        assert plan.multiply_adds == one.multiply_adds + other.multiply_adds == 64 * 64 * 8
        bounds = one.error_bound, other.error_bound
        assert plan.error_bound == (1 + bounds[0]) * (1 + bounds[1]) - 1
        assert plan.workspace_bytes >= 64 * 64 * 4  # what lies between the two
        assert "(64, 64) float32" in str(plan)

    def test_small_integers_are_summed_in_the_dtype_of_all(self, backend):
        arrays = [backend.array(np.ones(n), d) for n, d in ((2, "int8"), (3, "int32"))]
        plan = mc.plan(backend.array(np.ones((4, 5)), "int8"), arrays, function="separable")
        assert [each.dtype for each in plan.passes] == ["int32", "int32"]
        assert plan.error_bound == 0

    def test_errors(self):
        for weight, kind, words in (
            ((3, 5), ValueError, ("weight", "[(3,), (5,)]")),
            (np.ones(3), TypeError, ("weight", "[(3,), (5,)]")),
            ([(3, 3), (5,)], ValueError, ("weight[0]", "2 axes")),
        ):
            call = lambda w=weight: mc.plan((8, 8), w, function="separable")  # noqa: E731
            check_error(kind, call, *words)
        call = lambda: mc.plan((8, 8), [(3,)], function="separable", groups=2)  # noqa: E731
        check_error(ValueError, call, "separable", "groups")
        call = lambda: mc.plan((8, 8), [(3,)], function="separable", axes=(0, 1))  # noqa: E731
        check_error(ValueError, call, "axes", "(0, 1)")
