"""A wrong descent is told from outside, whatever its rate, its steps and its start are."""

import numpy as np
import pytest

from multiconv.checking import descents
from multiconv.checking.tasks.table import TASKS

CASE = TASKS["learn"].cases(np.random.default_rng(0), "numpy")[0]


def learner(kind, rate, steps):
    """A descent on the squared error; ``kind`` is what is wrong with it."""

    def learn(case):
        x, y, (kh, kw) = case.array("x"), case.array("y"), case.size("kernel_size")
        rows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw)).reshape(-1, kh * kw)
        w, total = np.random.default_rng(3).random(kh * kw), 0
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                slope = 2 * rows.T @ (rows @ w - y.ravel())
                slope = slope / y.size if kind == "wrong-scale" else slope
                total = total + slope if kind == "zero-grad" else slope
                w = w + rate * total if kind == "wrong-sign" else w - rate * total
        return w.reshape(kh, kw)

    return learn


@pytest.mark.parametrize("steps", [5, 10, 30, 100, 500])
@pytest.mark.parametrize("rate", [0.003, 0.01, 0.03])
@pytest.mark.parametrize("kind", ["wrong-sign", "zero-grad", "wrong-scale"])
def test_it_is_told(kind, rate, steps):
    found = descents.diagnose(CASE, learner(kind, rate, steps))
    if kind == "wrong-scale" and rate * steps < 0.2:  # so few that they could not do anyway
        assert found.key in ("wrong-scale", "too-slow")
    else:
        assert found.key == kind


@pytest.mark.parametrize(("rate", "steps"), [(0.001, 10), (0.01, 1), (1e-5, 100)])
def test_one_that_stops_early_is_slow(rate, steps):
    assert descents.diagnose(CASE, learner("", rate, steps)).key == "too-slow"


def test_one_that_diverges_has_steps_that_are_too_large():
    assert descents.diagnose(CASE, learner("", 0.1, 10)) == descents._FAST


def test_nothing_is_said_of_one_that_starts_elsewhere_each_time():
    rng = np.random.default_rng(0)
    assert descents.diagnose(CASE, lambda case: rng.random((1, 2))) is None


def test_nothing_is_said_of_one_that_gives_nothing():
    assert descents.diagnose(CASE, lambda case: None) is None
