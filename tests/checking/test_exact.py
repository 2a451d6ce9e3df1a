"""What is right comes from the definition, as the tests' own oracle has it."""

import numpy as np
import oracle
import pytest

from multiconv.checking import exact
from multiconv.checking.tasks.table import TASKS


def drawn(*shape):
    return np.random.default_rng(sum(shape)).integers(-9, 10, shape).astype(float)


class TestSums:
    X, W = drawn(2, 3, 5, 4), drawn(4, 3, 2, 3)
    DY = drawn(2, 4, 4, 2)

    def test_a_correlation(self):
        found = exact.correlate(self.X, self.W)
        assert np.array_equal(found.values, oracle.conv(self.X, self.W))
        assert np.array_equal(found.magnitudes, oracle.conv(abs(self.X), abs(self.W)))
        assert found.products == 18

    def test_the_gradients_are_adjoint_to_it(self):
        y = exact.correlate(self.X, self.W).values
        dx, dw = exact.input_grad(self.DY, self.W), exact.weight_grad(self.DY, self.X)
        assert (dx.values * self.X).sum() == (dw.values * self.W).sum() == (y * self.DY).sum()

    def test_the_gradient_of_a_bias(self):
        assert np.array_equal(exact.bias_grad(self.DY).values, self.DY.sum(axis=(0, 2, 3)))


@pytest.mark.parametrize("name", list(TASKS))
@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
class TestCases:
    def test_the_same_seed_draws_the_same(self, name, framework):
        first, again = (TASKS[name].cases(np.random.default_rng(4), framework) for _ in range(2))
        for a, b in zip(first, again, strict=True):
            assert a.title == b.title
            for x, y in zip(a.arrays.values(), b.arrays.values(), strict=True):
                assert np.array_equal(x, y)

    def test_no_usual_mistake_is_right_in_all_of_them(self, name, framework):
        task = TASKS[name]
        cases = task.cases(np.random.default_rng(5), framework)
        for mistake in task.mistakes:
            given = [(mistake.gives(c), task.wanted(c)) for c in cases if c.gradient_of is None]
            same = [
                results is not None
                and all(
                    np.array_equal(a, w.sums.values) for a, w in zip(results, wanted, strict=True)
                )
                for results, wanted in given
            ]
            has_bytes = any(a.dtype.name == "uint8" for c in cases for a in c.arrays.values())
            if mistake.key != "wrapped" or has_bytes:
                assert not all(same), mistake.says
