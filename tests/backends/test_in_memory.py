"""The compiled loops on tensors: torch's own bits, and only where nobody has to know."""

import backends_under_test
import numpy as np
import pytest

pytestmark = pytest.mark.needs_backend("torch")

BACKEND = backends_under_test.Torch()

# Rows in blocks of four and beside them, borders, strides, dilation, filters, groups and axes.
CASES = [
    ((70, 150), (3, 3), {"padding": 1}),
    ((70, 150), (5, 2), {"padding": "same"}),
    ((33, 90), (2, 7), {}),
    ((40, 80), (4, 3), {"stride": (1, 2), "padding": 2}),
    ((40, 80), (3, 4), {"stride": (2, 1), "dilation": (1, 3)}),
    ((41, 201), (3, 3), {"dilation": 2, "padding_mode": "reflect", "padding": 2}),
    ((2, 3, 30, 70), (6, 1, 3, 5), {"groups": 3, "padding": 1}),
    ((1, 1, 6, 20, 90), (2, 1, 3, 4, 3), {"padding": 1}),
    ((1, 1, 20_001), (1, 1, 5), {}),
]


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def used(monkeypatch):
    """Return the list of results that the loops gave; they are there, and begin early."""
    pytest.importorskip("numba")
    from multiconv.backends import torch as backend
    from multiconv.backends.loops import compiled

    monkeypatch.setattr(compiled, "_LOADED", 0)
    done, plain = [], backend.sum_in_memory

    def counted(*arguments):
        y = plain(*arguments)
        if y is not None:
            done.append(y)
        return y

    monkeypatch.setattr(backend, "sum_in_memory", counted)
    return done


def correlate(x, weight, **options):
    axes = x.ndim - 2
    name = "corr2d" if x.ndim == 2 else f"conv{axes}d"
    return getattr(BACKEND.functions, name)(x, weight, **options, method="direct")


def without_loops(x, weight, **options):
    from multiconv.backends import torch as backend

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "sum_in_memory", lambda x, weight, geometry: None)
        return correlate(x, weight, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "int64"])
@pytest.mark.parametrize(("size", "kernel", "options"), CASES)
def test_the_bits_are_torchs_own(torch, used, size, kernel, options, dtype):
    rng = np.random.default_rng(len(size))
    x, weight = (
        rng.standard_normal(s) * 10 if "float" in dtype else rng.integers(-(2**31), 2**31 - 1, s)
        for s in (size, kernel)
    )
    x, weight = BACKEND.array(x, dtype), BACKEND.array(weight, dtype)
    y = correlate(x, weight, **options)
    assert len(used) == 1
    assert torch.equal(y, without_loops(x, weight, **options))
    recorded = correlate(x, weight.clone().requires_grad_(x.is_floating_point()), **options)
    assert torch.equal(y, recorded.detach())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_they_take_as_many_threads_as_torch_may(torch, used, monkeypatch, count):
    from multiconv.backends.loops import compiled

    seen, plain = [], compiled.shared
    monkeypatch.setattr(
        compiled, "shared", lambda work, n, threads: seen.append(threads) or plain(work, n, threads)
    )
    monkeypatch.setattr(compiled, "_SHARED", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: count)
    x, weight = torch.rand(64, 64), torch.rand(3, 3)
    assert torch.equal(correlate(x, weight), without_loops(x, weight))
    assert seen == [count] * (count > 1)


def test_any_memory(torch, used):
    x, weight = torch.rand(60, 50, 2), torch.rand(3, 5)
    views = [
        x[..., 0],
        x[..., 1].T,
        torch.complex(x[..., 0], x[..., 1]).conj().imag,  # negated when it is read
        x[..., 0].clone().requires_grad_(),
        torch.nn.Parameter(x[..., 1]),
        x[0, 0, 0].expand(60, 50),
    ]
    with torch.no_grad():
        for view in views:
            expected = without_loops(view.detach().clone().contiguous(), weight)
            assert torch.equal(correlate(view, weight), expected)
    assert len(used) == len(views)


def test_tensors_stay_torchs_own(torch, used):
    x, weight = torch.rand(50, 50), torch.rand(3, 3)
    y = correlate(x, weight)
    assert len(used) == 1
    for tensor in (x, weight, y):
        tensor.resize_(3000)  # which memory that NumPy has seen does not allow
    with torch.inference_mode():
        y = correlate(torch.rand(50, 50), torch.rand(3, 3))
    assert y.is_inference()


def test_whoever_watches_torchs_operations_sees_them(torch, used):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, function, kinds, arguments=(), named=None):
            seen.append(function)
            return function(*arguments, **(named or {}))

    seen, x, weight = [], torch.rand(50, 50), torch.rand(3, 3)
    expected = correlate(x, weight)
    with Watching():
        y = correlate(x, weight)
    assert torch.equal(y, expected)
    assert torch.ops.aten.addcmul_.default in seen
    assert len(used) == 1


def test_elsewhere_torch_adds_up_itself(torch, used):
    weight = torch.ones(3, 3)
    assert correlate(torch.ones(50, 50, device="meta"), weight.to("meta")).device.type == "meta"
    correlate(torch.ones(50, 50, dtype=torch.complex64), weight)
    assert used == []


@pytest.mark.parametrize(("lost", "fused"), [("all", True), ("none", False), ("some", None)])
def test_how_torch_rounds_is_found_out(torch, monkeypatch, lost, fused):
    from multiconv.backends.in_memory import torch as in_memory

    def addcmul(total, first, second):
        exact = (total.double() + first.double() * second.double()).to(total.dtype)
        if lost == "some":
            exact[7] = 0
        return exact if lost != "none" else total + first * second

    monkeypatch.setattr(torch, "addcmul", addcmul)
    assert in_memory._is_fused.__wrapped__(torch.float32) is fused
