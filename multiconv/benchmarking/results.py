"""Everything that was measured, and what was not, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from multiconv.benchmarking.candidates import Role
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.header import Header
from multiconv.core import timing
from multiconv.core.timing import Spread

# How many times faster than the others a method that is bounded in norm only must be, to count as
# the best: what the contract asks of `auto`.
_FASTER_IN_NORM = 4


@dataclass(frozen=True)
class Measurement:
    """The time of a candidate in a cell.

    ``cold`` are the seconds of the first call, with compilation; ``turns`` is how many samples the
    median is of. ``is_equal`` tells whether all results were the exact numbers, ``in_norm`` whether
    they need not have been. ``method`` is the one behind ``auto``. ``by_turn`` has the median of
    each turn: all candidates of a cell have their first at about the same time, and so on.
    """

    cell: Cell
    backend: str
    name: str
    role: Role
    method: str
    cold: float
    time: Spread
    turns: int
    is_equal: bool
    in_norm: bool
    by_turn: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """The median."""
        return self.time.median

    @property
    def rate(self) -> float:
        """Multiply-adds of the definition per second."""
        return self.cell.multiply_adds / self.seconds if self.seconds else 0.0

    def times(self, other: Measurement) -> float:
        """Return how many times faster than another of its cell it is: turn by turn, if it can."""
        if self.by_turn and other.by_turn:
            return timing.ratio(self.by_turn, other.by_turn)
        return other.seconds / self.seconds

    def more(self, other: Measurement) -> float:
        """Return how many seconds more than another of its cell it takes, likewise."""
        if self.by_turn and other.by_turn:
            return timing.difference(self.by_turn, other.by_turn)
        return self.seconds - other.seconds

    def __str__(self) -> str:
        return f"{self.backend} {self.name}"


@dataclass(frozen=True)
class Left:
    """A candidate that was not timed in a cell, and why."""

    cell: Cell
    backend: str
    name: str
    reason: str


@dataclass
class Results:
    """A whole run.

    ``wrong`` are those whose results were not right, or who failed: they are not timed. ``absent``
    are those who do not do such a cell or would take too long. ``unmeasured`` cells are those that
    no time was left for.
    """

    header: Header
    measured: list[Measurement] = field(default_factory=list)
    absent: list[Left] = field(default_factory=list)
    wrong: list[Left] = field(default_factory=list)
    unmeasured: list[Cell] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    is_interrupted: bool = False

    @property
    def cells(self) -> list[Cell]:
        """The cells that something was measured in, in order."""
        return list(dict.fromkeys(m.cell for m in self.measured))

    @property
    def backends(self) -> list[str]:
        """The backends whose `auto` took part, in order."""
        return list(dict.fromkeys(m.backend for m in self.measured if m.role == "auto"))

    def of(self, cell: Cell, backend: str | None = None) -> list[Measurement]:
        """Return what was measured in a cell."""
        return [m for m in self.measured if m.cell == cell and backend in (None, m.backend)]

    def one(
        self, cell: Cell, backend: str, *, role: Role | None = None, name: str | None = None
    ) -> Measurement | None:
        """Return the fastest of a role or a name in a cell, if it was measured."""
        return min(
            (
                m
                for m in self.of(cell, backend)
                if role in (None, m.role) and name in (None, m.name)
            ),
            key=lambda m: m.seconds,
            default=None,
        )

    def fastest(self, cell: Cell, backend: str) -> Measurement | None:
        """Return the fastest of a backend in a cell, whatever it is but a yardstick."""
        found = (m for m in self.of(cell, backend) if m.role != "yardstick")
        return min(found, key=_seconds, default=None)

    def best(self, cell: Cell, backend: str) -> Measurement | None:
        """Return the fastest that `auto` could have chosen.

        What keeps a bound in norm only counts where it is at least 4 times faster than the others.
        """
        others = [m for m in self.of(cell, backend) if m.role in ("method", "own")]
        summing = min((m for m in others if not m.in_norm), key=_seconds, default=None)
        in_norm = min((m for m in others if m.in_norm), key=_seconds, default=None)
        if summing is None or in_norm is None:
            return summing or in_norm
        return in_norm if in_norm.seconds * _FASTER_IN_NORM <= summing.seconds else summing


def _seconds(measurement: Measurement) -> float:
    return measurement.seconds
