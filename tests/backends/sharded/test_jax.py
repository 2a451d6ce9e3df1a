"""JAX arrays on meshes: the values of one device, the same place, halos and no whole image."""

import contextlib
import dataclasses

import backends_under_test
import numpy as np
import oracle
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from meshes import collectives, integers, mesh_of, placed
from strategies import configurations, for_all

import multiconv

pytestmark = [pytest.mark.needs_backend("jax"), pytest.mark.usefixtures("jax")]

BACKEND = backends_under_test.Jax()
# Exact sums are not divided: see TestExact.
METHODS = tuple(m for m in backends_under_test.EXACT if m not in ("loop", "exact"))
KINDS = ("Explicit", "Auto")
MESHES = ((2, 4), (2, 2), (8,), (2,))


def inside(mesh):
    """Derivatives on explicit axes need the mesh as context, jax.grad says."""
    import jax

    explicit = jax.sharding.AxisType.Explicit in mesh.axis_types
    return jax.set_mesh(mesh) if explicit else contextlib.nullcontext()


def draw_spec(draw, shape, mesh):
    """For each axis of an array, axes of a mesh that divide it."""
    spec = [()] * len(shape)
    for name in mesh.axis_names:
        axis = draw(st.integers(0, len(shape)))
        if axis == len(shape):
            continue
        names = (*spec[axis], name)
        if shape[axis] % np.prod([mesh.shape[n] for n in names]) == 0:
            spec[axis] = names
    return [names or None for names in spec]


@st.composite
def sharded(draw, kinds=KINDS):
    """A configuration of sizes that meshes divide, a mesh, and how x, weight and grad lie on it."""
    kind, shape = draw(st.sampled_from(kinds)), draw(st.sampled_from(MESHES))
    mesh = mesh_of(kind, shape)
    case = draw(configurations(dtypes=("int32",), batches=(None, 2, 4)))
    size = tuple(draw(st.sampled_from((n, 8, 8, 16))) for n in case.size)
    case = dataclasses.replace(case, size=size)
    try:
        oracle.conv(*case.integers(case.x_shape, case.weight_shape), **case.geometry)
    except (ValueError, IndexError, AssertionError):
        assume(False)
    shapes = (case.x_shape, case.weight_shape, case.y_shape)
    specs = [draw_spec(draw, each, mesh) for each in shapes]
    channel = len(case.x_shape) - case.axes - 1
    for spec in (specs[0], specs[2]):  # parts of groups are refused
        if case.groups > 1:
            spec[channel] = None
    return case, mesh, specs, draw(st.sampled_from(METHODS))


class TestValues:
    def test_the_result_is_that_of_one_device(self, mc):
        @for_all(BACKEND, sharded(), times=4)
        def check(drawn):
            case, mesh, (of_x, of_weight, _), method = drawn
            x, weight, bias = case.operands()
            expected = oracle.conv(x, weight, bias, **case.geometry)
            y = getattr(mc, f"conv{case.axes}d")(
                placed(x, mesh, *of_x, dtype="int32"),
                placed(weight, mesh, *of_weight, dtype="int32"),
                None if bias is None else placed(bias, mesh, dtype="int32"),
                **case.geometry,
                method=method,
            )
            assert np.array_equal(y, expected)

    def test_the_adjoints_are_those_of_one_device(self, mc):
        @for_all(BACKEND, sharded(), times=4)
        def check(drawn):
            case, mesh, (of_x, of_weight, of_grad), method = drawn
            x, weight, grad = case.integers(case.x_shape, case.weight_shape, case.y_shape)
            on_mesh = placed(grad, mesh, *of_grad, dtype="int32")
            options = {**case.geometry, "method": method}
            weights = placed(weight, mesh, *of_weight, dtype="int32")
            dx = mc.conv_input_grad(on_mesh, weights, case.size, **options)
            assert np.array_equal(dx, oracle.input_grad(grad, weight, case.size, **case.geometry))
            image = placed(x, mesh, *of_x, dtype="int32")
            dw = mc.conv_weight_grad(image, on_mesh, case.kernel, **options)
            assert np.array_equal(dw, oracle.weight_grad(x, grad, case.kernel, **case.geometry))

    def test_inside_jit_where_the_compiler_alone_knows(self, jax, mc):
        @for_all(BACKEND, sharded(("Auto",)), times=1)
        def check(drawn):
            case, mesh, specs, method = drawn
            arrays = case.integers(case.x_shape, case.weight_shape, case.y_shape)
            operands = [placed(a, mesh, *s) for a, s in zip(arrays, specs, strict=True)]
            conv = getattr(mc, f"conv{case.axes}d")

            @jax.jit
            def run(x, weight, grad):
                y, back = jax.vjp(lambda *a: conv(*a, **case.geometry, method=method), x, weight)
                return y, *back(grad)

            (x, weight, grad), (y, dx, dw) = arrays, run(*operands)
            assert np.array_equal(y, oracle.conv(x, weight, **case.geometry))
            assert np.array_equal(dx, oracle.input_grad(grad, weight, case.size, **case.geometry))
            assert np.array_equal(dw, oracle.weight_grad(x, grad, case.kernel, **case.geometry))

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_transposed_convolution(self, mc, kind):
        x, weight, bias = integers((2, 4, 8, 6), (4, 3, 3, 2), (3,))
        options = {"stride": 2, "padding": 1, "output_padding": 1}
        expected = oracle.conv_transpose(x, weight, bias, **options)
        mesh = mesh_of(kind)
        image = placed(x, mesh, "a", None, "b")
        rest = placed(weight, mesh), placed(bias, mesh)
        y = mc.conv_transpose2d(image, *rest, **options)
        assert np.array_equal(y, expected)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("mode", ["zeros", "reflect"])
    def test_direct_has_the_bits_of_one_device(self, jax, mc, kind, mode):
        """Of a compiled call there: one of single arrays is not the compiler's where Numba is."""
        rng = np.random.default_rng(2)
        x, k = rng.standard_normal((64, 48)), rng.standard_normal((5, 5))
        options = {"padding": "same", "padding_mode": mode, "method": "direct"}
        mesh = mesh_of(kind)
        y = mc.corr2d(placed(x, mesh, "b", "a"), placed(k, mesh), **options)
        alone = BACKEND.array(x, "float32"), BACKEND.array(k, "float32")
        expected = jax.jit(lambda x, k: mc.corr2d(x, k, **options))(*alone)
        assert np.array_equal(y, expected)

    def test_a_halo_wider_than_a_shard(self, mc):
        x, k = integers((16, 3), (15, 1))
        mesh = mesh_of("Explicit", (8,))
        y = mc.corr2d(placed(x, mesh, "a"), placed(k, mesh), padding="full")
        assert np.array_equal(y, oracle.corr2d(x, k, padding="full"))


@pytest.mark.parametrize("method", [*METHODS, "fft"])
@pytest.mark.parametrize(
    "spec", [("a",), (None, None, "b"), ("a", None, "b"), (None, None, "a", "b"), (None, "b")]
)
class TestPlace:
    X, W = (2, 4, 16, 8), (4, 4, 3, 3)

    def operands(self, kind, spec):
        mesh = mesh_of(kind)
        x, weight = integers(self.X, self.W)
        return placed(x, mesh, *spec), placed(weight, mesh)

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_stays_and_no_image_is_gathered(self, jax, mc, kind, spec, method):
        x, weight = self.operands(kind, spec)
        options = {"padding": "same", "padding_mode": "reflect", "method": method}
        run = multiconv.plan(x, weight, **options).run
        if kind == "Explicit":
            run = jax.jit(lambda x, weight: mc.conv2d(x, weight, **options))
        divides = set(filter(None, spec[2:]))
        expected = (
            {"collective-permute"} if divides else {"all-reduce"} if len(spec) == 2 else set()
        )
        assert collectives(run, x, weight) == expected
        y = mc.conv2d(x, weight, **options)
        kept = x.sharding if len(spec) != 2 else weight.sharding
        assert y.sharding.is_equivalent_to(kept, 4)


@pytest.mark.parametrize("kind", KINDS)
class TestExact:
    def test_what_is_divided_is_brought_together_and_rounded_once(self, jax, mc, kind):
        rng = np.random.default_rng(3)
        x, weight, grad = (
            rng.standard_normal(shape, np.float32)
            for shape in ((2, 1, 8, 4), (2, 1, 3, 1), (2, 2, 8, 4))
        )
        options = {"padding": "same", "method": "exact"}
        mesh = mesh_of(kind)

        @jax.jit
        def run(x, weight, grad):
            y, back = jax.vjp(lambda weight: mc.conv2d(x, weight, **options), weight)
            return y, *back(grad)

        with inside(mesh):
            divided = placed(x, mesh, "a", None, "b")
            y, dw = run(divided, placed(weight, mesh), placed(grad, mesh))
        assert_bits(y, multiconv.conv2d(x, weight, **options))
        assert_bits(dw, multiconv.conv_weight_grad(x, grad, (3, 1), **options))


def assert_bits(found, expected):
    assert np.array_equal(np.asarray(found).view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("kind", KINDS)
class TestDerivatives:
    @pytest.mark.parametrize("method", ["direct", "native", "folded"])
    def test_grad_of_explicit_and_eager_calls(self, jax, mc, kind, method):
        x, weight, grad = integers((2, 2, 8, 5), (3, 2, 3, 2), (2, 3, 8, 5))
        options = {"padding": "same", "padding_mode": "symmetric"}
        mesh = mesh_of(kind)

        def loss(x, weight):
            return (mc.conv2d(x, weight, **options, method=method) * grad).sum()

        with inside(mesh):
            operands = placed(x, mesh, "a", None, "b"), placed(weight, mesh)
            dx, dw = jax.grad(loss, (0, 1))(*operands)
        assert np.array_equal(dx, oracle.input_grad(grad, weight, (8, 5), **options))
        assert np.array_equal(dw, oracle.weight_grad(x, grad, (3, 2), **options))
        assert dx.sharding.is_equivalent_to(operands[0].sharding, 4)


class TestRefusals:
    def test_parts_of_groups_with_a_call_that_works(self, jax, mc):
        x, weight = integers((2, 6, 8), (3, 2, 3))
        mesh = mesh_of("Auto")
        image, kernel = placed(x, mesh, None, "a"), placed(weight, mesh)
        with pytest.raises(ValueError, match="do not divide the groups") as refused:
            mc.conv1d(image, kernel, groups=3)
        call = str(refused.value).split("x=")[1]
        y = mc.conv1d(eval(call, {"jax": jax, "x": image}), kernel, groups=3)
        assert np.array_equal(y, oracle.conv(x, weight, groups=3))

    def test_a_kernel_on_one_device_with_a_call_that_works(self, jax, mc):
        x, k = integers((8, 6), (3, 3))
        image, kernel = placed(x, mesh_of("Explicit"), "a"), BACKEND.array(k, "float32")
        with pytest.raises(ValueError, match="k on") as refused:
            mc.corr2d(image, kernel)
        call = str(refused.value).split("k=")[1]
        y = mc.corr2d(image, eval(call, {"jax": jax, "x": image, "k": kernel}))
        assert np.array_equal(y, oracle.corr2d(x, k))


def test_an_array_of_one_device_is_known_by_as_much_as_before(jax):
    from multiconv.backends.jax import BACKEND as JAX

    assert len(JAX.signature(jax.numpy.ones(3))) == 3
    assert len(JAX.signature(jax.device_put(np.ones(3), jax.devices()[0]))) == 3
