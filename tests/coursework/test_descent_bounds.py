"""The bounds of a descent's steps that the package computes cover those that the tests derive."""

from fractions import Fraction

import descending
import numpy as np
import oracle
import pytest

from multiconv.coursework import descent_bounds

ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}


def descended(matrix, y, start, lr, steps, dtype, momentum):
    """A descent in NumPy, of this dtype in every operation."""
    a, y, weight = (np.asarray(v, dtype) for v in (matrix, y, start))
    lr, momentum, velocity = np.dtype(dtype).type(lr), np.dtype(dtype).type(momentum), 0 * weight
    places = [weight]
    for _ in range(steps):
        slope = 2 * (a.T @ (a @ weight - y))
        velocity = momentum * velocity + slope if momentum else slope
        weight = weight - lr * velocity
        places.append(weight)
    return np.array(places)


def derived(a, y, place, moved, lr, scale, dtype, momentum):
    """The bound of one step out of a place, from A itself, as in `descending`."""
    u = ROUNDOFF[dtype]
    rows, unknowns = a.shape
    matrix, target = abs(a.astype(float)), abs(y.astype(float))

    def gamma(k):
        return k * u / (1 - k * u)

    r = abs((a @ oracle.exactly(place) - y).astype(float))
    d = gamma(unknowns + 2) * (matrix @ abs(place) + target)
    slope = scale * matrix.T @ (d + gamma(rows + 6) * (r + d))
    velocity = scale * matrix.T @ r
    update = gamma(3) * abs(place)
    if momentum:
        velocity = velocity + momentum * abs(moved) / lr
        slope = slope + gamma(3) * velocity
        update = update + momentum * gamma(3) * (abs(place) + abs(moved))
    return lr * slope + update + gamma(3) * lr * velocity


class TestSteps:
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
    def test_they_cover_the_ones_derived_from_the_patches(self, bias, mean, dtype, rate, momentum):
        """And are not much wider: the Cauchy-Schwarz inequality, and float64 as a reference."""
        rng = np.random.default_rng(0)
        x, y = (rng.normal(size=s).astype("float32") for s in ((1, 1, 7, 8), (1, 1, 6, 6)))
        a = descending.patches(oracle.exactly(x), (2, 3), bias=bias)
        target = descending.targets(oracle.exactly(y))[:, 0]
        matrix, values = a.astype(float), target.astype(float)
        scale = 2 / 36 if mean else 2.0
        lr = rate * 2 / scale / np.linalg.eigvalsh(matrix.T @ matrix)[-1]
        start = rng.normal(size=matrix.shape[1]).astype("float32")
        places = descended(matrix, values, start, lr * scale / 2, 8, dtype, momentum)
        system = descent_bounds.moments([(matrix[:10], values[:10]), (matrix[10:], values[10:])])
        found = descent_bounds.step_bounds(system, places, lr, dtype, mean=mean, momentum=momentum)
        slack = 4 if dtype == "float32" else 12
        exact_lr, exact_scale = Fraction(lr), Fraction(2, 36 if mean else 1)
        before = oracle.exactly(places[0])
        for step in range(8):
            here, there = oracle.exactly(places[step]), oracle.exactly(places[step + 1])
            moved = here - before
            r = a @ here - target
            defect = there - here + exact_lr * exact_scale * (a.T @ r) - Fraction(momentum) * moved
            away = abs(abs(defect) - oracle.exactly(found.defects[step])).astype(float)
            wide = (places[step].astype(float), moved.astype(float))
            expected = derived(a, target, *wide, lr, scale, dtype, momentum)
            assert np.all(expected + away <= found.bounds[step])
            assert np.all(found.bounds[step] <= slack * expected)
            assert np.all(found.defects[step] <= found.bounds[step])
            exact = (r * r).sum() * exact_scale / 2
            assert abs(float(exact) - found.losses[step]) <= found.loss_errors[step]
            before = here

    @pytest.mark.parametrize("momentum", [0.0, 0.8])
    def test_they_stay_sharp_and_find_what_is_wrong(self, momentum):
        """After a thousand steps as after one, wherever the fault is."""
        rng = np.random.default_rng(1)
        a, y = rng.normal(size=(50, 4)), rng.normal(size=50)
        a, y = (v.astype("float32") for v in (a, y))
        system = descent_bounds.moments([(a, y)])
        lr = 0.3 / np.linalg.eigvalsh(system.gram)[-1]
        places = descended(a, y, np.zeros(4), lr, 1000, "float32", momentum)

        def fractions(places, **changes):
            options = {"lr": lr, "momentum": momentum} | changes
            found = descent_bounds.step_bounds(system, places, dtype="float32", **options)
            return np.max(found.defects / found.bounds, axis=1)

        assert np.all(fractions(places) <= 1)
        assert np.argmax(fractions(places, lr=lr * 1.001)) < 20
        assert np.max(fractions(places, lr=lr * 1.001)) > 1
        assert np.max(fractions(places, momentum=0.1)) > 1
        for step in (1, 500, 1000):
            wrong = places.copy()
            wrong[step:, 0] += np.float32(3e-4)
            assert fractions(wrong)[step - 1] > 1

    def test_nothing_is_promised_beyond_an_overflow(self):
        system = descent_bounds.moments([(np.eye(2), [1.0, -1.0])])
        with np.errstate(over="ignore", invalid="ignore"):
            places = descended(np.eye(2), [1.0, -1.0], [0.0, 0.0], 1e6, 60, "float32", 0.0)
        found = descent_bounds.step_bounds(system, places, 1e6, "float32")
        is_promised = np.isfinite(found.bounds).all(axis=1)
        assert 1 < is_promised.sum() < 10
        assert np.array_equal(is_promised, np.sort(is_promised)[::-1])
        assert np.all(found.defects[is_promised] <= found.bounds[is_promised])
        assert np.isinf(found.loss_errors[-1])

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_a_step_to_what_is_no_number_is_within_no_bound(self, value):
        system = descent_bounds.moments([(np.eye(2), [1.0, -1.0])])
        places = np.array([[0.0, 0.0], [0.5, value]])
        found = descent_bounds.step_bounds(system, places, 0.25, "float32")
        assert np.all(np.isfinite(found.bounds))
        assert not found.defects[0, 1] <= found.bounds[0, 1]

    def test_where_they_are_not_derived(self):
        system = descent_bounds.moments([(np.eye(2), [1.0, -1.0])])
        with pytest.raises(ValueError, match=r"float16.*float32"):
            descent_bounds.step_bounds(system, np.zeros((2, 2)), 0.1, "float16")
        with pytest.raises(ValueError, match="blocks"):
            descent_bounds.moments([])


def test_of_a_solution():
    rng = np.random.default_rng(1)
    a, y = rng.normal(size=(40, 5)), rng.normal(size=40)
    system = descent_bounds.moments([(a, y)])
    solved = np.linalg.lstsq(a, y)[0].astype("float32")
    gradient, bound = descent_bounds.stationarity(system, solved, "float32")
    assert (gradient <= bound).all()
    gradient, bound = descent_bounds.stationarity(system, solved * np.float32(1 + 1e-5), "float32")
    assert (gradient > bound).any()
