"""The warning that a rate must diverge: exactly where the singular values say so, and cheaply."""

import math
import warnings

import descending
import hypothesis
import numpy as np
import oracle
import pytest
from hypothesis import strategies as st

import multiconv
from multiconv.layers import shared as layers
from multiconv.learning import normal_form, problem

pytestmark = pytest.mark.needs_backend("numpy")
UNIT = 2.0**-53


@st.composite
def problems(draw):
    """x, y, the kernel's size, whether there is a bias, and A; of many sizes and scales."""
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    kernel = draw(st.integers(1, height)), draw(st.integers(1, width))
    bias, channels = draw(st.booleans()), draw(st.sampled_from([None, 1, 3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = (2, height, width) if channels is None else (2, channels, height, width)
    x = rng.normal(size=size) + draw(st.sampled_from([0, 1, 100]))
    x = x * draw(st.sampled_from([0.0, 1e-3, 1.0, 255.0])) * rng.integers(0, 2, size)
    output = height - kernel[0] + 1, width - kernel[1] + 1
    y = rng.normal(size=(2, *output) if channels is None else (2, 4, *output))
    full = kernel if channels is None else (4, channels, *kernel)
    images = x.reshape(2, channels or 1, height, width)
    a = descending.patches(oracle.exactly(images), kernel, bias).astype(float)
    return x, y, full, bias, a


def slack(a):
    """How far both ways to the largest eigenvalue may be off, relative to it.

    n gamma_m by the small matrix (`normal_form.eigenvalue_beyond`); LAPACK's SVD and eigenvalues
    are backward stable, to a modest multiple of max(m, n) u that is taken as 10 here.
    """
    rows, unknowns = a.shape
    return (2 * unknowns * rows + 20 * max(rows, unknowns)) * UNIT


class TestTheWarning:
    @hypothesis.given(
        problems(),
        st.sampled_from(["sum", "mean"]),
        st.one_of(st.floats(-7, 7), st.sampled_from([-1e-9, 1e-9])),
    )
    def test_comes_exactly_where_the_singular_values_ask_for_it(self, given, loss, exponent):
        x, y, kernel, bias, a = given
        scale = y.size if loss == "mean" else 1
        largest = float(np.linalg.svd(a, compute_uv=False)[0] ** 2)
        limit = scale / largest if largest else math.inf
        lr = min(limit, 1e9) * math.exp(exponent)
        hypothesis.assume(largest == 0 or abs(lr / limit - 1) > slack(a))
        options = {"loss": loss, "bias": bias, "steps": 1, "lr": lr, "seed": 0}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            multiconv.learn_kernel(x, y, kernel, **options)
        assert [w.category for w in caught] == [RuntimeWarning] * (lr > limit)

    def test_survives_numbers_whose_squares_overflow(self):
        x, y = np.full((3, 4), 1e200), np.ones((3, 3))
        with pytest.warns(RuntimeWarning, match="must diverge") as caught:
            multiconv.learn_kernel(x, y, (1, 2), seed=0)
        assert len(caught) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            solved = multiconv.solve_kernel(x, y, (1, 2))
        assert np.all(abs(solved.weight - 5e-201) <= 1e-210)


class TestTheLargestEigenvalue:
    @hypothesis.given(problems())
    def test_is_that_of_the_singular_values(self, given):
        x, y, kernel, bias, a = given
        filters, channels = kernel[:-2] or (None, None)
        layer = layers.read(kernel[-2:], in_channels=channels, out_channels=filters, bias=bias)
        largest = float(np.linalg.svd(a, compute_uv=False)[0] ** 2)
        found = normal_form.eigenvalue_beyond(-1.0, layer, x, y)
        assert abs(found - largest) <= slack(a) * largest
        # The trace, and what bounds it, settle that this is not beyond the limit.
        trace = float(np.sum(a * a))
        limit = kernel[-2] * kernel[-1] * float(np.sum(x * x)) + bias * len(a)
        assert largest * (1 - slack(a)) <= trace
        assert trace <= limit * (1 + slack(a))
        assert normal_form.eigenvalue_beyond(limit * (1 + slack(a)), layer, x, y) is None


class TestTheWork:
    """The reduction of the whole problem is left out where nothing asks for it."""

    @pytest.fixture
    def reduced(self, monkeypatch):
        calls, original = [], problem.normal_form
        monkeypatch.setattr(
            problem, "normal_form", lambda *args: calls.append(1) or original(*args)
        )
        return calls

    @pytest.fixture
    def multiplied(self, monkeypatch):
        calls, original = [], normal_form.blocks
        monkeypatch.setattr(normal_form, "blocks", lambda *args: calls.append(1) or original(*args))
        return calls

    def learn(self, lr, **options):
        """Of an image whose A^T A is 48, and diagonal, with 12 beside it, where there is a bias."""
        x = np.concatenate([np.ones((6, 5)), -np.ones((6, 5))], axis=1)[:, ::5] * 2
        y = oracle.corr2d(x, np.array([[1.0]]))
        return multiconv.learn_kernel(x, y, (1, 1), lr=lr, **options)

    def test_a_rate_within_the_bound_by_the_trace(self, reduced, multiplied):
        assert not self.learn(1 / 49, init=[[0.0]]).notes
        assert not reduced
        assert not multiplied

    def test_a_rate_between_the_bound_and_the_limit(self, reduced, multiplied):
        """The trace is 60, the largest eigenvalue 48."""
        learned = self.learn(1 / 49, init=([[0.0]], [0.0]), bias=True)
        assert not learned.notes
        assert not reduced
        assert len(multiplied) == 1

    def test_advice_asks_for_all_of_it_once(self, reduced):
        with pytest.warns(RuntimeWarning, match="must diverge"):
            learned = self.learn(1 / 40, seed=0)
        assert "grew" in learned.notes[0]
        assert len(reduced) == 1

    def test_so_does_a_loss_that_stalled(self, reduced):
        assert "stalled" in self.learn(1e-6, seed=0).notes[0]
        assert len(reduced) == 1
