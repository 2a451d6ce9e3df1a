"""Which method "auto" runs, and at which sizes it changes its mind."""

from dataclasses import replace

import numpy as np
import pytest

import multiconv
from multiconv.backends.base import Backend
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.methods.base import MethodRefusal, Problem
from multiconv.planning import choose as module
from multiconv.planning.choose import Alternative, choose


class WithNative(Backend):
    """A backend that has a convolution of its own."""

    name = "with native"
    xp = NUMPY.xp

    def native_refusal(self, dtype, device, axes):
        return None


class Exporting(type(NUMPY)):
    def is_exporting(self):
        return True


@pytest.fixture
def unmeasured(monkeypatch):
    """A machine of which nothing is known."""
    monkeypatch.setattr(module, "constants_for", lambda backend, device: None)


@pytest.fixture
def measured(monkeypatch):
    """Return a function that says what each method costs, by method and unit."""

    def say(**seconds):
        monkeypatch.setattr(module, "constants_for", lambda backend, device: seconds)

    return say


def problem(size, kernel, dtype="float32", *, batch=1, channels=1, filters=1):
    geometry = resolve(size, kernel, (1,) * len(size), (1,) * len(size), ((0, 0),) * len(size))
    return Problem(geometry, batch, 1, channels, filters, dtype, None)


def chosen(given, backend=NUMPY):
    return choose("auto", given, backend).method.name


@pytest.mark.usefixtures("unmeasured")
class TestWithoutANativeConvolution:
    def test_one_channel_and_up_to_64_taps_are_multiplied_tap_by_tap(self):
        assert chosen(problem((100, 100), (8, 8))) == "direct"
        assert chosen(problem((100, 100), (5, 13))) == "im2col"

    def test_several_channels_or_filters_are_a_matrix_product(self):
        assert chosen(problem((9, 9), (3, 3), channels=2)) == "im2col"
        assert chosen(problem((9, 9), (3, 3), filters=2)) == "im2col"

    def test_several_images_of_one_channel_are_not(self):
        assert chosen(problem((9, 9), (3, 3), batch=2)) == "direct"

    def test_fewer_outputs_than_taps_are_multiplied_output_by_output(self):
        assert chosen(problem((15,), (8,), channels=2)) == "im2col"
        assert chosen(problem((14,), (8,), channels=2)) == "direct"

    @pytest.mark.parametrize("dtype", ["int8", "uint64"])
    def test_integers_are_always_multiplied_tap_by_tap(self, dtype):
        assert chosen(problem((100, 100), (9, 9), dtype, channels=3, filters=4)) == "direct"


@pytest.mark.usefixtures("unmeasured")
class TestWithANativeConvolution:
    backend = WithNative()

    def test_a_small_result_is_one_call(self):
        assert chosen(problem((2**13 + 1,), (3,)), self.backend) == "native"
        assert chosen(problem((2**13 + 2,), (3,)), self.backend) == "direct"

    def test_several_channels_or_many_taps_are_the_frameworks(self):
        assert chosen(problem((2**14,), (3,), channels=2), self.backend) == "native"
        assert chosen(problem((2**14,), (64,)), self.backend) == "direct"
        assert chosen(problem((2**14,), (65,)), self.backend) == "native"

    def test_few_outputs_of_many_taps_are_products(self):
        assert chosen(problem((363,), (300,)), self.backend) == "direct"
        assert chosen(problem((364,), (300,)), self.backend) == "native"

    def test_integers_stay_exact(self):
        assert chosen(problem((100,), (3,), "int32", channels=2), self.backend) == "direct"


DIRECT = {"call": 1.0, "image": 0.0, "tap": 0.0, "multiply_add": 0.0, "number": 0.0}
FOLDED = {"call": 1.0, "tap": 0.0, "number": 0.0, "product": 0.0}
FFT = {"call": 1.0, "butterfly": 0.0, "product": 0.0, "number": 0.0}
IM2COL = {"call": 1.0, "column": 0.0, "product": 0.0, "number": 0.0}


class TestByCost:
    image = problem((64, 64), (5, 5))

    def test_the_least_estimate_wins(self, measured):
        measured(direct=DIRECT | {"call": 2e-3}, im2col=IM2COL | {"call": 3e-3}, folded=FOLDED)
        found = choose("auto", self.image, NUMPY)
        assert found.method.name == "direct"
        assert found.reason == "about 2 ms, the fastest within the element-wise bound"
        timed = {a.method: a.seconds for a in found.alternatives if a.seconds is not None}
        assert timed == {"direct": 2e-3, "im2col": 3e-3, "folded": 1.0}

    def test_an_estimate_is_the_sum_over_the_units(self, measured):
        seconds = {"call": 1.0, "image": 5.0, "tap": 10.0, "multiply_add": 1e3, "number": 1e6}
        measured(direct=seconds)
        found = choose("auto", self.image, NUMPY)
        products, numbers = 60 * 60 * 25, 64 * 64 + 60 * 60
        expected = 1 + 5 + 10 * 25 + 1e3 * products + 1e6 * numbers
        assert Alternative("direct", expected) in found.alternatives

    def test_phases_count_each(self, measured):
        measured(direct=DIRECT)
        twice = replace(self.image, repeats=2)
        assert Alternative("direct", 2.0) in choose("auto", twice, NUMPY).alternatives

    @pytest.mark.parametrize(("fft", "chosen"), [(0.25, "fft"), (0.26, "direct")])
    def test_the_transform_has_to_be_four_times_faster(self, measured, fft, chosen):
        measured(direct=DIRECT, fft=FFT | {"call": fft})
        found = choose("auto", self.image, NUMPY)
        assert found.method.name == chosen
        assert (found.unless_finite is not None) == (chosen == "fft")

    @pytest.mark.parametrize("fastest", ["direct", "folded", "im2col"])
    def test_what_runs_again_does_not_spread_what_is_not_finite(self, measured, fastest):
        known = {"direct": DIRECT, "folded": FOLDED, "im2col": IM2COL}
        known[fastest] = known[fastest] | {"call": 0.9}
        measured(fft=FFT | {"call": 0.1}, **known)
        found = choose("auto", self.image, NUMPY)
        assert found.method.name == "fft"
        assert not found.unless_finite.spreads
        assert found.unless_finite.name == {"folded": "direct"}.get(fastest, fastest)

    def test_what_needs_too_much_room_is_left_out(self, measured):
        measured(direct=DIRECT, fft=FFT | {"call": 1e-6})
        large = problem((300, 300), (299, 299))
        found = choose("auto", large, NUMPY)
        [fft] = [a for a in found.alternatives if a.method == "fft"]
        assert found.method.name == "direct"
        assert "times the room" in fft.refusal

    def test_what_is_refused_or_not_measured_says_so(self, measured):
        measured(direct=DIRECT, fft={"call": 1.0})
        said = {a.method: a.refusal for a in choose("auto", self.image, NUMPY).alternatives}
        assert said["fft"] == said["im2col"] == "it is not measured here"
        assert "no convolution of its own" in said["native"]
        assert "the transforms" not in str(said["direct"])

    def test_integers_never_pass_through_a_transform(self, measured):
        measured(direct=DIRECT, fft=FFT | {"call": 1e-9})
        assert choose("auto", problem((64, 64), (5, 5), "int32"), NUMPY).method.name == "direct"

    def test_where_nothing_is_measured_a_rule_decides(self, unmeasured):
        found = choose("auto", self.image, NUMPY)
        assert found.reason == "one channel and few taps: a multiply-add per tap"
        assert {a.seconds for a in found.alternatives} == {None}


class TestMemory:
    @pytest.mark.needs_backend("torch")
    def test_torch_forms_no_patch_matrix_of_gigabytes(self):
        """Its own convolution of these would ask for 31 GB."""
        plan = multiconv.plan((2048, 2048), (31, 31), dtype="float64", backend="torch")
        [native] = [a for a in plan.alternatives if a.method == "native"]
        assert plan.method not in ("native", "folded")
        assert "times the room" in native.refusal

    @pytest.mark.parametrize("kernel", [(3, 3), (11, 11), (31, 31)])
    @pytest.mark.parametrize("size", [64, 512, 2048])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_what_auto_takes_needs_three_times_the_arrays_at_most(self, size, kernel, dtype):
        plan = multiconv.plan((size, size), kernel, padding="same", dtype=dtype, backend="numpy")
        itemsize = np.dtype(dtype).itemsize
        arrays = plan.problem.pixels + plan.problem.outputs
        assert plan.workspace_bytes <= itemsize * max(
            module.MOST_WORKSPACE * arrays + plan.problem.pixels, 2 * module._SMALL
        )


class TestRecording:
    @pytest.mark.needs_backend("torch")
    def test_gradients_have_costs_of_their_own(self, monkeypatch):
        """As measured: a chain of additions in place is fast, and differentiated, slow."""
        import torch

        x, k = torch.zeros(64, 64), torch.zeros(5, 5)
        cheap, dear = DIRECT | {"call": 1e-3}, DIRECT | {"call": 2.0}
        recording = {"direct": dear, "folded": FOLDED}
        known = {kind: {"direct": cheap} for kind in ("cpu", "cpu, compiled")}
        known["cpu, recording"] = recording
        monkeypatch.setattr(module, "constants_for", lambda name, kind: known[kind])
        assert multiconv.plan(x, k).method == "direct"
        assert multiconv.plan(x.requires_grad_(), k).method == "folded"
        with torch.no_grad():
            assert multiconv.plan(x, k).method == "direct"


class TestOpenSizes:
    def test_they_are_not_compared(self):
        found = choose("auto", problem((9,), (3,)), Exporting())
        assert (found.method.name, found.reason) == ("im2col", "sizes are open: no choice by size")


class TestNothingToAddUp:
    @pytest.mark.parametrize("method", ["auto", "direct", "fft", "loop"])
    @pytest.mark.parametrize("sizes", [{"batch": 0}, {"channels": 0}, {"filters": 0}])
    def test_no_method_runs(self, method, sizes):
        found = choose(method, problem((9,), (3,), **sizes), NUMPY)
        assert found.method.name == "none"
        assert found.method.takes_border

    def test_a_method_that_cannot_do_it_is_refused_all_the_same(self):
        with pytest.raises(MethodRefusal, match="never pass through floating point"):
            choose("fft", problem((9,), (3,), "int8", batch=0), NUMPY)


class TestLimits:
    def test_the_loop_stops_at_the_backends_limit(self):
        limit = NUMPY.loop_limit
        assert choose("loop", problem((limit,), (1,)), NUMPY).method.name == "loop"
        with pytest.raises(MethodRefusal, match="one by one") as caught:
            choose("loop", problem((limit + 1,), (1,)), NUMPY)
        assert "method='loop!' does it all the same" in str(caught.value)
        assert choose("loop!", problem((limit + 1,), (1,)), NUMPY).method.name == "loop"

    def test_the_toeplitz_matrix_stops_at_a_gibibyte_of_float32(self):
        assert choose("toeplitz", problem((2**14,), (1,)), NUMPY).method.name == "toeplitz"
        for larger in ({"channels": 2}, {"filters": 2}):
            with pytest.raises(MethodRefusal, match=f"{2**29} elements, more than {2**28}"):
                choose("toeplitz", problem((2**14,), (1,), **larger), NUMPY)
        assert choose("toeplitz", problem((2**14,), (1,), batch=2), NUMPY).method.name == "toeplitz"
