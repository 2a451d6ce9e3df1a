"""The numbers of a constant border: factors of exact sums, and their gradients, rounded once."""

import numpy as np
import oracle
import pytest
from conventions import module
from rounded import assert_rounded, extended
from strategies import configurations, for_all
from transformed import arrays, drawn

import multiconv as mc

X, WEIGHT, BIAS, VALUES = drawn((2, 4, 5, 6), (6, 2, 3, 2), (6,), (4,))
OPTIONS = {
    "stride": (2, 1),
    "padding": ((1, 2), (0, 2)),
    "dilation": (1, 2),
    "groups": 2,
    "padding_mode": "constant",
}
(GRAD,) = drawn((2, 6, 3, 6), seed=2)
EXACT = OPTIONS | {"method": "exact"}
SHOWN = pytest.mark.parametrize("value", [VALUES, VALUES[0]], ids=["each", "one"])


def border_gradient(grad, weight, size, shape, **options):
    """From the definition, as sums are linear: what each number gives alone, times grad."""
    channels = weight.shape[1] * options["groups"]
    none = extended(np.zeros((len(grad), channels, *size)))
    result = np.empty(shape, object)
    for place in np.ndindex(shape):
        one = np.zeros(shape)
        one[place] = 1
        value = extended(np.broadcast_to(one, (channels,)))
        y = oracle.conv(none, extended(weight), **options, padding_value=value)
        result[place] = (y * extended(grad)).sum()
    return result


class TestValues:
    @SHOWN
    def test_the_border_and_the_bias_are_in_the_one_sum(self, backend, value):
        own = arrays(backend, X, WEIGHT, BIAS)
        right = oracle.conv(
            *map(extended, (X, WEIGHT, BIAS)), **OPTIONS, padding_value=extended(value)
        )
        (shown,) = arrays(backend, value)
        plain = value.tolist()
        for given in (shown, tuple(plain) if value.ndim else plain):
            y = backend.functions.conv2d(*own, **EXACT, padding_value=given)
            assert_rounded(backend, y, right, "float32")

    @SHOWN
    def test_in_the_gradient_of_the_weight(self, backend, value):
        x, grad, shown = arrays(backend, X, GRAD, value)
        dw = backend.functions.conv_weight_grad(x, grad, (3, 2), **EXACT, padding_value=shown)
        right = oracle.weight_grad(
            *map(extended, (X, GRAD)), (3, 2), **OPTIONS, padding_value=extended(value)
        )
        assert_rounded(backend, dw, right, "float32")


def conv(x, weight, bias, value):
    return mc.conv2d(x, weight, bias, **EXACT, padding_value=value)


def gradients(backend, function, operands, grad):
    if backend.name == "torch":
        leaves = [a.clone().requires_grad_() for a in operands]
        function(*leaves).backward(grad)
        return [leaf.grad for leaf in leaves]
    jax = module("jax")
    return jax.jit(lambda g, *a: jax.vjp(function, *a)[1](g))(grad, *operands)


class TestGradients:
    @SHOWN
    def test_are_rounded_once(self, differentiable, value):
        backend = differentiable
        operands, (grad,) = arrays(backend, X, WEIGHT, BIAS, value), arrays(backend, GRAD)
        found = gradients(backend, conv, operands, grad)
        right = border_gradient(GRAD, WEIGHT, (5, 6), value.shape, **OPTIONS)
        assert_rounded(backend, found[3], right, "float32")
        zeros = OPTIONS | {"padding_mode": "zeros"}
        dx = oracle.input_grad(extended(GRAD), extended(WEIGHT), (5, 6), **zeros)
        assert_rounded(backend, found[0], dx, "float32")
        dw = oracle.weight_grad(
            extended(X), extended(GRAD), (3, 2), **OPTIONS, padding_value=extended(value)
        )
        assert_rounded(backend, found[1], dw, "float32")
        assert_rounded(backend, found[2], extended(GRAD).sum((0, 2, 3)), "float32")

    def test_of_any_convolution(self, differentiable):
        backend = differentiable

        @for_all(
            backend, configurations(("float32",), modes=("constant",), batches=(1, 2)), times=0.5
        )
        def check(c):
            x, weight, grad = drawn(c.x_shape, c.weight_shape, c.y_shape, seed=c.seed)
            value = np.float32(c.padding_value)
            own = arrays(backend, x, weight)
            options = c.geometry | {"method": "exact"}
            run = getattr(mc, f"conv{c.axes}d")
            found = gradients(
                backend,
                lambda value: run(*own, **options | {"padding_value": value}),
                arrays(backend, value),
                *arrays(backend, grad),
            )
            options = {name: of for name, of in c.geometry.items() if name != "padding_value"}
            right = border_gradient(grad, weight, c.size, value.shape, **options)
            assert_rounded(backend, found[0], right, "float32")

    def test_of_a_complex_result_a_real_border_gets_the_real_part(self, differentiable):
        backend = differentiable
        imag, grad_imag = drawn(WEIGHT.shape, GRAD.shape, seed=3)
        weight, grad = WEIGHT + 1j * imag, GRAD + 1j * grad_imag
        own = [backend.array(weight, "complex64"), backend.array(grad, "complex64")]
        x, value = arrays(backend, X, VALUES)
        (found,) = gradients(
            backend,
            lambda value: mc.conv2d(x, own[0], **EXACT, padding_value=value),
            [value],
            own[1],
        )
        sign = -1 if backend.name == "torch" else 1  # which conjugates the other factor
        parts = [
            border_gradient(g, w, (5, 6), (4,), **OPTIONS)
            for g, w in ((GRAD, WEIGHT), (grad_imag, -sign * imag))
        ]
        assert_rounded(backend, found, parts[0] + parts[1], "float32")


class TestTransforms:
    @SHOWN
    def test_forward_derivatives_are_one_sum(self, differentiable, value):
        backend = differentiable
        operands = arrays(backend, X, WEIGHT, BIAS, value)
        changes = drawn(X.shape, WEIGHT.shape, BIAS.shape, value.shape, seed=4)
        changed = arrays(backend, *changes)
        if backend.name == "torch":
            _, found = module("torch").func.jvp(conv, tuple(operands), tuple(changed))
        else:
            _, found = module("jax").jvp(conv, operands, changed)
        exactly = [extended(a) for a in (X, WEIGHT, value, *changes)]
        x, weight, value, dx, dweight, dbias, dvalue = exactly
        right = oracle.conv(dx, weight, dbias, **OPTIONS, padding_value=dvalue)
        right = right + oracle.conv(x, dweight, **OPTIONS, padding_value=value)
        assert_rounded(backend, found, right, "float32")

    def test_a_batch_of_images_in_one_border(self, differentiable):
        """The gradient of their border is one sum, over the batch too."""
        backend = differentiable
        lib = module("torch" if backend.name == "torch" else "jax")
        vmap = lib.func.vmap if backend.name == "torch" else lib.vmap
        batched = vmap(conv, (0, None, None, None))
        x, weight, bias, value = arrays(backend, X[:, None], WEIGHT, BIAS, VALUES)
        (grad,) = arrays(backend, GRAD[:, None])
        (found,) = gradients(backend, lambda own: batched(x, weight, bias, own), [value], grad)
        right = border_gradient(GRAD, WEIGHT, (5, 6), (4,), **OPTIONS)
        assert_rounded(backend, found, right, "float32")

    def test_a_batch_of_borders(self, differentiable):
        backend = differentiable
        values = np.stack([VALUES, -2 * VALUES])
        x, weight, bias, own = arrays(backend, X, WEIGHT, BIAS, values)
        lib = module("torch" if backend.name == "torch" else "jax")
        vmap = lib.func.vmap if backend.name == "torch" else lib.vmap
        y = backend.to_numpy(vmap(conv, (None, None, None, 0))(x, weight, bias, own))
        for i in range(2):
            right = mc.conv2d(X, WEIGHT, BIAS, **EXACT, padding_value=values[i])
            assert np.array_equal(y[i].view("u4"), right.view("u4"))

    @pytest.mark.needs_backend("torch")
    def test_compiled(self):
        import backends_under_test

        backend, torch = backends_under_test.Torch(), module("torch")
        torch.compiler.reset()
        compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
        operands, (grad,) = arrays(backend, X, WEIGHT, BIAS, VALUES), arrays(backend, GRAD)
        right = gradients(backend, conv, operands, grad)
        for ours, theirs in zip(gradients(backend, compiled, operands, grad), right, strict=True):
            assert torch.equal(ours, theirs)
        torch.compiler.reset()
