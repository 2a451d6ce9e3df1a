"""Kernels learned from Dask arrays: those of the whole, without the whole in memory."""

import numpy as np
import pytest
from chunking import computed, in_chunks

import multiconv as mc

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error")]

OPTIONS = {"padding": "same", "padding_mode": "reflect", "stride": 2, "dilation": 2}
KERNEL = np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 0.0]])


@pytest.fixture(params=[{}, OPTIONS], ids=["plain", "bordered"])
def data(request):
    x = np.random.default_rng(0).integers(-9, 9, (40, 50)).astype("float64")
    return x, mc.corr2d(x, KERNEL, **request.param), request.param


def chunked(x, y):
    return in_chunks(x, (17, 9)), in_chunks(y, (11, 13))


class TestSolving:
    def test_the_kernel_comes_back(self, data):
        x, y, options = data
        solved = mc.solve_kernel(*chunked(x, y), (2, 3), bias=True, **options)
        assert np.array_equal(computed(solved.weight).round(9) + 0.0, KERNEL)
        assert (solved.rank, solved.is_determined) == (7, True)

    def test_groups_of_channels(self):
        rng = np.random.default_rng(1)
        x, weight = (
            rng.integers(-9, 9, s).astype("float64") for s in ((3, 4, 12, 13), (6, 2, 3, 3))
        )
        y = mc.conv2d(x, weight, groups=2)
        arrays = in_chunks(x, (2, 3, 5, 6)), in_chunks(y, (1, 4, 4, 9))
        solved = mc.solve_kernel(*arrays, weight.shape, groups=2)
        assert np.array_equal(computed(solved.weight).round(9), weight)

    def test_directions_that_the_data_leave_open(self):
        x = np.ones((12, 16))
        solved = mc.solve_kernel(in_chunks(x, (5, 5)), np.full((12, 15), 5.0), (1, 2))
        assert (solved.rank, solved.unknowns) == (1, 2)
        assert np.array_equal(solved.undetermined.round(3), [[0.707, -0.707]])

    def test_numbers_that_are_not_finite_are_found_in_their_chunk(self):
        x = np.ones((12, 16))
        x[7, 7] = np.nan
        with pytest.raises(ValueError, match="x holds numbers that are not finite"):
            mc.solve_kernel(in_chunks(x, (5, 5)), in_chunks(np.ones((12, 15)), -1), (1, 2))


class TestLearning:
    def test_the_way_is_that_of_the_whole(self, data):
        x, y, options = data
        given = {"lr": 3e-6, "steps": 4, "init": np.zeros((2, 3)), "bias": False, **options}
        whole = mc.learn_kernel(x, y, (2, 3), **given)
        learned = mc.learn_kernel(*chunked(x, y), (2, 3), **given)
        assert np.array_equal(computed(learned.losses).round(3), whole.losses.round(3))
        assert np.array_equal(computed(learned.weight).round(9), whole.weight.round(9))

    def test_one_pass_over_the_data_for_every_step(self, data):
        from dask.callbacks import Callback

        x, y, options = data
        passes = []
        with Callback(start=lambda graph: passes.append(len(graph))):
            given = {"lr": 3e-6, "steps": 5, "init": np.zeros((2, 3)), "bias": True, **options}
            mc.learn_kernel(*chunked(x, y), (2, 3), **given)
        over_the_data = [tasks for tasks in passes if tasks > 10]
        assert len(over_the_data) == 1 + 5  # the normal form says whether the rate diverges

    def test_a_rate_that_must_diverge_is_known_before(self, data):
        x, y, options = data
        with pytest.warns(RuntimeWarning, match="must diverge"):
            mc.learn_kernel(*chunked(x, y), (2, 3), lr=1.0, steps=1, **options)
