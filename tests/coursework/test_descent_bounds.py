"""The bound of a descent that the package computes covers the one that the tests derive."""

import descending
import numpy as np
import oracle
import pytest

from multiconv.coursework import descent_bounds


class TestTheBound:
    @pytest.mark.parametrize(
        ("bias", "mean", "dtype", "rate", "momentum"),
        [
            (False, False, "float32", 0.9, 0.0),
            (True, True, "float32", 0.9, 0.0),
            (False, False, "float64", 0.9, 0.0),
            (True, False, "float32", 1.5, 0.0),
            (False, False, "float32", 0.9, 0.5),
            (True, True, "float32", 1.5, 0.875),
            (True, False, "float64", 1.8, 0.9),
        ],
    )
    def test_it_covers_the_one_derived_in_fractions(self, bias, mean, dtype, rate, momentum):
        """And is not much wider: the Cauchy-Schwarz inequality, and float64 as a reference."""
        rng = np.random.default_rng(0)
        x, y = (rng.normal(size=s).astype("float32") for s in ((1, 1, 7, 8), (1, 1, 6, 6)))
        a = descending.patches(oracle.exactly(x), (2, 3), bias=bias)
        target = descending.targets(oracle.exactly(y))
        matrix, values = a.astype(float), target.astype(float)[:, 0]
        lr = rate * (36 if mean else 1) / np.linalg.eigvalsh(matrix.T @ matrix)[-1]
        start = rng.normal(size=matrix.shape[1]).astype("float32")
        exact = descending.path(
            a,
            target,
            oracle.exactly(start[:, None]),
            lr,
            8,
            mean=mean,
            dtype=dtype,
            momentum=momentum,
        )
        system = descent_bounds.moments([(matrix[:10], values[:10]), (matrix[10:], values[10:])])
        found = descent_bounds.descent_bound(
            system, start, lr, 8, dtype, mean=mean, momentum=momentum
        )
        slack = (2 if dtype == "float32" else 6) * (2 if momentum else 1)
        for step, expected in enumerate(exact):
            own = oracle.exactly(found.weights[step][:, None]) - expected.weight
            away = float(descending.norms(own)[0])
            assert expected.distance[0] + away <= found.distances[step] * (1 + 1e-12)
            assert found.distances[step] <= slack * expected.distance[0]
            error = abs(float(expected.loss) - found.losses[step])
            assert expected.loss_error + error <= found.loss_errors[step] * (1 + 1e-12)
            assert found.loss_errors[step] <= slack * expected.loss_error

    def test_nothing_is_promised_beyond_an_overflow(self):
        system = descent_bounds.moments([(np.eye(2), [1.0, -1.0])])
        found = descent_bounds.descent_bound(system, [0.0, 0.0], 1e6, 60, "float32")
        is_promised = np.isfinite(found.distances)
        assert 3 < is_promised.sum() < 10
        assert not is_promised[-1]
        assert np.array_equal(is_promised, np.sort(is_promised)[::-1])

    def test_it_falls_with_the_powers_and_not_with_the_norm_of_a_step(self):
        """A step with momentum is longer than 1; a bound by its norm would grow for ever."""
        system = descent_bounds.moments([(np.diag([1.0, 30.0]), [1.0, 1.0])])
        momentum = (29 / 31) ** 2
        lr = (1 + momentum) / (1 + 900)
        found = descent_bounds.descent_bound(
            system, [0.0, 0.0], lr, 2000, "float32", momentum=momentum
        )
        assert found.distances[2000] <= 1.001 * found.distances[1000] < 0.1

    def test_where_it_is_not_derived(self):
        system = descent_bounds.moments([(np.eye(2), [1.0, -1.0])])
        with pytest.raises(ValueError, match=r"float16.*float32"):
            descent_bounds.descent_bound(system, [0.0, 0.0], 0.1, 1, "float16")
        with pytest.raises(ValueError, match="blocks"):
            descent_bounds.moments([])

    def test_of_a_solution(self):
        rng = np.random.default_rng(1)
        a, y = rng.normal(size=(40, 5)), rng.normal(size=40)
        system = descent_bounds.moments([(a, y)])
        solved = np.linalg.lstsq(a, y)[0].astype("float32")
        gradient, bound = descent_bounds.stationarity(system, solved, "float32")
        assert (gradient <= bound).all()
        gradient, bound = descent_bounds.stationarity(
            system, solved * np.float32(1 + 1e-5), "float32"
        )
        assert (gradient > bound).any()
