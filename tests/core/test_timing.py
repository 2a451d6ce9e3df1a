"""Turns, medians and quartiles, with a clock that the tests wind."""

import pytest

from multiconv.core import quiet, timing
from multiconv.core.timing import Spread, Timed


class Clock:
    """Time that passes only where a candidate takes some."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def __call__(self):
        return self.now

    def candidate(self, name, seconds, warm=None):
        def call():
            self.now += seconds
            self.called.append(name)

        return Timed(call, warm=seconds if warm is None else warm)

    @property
    def turns(self):
        """Whose turn it was, however many calls each had."""
        return [name for i, name in enumerate(self.called) if i == 0 or name != self.called[i - 1]]


@pytest.fixture
def clock():
    return Clock()


class TestSpread:
    def test_of_an_odd_number(self):
        assert timing.spread([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 2.0, 4.0)

    def test_between_the_samples(self):
        assert timing.spread([1.0, 2.0, 3.0, 4.0]) == Spread(2.5, 1.75, 3.25)

    def test_of_one(self):
        assert timing.spread([2.0]) == Spread(2.0, 2.0, 2.0)

    def test_relative(self):
        assert Spread(4.0, 3.0, 5.0).relative == 0.25


class TestTurns:
    def test_they_go_back_and_forth(self, clock):
        candidates = [clock.candidate(name, 0.2) for name in "abc"]
        timing.interleave(candidates, 0.0, clock, lambda: None)
        # Who ends a round begins the next.
        assert clock.called == list("abccbaabc")
        assert [len(c.samples) for c in candidates] == [3, 3, 3]

    def test_there_is_a_rest_before_each(self, clock):
        candidates = [clock.candidate(name, 0.2) for name in "ab"]
        timing.interleave(candidates, 0.0, clock, lambda: clock.called.append("-"))
        assert "".join(clock.called) == "-a-b-b-a-a-b"

    def test_as_long_as_there_is_time_and_no_longer(self, clock):
        candidates = [clock.candidate(name, 0.2) for name in "ab"]
        timing.interleave(candidates, 1.9, clock, lambda: None)
        assert [len(c.samples) for c in candidates] == [5, 5]
        timing.interleave(candidates, 1000.0, clock, lambda: None)
        assert [len(c.samples) for c in candidates] == [12, 12]

    def test_a_sample_is_the_mean_of_many_short_calls(self, clock):
        short = clock.candidate("a", 0.0001)
        timing.interleave([short], 0.0, clock, lambda: None)
        assert short.repeats == 40
        assert len(clock.called) == 3 * (1 + 3 * 40)  # a call that is not timed, three samples
        assert short.samples == pytest.approx([0.0001] * 9, rel=1e-9)

    def test_nobody(self, clock):
        timing.interleave([], 1.0, clock, lambda: None)

    def test_what_is_interrupted_keeps_its_samples(self, clock):
        def interrupt():
            if len(clock.called) >= 3:
                raise KeyboardInterrupt

        candidates = [clock.candidate(name, 0.2) for name in "ab"]
        with pytest.raises(KeyboardInterrupt):
            timing.interleave(candidates, 0.0, clock, interrupt)
        assert [len(c.samples) for c in candidates] == [1, 2]


class TestByTurns:
    def test_the_median_of_each_turn(self, clock):
        short = clock.candidate("a", 0.001)
        timing.interleave([short], 0.0, clock, lambda: None)
        assert short.turns == pytest.approx([0.001] * 3)

    def test_what_slows_both_down_leaves_their_ratio_alone(self):
        # The medians are 2 and 3; turn by turn the other always took twice as long.
        assert timing.ratio([1.0, 2.0, 9.0, 2.0], [2.0, 4.0, 18.0, 4.0]) == 2.0
        assert timing.difference([1.0, 2.0, 9.0], [0.5, 1.5, 8.5]) == 0.5

    def test_only_turns_that_both_had(self):
        assert timing.ratio([1.0, 1.0], [3.0]) == 3.0
        assert timing.difference([4.0], [3.0, 100.0]) == 1.0


class TestWarmingUp:
    def test_the_fastest_of_a_few_short_calls(self, clock):
        timed = clock.candidate("a", 0.001, warm=0.0)
        timing.warm_up(timed, clock)
        assert len(clock.called) == 4
        assert timed.warm == pytest.approx(0.001)

    def test_a_long_one_is_called_once(self, clock):
        timed = clock.candidate("a", 1.0, warm=0.0)
        timing.warm_up(timed, clock)
        assert clock.called == ["a"]
        assert timed.warm == 1.0


class TestQuiet:
    @pytest.mark.parametrize("looks", [1, 3])
    def test_it_looks_until_nobody_runs(self, monkeypatch, looks):
        answers = [True] * looks + [False]
        monkeypatch.setattr(quiet, "_is_any_running", lambda: answers.pop(0))
        monkeypatch.setattr(quiet, "_is_time_spent", lambda: answers.pop(0))
        quiet.until_quiet()
        assert answers == []

    def test_it_does_not_wait_for_ever(self, monkeypatch):
        monkeypatch.setattr(quiet, "_is_any_running", lambda: True)
        monkeypatch.setattr(quiet, "_is_time_spent", lambda: True)
        monkeypatch.setattr(quiet, "_MOST_SECONDS", 0.01)
        quiet.until_quiet()

    def test_a_thread_that_works_is_seen(self):
        if not quiet._TASKS.is_dir():
            pytest.skip("the system does not list its threads")
        import threading

        ends, began = threading.Event(), threading.Event()

        def work():
            began.set()
            while not ends.is_set():
                sum(range(10**5))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            began.wait()
            assert any(quiet._is_any_running() for _ in range(1000))
        finally:
            ends.set()
            thread.join()
