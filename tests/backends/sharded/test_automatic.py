"""JAX arrays on automatic axes inside `jax.jit`, where the compiler alone knows how they lie."""

import functools
import types

import numpy as np
import oracle
import pytest
from meshes import collectives, integers, mesh_of, placed

pytestmark = [pytest.mark.needs_backend("jax"), pytest.mark.usefixtures("jax")]


@pytest.mark.parametrize("spec", [(None, None, "b"), ("a", None, "b"), (None, None, "a", "b")])
class TestAutomaticInsideJit:
    """Where the compiler alone knows how an array is divided."""

    @pytest.fixture(autouse=True)
    def jax(self):
        import jax

        return jax

    X, W = (2, 2, 16, 8), (4, 2, 3, 3)
    OPTIONS = types.MappingProxyType({"padding": "same"})

    def operands(self, spec):
        x, weight, grad = integers(self.X, self.W, (2, 4, 16, 8))
        mesh = mesh_of("Auto")
        on_mesh = placed(x, mesh, *spec), placed(weight, mesh), placed(grad, mesh, *spec)
        return (x, weight, grad), on_mesh

    @pytest.mark.parametrize("method", ["auto", "direct", "native"])
    def test_no_image_is_gathered_and_derivatives_are_right(self, jax, mc, spec, method):
        (x, weight, grad), operands = self.operands(spec)

        @jax.jit
        def run(x, weight, grad):
            y, back = jax.vjp(lambda *a: mc.conv2d(*a, **self.OPTIONS, method=method), x, weight)
            return y, *back(grad)

        y, dx, dw = run(*operands)
        assert np.array_equal(y, oracle.conv(x, weight, **self.OPTIONS))
        assert np.array_equal(dx, oracle.input_grad(grad, weight, (16, 8), **self.OPTIONS))
        assert np.array_equal(dw, oracle.weight_grad(x, grad, (3, 3), **self.OPTIONS))
        assert "all-gather" not in collectives(run, *operands)
        assert y.sharding.is_equivalent_to(operands[0].sharding, 4)

    def test_the_adjoints_and_their_derivatives(self, jax, mc, spec):
        (x, weight, grad), operands = self.operands(spec)
        options = {**self.OPTIONS, "method": "native"}

        @jax.jit
        def run(x, weight, grad):
            dw = mc.conv_weight_grad(x, grad, (3, 3), **options)
            dx, back = jax.vjp(lambda w: mc.conv_input_grad(grad, w, (16, 8), **options), weight)
            return dw, dx, *back(x)

        dw, dx, again = run(*operands)
        assert np.array_equal(dw, oracle.weight_grad(x, grad, (3, 3), **self.OPTIONS))
        assert np.array_equal(dx, oracle.input_grad(grad, weight, (16, 8), **self.OPTIONS))
        assert np.array_equal(again, dw)  # <x, adjoint of grad> is linear in the weight

    def test_a_second_derivative_in_reverse(self, jax, mc, spec):
        (x, _, grad), operands = self.operands(spec)

        def first(weight, x, grad):
            def loss(x):
                return (mc.conv2d(x, weight, **self.OPTIONS, method="native") * grad).sum()

            return (jax.grad(loss)(x) * x).sum()

        dw = jax.jit(jax.grad(first))(operands[1], operands[0], operands[2])
        assert np.array_equal(dw, oracle.weight_grad(x, grad, (3, 3), **self.OPTIONS))


@pytest.mark.parametrize(
    "method", ["direct", "native", "im2col", "toeplitz", "folded", "fft", "loop!"]
)
class TestAutomaticInsideJitInParts:
    """What the compiler would gather, and is told to compute in parts."""

    X, W = (2, 2, 8, 4), (4, 1, 3, 3)
    OPTIONS = types.MappingProxyType({"padding": "same", "padding_mode": "reflect", "groups": 2})

    def check(self, found, expected, method):
        if method == "fft":
            assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
        else:
            assert np.array_equal(found, expected)

    @pytest.mark.parametrize(
        "spec", [(None, None, "b"), ("a", None, "b"), (None, None, "a", "b"), (None, "a")]
    )
    def test_values_and_derivatives_without_a_gathered_image(self, jax, mc, spec, method):
        x, weight, bias, grad = integers(self.X, self.W, (4,), (2, 4, 8, 4))
        mesh, options = mesh_of("Auto"), {**self.OPTIONS, "method": method}
        operands = [placed(x, mesh, *spec), placed(weight, mesh), placed(bias, mesh)]
        operands.append(placed(grad, mesh, *spec))

        @jax.jit
        def run(x, weight, bias, grad):
            y, back = jax.vjp(lambda *a: mc.conv2d(*a, **options), x, weight, bias)
            adjoint = mc.conv_input_grad(grad, weight, (8, 4), **options)
            return y, adjoint, *back(grad)

        y, adjoint, dx, dw, db = run(*operands)
        self.check(y, oracle.conv(x, weight, bias, **self.OPTIONS), method)
        expected = oracle.input_grad(grad, weight, (8, 4), **self.OPTIONS)
        self.check(adjoint, expected, method)
        self.check(dx, expected, method)
        self.check(dw, oracle.weight_grad(x, grad, (3, 3), **self.OPTIONS), method)
        assert np.array_equal(db, grad.sum((0, 2, 3)))
        assert "all-gather" not in collectives(run, *operands)
        assert y.sharding.is_equivalent_to(operands[0].sharding, 4)

    def test_channels_are_added_up_once(self, jax, mc, method):
        x, weight = integers((2, 4, 8, 6), (3, 4, 3, 3))
        given = {"padding": 1}
        mesh, options = mesh_of("Auto"), {**given, "method": method}
        operands = placed(x, mesh, None, "b"), placed(weight, mesh)
        run = jax.jit(lambda x, weight: mc.conv2d(x, weight, **options))
        self.check(run(*operands), oracle.conv(x, weight, **given), method)
        assert collectives(run, *operands) == {"all-reduce"}

    def test_a_forward_derivative(self, jax, mc, method):
        x, weight, step = integers((4, 8, 8), (3, 3), (4, 8, 8))
        mesh, options = mesh_of("Auto"), {"padding": "same", "method": method}
        operands = [placed(a, mesh, None, "b") for a in (x, step)] + [placed(weight, mesh)]

        def one(x, weight):
            return mc.corr2d(x, weight, **options)

        def moved(x, step, weight):
            return jax.jvp(lambda x: one(x, weight), (x,), (step,))[1]

        dy = jax.jit(moved)(*operands)
        self.check(dy, oracle.corr2d(step, weight, padding="same"), method)

    def test_sizes_that_do_not_divide(self, jax, mc, method):
        x, weight = integers((2, 10, 7), (3, 3))
        mesh = mesh_of("Auto")
        run = jax.jit(lambda x, k: mc.corr2d(x, k, padding=1, stride=2, method=method))
        y = run(placed(x, mesh, None, "a"), placed(weight, mesh))
        self.check(y, oracle.corr2d(x, weight, padding=1, stride=2), method)


@pytest.mark.parametrize("method", ["direct", "native"])
class TestNothingIsGathered:
    """Neither for a border on one side, nor around sizes that a border makes odd."""

    @pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
    def test_the_weight_gradient_of_an_even_kernel(self, jax, mc, mode, method):
        x, weight, grad = integers((2, 2, 16, 8), (4, 2, 2, 4), (2, 4, 16, 8))
        mesh, options = mesh_of("Auto"), {"padding": "same", "padding_mode": mode}
        operands = placed(x, mesh, None, None, "a", "b"), placed(weight, mesh)
        operands = *operands, placed(grad, mesh, None, None, "a", "b")

        @jax.jit
        def run(x, weight, grad):
            own = {**options, "method": method}
            back = jax.vjp(lambda weight: mc.conv2d(x, weight, **own), weight)[1]
            return mc.conv_weight_grad(x, grad, (2, 4), **own), *back(grad)

        for dw in run(*operands):
            assert np.array_equal(dw, oracle.weight_grad(x, grad, (2, 4), **options))
        assert "all-gather" not in collectives(run, *operands)

    @pytest.mark.parametrize(
        ("spec", "value"),
        [
            ((None, None, "b"), 2.0),
            ((None, None, "a", "b"), (1.0, -3.0)),
            ((None, "a"), (1.0, -3.0)),
            (("a", None, None, "b"), 2.0),
        ],
    )
    def test_a_constant_border(self, jax, mc, spec, value, method):
        x, weight, bias, grad = integers((2, 2, 8, 16), (4, 2, 3, 2), (4,), (2, 4, 8, 16))
        mesh = mesh_of("Auto", (2, 4))
        given = {"padding": "same", "padding_mode": "constant"}
        options = {**given, "padding_value": value}
        operands = [placed(x, mesh, *spec), placed(weight, mesh), placed(bias, mesh)]
        own = () if len(spec) == 2 else spec  # a sum over channels is whole everywhere
        operands.append(placed(grad, mesh, *own))

        @jax.jit
        def run(x, weight, bias, grad):
            run = functools.partial(mc.conv2d, **options, method=method)
            y, back = jax.vjp(run, x, weight, bias)
            return y, *back(grad)

        y, dx, dw, db = run(*operands)
        assert np.array_equal(y, oracle.conv(x, weight, bias, **options))
        assert np.array_equal(dx, oracle.input_grad(grad, weight, (8, 16), padding="same"))
        assert np.array_equal(dw, oracle.weight_grad(x, grad, (3, 2), **options))
        assert np.array_equal(db, grad.sum((0, 2, 3)))
        assert "all-gather" not in collectives(run, *operands)
        assert y.sharding.is_equivalent_to(operands[3].sharding, 4)

    def test_a_constant_border_is_rounded_as_the_image_is(self, jax, mc, method):
        x, k = integers((8, 8), (3, 3))
        mesh = mesh_of("Auto")
        options = {"padding": "same", "padding_mode": "constant", "padding_value": 1 / 3}
        run = jax.jit(lambda x, k: mc.corr2d(x, k, **options, method=method))
        y = run(placed(x, mesh, "b", dtype="float16"), placed(k, mesh, dtype="float32"))
        value = float(np.float16(1 / 3))
        expected = oracle.corr2d(x.astype(float), k, **{**options, "padding_value": value})
        assert np.array_equal(y, expected)  # of so few numbers of 11 bits: exact


@pytest.mark.parametrize("method", ["native", "fft"])
class TestMapped:
    """`jax.vmap`: the axis of all is one of batches, channels, filters or groups."""

    OPTIONS = types.MappingProxyType({"padding": "same", "padding_mode": "circular"})

    def check(self, found, expected, method):
        if method == "fft":
            assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
        else:
            assert np.array_equal(found, expected)

    @pytest.mark.parametrize("over", [(0, None), (None, 0), (0, 0), (1, 2)])
    def test_images_and_kernels(self, jax, mc, over, method):
        x, k = integers((4, 8, 8), (4, 3, 3))
        mesh, options = mesh_of("Auto"), dict(self.OPTIONS)
        arrays, specs = [x, k], [(None, "b"), ()]
        for place, axis in enumerate(over):
            if axis is None:
                arrays[place] = arrays[place][0]
                specs[place] = specs[place][1:]
            elif axis:
                arrays[place] = np.moveaxis(arrays[place], 0, axis)
        if over == (1, 2):
            specs[0] = ("b",)
        operands = [placed(a, mesh, *spec) for a, spec in zip(arrays, specs, strict=True)]
        run = jax.jit(jax.vmap(lambda x, k: mc.corr2d(x, k, **options, method=method), over))
        expected = [
            oracle.corr2d(
                x[i if over[0] is not None else 0], k[i if over[1] is not None else 0], **options
            )
            for i in range(4)
        ]
        self.check(run(*operands), np.stack(expected), method)
        assert "all-gather" not in collectives(run, *operands)

    @pytest.mark.parametrize("groups", [1, 2])
    @pytest.mark.parametrize("over", [(0, None), (None, 0), (0, 0)])
    def test_gradients_of_layers(self, jax, mc, over, groups, method):
        x, weight, grad = integers((3, 2, 4, 8), (3, 2, 4 // groups, 3), (3, 2, 2, 8))
        mesh, options = mesh_of("Auto"), {**self.OPTIONS, "groups": groups}
        placing = ((None, None, None, "b"), ())
        operands = [
            placed(a if o == 0 else a[0], mesh, *(spec if o == 0 else spec[1:]))
            for a, o, spec in zip((x, weight), over, placing, strict=True)
        ]
        operands.append(placed(grad, mesh, None, None, None, "b"))

        def one(x, weight, grad):
            back = jax.vjp(lambda *a: mc.conv1d(*a, **options, method=method), x, weight)[1]
            return back(grad)

        run = jax.jit(jax.vmap(one, (*over, 0)))
        dx, dw = run(*operands)
        for i in range(3):
            own_x, own_w = (a[i if o == 0 else 0] for a, o in zip((x, weight), over, strict=True))
            self.check(dx[i], oracle.input_grad(grad[i], own_w, (8,), **options), method)
            self.check(dw[i], oracle.weight_grad(own_x, grad[i], (3,), **options), method)
        assert "all-gather" not in collectives(run, *operands)

    def test_a_constant_border_for_each_channel(self, jax, mc, method):
        x, weight = integers((3, 2, 2, 8), (3, 2, 2, 3))
        options = {"padding": 1, "padding_mode": "constant", "padding_value": (2.0, -1.0)}
        mesh = mesh_of("Auto")
        run = jax.jit(jax.vmap(lambda *a: mc.conv1d(*a, **options, method=method)))
        y = run(placed(x, mesh, None, None, None, "b"), placed(weight, mesh))
        expected = [oracle.conv(*both, **options) for both in zip(x, weight, strict=True)]
        self.check(y, np.stack(expected), method)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "constant"])
def test_an_exported_program_asks_nobody_back(jax, mc, mode):
    import jax.export

    x, weight, grad = integers((2, 3, 8, 8), (4, 3, 3, 3), (2, 4, 8, 8))
    mesh, options = mesh_of("Auto"), {"padding": 1, "padding_mode": mode}
    operands = [placed(x, mesh, None, None, "a", "b"), placed(weight, mesh), placed(grad, mesh)]

    @jax.jit
    def run(x, weight, grad):
        own = functools.partial(mc.conv2d, **options, method="native")
        y, back = jax.vjp(own, x, weight)
        return y, *back(grad)

    exported = jax.export.export(run)(*operands)
    assert "custom_partitioning" not in exported.mlir_module().lower()
    y, dx, dw = exported.call(*operands)
    assert np.array_equal(y, oracle.conv(x, weight, **options))
    assert np.array_equal(dx, oracle.input_grad(grad, weight, (8, 8), **options))
    assert np.array_equal(dw, oracle.weight_grad(x, grad, (3, 3), **options))
