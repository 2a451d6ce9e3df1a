"""Calls of the same kind share one plan; a tracer's calls leave none behind."""

import numpy as np
import pytest

from multiconv.backends import registry
from multiconv.backends.numpy import NumPyBackend
from multiconv.planning import dispatch as module
from multiconv.planning.dispatch import Operation, dispatch
from multiconv.planning.options import read
from multiconv.planning.plan import Plan

X = np.arange(3)


class Planner:
    """Plans to add the first operand's size, and counts how often it is asked."""

    def __init__(self):
        self.made = []

    def __call__(self, backend, operands, options):
        shape = operands[0].shape
        self.made.append(shape)
        return Plan(lambda x: x + shape[0], shape, "int64")


@pytest.fixture
def planner(monkeypatch):
    monkeypatch.setattr(module, "_calls", {})
    return Planner()


def read_stride(arrays, stride):
    return read(1, stride, 0, 1)


def call(planner, x=X, stride=1):
    return dispatch(Operation(planner, ("x",), read_stride), (x,), (stride,))


class TestPlans:
    def test_one_serves_every_call_of_its_kind(self, planner):
        assert call(planner).tolist() == call(planner, X.copy()).tolist() == [3, 4, 5]
        assert planner.made == [(3,)]

    def test_another_shape_dtype_or_option_has_its_own(self, planner):
        for options in ({}, {"x": X[:2]}, {"x": X.astype(float)}, {"stride": 2}):
            call(planner, **options)
            call(planner, **options)
        assert planner.made == [(3,), (2,), (3,), (3,)]

    def test_no_more_are_kept_than_there_is_room_for(self, planner, monkeypatch):
        monkeypatch.setattr(module, "_MAXIMUM_CALLS", 4)  # two for each: as given, and as read
        for stride in (1, 2, 1, 2, 3, 2):
            call(planner, stride=stride)
            assert len(module._calls) <= 4
        assert len(planner.made) == 4  # for 1, 2, 3, which empties the table, and 2

    def test_arguments_that_mean_the_same_share_one(self, planner):
        for stride in (1, (1,), [1], np.int64(1), 1):
            call(planner, stride=stride)
        assert planner.made == [(3,)]

    @pytest.mark.parametrize("equal", [True, 1.0, (True,), (1.0,)])
    def test_what_is_equal_and_yet_wrong_is_still_read(self, planner, equal):
        call(planner, stride=1)
        call(planner, stride=(1,))
        with pytest.raises(TypeError, match="stride"):
            call(planner, stride=equal)

    def test_a_type_that_another_backend_takes_over_is_planned_anew(self, planner, monkeypatch):
        call(planner)
        other = NumPyBackend()
        monkeypatch.setitem(registry._of_type, np.ndarray, other)
        call(planner)
        assert planner.made == [(3,), (3,)]

    def test_a_subclass_is_checked_whatever_came_before(self, planner):
        call(planner)
        with pytest.raises(TypeError, match="masked"):
            call(planner, np.ma.masked_array(X))
        with pytest.raises(TypeError, match="masked"):
            call(planner, np.ma.masked_array(X))

    def test_a_tracer_leaves_none_behind(self, planner, monkeypatch):
        monkeypatch.setattr(NumPyBackend, "is_tracing", lambda self: True)
        assert call(planner).tolist() == call(planner).tolist() == [3, 4, 5]
        assert planner.made == [(3,), (3,)]
        assert not module._calls

    def test_sizes_without_a_hash_are_planned_anew(self, planner, monkeypatch):
        monkeypatch.setattr(NumPyBackend, "configuration", lambda self: [])
        assert call(planner).tolist() == call(planner).tolist() == [3, 4, 5]
        assert planner.made == [(3,), (3,)]


class TestCompiling:
    @pytest.mark.parametrize("is_compiled", [True, False])
    def test_it_is_left_out_where_the_result_is_no_array(self, planner, monkeypatch, is_compiled):
        seen = []

        def compile(self, function, *, operations):
            seen.append(operations)
            return lambda x: -function(x)

        def plan(backend, operands, options):
            return Plan(lambda x: x, (3,), "int64", 7, is_compiled=is_compiled)

        monkeypatch.setattr(NumPyBackend, "compile", compile)
        assert call(plan).tolist() == ([0, -1, -2] if is_compiled else [0, 1, 2])
        assert seen == [7] * is_compiled
