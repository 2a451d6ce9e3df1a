"""The JAX layer is an immutable pytree: jit, grad, vmap, scan, optimisers; static parts apart."""

import copy
import pickle

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same
from subprocesses import run_python

pytestmark = pytest.mark.needs_backend("jax")

BACKEND = backends_under_test.Jax()
OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@pytest.fixture
def jax():
    import jax

    return jax


@pytest.fixture
def Conv2D():
    return BACKEND.functions.Conv2D


def integers(*shape, seed=50):
    return BACKEND.array(np.random.default_rng(seed).integers(-3, 4, shape), "float32")


def whole(layer, seed=51):
    """The layer with whole numbers for parameters."""
    rng = np.random.default_rng(seed)
    weight = BACKEND.array(rng.integers(-3, 4, layer.weight.shape), "float32")
    if layer.bias is None:
        return layer.replace(weight=weight)
    bias = BACKEND.array(rng.integers(-3, 4, layer.bias.shape), "float32")
    return layer.replace(weight=weight, bias=bias)


def exact(array):
    return BACKEND.to_numpy(array).astype(int)


def expected(layer, x, **options):
    bias = None if layer.bias is None else exact(layer.bias)
    return oracle.conv(exact(x), exact(layer.weight), bias, **options)


def textbook(dtype=np.float32):
    """The stripes, their edges, and a layer of zeros to learn them."""
    x = np.ones((6, 8), dtype)
    x[:, 2:6] = 0
    y = oracle.corr2d(x, np.array([[1, -1]], dtype))
    layer = BACKEND.functions.Conv2D((1, 2), bias=False)
    layer = layer.replace(weight=BACKEND.array(np.zeros((1, 2)), "float32"))
    return BACKEND.array(x, "float32"), BACKEND.array(y, "float32"), layer


def squared_error(layer, x, y):
    return ((layer(x) - y) ** 2).sum()


class TestPytree:
    def test_the_leaves_are_the_parameters(self, jax, Conv2D):
        layer = Conv2D(
            (3, 2),
            in_channels=4,
            out_channels=6,
            **OPTIONS,
            padding_mode="reflect",
            method="im2col",
        )
        leaves = jax.tree.leaves(layer)
        assert [leaf.shape for leaf in leaves] == [(6, 2, 3, 2), (6,)]
        assert all(isinstance(leaf, jax.Array) for leaf in leaves)
        assert leaves[0] is layer.weight
        assert leaves[1] is layer.bias

    def test_without_a_bias_there_is_one_leaf(self, jax, Conv2D):
        assert len(jax.tree.leaves(Conv2D(3, bias=False))) == 1

    def test_the_leaves_have_names(self, jax, Conv2D):
        paths, _ = jax.tree_util.tree_flatten_with_path({"first": Conv2D(3)})
        assert [jax.tree_util.keystr(path) for path, _ in paths] == [
            "['first'].weight",
            "['first'].bias",
        ]

    def test_flattening_and_back(self, jax, Conv2D):
        layer = whole(Conv2D((3, 2), in_channels=4, out_channels=6, **OPTIONS))
        leaves, structure = jax.tree.flatten(layer)
        again = jax.tree.unflatten(structure, leaves)
        assert type(again) is Conv2D
        assert again.arguments == layer.arguments
        x = integers(2, 4, 6, 7)
        assert_same(BACKEND, again(x), expected(layer, x, **OPTIONS), "float32")

    def test_the_structure_is_that_of_the_static_arguments(self, jax, Conv2D):
        structure = jax.tree.structure
        one = structure(Conv2D(3, in_channels=2, out_channels=4, stride=2, seed=0))
        assert one == structure(
            Conv2D((3, 3), in_channels=2, out_channels=4, stride=(2, 2), seed=1)
        )
        given = {"in_channels": np.int64(2), "out_channels": 4, "stride": np.int32(2)}
        assert one == structure(Conv2D(3, **given))
        assert hash(one) == hash(structure(Conv2D(3, in_channels=2, out_channels=4, stride=2)))
        for other in (
            Conv2D(3, in_channels=2, out_channels=4),
            Conv2D(3, in_channels=2, out_channels=4, stride=2, padding=1),
            Conv2D(3, in_channels=2, out_channels=4, stride=2, method="im2col"),
            Conv2D(3, in_channels=2, out_channels=4, stride=2, padding_mode="reflect"),
            Conv2D(3, in_channels=2, out_channels=4, stride=2, bias=False),
        ):
            assert one != structure(other)

    def test_anything_may_stand_in_the_leaves(self, jax, Conv2D):
        layer = Conv2D(3)
        names = jax.tree.unflatten(jax.tree.structure(layer), ["w", "b"])
        assert (names.weight, names.bias) == ("w", "b")
        assert "kernel_size=(3, 3)" in repr(names)
        shapes = jax.eval_shape(lambda layer: layer, layer)
        assert (shapes.weight.shape, shapes.bias.shape) == ((3, 3), (1,))
        again = copy.deepcopy(jax.tree.structure(layer))
        assert again == jax.tree.structure(layer)

    def test_a_step_by_tree_map(self, jax, Conv2D):
        layer, grads = (
            whole(Conv2D(3, in_channels=2, out_channels=4)),
            whole(Conv2D(3, in_channels=2, out_channels=4), 52),
        )
        after = jax.tree.map(lambda p, g: p - 0.5 * g, layer, grads)
        assert type(after) is Conv2D
        assert_same(
            BACKEND, after.weight, exact(layer.weight) - 0.5 * exact(grads.weight), "float32"
        )
        assert_same(BACKEND, after.bias, exact(layer.bias) - 0.5 * exact(grads.bias), "float32")


class TestImmutable:
    @pytest.mark.parametrize("name", ["weight", "bias", "arguments", "anything"])
    def test_nothing_is_set_or_deleted(self, Conv2D, name):
        layer = Conv2D(3)
        with pytest.raises(AttributeError, match="does not change"):
            setattr(layer, name, 0)
        with pytest.raises(AttributeError):
            delattr(layer, name)
        assert layer.weight.shape == (3, 3)

    def test_the_arguments_do_not_change_either(self, Conv2D):
        with pytest.raises(AttributeError):
            Conv2D(3).arguments.groups = 2

    def test_replace_makes_another_layer(self, Conv2D):
        layer = Conv2D(3, seed=0)
        before = BACKEND.to_numpy(layer.weight)
        after = layer.replace(weight=BACKEND.array(np.zeros((3, 3)), "float32"))
        assert after is not layer
        assert after.bias is layer.bias
        assert not BACKEND.to_numpy(after.weight).any()
        assert np.array_equal(BACKEND.to_numpy(layer.weight), before)
        with pytest.raises(TypeError, match="stride"):
            layer.replace(stride=2)

    def test_copies_and_pickles(self, jax, Conv2D):
        layer = Conv2D(3, in_channels=2, out_channels=4, seed=0)
        for again in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert jax.tree.structure(again) == jax.tree.structure(layer)
            assert again.weight.tolist() == layer.weight.tolist()
            with pytest.raises(AttributeError):
                again.weight = 0


class TestTransforms:
    def test_jit_does_not_compile_again_for_other_weights(self, jax, Conv2D):
        traced = []

        @jax.jit
        def run(layer, x):
            traced.append(1)
            return layer(x)

        x = integers(2, 4, 6, 7)
        for seed in range(3):
            layer = whole(Conv2D((3, 2), in_channels=4, out_channels=6, **OPTIONS), seed)
            assert_same(BACKEND, run(layer, x), expected(layer, x, **OPTIONS), "float32")
        assert len(traced) == 1
        run(whole(Conv2D((3, 2), in_channels=4, out_channels=6, **OPTIONS | {"padding": 2})), x)
        assert len(traced) == 2

    def test_a_layer_may_be_closed_over_or_made_inside(self, jax, Conv2D):
        layer, x = whole(Conv2D((1, 2))), integers(3, 4)
        want = oracle.corr2d(exact(x), exact(layer.weight)) + exact(layer.bias)
        assert_same(BACKEND, jax.jit(layer)(x), want, "float32")
        made = jax.jit(lambda: Conv2D(3, seed=5))()
        assert type(made) is Conv2D
        assert made.weight.tolist() == Conv2D(3, seed=5).weight.tolist()

    @pytest.mark.parametrize("bias", [True, False])
    def test_grad_is_a_layer_of_gradients(self, jax, Conv2D, bias):
        layer, x = (
            whole(Conv2D((3, 2), in_channels=4, out_channels=6, bias=bias, **OPTIONS)),
            integers(2, 4, 6, 7),
        )
        dy = integers(2, 6, 3, 8, seed=53)
        grads = jax.jit(jax.grad(lambda layer: (layer(x) * dy).sum()))(layer)
        assert type(grads) is Conv2D
        assert jax.tree.structure(grads) == jax.tree.structure(layer)
        dw = oracle.weight_grad(exact(x), exact(dy), (3, 2), **OPTIONS)
        assert_same(BACKEND, grads.weight, dw, "float32")
        if bias:
            assert_same(BACKEND, grads.bias, exact(dy).sum((0, 2, 3)), "float32")
        else:
            assert grads.bias is None

    def test_vmap_over_stacked_layers(self, jax, Conv2D):
        layers = [whole(Conv2D((2, 3), in_channels=2, out_channels=4), seed) for seed in range(3)]
        stack = jax.tree.map(lambda *p: jax.numpy.stack(p), *layers)
        x = integers(1, 2, 4, 5)
        want = np.stack([expected(layer, x) for layer in layers])
        run = jax.vmap(lambda layer, x: layer(x), in_axes=(0, None))
        assert_same(BACKEND, run(stack, x), want, "float32")
        assert_same(BACKEND, jax.jit(run)(stack, x), want, "float32")

    def test_vmap_over_images_and_gradients_of_each(self, jax, Conv2D):
        layer, x = whole(Conv2D((1, 2))), integers(3, 4, 5)
        y = jax.vmap(layer)(x)
        want = oracle.corr2d(exact(x), exact(layer.weight)) + exact(layer.bias)
        assert_same(BACKEND, y, want, "float32")
        grads = jax.vmap(jax.grad(lambda layer, x: layer(x).sum()), in_axes=(None, 0))(layer, x)
        dw = [[[image[:, :4].sum(), image[:, 1:].sum()]] for image in exact(x)]
        assert_same(BACKEND, grads.weight, dw, "float32")
        assert_same(BACKEND, grads.bias, [[16]] * 3, "float32")

    def test_vmap_with_a_layer_of_axes(self, jax, Conv2D):
        layer = whole(Conv2D((1, 2)))
        axes = layer.replace(weight=0, bias=None)
        many = layer.replace(weight=jax.numpy.stack([layer.weight, 2 * layer.weight]))
        x = integers(3, 4)
        y = jax.vmap(lambda layer: layer(x), in_axes=(axes,))(many)
        plain = oracle.corr2d(exact(x), exact(layer.weight))
        assert_same(BACKEND, y, np.stack([plain, 2 * plain]) + exact(layer.bias), "float32")

    def test_hessian(self, jax):
        x, y, layer = textbook()
        hessian = jax.hessian(lambda layer: squared_error(layer, x, y))(layer)
        found = exact(hessian.weight.weight).reshape(2, 2)
        assert found.tolist() == [[36, 24], [24, 36]]  # twice A^T A

    def test_jvp(self, jax, Conv2D):
        layer, tangent = (
            whole(Conv2D(2, in_channels=2, out_channels=3)),
            whole(Conv2D(2, in_channels=2, out_channels=3), 54),
        )
        x = integers(1, 2, 4, 5)
        y, dy = jax.jvp(lambda layer: layer(x), (layer,), (tangent,))
        assert_same(BACKEND, y, expected(layer, x), "float32")
        assert_same(BACKEND, dy, expected(tangent, x), "float32")

    def test_scan_carries_the_layer(self, jax):
        x, y, start = textbook()

        def step(layer, _):
            loss, grads = jax.value_and_grad(squared_error)(layer, x, y)
            return jax.tree.map(lambda p, g: p - 3e-2 * g, layer, grads), loss

        layer, losses = jax.lax.scan(step, start, None, length=10)
        assert type(layer) is type(start)
        # The error lies along the eigenvector of 6: it shrinks by 1 - 2 * 3e-2 * 6 = 0.64 a step.
        assert np.round(BACKEND.to_numpy(layer.weight), 1).tolist() == [[1, -1]]
        assert float(losses[0]) == 12

    def test_while_loop_and_cond(self, jax):
        x, y, start = textbook()
        step = jax.grad(squared_error)

        def body(layer):
            return jax.tree.map(lambda p, g: p - 3e-2 * g, layer, step(layer, x, y))

        layer = jax.lax.while_loop(lambda layer: squared_error(layer, x, y) > 1e-2, body, start)
        assert float(squared_error(layer, x, y)) <= 1e-2
        same = jax.lax.cond(True, lambda layer: layer, body, layer)
        assert same.weight.tolist() == layer.weight.tolist()

    def test_checkpoint_and_64_bits(self, jax, Conv2D):
        x = np.random.default_rng(55).integers(-3, 4, (1, 2, 4, 5))
        with backends_under_test.enable_x64():
            layer = Conv2D(2, in_channels=2, out_channels=3, dtype="float64", seed=0)
            assert {leaf.dtype.name for leaf in jax.tree.leaves(layer)} == {"float64"}
            run = jax.checkpoint(lambda layer, x: layer(x).sum())
            grads = jax.grad(run)(layer, BACKEND.array(x, "float64"))
            dw = oracle.weight_grad(x, np.ones((1, 3, 3, 4), int), (2, 2))
            assert_same(BACKEND, grads.weight, dw, "float64")


class TestOptimisers:
    @pytest.mark.needs_library("optax")
    @pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
    def test_optax(self, jax, name):
        import optax

        optimiser = {
            "sgd": lambda: optax.sgd(3e-2),
            "momentum": lambda: optax.sgd(5e-3, momentum=0.9),
            "adam": lambda: optax.adam(5e-2),
        }[name]()
        x, y, layer = textbook()
        state = optimiser.init(layer)

        @jax.jit
        def step(layer, state):
            loss, grads = jax.value_and_grad(squared_error)(layer, x, y)
            updates, state = optimiser.update(grads, state, layer)
            return optax.apply_updates(layer, updates), state, loss

        first = None
        for _ in range(10):
            layer, state, loss = step(layer, state)
            first = loss if first is None else first
        assert type(layer) is type(textbook()[2])
        assert float(squared_error(layer, x, y)) < float(first)
        if name == "sgd":
            assert np.round(BACKEND.to_numpy(layer.weight), 1).tolist() == [[1, -1]]

    def test_a_state_of_the_same_structure(self, jax):
        """What every optimiser does, without one: moments beside the parameters, as a layer."""
        x, y, layer = textbook()
        moments = jax.tree.map(jax.numpy.zeros_like, layer)

        @jax.jit
        def step(layer, moments):
            grads = jax.grad(squared_error)(layer, x, y)
            moments = jax.tree.map(lambda m, g: 0.5 * m + g, moments, grads)
            return jax.tree.map(lambda p, m: p - 1e-2 * m, layer, moments), moments

        before = float(squared_error(layer, x, y))
        for _ in range(10):
            layer, moments = step(layer, moments)
        assert float(squared_error(layer, x, y)) < before


class TestPlaces:
    def test_the_device_argument(self, jax, Conv2D):
        device = jax.devices()[-1]
        layer = Conv2D(3, in_channels=2, out_channels=4, device=device)
        assert {d for leaf in jax.tree.leaves(layer) for d in leaf.devices()} == {device}
        mesh = jax.sharding.Mesh(np.array(jax.devices()), ("d",))
        spec = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        layer = Conv2D(3, in_channels=2, out_channels=4, device=spec)
        assert layer.weight.sharding.is_equivalent_to(spec, 4)

    def test_device_put(self, jax, Conv2D):
        device = jax.devices()[-1]
        layer = jax.device_put(Conv2D(3), device)
        assert layer.weight.devices() == {device}
        x = jax.device_put(np.ones((4, 5), np.float32), device)
        assert layer(x).devices() == {device}

    def test_the_first_use_of_a_process_may_be_traced(self):
        out = run_python("""
            import jax
            from multiconv.jax import Conv2D
            layer = Conv2D((2, 2), bias=False)
            layer = layer.replace(weight=jax.numpy.arange(4.).reshape(2, 2))
            run = jax.jit(lambda layer, x: layer(x))
            print(run(layer, jax.numpy.arange(9.).reshape(3, 3)).tolist())
        """)
        assert out == "[[19.0, 25.0], [37.0, 43.0]]"
