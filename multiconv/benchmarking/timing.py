"""Time on a noisy machine: all candidates take turns in one run, and medians are kept."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from multiconv.benchmarking.libraries import Call

_LEAST_TURNS, _MOST_TURNS = 5, 11
_SECONDS_LONG, _LEAST_LONG_TURNS = 0.1, 3  # what takes more need not take as many turns
_SECONDS_OF_A_TURN = 0.004  # of calls that take less, so that the clock does not count
_SECONDS_SHORT = 0.025  # a turn that takes less begins with a call that is not timed
# Between two libraries: threads of the one go on waiting for work at full speed, those of OpenBLAS
# for 2**26 ticks of the processor, and would take the time of the other's.
_SECONDS_OF_REST = 0.035


@dataclass
class Timed:
    """A call, whose threads it runs on, what it took at first, and what its turns took per call."""

    call: Call
    library: str = ""
    cold: float = 0.0
    warm: float = 0.0
    samples: list[float] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """How many calls a turn has."""
        return max(1, round(_SECONDS_OF_A_TURN / max(self.warm, 1e-7)))

    @property
    def seconds_of_a_turn(self) -> float:
        """How long a turn takes, with the call before it that is not timed."""
        seconds = self.warm * self.repeats
        return seconds + self.warm if seconds < _SECONDS_SHORT else seconds


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


def warm_up(timed: Timed, clock: Callable[[], float] = time.perf_counter) -> None:
    """Call once more, now that all is compiled, and a few times what takes no time at all."""
    for _ in range(4):
        start = clock()
        timed.call()
        seconds = clock() - start
        timed.warm = min(timed.warm or seconds, seconds)
        if seconds > _SECONDS_OF_A_TURN / 4:
            return


def interleave(
    candidates: Sequence[Timed],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    rest: Callable[[float], None] = time.sleep,
) -> None:
    """Let the candidates take turns for about so long, and add to their samples.

    Each gets the same time, so the slow ones sit out some rounds, evenly. Every other round goes
    through them backwards, so that nobody always follows the same neighbour; between two libraries
    there is a rest. What is interrupted keeps its samples.
    """
    share = seconds / max(len(candidates), 1)
    before = ""
    turns = [_turns(candidate, share) for candidate in candidates]
    rounds = max(turns, default=0)
    for number in range(rounds):
        order = list(zip(candidates, turns, strict=True))
        for candidate, count in order[:: -1 if number % 2 else 1]:
            if (number + 1) * count // rounds > number * count // rounds:
                if candidate.library != before:
                    rest(_SECONDS_OF_REST)
                before = candidate.library
                candidate.samples.append(_turn(candidate, clock))


def _turns(candidate: Timed, seconds: float) -> int:
    """Return how many turns a candidate gets, in about so many seconds."""
    least = _LEAST_LONG_TURNS if candidate.warm > _SECONDS_LONG else _LEAST_TURNS
    return min(max(int(seconds / max(candidate.seconds_of_a_turn, 1e-9)), least), _MOST_TURNS)


def _turn(candidate: Timed, clock: Callable[[], float]) -> float:
    call, repeats = candidate.call, candidate.repeats
    if candidate.warm * repeats < _SECONDS_SHORT:
        call()
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats
