"""Who agrees on what: a row for every method, a column for every framework, eager and compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multiconv.coursework.compare import Comparison, Library
from multiconv.coursework.layout import grouped
from multiconv.coursework.runs import Run, Timing

#: What a cell shows for the status of its runs, and the style of it.
SIGNS = {
    "agrees": ("✓", "good"),
    "disagrees": ("✗", "bad"),
    "failed": ("!", "bad"),
    "unavailable": ("-", "faint"),
}
#: What is said about the signs below a grid.
MEANINGS = {
    "agrees": "every result and gradient is the exact one, up to rounding",
    "disagrees": "a result or a gradient is wrong",
    "failed": "an error was raised",
    "unavailable": "there is no such method",
}
_SEVERITY = ("failed", "disagrees", "agrees", "unavailable")


@dataclass(frozen=True)
class Column:
    """The runs of a framework in one mode, by method: on every example, the picture last."""

    library: Library
    mode: str
    runs: dict[str, list[Run]]

    @property
    def word(self) -> str:
        """The mode in plain words."""
        return "compiled" if self.mode == "jit" else self.mode

    def __str__(self) -> str:
        return f"{self.library.name} {self.word}"

    def status(self, method: str) -> str:
        """Return what the runs of a method amount to, one that is wrong before all others."""
        found = {run.status for run in self.runs[method]}
        return next(status for status in _SEVERITY if status in found)

    def picture(self, method: str) -> Run:
        """Return the run on the picture."""
        return self.runs[method][-1]

    def timing(self, method: str, stage: str) -> Timing | None:
        """Return the times on the picture."""
        return self.picture(method).timings.get(stage)

    def is_part(self, method: str, comparison: Comparison) -> bool:
        """Tell whether a method had the middle of the picture only."""
        return self.picture(method).case.x.shape != comparison.cases[-1].x.shape


def columns(comparison: Comparison) -> list[Column]:
    """Return a column for every framework and mode in which anything ran."""
    found: list[Column] = []
    for library in comparison.libraries:
        for mode in ("eager", "jit"):
            runs: dict[str, list[Run]] = {}
            for run in comparison.runs:
                if (run.configuration.face.name, run.configuration.mode) == (library.name, mode):
                    runs.setdefault(run.configuration.method, []).append(run)
            if runs:
                found.append(Column(library, mode, runs))
    return found


def methods(comparison: Comparison) -> list[str]:
    """Return the methods in the order in which they ran."""
    return list(dict.fromkeys(run.configuration.method for run in comparison.runs))


def statuses(comparison: Comparison, found: Sequence[Column]) -> list[str]:
    """Return every status that occurs, for those that need an explanation."""
    present = {column.status(method) for column in found for method in methods(comparison)}
    return [status for status in SIGNS if status in present]


def missing(comparison: Comparison, found: Sequence[Column]) -> dict[str, list[str]]:
    """Return why methods are not there, each reason with its methods."""
    return grouped(
        (run.refusals["forward"].partition("; ")[0], f"{column.library.name} {method}")
        for column in found
        for method in methods(comparison)
        if column.status(method) == "unavailable"
        for run in column.runs[method]
        if "forward" in run.refusals
    )


def parts(comparison: Comparison, found: Sequence[Column]) -> list[str]:
    """Return the methods that had only the middle of the picture, each with how much of it."""
    texts = []
    for method in methods(comparison):
        sizes = {
            f"{run.case.x.shape[0]}x{run.case.x.shape[1]}": run.case.x.size
            for column in found
            if column.is_part(method, comparison)
            for run in [column.picture(method)]
        }
        if sizes:
            texts.append(f"{method}: {', '.join(sorted(sizes, key=sizes.__getitem__))}")
    return texts
