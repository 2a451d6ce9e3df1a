"""Exact sums under JAX's transforms: the bits are those of NumPy, and of each sum by itself."""

from functools import partial

import backends_under_test
import numpy as np
import pytest
from rounded import found
from transformed import OPTIONS, arrays, bias_grad, drawn, exact

from multiconv.exact import self_test

pytestmark = pytest.mark.needs_backend("jax")

BACKEND = backends_under_test.Jax()
SHAPES = ((2, 4, 5, 4), (6, 2, 3, 2), (6,))
Y_SHAPE = (2, 6, 3, 3)


@pytest.fixture
def jax():
    import jax

    return jax


@pytest.fixture
def mc():
    return BACKEND.functions


def conv(x, weight, bias=None):
    return exact(BACKEND.functions, "conv2d", x, weight, bias, **OPTIONS)


def pullback(jax, cotangent):
    return lambda *operands: jax.vjp(conv, *operands)[1](cotangent)


def assert_bits(result, expected):
    ours = found(BACKEND, result)
    theirs = found(backends_under_test.NumPy(), np.asarray(expected))
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)


class TestValuesAndGradients:
    @pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
    def test_bits_are_those_of_numpy(self, jax, jit):
        values, (cotangent,) = drawn(*SHAPES), drawn(Y_SHAPE, seed=2)
        run = pullback(jax, *arrays(BACKEND, cotangent))
        found_here = (jax.jit(run) if jit else run)(*arrays(BACKEND, *values))
        functions = backends_under_test.NumPy().functions
        x, weight, _ = values
        dx = exact(functions, "conv_input_grad", cotangent, weight, (5, 4), **OPTIONS)
        dw = exact(functions, "conv_weight_grad", x, cotangent, (3, 2), **OPTIONS)
        for gradient, expected in zip(found_here, (dx, dw, bias_grad(cotangent)), strict=True):
            assert_bits(gradient, expected)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_each_gradient_has_the_dtype_of_its_operand(self, jax, mc, dtype):
        x, weight = drawn((1, 2, 5), (3, 2, 2))
        (x,), (weight,) = arrays(BACKEND, x, dtype=dtype), arrays(BACKEND, weight)
        cotangent = arrays(BACKEND, *drawn((1, 3, 4), seed=2))[0]
        _, back = jax.vjp(lambda *a: mc.conv1d(*a, method="exact"), x, weight)
        dx, dw = back(cotangent)
        wide = mc.conv_input_grad(cotangent, weight, 5, method="exact")
        assert (dx.dtype, dw.dtype) == (dtype, "float32")
        difference = np.abs(BACKEND.to_numpy(dx).astype("f4") - BACKEND.to_numpy(wide))
        assert difference.max() <= np.abs(BACKEND.to_numpy(wide)).max() * 2.0**-8
        assert_bits(dw, mc.conv_weight_grad(x, cotangent, 2, method="exact"))

    def test_a_real_operand_of_a_complex_result_gets_the_real_part(self, jax, mc):
        x, real, imag = drawn((1, 2, 5), (3, 2, 2), (3, 2, 2))
        (x,) = arrays(BACKEND, x)
        weight = BACKEND.array(real + 1j * imag, "complex64")
        cotangent = BACKEND.array(np.ones((1, 3, 4)) * (1 - 2j), "complex64")
        _, back = jax.vjp(lambda x: mc.conv1d(x, weight, method="exact"), x)
        (dx,) = back(cotangent)
        whole = mc.conv_input_grad(cotangent, weight, 5, method="exact")
        assert dx.dtype == "float32"
        assert_bits(dx, BACKEND.to_numpy(whole).real)

    def test_64_bits_are_asked_for_nowhere(self, jax):
        assert not jax.config.jax_enable_x64
        y = jax.jit(conv)(*arrays(BACKEND, *drawn(*SHAPES)))
        assert y.dtype == "float32"
        assert not jax.config.jax_enable_x64


class TestForwardDerivatives:
    def test_two_products_are_rounded_once(self, jax, mc):
        """dx w is 1 + 2**-24 and x dw is 2**-40: the first alone rounds to 1, as 1 + x dw does."""
        x, dx = np.array([[[1], [0]]]), np.array([[[1], [2.0**-24]]])
        weight, dw = np.ones((1, 2, 1)), np.array([[[2.0**-40], [0]]])
        x, weight, dx, dw = arrays(BACKEND, x, weight, dx, dw)
        _, dy = jax.jvp(lambda *a: mc.conv1d(*a, method="exact"), (x, weight), (dx, dw))
        assert_bits(dy, np.full((1, 1, 1), 1 + 2.0**-23, np.float32))

    def test_linearize_and_jacobians_agree(self, jax):
        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))
        tangents = arrays(BACKEND, *drawn(*SHAPES, seed=3))
        _, dy = jax.jvp(conv, (x, weight, bias), tuple(tangents))
        _, linear = jax.linearize(conv, x, weight, bias)
        assert_bits(linear(*tangents), dy)

        image, kernel = arrays(BACKEND, *drawn((1, 1, 5), (1, 1, 3)))

        def of_kernel(kernel):
            return exact(BACKEND.functions, "conv1d", image, kernel)

        forward, backward = (jax.jit(each(of_kernel)) for each in (jax.jacfwd, jax.jacrev))
        assert_bits(forward(kernel), backward(kernel))

    def test_the_derivative_in_the_bias_is_the_bias(self, jax):
        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))
        _, dy = jax.jvp(lambda b: conv(x, weight, b), (bias,), (bias,))
        assert_bits(dy, np.broadcast_to(np.asarray(bias)[:, None, None], Y_SHAPE))

    def test_hessian(self, jax, mc):
        (image,) = arrays(BACKEND, np.arange(12).reshape(3, 4) % 5)

        def loss(k):
            return (mc.corr2d(image, k, method="exact") ** 2).sum()

        columns = np.asarray(mc.im2col(image, (2, 2)))
        hessian = jax.hessian(loss)(BACKEND.array(np.ones((2, 2)), "float32"))
        assert np.array_equal(hessian.reshape(4, 4), 2 * columns @ columns.T)


class TestVmap:
    """Which axis a batch goes to is tested in test_derivatives."""

    @pytest.mark.parametrize("axes", [(0, None, None), (0, 1, 0)], ids=str)
    def test_values_and_gradients_of_a_batch(self, jax, axes):
        operands = drawn((3, *SHAPES[0]), SHAPES[1], SHAPES[2])
        if axes[1] is not None:
            operands[1:] = drawn((6, 3, 2, 3, 2), (3, 6), seed=4)
        (cotangent,) = drawn(Y_SHAPE, seed=2)

        def run(*operands):
            y, back = jax.vjp(conv, *operands)
            return y, *back(jax.numpy.asarray(cotangent))

        results = jax.jit(jax.vmap(run, axes))(*arrays(BACKEND, *operands))
        functions = backends_under_test.NumPy().functions
        for i in range(3):
            x, weight, bias = (
                a if axis is None else np.take(a, i, axis)
                for a, axis in zip(operands, axes, strict=True)
            )
            y = exact(functions, "conv2d", x, weight, bias, **OPTIONS)
            dx = exact(functions, "conv_input_grad", cotangent, weight, (5, 4), **OPTIONS)
            dw = exact(functions, "conv_weight_grad", x, cotangent, (3, 2), **OPTIONS)
            for found_here, right in zip(results, (y, dx, dw, bias_grad(cotangent)), strict=True):
                assert_bits(found_here[i], right)


class TestControlFlow:
    def test_a_descent_in_a_scan_is_the_descent_step_by_step(self, jax):
        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))

        def step(weight, _):
            gradient = jax.grad(lambda w: conv(x, w, bias).sum())(weight)
            return weight - 0.5 * gradient, conv(x, weight, bias)

        last, ys = jax.lax.scan(step, weight, None, length=3)
        steps = []
        for _ in range(3):
            weight, y = jax.jit(step)(weight, None)
            steps.append(y)
        assert_bits(last, weight)
        assert_bits(ys, np.stack(steps))

    def test_checkpoint_and_while(self, jax):
        x, weight, bias = arrays(BACKEND, *drawn(*SHAPES))

        def loss(w):
            return (conv(x, w, bias) * 0.25).sum()

        assert_bits(jax.grad(jax.checkpoint(loss))(weight), jax.grad(loss)(weight))
        (image,) = arrays(BACKEND, *drawn((1, 1, 5)))
        (kernel,) = arrays(BACKEND, *drawn((1, 1, 3)))

        def filtered(image):
            return exact(BACKEND.functions, "conv1d", image, kernel, padding=1)

        state = jax.lax.while_loop(
            lambda s: s[0] < 3, lambda s: (s[0] + 1, filtered(s[1])), (0, image)
        )
        assert_bits(state[1], filtered(filtered(filtered(image))))

    def test_export(self, jax):
        operands = arrays(BACKEND, *drawn(*SHAPES))
        written = jax.export.export(jax.jit(conv))(*operands)
        assert_bits(written.call(*operands), conv(*operands))


class TestLoops:
    """What is long is a loop whose body is compiled once."""

    @pytest.mark.parametrize("rows", [1, 3])
    def test_every_marked_place_is_filled(self, jax, monkeypatch, rows):
        from multiconv.backends.in_turn import jax as in_turn

        monkeypatch.setattr(in_turn, "_LINES", 4)
        values = np.where(np.isin(np.arange(11), [0, 4, 5, 8, 10]), -1, np.arange(11))
        with jax.enable_x64(True):
            result = in_turn.replaced(jax.numpy.asarray(values), -1, rows, lambda at: 100 + at)
        assert np.array_equal(result, np.where(values < 0, 100 + np.arange(11), values))

    @pytest.mark.parametrize("shape", [(2, 5, 13), (3, 64)], ids=["with a rest", "without"])
    def test_folds_are_reductions(self, jax, monkeypatch, shape):
        from multiconv.backends.folds import jax as folds

        monkeypatch.setattr(folds, "_LONG", 32)
        values = np.random.default_rng(len(shape)).standard_normal(shape).astype("f4")
        array = jax.numpy.asarray(values)
        axes = tuple(range(1, len(shape)))
        right = np.abs(values).max(axes, keepdims=True)
        assert np.array_equal(folds.largest(array, axes), right)
        for bound in (0, 1, right.max()):
            with jax.enable_x64(True):
                assert folds.count(lambda a, b=bound: a >= b, array) == (values >= bound).sum()
                assert folds.some(lambda a, b=bound: a > b, array) == (values > bound).any()

    @pytest.mark.parametrize("kernel_size", [(3, 2), (6, 7)], ids=["columns", "few outputs"])
    def test_blocks_of_an_image_are_its_correlation(self, jax, monkeypatch, kernel_size):
        from multiconv.backends.in_turn import jax as in_turn
        from multiconv.backends.numpy import BACKEND as NUMPY
        from multiconv.core.geometry import resolve
        from multiconv.methods import direct

        monkeypatch.setattr(in_turn, "_BLOCK", 40)
        rng = np.random.default_rng(1)
        x = rng.integers(-9, 9, (2, 2, 3, 14, 8)).astype("f4")
        weight = rng.integers(-9, 9, (2, 4, 3, *kernel_size)).astype("f4")
        geometry = resolve((14, 8), kernel_size, (2, 1), (2, 1), ((0, 0),) * 2)
        result = in_turn.correlated(*map(jax.numpy.asarray, (x, weight)), geometry)
        assert np.array_equal(result, direct.METHOD.run(x, weight, geometry, NUMPY))

    def test_infinite_times_subnormal_is_infinite(self, jax, mc):
        """LLVM would compare floats, and this one is flushed to zero."""
        x = np.array([[[np.inf, 1, 1, -np.inf]]])
        weight = np.array([[[2.0**-140, 2.0**-149]]])
        y = jax.jit(lambda *a: mc.conv1d(*a, method="exact"))(*arrays(BACKEND, x, weight))
        assert_bits(y, np.float32([[[np.inf, 2.0**-140 + 2.0**-149, -np.inf]]]))


class TestManyDevices:
    @pytest.fixture
    def mesh(self, jax):
        return jax.sharding.Mesh(np.array(jax.devices("cpu")[:4]), ("d",))

    @pytest.mark.slow
    @pytest.mark.parametrize("axis", [0, 2], ids=["over the batch", "over the rows"])
    def test_sharded_arrays_have_the_bits_of_whole_ones(self, jax, mesh, axis):
        from jax.sharding import NamedSharding, PartitionSpec

        values, (cotangent,) = drawn((4, 4, 8, 4), *SHAPES[1:]), drawn((4, 6, 4, 3), seed=2)
        x, *others = arrays(BACKEND, *values)
        spec = PartitionSpec(*["d" if i == axis else None for i in range(4)])
        sharded = jax.device_put(x, NamedSharding(mesh, spec))
        copied = [jax.device_put(a, NamedSharding(mesh, PartitionSpec())) for a in others]

        @jax.jit
        def run(*operands):
            y, back = jax.vjp(conv, *operands)
            return y, back(cotangent)

        jax.tree.map(assert_bits, run(sharded, *copied), run(x, *others))

    def test_shard_map(self, jax, mesh):
        if jax.__version_info__ < (0, 10):
            pytest.skip("JAX of this age gives a primitive inside shard_map no mesh")
        from jax.sharding import PartitionSpec

        x, weight = map(jax.numpy.asarray, drawn((4, 2, 6), (3, 2, 3)))

        def run(x, weight):
            return exact(BACKEND.functions, "conv1d", x, weight)

        apart = jax.shard_map(
            run,
            mesh=mesh,
            in_specs=(PartitionSpec("d"), PartitionSpec()),
            out_specs=PartitionSpec("d"),
        )
        assert_bits(jax.jit(apart)(x, weight), run(x, weight))

    @pytest.mark.parametrize("size", [6, 60], ids=["by integers", "by slices"])
    def test_gradients_inside_shard_map(self, jax, mesh, size):
        """A kernel that every device has gets the sum over all of them."""
        if jax.__version_info__ < (0, 10):
            pytest.skip("JAX of this age gives a primitive inside shard_map no mesh")
        from jax.sharding import PartitionSpec

        rng = np.random.default_rng(3)
        x, weight = (
            jax.numpy.asarray(rng.integers(-9, 10, s).astype("f4"))
            for s in ((4, 2, size, size), (3, 2, 3, 3))
        )

        def gradients(weight, x, *, over):
            def loss(weight, x):
                y = exact(BACKEND.functions, "conv2d", x, weight).sum()
                return jax.lax.psum(y, over) if over else y

            return jax.grad(loss, (0, 1))(weight, x)

        specs = PartitionSpec(), PartitionSpec("d")
        apart = jax.shard_map(
            partial(gradients, over="d"), mesh=mesh, in_specs=specs, out_specs=specs
        )
        for ours, whole in zip(
            jax.jit(apart)(weight, x), gradients(weight, x, over=None), strict=True
        ):
            assert_bits(ours, whole)


class TestWhereJaxLooks:
    """What a user sets for a while changes no bit, and nothing that comes after it."""

    @pytest.fixture
    def once(self, monkeypatch):
        """Let the next call be the first in this process that is asked for exact sums."""
        monkeypatch.setattr(self_test, "_refusals", {})

    def test_a_first_call_under_a_guard(self, jax, mc, once):
        x, weight = map(jax.numpy.asarray, drawn((1, 1, 9), (1, 1, 3)))
        run = jax.jit(lambda x: exact(mc, "conv1d", x, weight))
        run.lower(x)  # its constants are on the device
        self_test._refusals.clear()
        with jax.transfer_guard("disallow"):
            y = run(x)
        assert_bits(
            y, exact(backends_under_test.NumPy().functions, "conv1d", *map(np.asarray, (x, weight)))
        )

    def test_a_first_call_inside_shard_map(self, jax, mc, once):
        from jax.sharding import PartitionSpec

        if jax.__version_info__ < (0, 10):
            pytest.skip("JAX of this age gives a primitive inside shard_map no mesh")
        mesh = jax.sharding.Mesh(np.array(jax.devices("cpu")[:2]), ("d",))
        x, weight = map(jax.numpy.asarray, drawn((2, 1, 9), (1, 1, 3)))
        spec = PartitionSpec("d")
        run = partial(exact, mc, "conv1d", weight=weight)
        y = jax.shard_map(run, mesh=mesh, in_specs=spec, out_specs=spec)(x)
        assert_bits(y, run(x))

    def test_without_jit(self, jax, mc):
        x, weight = map(jax.numpy.asarray, drawn((2, 1, 9), (1, 1, 3)))
        run = jax.grad(lambda weight: exact(mc, "conv1d", x, weight).sum())
        expected = run(weight)
        with jax.disable_jit():
            found_here = run(weight)
        assert_bits(found_here, expected)

    def test_numbers_that_are_none_are_found(self, jax, mc):
        x, weight = map(jax.numpy.asarray, drawn((2, 1, 9), (1, 1, 3)))
        wrong = x.at[0, 0, 4].set(jax.numpy.nan)
        with jax.debug_nans(True):
            assert_bits(exact(mc, "conv1d", x, weight), exact(mc, "conv1d", x, weight))
            with pytest.raises(FloatingPointError, match="nan"):
                exact(mc, "conv1d", wrong, weight)
