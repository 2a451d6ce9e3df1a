"""Images whose spatial axes stand elsewhere, and have any number."""

import warnings

import numpy as np
import oracle
import pytest
import scipy.signal
from comparing import assert_same, check_error
from strategies import share

import multiconv as mc

RNG = np.random.default_rng(5)
X, K = RNG.integers(-4, 5, (4, 5, 6, 3)), RNG.integers(-4, 5, (2, 3))
OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2)}
COLOURS = (20, 18, 3)
AXES = ((0, 1), (1, 0), (-3, -2), (2, 0), (-2, -1), (3, 1))
NAMES = ("corr2d", "convolve2d", "correlate", "convolve")


def along(x, axes, function):
    """Bring the axes to the end, do it, and bring them back."""
    return np.moveaxis(function(np.moveaxis(x, axes, (-2, -1))), (-2, -1), axes)


class TestAxes:
    @pytest.mark.parametrize("axes", AXES)
    @pytest.mark.parametrize("name", NAMES)
    def test_the_kernel_lies_along_them_in_their_order(self, backend, axes, name):
        kernel = K if name.startswith("corr") else K[::-1, ::-1]
        expected = along(X, axes, lambda x: oracle.corr2d(x, kernel, **OPTIONS))
        arrays = backend.array(X, "int32"), backend.array(K, "int32")
        case = AXES.index(axes) + NAMES.index(name)
        for method in share(backend, backend.methods_for("int32", OPTIONS["dilation"]), case):
            y = getattr(backend.functions, name)(*arrays, **OPTIONS, axes=axes, method=method)
            assert_same(backend, y, expected, "int32", method)

    def test_a_constant_border_goes_around_them(self, backend):
        options = OPTIONS | {"padding_mode": "constant", "padding_value": 3}
        expected = along(X, (0, 2), lambda x: oracle.corr2d(x, K, **options))
        arrays = backend.array(X, "int32"), backend.array(K, "int32")
        for value in (3, backend.array(np.array(3), "int32")):
            given = options | {"padding_value": value}
            y = backend.functions.corr2d(*arrays, **given, axes=(0, 2))
            assert_same(backend, y, expected, "int32")

    @pytest.mark.parametrize(
        ("axes", "error", "part"),
        [
            ((0, 0), ValueError, "different"),
            ((0, -4), ValueError, "different"),
            ((0, 4), ValueError, "(4, 5, 6, 3)"),
            ((0,), ValueError, "2 ints"),
            (0, ValueError, "2 ints"),
            ((0, 1.0), TypeError, "1.0"),
            ("ab", TypeError, "'ab'"),
        ],
    )
    def test_what_are_no_axes(self, axes, error, part):
        with pytest.raises(error, match="axes") as caught:
            mc.corr2d(X, K, axes=axes)
        assert part in str(caught.value)


class TestColours:
    """The last axis of a picture is taken for its width unless axes are given."""

    def test_a_picture_with_its_colours_behind_is_pointed_out(self, backend):
        x, k = (
            backend.array(np.zeros(COLOURS), "float32"),
            backend.array(np.ones((2, 2)), "float32"),
        )
        for name in ("corr2d", "convolve2d"):
            call = rf"18 x 3, are taken.* {name}\(x, k, axes=\(-3, -2\)\) filters"
            with pytest.warns(UserWarning, match=call) as caught:
                getattr(backend.functions, name)(x, k, dilation=1)
            assert caught[0].filename == __file__

    def test_so_it_is_by_what_has_no_axes(self, backend):
        """The textbook's layer, what learns a kernel, and what explains a number."""
        x = backend.array(np.arange(20 * 18 * 3.0).reshape(COLOURS) % 7, "float32")
        k = backend.array(np.ones((2, 2)), "float32")
        y = backend.functions.corr2d(x, k, axes=(-2, -1))
        calls = {"moveaxis": lambda: mc.explain(x, k, at=(0, 0, 0))}
        if backend.name != "strict":
            layer = backend.functions.Conv2D(2)
            calls["Conv2D.*in_channels=3"] = lambda: layer(x)
            calls[r"moveaxis\(y"] = lambda: mc.learn_kernel(x, y, 2, steps=1, lr=1e-9)
            calls[r"x, -1, -3\) and"] = lambda: mc.solve_kernel(x, y, 2)
        for words, call in calls.items():
            with pytest.warns(UserWarning, match=f"18 x 3, are taken.*{words}") as caught:
                call()
            assert caught[0].filename == __file__

    @pytest.mark.parametrize("colours", [3, 4])
    @pytest.mark.filterwarnings("ignore:x has the shape")
    def test_a_kernel_that_their_number_is_too_small_for(self, colours):
        picture = np.zeros((20, 18, colours), np.uint8)
        call = lambda: mc.corr2d(picture, np.ones((5, 5)))  # noqa: E731
        check_error(ValueError, call, f"if the {colours} are colours, axes=(-3, -2) filters")
        assert mc.corr2d(picture, np.ones((5, 5)), axes=(-3, -2)).shape == (16, 14, colours)

    @pytest.mark.parametrize("shape", [(18, 3), (5, 18, 3), (20, 18, 5), (20, 3, 18), (2, 2, 3)])
    def test_nothing_else_is(self, backend, shape):
        k = backend.array(np.ones((1, 1)), "float32")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            backend.functions.corr2d(backend.array(np.zeros(shape), "float32"), k)
            pictures = backend.array(np.zeros(COLOURS), "float32")
            backend.functions.corr2d(pictures, k, axes=(-2, -1))
            backend.functions.correlate(pictures, k)
            mc.plan(pictures, k)

    @pytest.mark.parametrize("function", ["corr2d", "convolve2d", "correlate", "convolve"])
    def test_a_word_is_no_axes(self, backend, function):
        x, k = (backend.array(np.ones((4, 5)), "float32") for _ in range(2))
        call = lambda: getattr(backend.functions, function)(x, k, axes="last")  # noqa: E731
        check_error(TypeError, call, "axes", "'last'")


class TestAnyNumber:
    @pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
    def test_scipy_agrees(self, backend, rank):
        x = RNG.integers(-4, 5, (3, 4, 2, 3, 4)[:rank])
        k = RNG.integers(-4, 5, (2, 3, 1, 2, 2)[:rank])
        arrays = backend.array(x, "int32"), backend.array(k, "int32")
        for name in ("correlate", "convolve"):
            expected = getattr(scipy.signal, name)(x, k, method="direct")
            y = getattr(backend.functions, name)(*arrays, padding="full")
            assert_same(backend, y, expected, "int32", name)

    def test_leading_axes_are_a_batch(self, backend):
        x, k = backend.array([[1, 2, 3], [4, 6, 9]], "int32"), backend.array([-1, 1], "int32")
        assert_same(backend, backend.functions.correlate(x, k), [[1, 1], [2, 3]], "int32")

    def test_lists_follow_the_face(self):
        assert mc.numpy.correlate([1, 2, 4], [1, 1]).tolist() == [3, 6]

    def test_a_number_is_no_kernel(self):
        with pytest.raises(ValueError, match=r"k must have an axis.*x \* k"):
            mc.correlate(np.ones(3), np.array(2))


class TestOneAxis:
    @pytest.mark.parametrize("axis", [0, 1, 3, -1, -3])
    def test_every_line_along_it_is_correlated(self, backend, axis):
        options = {"stride": 2, "padding": ((2, 1),), "padding_mode": "symmetric"}
        x, k = backend.array(X, "int32"), backend.array([1, -2, 5], "int32")
        lines = np.moveaxis(X, axis, -1)
        y = oracle.conv(lines.reshape(-1, 1, lines.shape[-1]), np.array([[[1, -2, 5]]]), **options)
        expected = np.moveaxis(y.reshape(*lines.shape[:-1], -1), -1, axis)
        found = backend.functions.correlate1d(x, k, axis=axis, **options)
        assert_same(backend, found, expected, "int32")

    def test_a_kernel_of_two_axes_is_refused(self):
        with pytest.raises(ValueError, match=r"\(kw,\), got 2 axes; correlate takes"):
            mc.correlate1d(X, K)


class TestSeparable:
    KERNELS = (np.array([1, 2, 3]), np.array([1, -1]), np.array([2, 1, 1]))

    @pytest.mark.parametrize("mode", ["zeros", "reflect", "symmetric", "replicate", "circular"])
    def test_it_is_the_correlation_with_the_outer_product(self, backend, mode):
        self.check(backend, {"padding_mode": mode}, {"padding_mode": mode})

    @pytest.mark.parametrize("value", [2, 2.0, np.int32(2), np.array(2)])
    def test_so_it_is_with_a_constant_border(self, backend, value):
        mine = backend.array(value, "int32") if isinstance(value, np.ndarray) else value
        options = {"padding_mode": "constant"}
        self.check(backend, options | {"padding_value": mine}, options | {"padding_value": 2})

    def check(self, backend, mine, plain):
        options = {"axes": (0, 2, 1), "padding": (1, 0, 2), "stride": (1, 2, 1)}
        product = np.einsum("i,j,k->ijk", *self.KERNELS)
        expected = mc.correlate(X.astype("int32"), product.astype("int32"), **options, **plain)
        kernels = [backend.array(k, "int32") for k in self.KERNELS]
        y = backend.functions.separable(backend.array(X, "int32"), kernels, **options, **mine)
        assert_same(backend, y, expected, "int32")

    @pytest.mark.parametrize(
        ("kernels", "axes", "part"),
        [([], None, "got none"), ([[1]], (7,), "(7,)"), ([[1]], (0, 1), "axes=-1")],
    )
    def test_every_kernel_needs_an_axis(self, kernels, axes, part):
        with pytest.raises(ValueError, match=r"axes|kernels") as caught:
            mc.separable(X, kernels, axes=axes)
        assert part in str(caught.value)

    @pytest.mark.parametrize(
        ("kernels", "error", "parts"),
        [
            (None, TypeError, ("kernels", "NoneType", "separable(x, [k0, k1])")),
            ("ab", TypeError, ("kernels", "str")),
            ([[1, 2], [[1, 2]]], ValueError, ("kernels[1]", "(kw,)", "2 axes")),
            ([[1, 2], 3], ValueError, ("kernels[1]", "0 axes")),
        ],
    )
    def test_what_is_no_sequence_of_kernels(self, kernels, error, parts):
        with pytest.raises(error) as caught:
            mc.separable(X, kernels)
        assert all(part in str(caught.value) for part in parts), caught.value

    @pytest.mark.parametrize("wide", ["int32", "float32"])
    def test_nothing_wraps_before_it_meets_a_wider_kernel(self, backend, wide):
        x, narrow = backend.array([[100, 100]] * 2, "int8"), backend.array([1, 1], "int8")
        y = backend.functions.separable(x, [narrow, backend.array([1, 1], wide)])
        assert_same(backend, y, np.array([[400]]), wide)
