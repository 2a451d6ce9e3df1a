"""Taps added in place: the bits of the plain form, in every shape, and only where nobody looks."""

import backends_under_test
import numpy as np
import pytest

pytestmark = pytest.mark.needs_backend("torch")

BACKEND = backends_under_test.Torch()

# Sizes of the image and the kernel, and options: one block, many, a rest, rows wider than a block.
CASES = [
    ((2, 3, 9, 11), (6, 1, 3, 2), {"groups": 3, "padding": 1}),
    ((1, 1, 700, 901), (1, 1, 3, 3), {"stride": (2, 1), "dilation": (1, 2)}),
    ((1, 2, 300, 500), (4, 1, 2, 3), {"groups": 2, "padding": ((1, 0), (0, 2))}),
    ((1, 1, 300001), (1, 1, 5), {}),
    ((1, 1, 7, 300, 301), (2, 1, 3, 3, 3), {"padding": 1}),
]


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def written(torch, monkeypatch):
    """Return the list of results that were written in place."""
    from multiconv.backends import torch as backend

    done, plain = [], backend.sum_in_place

    def counted(*arguments):
        done.append(plain(*arguments))
        return done[-1]

    monkeypatch.setattr(backend, "sum_in_place", counted)
    monkeypatch.setattr(backend, "sum_in_memory", lambda x, weight, geometry: None)
    return done


def convolve(x, weight, **options):
    axes = x.ndim - 2
    return getattr(BACKEND.functions, f"conv{axes}d")(x, weight, **options, method="direct")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "complex64", "float16"])
@pytest.mark.parametrize(("size", "kernel", "options"), CASES)
def test_the_bits_are_those_of_a_call_that_records(torch, written, size, kernel, options, dtype):
    rng = np.random.default_rng(len(size))
    x, weight = (
        10 * rng.standard_normal(s) if "float" in dtype else rng.integers(-9, 10, s)
        for s in (size, kernel)
    )
    if dtype == "complex64":  # whose products torch rounds in one way or another
        x = x + 1j * rng.integers(-9, 10, size)
    x, weight = BACKEND.array(x, dtype), BACKEND.array(weight, dtype)
    y = convolve(x, weight, **options)
    assert len(written) == 1
    from multiconv.backends import torch as backend

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "may_write", lambda x, weight: False)
        plain = convolve(x, weight, **options)
    assert len(written) == 1
    assert torch.equal(y, plain)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.trace` is deprecated:DeprecationWarning")
def test_it_is_left_where_somebody_looks(torch, written):
    from torch.autograd import forward_ad

    x, weight = torch.ones(1, 1, 5), torch.ones(1, 1, 2)
    assert convolve(x.clone().requires_grad_(), weight).requires_grad
    assert convolve(x, weight.clone().requires_grad_()).requires_grad
    torch.func.vmap(convolve)(x[None], weight[None])
    torch.func.grad(lambda x: convolve(x, weight).sum())(x)
    torch.func.jvp(convolve, (x, weight), (x, weight))
    with forward_ad.dual_level():
        y = convolve(forward_ad.make_dual(x, x), weight)
        assert forward_ad.unpack_dual(y).tangent.tolist() == [[[2.0] * 4]]
    conv1d = BACKEND.functions.conv1d
    run = torch.compile(lambda x, k: conv1d(x, k, method="direct"), backend="eager", fullgraph=True)
    run(x, weight)
    assert written == []
    with torch.no_grad():
        convolve(x.clone().requires_grad_(), weight)
    assert len(written) == 1


def test_the_image_is_not_written_to(torch):
    x, weight = torch.ones(1, 1, 5), torch.ones(1, 1, 1)
    convolve(x, weight).zero_()
    assert x.tolist() == [[[1.0] * 5]]
