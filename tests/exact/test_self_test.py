"""A device that does not calculate as the exact mode assumes is refused, with the reason."""

import time

import backends_under_test
import numpy as np
import pytest

import multiconv as mc
from multiconv.backends import registry
from multiconv.backends.loops import compiled
from multiconv.backends.numpy import NumPyBackend
from multiconv.exact import self_test
from multiconv.methods.base import MethodRefusal


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch):
    monkeypatch.setattr(self_test, "_refusals", {})


@pytest.fixture(params=[n for n in backends_under_test.CHOSEN if n != "strict"])
def backend(request):
    return registry.load(request.param)


def problems(backend):
    found = self_test.findings(backend, backend.asarray([0.0]))
    return {finding.name for finding in found if finding.problem}


class TestThisMachine:
    def test_it_calculates_as_assumed(self, backend):
        assert problems(backend) == set()

    def test_every_probe_is_run(self, backend):
        found = self_test.findings(backend, backend.asarray([0.0]))
        names = ["products", "small", "sums", "two sums", "integers", "rounding", "loops"]
        assert [f.name for f in found] == names

    def test_it_is_cheap_with_numpy(self):
        backend = registry.load("numpy")
        problems(backend)
        start = time.perf_counter()
        problems(backend)
        assert time.perf_counter() - start < 0.05


class Narrow(NumPyBackend):
    """Multiplies in float32, as where TF32 or worse stands in for float64."""

    def matmul(self, first, second):
        return np.matmul(first.astype(np.float32), second.astype(np.float32)).astype(np.float64)


class InNorm(NumPyBackend):
    """Multiplies exactly, up to an error that is small beside the largest number of a row."""

    def matmul(self, first, second):
        exact = np.matmul(first, second)
        largest = np.max(abs(exact), axis=1, keepdims=True)
        return exact + np.where(largest > 2.0**50, 2.0**-60 * largest, 0)


class Tiled(NumPyBackend):
    """Sums channels by tiles that are transformed, with an error small beside the largest."""

    def product_of_fewer(self, x, weight, geometry):
        y = super().product_of_fewer(x, weight, geometry)
        return None if y is None else y + 2.0**-53 * np.abs(y).max()


class Scattered(NumPyBackend):
    """Loses a bit where single channels are added up tap by tap."""

    def sum_of_taps(self, x, weight, geometry):
        y = super().sum_of_taps(x, weight, geometry)
        return None if y is None else y * (1 + 2.0**-50)


class Loops(NumPyBackend):
    """Has a loop over channels whose error is small beside the largest number alone."""

    def certified_sums(self, *given, is_exact=False):
        y, unsure = super().certified_sums(*given, is_exact=is_exact)
        return y + np.float32(2.0**-53) * np.abs(y).max(), unsure


class Taps(NumPyBackend):
    """Has a loop over the taps of single channels that loses a bit."""

    def certified_taps(self, x, weight, geometry):
        found = super().certified_taps(x, weight, geometry)
        return found and (np.nextafter(found[0], np.float32(0)), found[1])


class Reassociating(NumPyBackend):
    """Has a compiler that simplifies (a + b) - a to b."""

    def compile(self, function, *, operations):
        return lambda *arrays: np.zeros_like(arrays[0]) if len(arrays) == 3 else function(*arrays)


class Saturating(NumPyBackend):
    """Has integers that saturate."""

    def compile(self, function, *, operations):
        def saturated(x, y, forty, mask):
            return np.full_like(x, 2**62)

        return function if operations != 10 or function.__name__ != "calculate" else saturated


class Truncating(NumPyBackend):
    """Casts towards zero."""

    def astype(self, array, name):
        if name == "float32" and array.dtype == np.float64:
            return (array.view(np.int64) & -(2**29)).view(np.float64).astype(np.float32)
        return super().astype(array, name)


class TestADeviceThatDiffers:
    @pytest.mark.parametrize(
        ("device", "expected"),
        [
            (Narrow, {"products", "small"}),
            (Tiled, {"sums"}),
            (Scattered, {"sums"}),
            (Loops, {"loops"}),
            (InNorm, {"small"}),
            (Reassociating, {"two sums"}),
            (Saturating, {"integers"}),
            (Truncating, {"rounding"}),
        ],
    )
    def test_is_found(self, device, expected):
        assert problems(device()) == expected

    @pytest.mark.skipif(not compiled.is_installed(), reason="Numba is not installed")
    def test_a_loop_over_taps_is_found(self):
        assert problems(Taps()) == {"loops"}

    def test_loops_are_refused_once_in_use(self, monkeypatch):
        probe = self_test.LOOPS[0]._replace(run=lambda backend, like: "1 of 2 sums is wrong")
        monkeypatch.setattr(self_test, "LOOPS", (probe,))
        x, weight = np.ones((4, 40, 40), "f4") / 3, np.ones((4, 4, 3, 3), "f4") / 7
        mc.conv2d(x[:, :5, :5], weight, method="exact")
        with pytest.raises(MethodRefusal, match="must find every sum, and 1 of 2 sums is wrong"):
            mc.conv2d(x, weight, method="exact")
        if compiled.is_installed():
            with pytest.raises(MethodRefusal, match="must find every sum"):
                mc.corr2d(np.ones((90, 90), "f4"), np.ones((3, 3), "f4"), method="exact")

    def test_an_error_of_the_framework_is_a_problem(self):
        class Lacking(NumPyBackend):
            def matmul(self, first, second):
                raise TypeError("this device has no float64\nand more")

        (first, *_) = self_test.findings(Lacking(), np.zeros(1))
        assert first.problem == "this device says TypeError: this device has no float64"

    def test_is_refused_with_the_reason(self, monkeypatch):
        monkeypatch.setattr(NumPyBackend, "matmul", Narrow.matmul)
        x, k = np.ones((4, 4), np.float32), np.ones((2, 2), np.float32)
        with pytest.raises(MethodRefusal, match=r"float64 products must keep 53 bits, and \d+ of"):
            mc.corr2d(x, k, method="exact")
        monkeypatch.undo()

    def test_is_asked_once(self, monkeypatch):
        calls = []
        found = self_test.findings
        monkeypatch.setattr(self_test, "findings", lambda *a: calls.append(1) or found(*a))
        for _ in range(3):
            mc.corr2d(np.ones((4, 4)), np.ones((2, 2)), method="exact")
        assert len(calls) == 1

    def test_integers_ask_nothing(self, monkeypatch):
        monkeypatch.setattr(NumPyBackend, "matmul", Narrow.matmul)
        x = np.ones((4, 4), np.int64)
        assert mc.corr2d(x, x[:2, :2], method="exact")[0, 0] == 4
