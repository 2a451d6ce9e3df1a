"""JAX's own machinery keeps working on our functions: jit, derivatives, vmap, sharded arrays."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same
from subprocesses import run_python

pytestmark = pytest.mark.needs_backend("jax")

METHODS = backends_under_test.NAMES_OF_METHODS
BACKEND = backends_under_test.Jax()
OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@pytest.fixture
def jax():
    import jax

    return jax


@pytest.fixture
def mc():
    return BACKEND.functions


def integers(*shapes, seed=30):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, shape) for shape in shapes]


def arrays(*values, dtype="float32"):
    return [BACKEND.array(v, dtype) for v in values]


def check(found, expected, method="auto", dtype="float32"):
    if method == "fft":
        assert np.array_equal(np.round(BACKEND.to_numpy(found)), expected)
    else:
        assert_same(BACKEND, found, expected, dtype, method)


@pytest.mark.parametrize("method", METHODS)
class TestTransforms:
    def test_jit_gives_the_eager_values(self, jax, mc, method):
        x, weight, bias = integers((2, 4, 6, 5), (4, 2, 3, 2), (4,))

        def run(*a):
            return mc.conv2d(*a, **OPTIONS, padding_mode="circular", method=method)

        expected = oracle.conv(x, weight, bias, **OPTIONS, padding_mode="circular")
        operands = arrays(x, weight, bias)
        check(run(*operands), expected, method)
        check(jax.jit(run)(*operands), expected, method)

    def test_jit_of_integers(self, jax, mc, method):
        if method == "fft":
            return
        x, weight = integers((2, 4, 6), (4, 2, 3))
        run = jax.jit(lambda *a: mc.conv1d(*a, groups=2, method=method))
        found = run(*arrays(x, weight, dtype="int32"))
        check(found, oracle.conv(x, weight, groups=2), method, "int32")

    def test_jit_of_the_gradient(self, jax, mc, method):
        x, weight, grad = integers((2, 4, 6, 5), (4, 2, 3, 2), (2, 4, 3, 6))
        assert oracle.conv(x, weight, **OPTIONS).shape == grad.shape

        def loss(x, weight, grad):
            return (mc.conv2d(x, weight, **OPTIONS, method=method) * grad).sum()

        dx, dw = jax.jit(jax.grad(loss, argnums=(0, 1)))(*arrays(x, weight, grad))
        check(dx, oracle.input_grad(grad, weight, (6, 5), **OPTIONS), method)
        check(dw, oracle.weight_grad(x, grad, (3, 2), **OPTIONS), method)

    def test_vmap(self, jax, mc, method):
        x, weight = integers((3, 2, 5, 4), (3, 4, 2, 3, 2))

        def run(x, weight):
            return mc.conv2d(x, weight, padding=1, method=method)

        pairs = [(a, w) for a, w in zip(x, weight, strict=True)]
        expected = np.stack([oracle.conv(a, w, padding=1) for a, w in pairs])
        check(jax.vmap(run)(*arrays(x, weight)), expected, method)
        kernels = jax.vmap(run, in_axes=(None, 0))(*arrays(x[0], weight))
        check(kernels, np.stack([oracle.conv(x[0], w, padding=1) for w in weight]), method)

    def test_jvp(self, jax, mc, method):
        x, weight, dx, dw = integers((2, 4, 6), (4, 2, 3), (2, 4, 6), (4, 2, 3))

        def run(x, weight):
            return mc.conv1d(x, weight, groups=2, method=method)

        y, dy = jax.jvp(run, tuple(arrays(x, weight)), tuple(arrays(dx, dw)))
        check(y, oracle.conv(x, weight, groups=2), method)
        tangent = oracle.conv(dx, weight, groups=2) + oracle.conv(x, dw, groups=2)
        check(dy, tangent, method)

    def test_hessian(self, jax, mc, method):
        (x,) = integers((3, 4))
        columns = oracle.im2col(x[None, None], (2, 2))[0]
        image = BACKEND.array(x, "float32")

        def loss(k):
            return (mc.corr2d(image, k, method=method) ** 2).sum()

        hessian = jax.hessian(loss)(BACKEND.array(np.ones((2, 2)), "float32"))
        check(hessian.reshape(4, 4), 2 * columns @ columns.T, method)

    def test_conv_transpose(self, jax, mc, method):
        x, weight = integers((2, 4, 5), (4, 3, 3))
        options = {"stride": 2, "padding": ((1, 0),), "output_padding": 1, "groups": 2}
        run = jax.jit(lambda *a: mc.conv_transpose1d(*a, **options, method=method))
        expected = oracle.conv_transpose(x, weight, **options)
        check(run(*arrays(x, weight)), expected, method)

    def test_64_bits_inside_a_local_context(self, jax, mc, method):
        x, weight = integers((1, 2, 6), (2, 2, 3))
        with backends_under_test.enable_x64():
            operands = arrays(x, weight, dtype="float64")
            y = mc.conv1d(*operands, method=method)
            check(y, oracle.conv(x, weight), method, "float64")
        assert not jax.config.jax_enable_x64


def test_64_bits_are_decided_anew_at_every_call(jax, mc):
    x, k = np.ones((3, 3), bool), np.ones((2, 2), bool)
    for _ in range(2):
        check(mc.corr2d(*arrays(x, k, dtype="bool")), np.full((2, 2), 4), dtype="int32")
        with backends_under_test.enable_x64():
            check(mc.corr2d(*arrays(x, k, dtype="bool")), np.full((2, 2), 4), dtype="int64")


@pytest.mark.parametrize("face", ["multiconv", "multiconv.jax"])
def test_the_first_call_of_a_process_may_be_traced(face):
    out = run_python(f"""
        import importlib, jax
        mc = importlib.import_module("{face}")
        k = jax.numpy.arange(4.).reshape(2, 2)
        print(jax.jit(mc.corr2d)(jax.numpy.arange(9.).reshape(3, 3), k).tolist())
    """)
    assert out == "[[19.0, 25.0], [37.0, 43.0]]"


def test_jit_through_the_top_level_functions(jax):
    import multiconv

    x, weight = integers((1, 2, 5), (2, 2, 3))
    check(jax.jit(multiconv.conv1d)(*arrays(x, weight)), oracle.conv(x, weight))


def test_matrices_under_jit(jax, mc):
    x, k = integers((1, 2, 4, 5), (2, 2))
    columns = jax.jit(lambda x: mc.im2col(x, (2, 2), padding=1))(*arrays(x))
    check(columns, oracle.im2col(x, (2, 2), padding=1))
    matrix = jax.jit(lambda k: mc.toeplitz_matrix(k, (3, 4)))(*arrays(k))
    check(matrix, oracle.toeplitz(k[None, None], (3, 4)))
    back = jax.jit(lambda c: mc.col2im(c, (4, 5), (2, 2), padding=1))(columns)
    check(back, oracle.col2im(BACKEND.to_numpy(columns).astype(int), (4, 5), (2, 2), padding=1))


def test_a_loop_of_convolutions(jax, mc):
    """The function can be the body of lax.scan."""
    x, k = integers((6, 6), (3, 3))

    def step(image, _):
        return mc.corr2d(image, kernel, padding="same"), None

    image, kernel = arrays(x, k % 2)
    found, _ = jax.lax.scan(step, image, None, length=3)
    for _ in range(3):
        x = oracle.corr2d(x, k % 2, padding="same")
    check(found, x)


@pytest.mark.parametrize("method", [m for m in backends_under_test.EXACT if m != "loop"])
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
class TestShardedArrays:
    @pytest.fixture
    def mesh(self, jax):
        devices = jax.devices("cpu")
        assert len(devices) >= 4, "XLA_FLAGS did not take effect"
        return jax.sharding.Mesh(np.array(devices[:4]), ("d",))

    def run(self, jax, mc, jit, method):
        def function(x, weight):
            return mc.conv2d(x, weight, padding=1, method=method)

        return jax.jit(function) if jit else function

    @pytest.mark.parametrize("axis", [0, 2], ids=["over the batch", "over the rows"])
    def test_values_and_place(self, jax, mc, mesh, method, jit, axis):
        from jax.sharding import NamedSharding, PartitionSpec

        x, weight = integers((4, 2, 8, 5), (3, 2, 3, 3))
        spec = PartitionSpec(*["d" if i == axis else None for i in range(4)])
        sharded = jax.device_put(x.astype(np.float32), NamedSharding(mesh, spec))
        copied = jax.device_put(weight.astype(np.float32), NamedSharding(mesh, PartitionSpec()))
        y = self.run(jax, mc, jit, method)(sharded, copied)
        check(y, oracle.conv(x, weight, padding=1), method)
        assert len(y.devices()) == 4


class TestSumOfTaps:
    """Taps are added a few at a time; each must be added once, also in the last, short sum."""

    @pytest.mark.parametrize("taps", [1, 15, 16, 17, 32, 33, 49])
    @pytest.mark.parametrize("dtype", ["float32", "int32"])
    def test_every_tap_counts_once(self, mc, taps, dtype):
        x, weight = integers((2, 3, 90), (6, 1, taps))
        options = {"groups": 3, "padding": ((2, 0),), "stride": 1}
        y = mc.conv1d(*arrays(x, weight, dtype=dtype), method="direct", **options)
        check(y, oracle.conv(x, weight, **options), dtype=dtype)


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_groups_beside_strides_of_dtypes_without_a_library(jax, mc, dtype):
    """XLA ends the process on its own transposed convolution of these shapes."""
    rng = np.random.default_rng(0)
    y, weight = rng.integers(-4, 5, (1, 2, 3, 2)), rng.integers(-4, 5, (2, 1, 2, 3))
    options = {"stride": 2, "padding": ((1, 1), (1, 1)), "groups": 2}
    expected = backends_under_test.make("numpy").functions.conv_transpose2d(y, weight, **options)
    with jax.enable_x64(True):
        arrays = jax.numpy.asarray(y, dtype), jax.numpy.asarray(weight, dtype)
        found = mc.conv_transpose2d(*arrays, **options, method="native")
        assert np.array_equal(found, expected)


class TestDerivativesByOtherWays:
    """Those of direct sums and of strides are computed otherwise than the result."""

    CALLS = (
        ("corr2d", (48, 50), (5, 6), {"padding": "same"}),
        ("corr2d", (200, 130), (3, 3), {"stride": (2, 1)}),
        ("conv2d", (2, 6, 24, 23), (6, 1, 5, 5), {"groups": 6, "dilation": (1, 2)}),
        ("conv1d", (1, 1, 15000), (1, 1, 17), {"stride": 3}),
        ("conv_transpose2d", (2, 6, 9, 8), (6, 4, 4, 3), {"stride": 2, "padding": 1}),
        ("conv_transpose2d", (2, 6, 9, 8), (6, 2, 4, 3), {"stride": (3, 1), "groups": 3}),
    )

    @pytest.mark.parametrize(("name", "size", "kernel", "options"), CALLS)
    @pytest.mark.parametrize("method", ["direct", "native", "auto"])
    def test_they_are_those_of_im2col(self, jax, mc, name, size, kernel, options, method):
        rng = np.random.default_rng(5)
        drawn = [
            jax.numpy.asarray(rng.integers(-4, 5, s).astype(np.float32))
            for s in (size, kernel, size, kernel)
        ]
        function = getattr(mc, name)

        # Arguments: of constants XLA's own evaluator gives wrong sums in jaxlib 0.8.
        def all_of(method, x, weight, dx, dw):
            def run(x, weight):
                return function(x, weight, **options, method=method)

            y, change = jax.jvp(run, (x, weight), (dx, dw))
            cotangent = jax.numpy.round(y) % 5
            back = jax.vjp(run, x, weight)[1](cotangent)
            crossed = jax.jvp(
                lambda w: jax.vjp(lambda x: run(x, w), x)[1](cotangent)[0], (weight,), (dw,)
            )
            mapped = jax.vmap(jax.vjp(run, x, weight)[1])(jax.numpy.stack([cotangent, -cotangent]))
            return y, change, back, crossed, mapped

        found, expected = (jax.jit(all_of, static_argnums=0)(m, *drawn) for m in (method, "im2col"))
        jax.tree.map(np.testing.assert_array_equal, found, expected)

    @pytest.mark.parametrize("method", ["direct", "im2col"])
    def test_what_is_not_finite_does_not_spread_in_the_image(self, jax, mc, method):
        x, weight = jax.numpy.ones((64, 64)), jax.numpy.ones((5, 5))
        run = jax.vjp(lambda x: mc.corr2d(x, weight, padding="same", method=method), x)[1]
        (dx,) = run(jax.numpy.ones((64, 64)).at[30, 20].set(jax.numpy.nan))
        expected = np.zeros((64, 64), bool)
        expected[28:33, 18:23] = True
        np.testing.assert_array_equal(np.isnan(dx), expected)
