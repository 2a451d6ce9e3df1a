"""Seconds from counts and times."""

import pytest

from multiconv.tuning.fit import fitted, undisturbed

COUNTS = [
    {"call": 1, "product": 100.0},
    {"call": 1, "product": 10_000.0, "copy": 50.0},
    {"call": 1, "product": 1e6},
    {"call": 1, "product": 10.0, "copy": 5000.0},
]
SECONDS = {"call": 2e-6, "product": 3e-9, "copy": 5e-8}


def times(seconds):
    return [(c, sum(seconds[unit] * n for unit, n in c.items())) for c in COUNTS]


def test_times_that_are_exact_give_the_seconds_back():
    found = fitted(times(SECONDS))
    assert found == pytest.approx(SECONDS, rel=1e-6)


def test_no_unit_is_less_than_free():
    samples = [({"call": 1, "copy": 1.0}, 1.0), ({"call": 1, "copy": 2.0}, 0.5)]
    found = fitted(samples)
    assert found["copy"] == 0
    assert found["call"] == pytest.approx(0.6)  # least squares of c - 1 and 2 c - 1


def test_the_scale_of_a_unit_does_not_matter():
    larger = [({u: n * 1e12 for u, n in c.items()}, t) for c, t in times(SECONDS)]
    assert fitted(larger) == pytest.approx({u: s / 1e12 for u, s in SECONDS.items()}, rel=1e-6)


def test_a_unit_that_never_counts_is_free():
    assert fitted([({"call": 1, "copy": 0.0}, 2.0)]) == {"call": pytest.approx(2.0), "copy": 0.0}


def test_a_disturbed_sample_is_left_out():
    disturbed = [
        (counts, t * (50 if i == 2 else 1)) for i, (counts, t) in enumerate(times(SECONDS))
    ]
    assert undisturbed([*times(SECONDS), disturbed[2]]) == pytest.approx(SECONDS, rel=1e-6)


def test_a_unit_that_only_a_disturbed_one_has_keeps_its_value():
    samples = [({"call": 1}, 1.0), ({"call": 1}, 1.0), ({"call": 1, "copy": 1.0}, 0.1)]
    assert undisturbed(samples).keys() == {"call", "copy"}
