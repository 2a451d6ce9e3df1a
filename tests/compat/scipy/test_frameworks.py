"""Gradients, jit and compile go through the functions that are called as SciPy's."""

import numpy as np
import pytest
import scipy_calls
from filter_bounds import bound_of
from scipy_calls import Call

from multiconv.core.rounding import fft_factor

S, M = scipy_calls.original("ndimage"), scipy_calls.ours("ndimage")
SIGNAL = scipy_calls.ours("signal")

FILTERS = {
    "gaussian_filter": {"sigma": (1.0, 0.6), "order": (0, 1), "mode": "mirror"},
    "sobel": {"axis": 0, "mode": "wrap"},
    "laplace": {"mode": "nearest"},
    "uniform_filter": {"size": 3, "mode": "constant", "cval": 2.0},
    "gaussian_gradient_magnitude": {"sigma": 0.8},
    "correlate": {"weights": [[1.0, -2.0, 0.5]], "origin": (0, 1)},
}


def filtered(module, name, x):
    return getattr(module, name)(x, **FILTERS[name])


def call_of(name, x):
    """The same call, as bounds are asked for."""
    keywords = dict(FILTERS[name])
    weights = [np.array(keywords.pop("weights"))] if "weights" in keywords else []
    return Call(name, (x, *weights), keywords)


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
        higher, lower = (filtered(S, name, x + s) * towards for s in (step, -step))
        expected[place] = (higher - lower).sum() / (2 * h)
    with differentiable.wide("float64"):
        found = gradient(differentiable, lambda a: filtered(M, name, a), x, towards)
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
def test_jit(name, monkeypatch):
    import jax

    x = image().astype("float32")
    y = jax.jit(lambda a: filtered(M, name, a))(x)
    expected = filtered(S, name, x)
    bound = bound_of(call_of(name, x), expected, "float32", monkeypatch)
    assert np.all(np.abs(y - expected) <= bound)


@pytest.mark.needs_backend("jax")
def test_vmap_is_a_batch():
    import jax

    x = np.random.default_rng(1).integers(-9, 10, (3, 4, 5)).astype("float32")
    y = jax.vmap(M.sobel)(x)
    assert np.array_equal(y, [S.sobel(a) for a in x])


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.needs_backend("torch")
def test_compile_takes_the_whole_graph(name, monkeypatch):
    import torch

    torch.compiler.reset()
    x = image()
    run = torch.compile(lambda a: filtered(M, name, a), fullgraph=True, backend="eager")
    expected = filtered(S, name, x)
    bound = bound_of(call_of(name, x), expected, "float64", monkeypatch)
    assert np.all(np.abs(run(torch.tensor(x)).numpy() - expected) <= bound)
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
            for mine, other in ((x, w), (w, x)):
                second = differentiable.array(other)
                found = gradient(
                    differentiable,
                    lambda a, b=second: SIGNAL.convolve(a, b, method=method),
                    mine,
                    towards,
                )
                expected = correlate(towards, other, "valid", method="direct")
                norms = np.linalg.norm(towards) * np.linalg.norm(other)
                off = fft_factor([16], 1, "float64") * norms if method == "fft" else 0.0
                assert np.all(np.abs(found - expected) <= off)
