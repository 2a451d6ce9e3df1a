"""Compilers and derivatives of JAX and PyTorch go through every function of `multiconv.compat`.

F is linear in the image: the gradient g of ``sum(F(x) * u)`` has ``sum(g * v) == sum(F(v) * u)``
for all v, and the derivative of that with respect to u is F(v), up to rounding.
"""

import backends_under_test
import compat_calls
import numpy as np
import pytest
from bounds import ROUNDOFF, gamma
from compat_calls import CALLS, IDS, KERNELS, numbers

# No function here rounds a number more often on its way than this, or makes more of it than that:
# images up to 3, taps up to 8 in all of 16 products, or of a sum of 36 * 6 in a window of Sobel's.
ROUNDINGS, LARGEST = 2**10, 2**10
BOUND = float(gamma(ROUNDINGS, ROUNDOFF["float64"])) * LARGEST


def close(found, expected, terms=1):
    """Whether two are equal, up to the roundings of so many results."""
    found, expected = np.asarray(found), np.asarray(expected)
    return found.shape == expected.shape and np.all(np.abs(found - expected) <= terms * BOUND)


def scattered(x):
    """The same numbers in two other places of memory, in neither of them side by side."""
    import torch

    axes = tuple(range(x.ndim))[::-1]
    turned = torch.from_numpy(x.transpose(axes).copy()).permute(axes)
    wide = torch.zeros((*x.shape[:-1], 2 * x.shape[-1]), dtype=torch.float64)
    wide[..., ::2] = torch.from_numpy(x)
    return turned, wide[..., ::2]


def test_no_function_is_left_out():
    for module in compat_calls.MODULES:
        called = {name for where, name, *_ in CALLS if where == module}
        assert called == compat_calls.functions(module)


@pytest.mark.needs_backend("jax")
@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_jax(call):
    import jax

    backend = backends_under_test.make("jax")
    with backend.wide("float64"):
        function = compat_calls.of(call, backend)
        x, v = (backend.array(numbers(call[2], seed), "float64") for seed in (1, 2))
        y = jax.jit(function)(x)
        assert close(
            y, compat_calls.of(call, backends_under_test.make("numpy"))(numbers(call[2], 1))
        )
        u = numbers(y.shape, 3)
        gradient = jax.jit(jax.grad(lambda x: (function(x) * u).sum()))(x)
        assert close((gradient * v).sum(), (function(v) * u).sum(), terms=2 * 3 * u.size)


@pytest.mark.needs_backend("torch")
@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_torch(call):
    import torch

    torch.compiler.reset()
    function = compat_calls.of(call, backends_under_test.make("torch"))
    compiled = torch.compile(function, fullgraph=True, backend="eager")
    x, v = numbers(call[2], 1), torch.from_numpy(numbers(call[2], 2))
    expected = compat_calls.of(call, backends_under_test.make("numpy"))(x)
    of_v = function(v).numpy()
    u = torch.from_numpy(numbers(expected.shape, 3)).requires_grad_()
    towards = (of_v * u.detach().numpy()).sum()
    for run, given in zip((function, compiled), scattered(x), strict=True):
        assert not given.is_contiguous()
        y = run(given.requires_grad_())
        assert close(y.detach(), expected)
        (gradient,) = torch.autograd.grad((y * u).sum(), given, create_graph=True)
        inner = (gradient * v).sum()
        assert close(inner.detach(), towards, terms=6 * u.numel())
        assert close(torch.autograd.grad(inner, u)[0], of_v, terms=2)
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("call", "place"), KERNELS, ids=[f"{c[0]}.{c[1]}-{place}" for c, place in KERNELS]
)
def test_kernels_have_gradients(differentiable, call, place):
    """All functions are linear in each of their kernels, too."""
    with differentiable.wide("float64"):
        function = compat_calls.of_kernel(call, place, differentiable)
        shape = call[3][place].shape
        k, v = (differentiable.array(numbers(shape, seed)) for seed in (1, 2))
        of_v = differentiable.to_numpy(function(v))
        towards = numbers(of_v.shape, 3)
        u = differentiable.array(towards)
        if differentiable.name == "torch":
            (function(k.requires_grad_()) * u).sum().backward()
            gradient = k.grad
        else:
            import jax

            gradient = jax.grad(lambda k: (function(k) * u).sum())(k)
        inner = (differentiable.to_numpy(gradient) * numbers(shape, 2)).sum()
        assert close(inner, (of_v * towards).sum(), terms=6 * of_v.size)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_vmap_is_a_batch(differentiable, call):
    images = np.stack([numbers(call[2], seed) for seed in range(3)])
    if differentiable.name == "torch":
        from torch import vmap
    else:
        from jax import vmap
    with differentiable.wide("float64"):
        function = compat_calls.of(call, differentiable)
        expected = [
            differentiable.to_numpy(function(differentiable.array(x, "float64"))) for x in images
        ]
        y = vmap(function)(differentiable.array(images, "float64"))
        assert close(differentiable.to_numpy(y), expected, terms=2)
