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


def bits_of_pairs(backend):
    """The three sums of a convolution without groups by a backend, as bits, of NumPy's arrays."""
    f, options = backend.functions, {"padding": ((2, 1), (1, 1)), "method": "exact"}

    def run(x, weight, grad):
        x, weight, grad = map(backend.array, (x, weight, grad))
        found = {
            "y": f.conv2d(x, weight, **options),
            "x": f.conv_input_grad(grad, weight, X.shape[2:], **options),
            "weight": f.conv_weight_grad(x, grad, WEIGHT.shape[2:], **options),
        }
        return {role: backend.to_numpy(array).view("u4") for role, array in found.items()}

    return run


class TestOrders:
    """What changes places changes places in the result, and nothing else does."""

    GRAD = RNG.standard_normal((3, 6, 10, 8)).astype("f4")
    OWN = X[:, :2], WEIGHT, GRAD

    @pytest.mark.parametrize(
        ("letter", "order"),
        [("n", (2, 0, 1)), ("c", (1, 0)), ("o", (2, 0, 1, 5, 3, 4))],
        ids=["images", "channels", "filters"],
    )
    def test_of_what_is_summed_and_of_what_is_not(self, backend, letter, order):
        run = bits_of_pairs(backend)
        axes = {"x": "nc", "weight": "oc", "y": "no"}

        def moved(array, role):
            return (
                np.take(array, order, axes[role].index(letter)) if letter in axes[role] else array
            )

        roles = ("x", "weight", "y")
        given = [moved(a, role) for a, role in zip(self.OWN, roles, strict=True)]
        before, after = run(*self.OWN), run(*given)
        for role in roles:
            assert np.array_equal(after[role], moved(before[role], role)), role

    def test_images_do_not_depend_on_the_batch_they_are_in(self, conv):
        whole = conv(X, WEIGHT)
        for n in range(3):
            assert np.array_equal(conv(X[n : n + 1], WEIGHT), whole[n : n + 1])

    def test_channels_may_change_places_in_groups(self, conv):
        order = [1, 0, 3, 2]
        assert np.array_equal(conv(X[:, order], WEIGHT[:, ::-1].copy()), conv(X, WEIGHT))

    @pytest.mark.parametrize("axes", [(-1,), (-2, -1)])
    def test_flips(self, conv, axes):
        x, weight = np.flip(X, axes).copy(), np.flip(WEIGHT, axes).copy()
        assert np.array_equal(conv(x, weight), np.flip(conv(X, WEIGHT), axes))

    def test_transposed_images_and_kernels(self, conv):
        x, weight = X.swapaxes(2, 3).copy(), WEIGHT.swapaxes(2, 3).copy()
        assert np.array_equal(conv(x, weight), conv(X, WEIGHT).swapaxes(2, 3))

    def test_of_an_image_that_is_cut_out(self, conv):
        """Also where another band of rows, or another block, begins."""
        whole, part = conv(X, WEIGHT, padding=0), conv(X[..., 2:9, 1:7].copy(), WEIGHT, padding=0)
        assert np.array_equal(part, whole[..., 2:7, 1:5])

    def test_a_circular_image_may_be_shifted(self, conv):
        options = {"padding_mode": "circular"}
        shifted = conv(np.roll(X, (3, -2), (2, 3)), WEIGHT, **options)
        assert np.array_equal(shifted, np.roll(conv(X, WEIGHT, **options), (3, -2), (2, 3)))


class TestScales:
    @pytest.mark.parametrize("power", [-30, 40])
    def test_powers_of_two(self, conv, power):
        scaled = conv(np.ldexp(X, power), WEIGHT)
        assert np.array_equal(scaled.view("f4"), np.ldexp(conv(X, WEIGHT).view("f4"), power))

    def test_signs(self, conv):
        for x, weight in ((-X, WEIGHT), (X, -WEIGHT)):
            assert np.array_equal(conv(x, weight) ^ 2**31, conv(X, WEIGHT))
        assert np.array_equal(conv(-X, -WEIGHT), conv(X, WEIGHT))

    def test_channels_of_zeros_add_nothing(self, conv):
        x = np.concatenate([X[:, :2], 0 * X], axis=1)
        more = RNG.standard_normal((6, 4, 3, 3)).astype("f4")
        weight = np.concatenate([WEIGHT, more], axis=1)
        plain = conv(X[:, :2].copy(), WEIGHT, groups=1)
        assert np.array_equal(conv(x, weight, groups=1), plain)


class TestInfinities:
    """A border of zeros is multiplied like any pixel, where the image is multiplied."""

    IMAGE = np.arange(1, 10, dtype="f4").reshape(1, 1, 3, 3)
    ONES = np.ones((1, 1, 3, 3), "f4")
    GRADIENT = ((np.nan,) * 3, (np.nan, np.inf, np.inf), (np.nan, np.inf, np.inf))

    @pytest.mark.parametrize("method", ["exact", "direct", "im2col"])
    def test_times_a_border_in_the_gradient_of_a_filter(self, backend, method):
        """The output in the corner sees the border through all taps but the last four."""
        grad = self.ONES.copy()
        grad[0, 0, 0, 0] = np.inf
        arrays = backend.array(self.IMAGE), backend.array(grad)
        with np.errstate(invalid="ignore"):
            dw = backend.functions.conv_weight_grad(*arrays, (3, 3), padding=1, method=method)
        assert np.array_equal(backend.to_numpy(dw)[0, 0], self.GRADIENT, equal_nan=True)

    def test_the_frameworks_own_gradients_agree(self, differentiable):
        backend = differentiable
        x, weight = backend.array(self.IMAGE), backend.array(self.ONES)
        grad = self.ONES.copy()
        grad[0, 0, 0, 0] = np.inf

        def conv(weight):
            return backend.functions.conv2d(x, weight, padding=1, method="exact")

        if backend.name == "torch":
            weight.requires_grad_()
            conv(weight).backward(backend.array(grad))
            found = weight.grad
        else:
            import jax

            found = jax.vjp(conv, weight)[1](backend.array(grad))[0]
        assert np.array_equal(backend.to_numpy(found)[0, 0], self.GRADIENT, equal_nan=True)

    def test_of_a_filter_beside_the_outputs(self, backend):
        """Of the gradient of the image there is no product with what is beside the outputs."""
        weight = self.ONES.copy()
        weight[0, 0, 0, 0] = np.inf
        arrays = backend.array(self.ONES[..., :1, :1].copy()), backend.array(weight)
        dx = backend.functions.conv_input_grad(*arrays, (3, 3), method="exact")
        assert np.array_equal(backend.to_numpy(dx), weight)


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
