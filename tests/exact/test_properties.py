"""What follows from the definition, bit by bit, and what does not."""

import numpy as np
import oracle
import pytest
from comparing import assert_same
from rounded import extended, found, rounded

RNG = np.random.default_rng(11)
X = (RNG.standard_normal((3, 4, 9, 8)) * 2.0 ** RNG.integers(-9, 9, (3, 4, 9, 8))).astype("f4")
WEIGHT = RNG.standard_normal((6, 2, 3, 3)).astype("f4")
OPTIONS = {"padding": 1, "groups": 2, "method": "exact"}


@pytest.fixture
def conv(backend):
    """The convolution of NumPy's arrays by a backend, as bits."""

    def run(x, weight, bias=None, **options):
        arrays = [None if a is None else backend.array(a) for a in (x, weight, bias)]
        y = backend.functions.conv2d(*arrays, **{**OPTIONS, **options})
        return backend.to_numpy(y).view("u4")

    return run


class TestOrders:
    def test_images_do_not_depend_on_the_batch_they_are_in(self, conv):
        whole = conv(X, WEIGHT)
        for n in range(3):
            assert np.array_equal(conv(X[n : n + 1], WEIGHT), whole[n : n + 1])

    def test_channels_may_change_places(self, conv):
        order = [1, 0, 3, 2]
        assert np.array_equal(conv(X[:, order], WEIGHT[:, ::-1].copy()), conv(X, WEIGHT))

    def test_filters_do_not_depend_on_each_other(self, conv):
        order = [2, 0, 1, 5, 3, 4]
        assert np.array_equal(conv(X, WEIGHT[order]), conv(X, WEIGHT)[:, order])

    def test_flips(self, conv):
        x, weight = X[..., ::-1].copy(), WEIGHT[..., ::-1].copy()
        assert np.array_equal(conv(x, weight), conv(X, WEIGHT)[..., ::-1])


class TestScales:
    @pytest.mark.parametrize("power", [-30, 40])
    def test_powers_of_two(self, conv, power):
        scaled = conv(np.ldexp(X, power), WEIGHT)
        assert np.array_equal(scaled.view("f4"), np.ldexp(conv(X, WEIGHT).view("f4"), power))

    def test_signs(self, conv):
        assert np.array_equal(conv(-X, WEIGHT) ^ 2**31, conv(X, WEIGHT))


class TestNothing:
    def test_no_channels_leave_the_bias(self, backend, conv):
        y = conv(X[:, :0], WEIGHT[:, :0], np.arange(6, dtype="f4"), groups=1)
        assert (y.view("f4") == np.arange(6)[:, None, None]).all()

    def test_no_images(self, conv):
        assert conv(X[:0], WEIGHT).shape == (0, 6, 9, 8)

    def test_sums_of_nothing_but_negative_zeros_are_positive_zeros(self, conv):
        assert not conv(np.full_like(X, -0.0), WEIGHT).any()


class TestDtypes:
    @pytest.mark.parametrize("dtypes", [("float16", "float32"), ("float32", "int16")])
    def test_operands_are_taken_as_they_are(self, backend, dtypes):
        if not set(dtypes) <= set(backend.dtypes):
            return
        x, weight = RNG.integers(-99, 99, (1, 2, 6)) / 8, RNG.integers(-9, 9, (3, 2, 3))
        arrays = backend.array(x, dtypes[0]), backend.array(weight, dtypes[1])
        y = backend.functions.conv1d(*arrays, method="exact")
        exact = oracle.conv(extended(x), extended(weight))
        assert (found(backend, y) == rounded(exact, "float32")).all()

    @pytest.mark.parametrize("dtype", ["int8", "int32", "uint16"])
    def test_integers_wrap(self, backend, dtype):
        x, weight = RNG.integers(0, 100, (1, 2, 6)), RNG.integers(0, 100, (3, 2, 3))
        arrays = backend.array(x, dtype), backend.array(weight, dtype)
        y = backend.functions.conv1d(*arrays, method="exact")
        assert_same(backend, y, oracle.conv(x, weight), dtype)


class TestOtherFunctions:
    def test_a_convolution_turns_the_kernel_around(self, backend):
        x, kernel = backend.array(X[0, 0]), backend.array(WEIGHT[0, 0])
        y = backend.functions.convolve2d(x, kernel, padding="same", method="exact")
        exact = oracle.convolve2d(extended(X[0, 0]), extended(WEIGHT[0, 0]), padding="same")
        assert (found(backend, y) == rounded(exact, "float32")).all()

    def test_a_transposed_one_has_its_output_padding(self, backend):
        options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
        weight, bias = RNG.standard_normal((2, 4, 3, 2, 3)).astype("f4")[0], X[0, 0, 0, :6]
        arrays = [backend.array(a) for a in (X, weight, bias)]
        y = backend.functions.conv_transpose2d(*arrays, **options, method="exact")
        exact = oracle.conv_transpose(*map(extended, (X, weight, bias)), **options)
        assert (found(backend, y) == rounded(exact, "float32")).all()

    def test_images_have_leading_axes(self, backend):
        x, kernel = backend.array(X), backend.array(WEIGHT[0, 0])
        y = backend.functions.corr2d(x, kernel, method="exact")
        exact = oracle.corr2d(extended(X), extended(WEIGHT[0, 0]))
        assert (found(backend, y) == rounded(exact, "float32")).all()

    def test_a_plan_says_one_rounding(self, backend):
        plan = backend.functions.plan((5, 5), (3, 3), method="exact")
        assert plan.method == "exact"
        assert plan.error_bound == 2.0**-24
        assert "rounded once" in str(plan)


class TestInputsThatMayNotChange:
    def test_they_do_not(self, backend):
        x, weight = X.copy(), WEIGHT.copy()
        x[0, 0, 0, 0] = np.nan
        arrays = backend.array(x), backend.array(weight)
        backend.functions.conv2d(*arrays, **OPTIONS)
        for array, before in zip(arrays, (x, weight), strict=True):
            assert np.array_equal(backend.to_numpy(array), before, equal_nan=True)

    def test_of_numpy_read_only_and_in_any_order(self):
        import multiconv as mc

        x = np.asfortranarray(X)[..., ::-1]
        x.flags.writeable = False
        right = mc.conv2d(x.copy(), WEIGHT, **OPTIONS)
        assert np.array_equal(mc.conv2d(x, WEIGHT, **OPTIONS), right)
        assert np.array_equal(mc.conv2d(x.astype(">f4"), WEIGHT, **OPTIONS), right)
