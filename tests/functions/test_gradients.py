"""The two adjoint correlations, and the frameworks' own derivatives through every method."""

import backends_under_test
import bounds
import numpy as np
import oracle
import pytest
from comparing import assert_same
from strategies import BORDERS, PADDING_MODES, configurations, for_all

METHODS = backends_under_test.NAMES_OF_METHODS
EXACT_METHODS = backends_under_test.EXACT


def test_the_input_gradient_is_exact_on_small_integers(backend):
    @for_all(backend, configurations(backend.dtypes, modes=BORDERS))
    def check(c):
        if c.dtype.startswith(("bool", "complex")):
            return
        grad, weight = c.integers(c.y_shape, c.weight_shape)
        expected = oracle.input_grad(grad, weight, c.size, **c.geometry)
        with backend.wide(c.dtype):
            arrays = backend.array(grad, c.dtype), backend.array(weight, c.dtype)
            dx = backend.functions.conv_input_grad(*arrays, c.size, **c.geometry)
            assert_same(backend, dx, expected, c.dtype)


def test_the_weight_gradient_is_exact_on_small_integers(backend):
    @for_all(backend, configurations(("int32", "float32", "int64", "float64"), modes=BORDERS))
    def check(c):
        x, grad = c.integers(c.x_shape, c.y_shape)
        expected = oracle.weight_grad(x, grad, c.kernel, **c.geometry)
        with backend.wide(c.dtype):
            arrays = backend.array(x, c.dtype), backend.array(grad, c.dtype)
            dw = backend.functions.conv_weight_grad(*arrays, c.kernel, **c.geometry)
            assert_same(backend, dw, expected, c.dtype)


class TestSizesAsTheyAreGiven:
    """An int stands for all axes, whose number the arrays tell; a whole shape ends with them."""

    @pytest.mark.parametrize("axes", [1, 2, 3])
    @pytest.mark.parametrize("batch", [(), (2,)])
    def test_of_batches_and_of_one(self, backend, axes, batch):
        size, kernel, output = (5,) * axes, (2,) * axes, (4,) * axes
        rng = np.random.default_rng(9)
        x, grad = rng.integers(-9, 9, (*batch, 3, *size)), rng.integers(-9, 9, (*batch, 4, *output))
        weight = rng.integers(-9, 9, (4, 3, *kernel))
        lead = (-1, 3, *size), (-1, 4, *output)
        dx = oracle.input_grad(grad.reshape(lead[1]), weight, size).reshape(x.shape)
        dw = oracle.weight_grad(x.reshape(lead[0]), grad.reshape(lead[1]), kernel)
        x, grad, weight = (backend.array(a, "int32") for a in (x, grad, weight))
        for given in (5, size, (*batch, 3, *size)):
            assert_same(
                backend, backend.functions.conv_input_grad(grad, weight, given), dx, "int32"
            )
        for given in (kernel, (4, 3, *kernel), *[2] * len(batch)):
            assert_same(backend, backend.functions.conv_weight_grad(x, grad, given), dw, "int32")

    def test_of_an_image_without_channels(self, backend):
        rng = np.random.default_rng(10)
        x, grad, k = (rng.integers(-9, 9, shape) for shape in ((5, 5), (4, 4), (2, 2)))
        dx = oracle.input_grad(grad[None, None], k[None, None], (5, 5))[0, 0]
        dw = oracle.weight_grad(x[None, None], grad[None, None], (2, 2))[0, 0]
        x, grad, k = (backend.array(a, "int32") for a in (x, grad, k))
        for given in (5, (5, 5)):
            assert_same(backend, backend.functions.conv_input_grad(grad, k, given), dx, "int32")
        for given in (2, (2, 2)):
            assert_same(backend, backend.functions.conv_weight_grad(x, grad, given), dw, "int32")


@pytest.mark.parametrize("method", backends_under_test.ELEMENTWISE)
def test_rows_that_the_stride_never_reaches_get_no_gradient_and_give_none(backend, method):
    """Of 8 rows with stride 3 and two taps the last one is not read, of 9 columns the last two."""
    rng = np.random.default_rng(11)
    x, grad = rng.integers(-9, 9, (2, 3, 8, 9)), rng.integers(-9, 9, (2, 4, 3, 3))
    weight = rng.integers(-9, 9, (4, 3, 2, 1))
    dw = oracle.weight_grad(x, grad, (2, 1), stride=3)
    dx = oracle.input_grad(grad, weight, (8, 9), stride=3)
    x, grad, weight = (backend.array(a, "float32") for a in (x, grad, weight))
    options = {"stride": 3, "method": method}
    found = backend.functions.conv_weight_grad(x, grad, (2, 1), **options)
    assert_same(backend, found, dw, "float32")
    found = backend.functions.conv_input_grad(grad, weight, (8, 9), **options)
    assert_same(backend, found, dx, "float32")


def test_the_adjoint_identities(backend):
    """<conv(x, w), g> = <x, input_grad(g, w)> = <w, weight_grad(x, g)>, exactly, by the package."""

    @for_all(backend, configurations(("int64",)))
    def check(c):
        x, weight, grad = c.integers(c.x_shape, c.weight_shape, c.y_shape)
        with backend.wide("int64"):
            arrays = [backend.array(a, "int64") for a in (x, weight, grad)]
            f = backend.functions
            y = getattr(f, f"conv{c.axes}d")(arrays[0], arrays[1], **c.geometry)
            dx = f.conv_input_grad(arrays[2], arrays[1], c.size, **c.geometry)
            dw = f.conv_weight_grad(arrays[0], arrays[2], c.kernel, **c.geometry)
            dot = (backend.to_numpy(y) * grad).sum()
            assert (backend.to_numpy(dx) * x).sum() == dot
            assert (backend.to_numpy(dw) * weight).sum() == dot


def test_conv_transpose_is_the_adjoint_of_conv(backend):
    """With the output padding that restores the size of x it is the input gradient."""

    @for_all(backend, configurations(("int32",), modes=("zeros",)))
    def check(c):
        if not isinstance(c.padding, str):
            return
        pads = oracle.resolve_pads(c.padding, c.size, c.kernel, c.stride, c.dilation)
        strides = oracle.per_axis(c.stride, c.axes)
        spans = zip(c.size, pads, oracle.per_axis(c.dilation, c.axes), c.kernel, strict=True)
        extra = tuple(
            (n + sum(p) - d * (k - 1) - 1) % s
            for (n, p, d, k), s in zip(spans, strides, strict=True)
        )
        y, weight = c.integers(c.y_shape, c.weight_shape)
        arrays = backend.array(y, "int32"), backend.array(weight, "int32")
        x = getattr(backend.functions, f"conv_transpose{c.axes}d")(
            *arrays, None, c.stride, pads, extra, c.groups, c.dilation
        )
        expected = oracle.input_grad(y, weight, c.size, **c.geometry)
        assert_same(backend, x, expected, "int32")


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_borders_hand_their_gradient_back(backend, mode):
    """A border pixel that was read through a copy collects what the copy received."""
    grad = np.ones((1, 1, 10), dtype=int)
    arrays = backend.array(grad, "int32"), backend.array([[[1]]], "int32")
    dx = backend.functions.conv_input_grad(*arrays, (4,), padding=3, padding_mode=mode)
    expected = {
        "zeros": [1, 1, 1, 1],
        "reflect": [2, 3, 3, 2],
        "symmetric": [2, 3, 3, 2],
        "replicate": [4, 1, 1, 4],
        "circular": [2, 3, 3, 2],
    }[mode]
    assert_same(backend, dx, [[expected]], "int32")


def derivatives(backend, function, arrays, cotangent):
    """The framework's own gradients of sum(function(*arrays) * cotangent)."""
    if backend.name == "torch":
        leaves = [a.clone().requires_grad_() for a in arrays]
        y = function(*leaves)
        y.backward(cotangent)
        return [leaf.grad for leaf in leaves]
    import jax

    _, pullback = jax.vjp(function, *arrays)
    return list(pullback(cotangent))


@pytest.mark.parametrize("method", METHODS)
class TestTheFrameworksDifferentiateEveryMethod:
    def test_conv(self, differentiable, method):
        backend = differentiable

        @for_all(
            backend, configurations(("float32",), modes=BORDERS, batches=(None, 1, 2)), times=0.5
        )
        def check(c):
            x, weight, bias, grad = c.integers(
                c.x_shape, c.weight_shape, c.weight_shape[:1], c.y_shape
            )
            arrays = [backend.array(a, "float32") for a in (x, weight, bias)]
            conv = getattr(backend.functions, f"conv{c.axes}d")
            found = derivatives(
                backend,
                lambda *a: conv(*a, **c.geometry, method=method),
                arrays,
                backend.array(grad, "float32"),
            )
            axes = tuple(range(-c.axes, 0)) if c.batch is None else (0, *range(-c.axes, 0))
            expected = [
                oracle.input_grad(grad, weight, c.size, **c.geometry),
                oracle.weight_grad(x, grad, c.kernel, **c.geometry),
                grad.sum(axes),
            ]
            for got, want, what in zip(found, expected, ("x", "weight", "bias"), strict=True):
                if method == "fft" and what != "bias":
                    assert got.shape == want.shape
                    limit = fft_gradient_bound(x, weight, grad, what)
                    assert np.max(abs(backend.to_numpy(got) - want), initial=0) <= limit, what
                else:
                    assert_same(backend, got, want, "float32", what)

    def test_corr2d(self, differentiable, method):
        backend = differentiable
        rng = np.random.default_rng(10)
        x, k, grad = (rng.integers(-3, 4, s) for s in ((2, 5, 6), (3, 2), (2, 3, 5)))
        arrays = [backend.array(a, "float32") for a in (x, k)]
        found = derivatives(
            backend,
            lambda *a: backend.functions.corr2d(*a, method=method),
            arrays,
            backend.array(grad, "float32"),
        )
        dx = oracle.input_grad(grad[:, None], k[None, None], (5, 6))[:, 0]
        dk = oracle.weight_grad(x[:, None], grad[:, None], (3, 2))[0, 0]
        for got, want, what in zip(found, (dx, dk), ("x", "weight"), strict=True):
            if method == "fft":
                limit = fft_gradient_bound(x, k, grad, what)
                assert np.max(abs(backend.to_numpy(got) - want)) <= limit
            else:
                assert_same(backend, got, want, "float32", what)

    def test_conv_transpose(self, differentiable, method):
        backend = differentiable
        rng = np.random.default_rng(11)
        x, weight = rng.integers(-3, 4, (2, 4, 4, 3)), rng.integers(-3, 4, (4, 3, 3, 2))
        options = {"stride": (2, 3), "padding": ((1, 0), (0, 1)), "groups": 2, "dilation": (1, 2)}
        grad = rng.integers(-3, 4, oracle.conv_transpose(x, weight, **options).shape)
        run = backend.functions.conv_transpose2d
        found = derivatives(
            backend,
            lambda *a: run(*a, **options, method=method),
            [backend.array(a, "float32") for a in (x, weight)],
            backend.array(grad, "float32"),
        )
        expected = (
            oracle.conv(grad, weight, **options),
            oracle.weight_grad(grad, x, (3, 2), **options),
        )
        for got, want, what in zip(found, expected, ("x", "weight"), strict=True):
            if method == "fft":
                limit = fft_gradient_bound(x, weight, grad, what)
                assert np.max(abs(backend.to_numpy(got) - want)) <= limit
            else:
                assert_same(backend, got, want, "float32", what)


def fft_gradient_bound(x, weight, grad, what):
    """The bound in norm of `bounds.fft_bound`, with the norms of whole arrays and ample lengths."""
    other = weight if what == "x" else x
    size = np.linalg.norm(grad.ravel()) * np.linalg.norm(other.ravel())
    terms = max(grad.shape[0], grad.shape[1] if grad.ndim > 1 else 1, x.shape[0])
    lengths = np.log2(float(4 * max(x.size, 2)))
    return float(bounds.ROUNDOFF["float32"]) * size * (terms + 8.3 * lengths)


def test_auto_is_differentiable_twice(differentiable):
    """The second derivative of sum(y^2) in the kernel is twice the patch matrix's Gram matrix."""
    backend = differentiable
    x = np.arange(12).reshape(3, 4) % 5
    array = backend.array(x, "float32")
    columns = oracle.im2col(x[None, None], (2, 2))[0]
    k = backend.array(np.ones((2, 2)), "float32")

    def loss(kernel):
        return (backend.functions.corr2d(array, kernel) ** 2).sum()

    if backend.name == "torch":
        import torch

        hessian = torch.autograd.functional.hessian(loss, k)
    else:
        import jax

        hessian = jax.hessian(loss)(k)
    assert backend.to_numpy(hessian).reshape(4, 4).tolist() == (2 * columns @ columns.T).tolist()
