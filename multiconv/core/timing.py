"""Time on a noisy machine: all candidates take turns in one run, and medians are kept."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from multiconv.core.quiet import until_quiet

#: Computes, and waits until that is done.
Call: TypeAlias = Callable[[], Any]

#: How many turns everything has, and how many at most.
LEAST_ROUNDS, MOST_ROUNDS = 3, 7
_SECONDS_OF_A_SAMPLE = 0.004  # of calls that take less, so that the clock does not count
_SECONDS_SHORT, _SAMPLES_OF_SHORT = 0.01, 3  # in every round
_SECONDS_LONG = 0.15  # what takes less begins a round with a call that is not timed


@dataclass
class Timed:
    """A call, what it took at first and at its second time, and its samples, all in seconds.

    ``turns`` has the median of the samples of each turn.
    """

    call: Call
    cold: float = 0.0
    warm: float = 0.0
    samples: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """How many calls a sample is the mean of."""
        return max(1, round(_SECONDS_OF_A_SAMPLE / max(self.warm, 1e-7)))


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles beside it, in seconds."""

    median: float
    low: float
    high: float

    @property
    def relative(self) -> float:
        """Half the distance of the quartiles, as a fraction of the median."""
        return (self.high - self.low) / (2 * self.median) if self.median else 0.0


def spread(samples: Sequence[float]) -> Spread:
    """Return the median and the quartiles, by interpolation between the samples."""
    if len(samples) == 1:
        return Spread(samples[0], samples[0], samples[0])
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(middle, low, high)


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how many times as long ``other`` took, by the turns that both had.

    What slows a machine down for some seconds slows both of a turn, and leaves their ratio alone.
    """
    return statistics.median(theirs / own for own, theirs in zip(one, other, strict=False))


def difference(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how many seconds more ``one`` took, by the turns that both had."""
    return statistics.median(own - theirs for own, theirs in zip(one, other, strict=False))


def warm_up(timed: Timed, clock: Callable[[], float] = time.perf_counter) -> None:
    """Call again, now that all is compiled: twice or more, once where that already takes long."""
    start = clock()
    for calls in range(1, 5):
        before = clock()
        timed.call()
        now = clock()
        timed.warm = min(timed.warm or now - before, now - before)
        if now - start > (_SECONDS_OF_A_SAMPLE if calls > 1 else _SECONDS_LONG):
            return


def interleave(
    candidates: Sequence[Timed],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    rest: Callable[[], None] = until_quiet,
) -> None:
    """Let the candidates take turns for about so long, and add to their samples.

    Every other round goes through them backwards, so that nobody always follows the same neighbour,
    and between two of them there is a rest. What is interrupted keeps its samples.
    """
    start, rounds = clock(), 0
    while candidates and (
        rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and clock() - start < seconds)
    ):
        for candidate in candidates[:: -1 if rounds % 2 else 1]:
            rest()
            _turn(candidate, clock)
        rounds += 1


def _turn(candidate: Timed, clock: Callable[[], float]) -> None:
    call, repeats = candidate.call, candidate.repeats
    seconds = candidate.warm * repeats
    if seconds < _SECONDS_LONG:
        call()  # so that threads are awake, and caches are this candidate's
    samples = []
    for _ in range(_SAMPLES_OF_SHORT if seconds < _SECONDS_SHORT else 1):
        start = clock()
        for _ in range(repeats):
            call()
        samples.append((clock() - start) / repeats)
    candidate.samples += samples
    candidate.turns.append(statistics.median(samples))
