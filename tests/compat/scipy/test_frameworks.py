"""Gradients, jit and compile go through the functions that are called as SciPy's."""

import numpy as np
import pytest
import scipy_calls

S, M = scipy_calls.original("ndimage"), scipy_calls.ours("ndimage")
SIGNAL = scipy_calls.ours("signal")

FILTERS = {
    "gaussian_filter": lambda m, x: m.gaussian_filter(x, (1.0, 0.6), order=(0, 1), mode="mirror"),
    "sobel": lambda m, x: m.sobel(x, axis=0, mode="wrap"),
    "laplace": lambda m, x: m.laplace(x, mode="nearest"),
    "uniform_filter": lambda m, x: m.uniform_filter(x, 3, mode="constant", cval=2.0),
    "gaussian_gradient_magnitude": lambda m, x: m.gaussian_gradient_magnitude(x, 0.8),
    "correlate": lambda m, x: m.correlate(x, [[1.0, -2.0, 0.5]], origin=(0, 1)),
}


def image():
    return np.random.default_rng(8).normal(size=(4, 5))


def gradient(backend, function, x, towards):
    """Of sum(function(x) * towards), in NumPy."""
    if backend.name == "torch":
        array = backend.array(x).requires_grad_()
        (function(array) * backend.array(towards)).sum().backward()
        return backend.to_numpy(array.grad)
    import jax

    return np.array(jax.grad(lambda a: (function(a) * towards).sum())(backend.array(x)))


@pytest.mark.parametrize("name", FILTERS)
def test_gradients_are_the_differences_of_scipys_filters(differentiable, name):
    """Central differences: off by h**2 / 6 of the third derivative, 0 but for the magnitude."""
    x, h = image(), 2.0**-12
    towards = np.random.default_rng(9).normal(size=x.shape)
    expected = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        higher, lower = (FILTERS[name](S, x + s) * towards for s in (step, -step))
        expected[place] = (higher - lower).sum() / (2 * h)
    with differentiable.wide("float64"):
        found = gradient(differentiable, lambda a: FILTERS[name](M, a), x, towards)
    rounding = 64 * np.finfo(float).eps * np.abs(towards).sum() * np.abs(x).max() / h
    curved = 64 * h**2 if "magnitude" in name else 0.0
    assert np.all(np.abs(found - expected) <= rounding + curved)


def test_the_magnitude_has_a_gradient_where_nothing_changes(differentiable):
    flat = np.ones((3, 3))
    with differentiable.wide("float64"):
        found = gradient(
            differentiable, lambda a: M.generic_gradient_magnitude(a, M.sobel), flat, flat
        )
    assert np.array_equal(found, np.zeros((3, 3)))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.needs_backend("jax")
def test_jit(name):
    import jax

    x = image().astype("float32")
    y = jax.jit(lambda a: FILTERS[name](M, a))(x)
    assert np.allclose(y, FILTERS[name](S, x), atol=1e-5)


@pytest.mark.needs_backend("jax")
def test_vmap_is_a_batch():
    import jax

    x = np.random.default_rng(1).normal(size=(3, 4, 5)).astype("float32")
    y = jax.vmap(M.sobel)(x)
    assert np.allclose(y, [S.sobel(a) for a in x], atol=1e-5)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.needs_backend("torch")
def test_compile_takes_the_whole_graph(name):
    import torch

    torch.compiler.reset()
    x = image()
    run = torch.compile(lambda a: FILTERS[name](M, a), fullgraph=True, backend="eager")
    assert np.allclose(run(torch.tensor(x)), FILTERS[name](S, x))
    torch.compiler.reset()


@pytest.mark.needs_backend("torch")
def test_compile_takes_integers_and_signals():
    import torch

    torch.compiler.reset()
    x = torch.arange(12, dtype=torch.uint8).reshape(3, 4)

    @torch.compile(fullgraph=True, backend="eager")
    def run(x):
        return M.gaussian_filter(x, 1), SIGNAL.convolve2d(x, x, "same", "symm")

    smooth, product = run(x)
    assert np.abs(smooth.numpy().astype(int) - S.gaussian_filter(x.numpy(), 1)).max() <= 1
    expected = scipy_calls.original("signal").convolve2d(x.numpy(), x.numpy(), "same", "symm")
    assert np.array_equal(product.numpy(), expected)
    torch.compiler.reset()


class TestSignal:
    @pytest.mark.parametrize("method", ["direct", "fft"])
    def test_gradients_of_both_operands(self, differentiable, method):
        """A convolution is bilinear: the gradient of one is the correlation with the other."""
        x, w = np.arange(6.0), np.array([1.0, -2.0, 4.0])
        towards = np.arange(8.0)
        correlate = scipy_calls.original("signal").correlate
        with differentiable.wide("float64"):
            other = differentiable.array(w)
            found = gradient(
                differentiable, lambda a: SIGNAL.convolve(a, other, method=method), x, towards
            )
            assert np.allclose(found, correlate(towards, w, "valid"))
            other = differentiable.array(x)
            found = gradient(
                differentiable, lambda a: SIGNAL.convolve(other, a, method=method), w, towards
            )
            assert np.allclose(found, correlate(towards, x, "valid"))
