"""The rows of the tables that the page and the Markdown report share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from multiconv.coursework.compare import Comparison
from multiconv.coursework.exact_mode import RESULTS
from multiconv.coursework.layout import by, digits, duration, numbers
from multiconv.coursework.learning import Learning
from multiconv.coursework.reports.grid import Column, missing
from multiconv.coursework.reports.speed import speeds
from multiconv.coursework.runs import Timing

_DECIMALS = 4  # of learned kernels


def environment(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield what the times depend on besides the frameworks."""
    machine = comparison.machine
    yield "multiconv", comparison.version
    yield "Python", machine.python
    yield "system", machine.system
    yield "processor", f"{machine.cpu}, {machine.cpus} CPUs"
    yield from machine.settings.items()
    yield "picture", f"{comparison.picture}, {by(comparison.cases[-1].x.shape)}, float32"
    yield "kernel", comparison.kernel


def framework_rows(comparison: Comparison) -> list[list[str]]:
    """Return a row for every framework, those that cannot be used last."""
    rows = [
        [
            library.name,
            library.version or "",
            library.device,
            str(library.threads or ""),
            library.compiler or "",
        ]
        for library in comparison.libraries
    ]
    return rows + [[name, "cannot be used", "", "", ""] for name in comparison.broken]


def remarks(comparison: Comparison, found: Sequence[Column]) -> Iterator[str]:
    """Yield why methods are not there, and what is to be said about compilers."""
    for reason, where in missing(comparison, found).items():
        yield f"{', '.join(where)}: {reason}."
    for library in comparison.libraries:
        if library.remark:
            yield f"{library.remark}."


def bits_rows(comparison: Comparison) -> list[list[str]]:
    """Return for every method how many bits its results have in common."""
    return [
        [
            common.method,
            str(common.results),
            by(common.size),
            f"{common.minimum} of {common.bits}",
            f"{common.median:g} of {common.bits}",
            f"{100 * common.equal:.0f} %",
        ]
        for common in comparison.common_bits
    ]


def hash_rows(comparison: Comparison) -> list[list[str]]:
    """Return for every framework and mode the hash of each exact result."""
    found = comparison.exact_mode
    if found is None:
        return []
    return [
        [str(one), *(one.sha256.get(name, "")[:16] for name in RESULTS)] for one in found.hashes
    ]


def time_rows(comparison: Comparison, column: Column) -> list[list[str]]:
    """Return for every method the first call, the median and the quartiles, of y and of all."""
    return [
        [
            f"{speed.label}, {by(column.picture(speed.method).case.x.shape)}"
            if speed.is_part
            else speed.label,
            *_cells(speed.forward),
            *_cells(speed.gradients),
        ]
        for speed in speeds(comparison, column)
    ]


def learning_rows(learning: Learning) -> list[list[str]]:
    """Return for every framework the kernels, the losses and the times."""
    return [
        [
            pupil.name,
            numbers(pupil.weight, _DECIMALS),
            numbers(pupil.solution.weight, _DECIMALS) if pupil.solution else "",
            *(f"{pupil.losses[end]:.3g}" if len(pupil.losses) else "" for end in (0, -1)),
            duration(pupil.timing.first) if pupil.timing else "",
            duration(pupil.timing.warm) if pupil.timing else "",
        ]
        for pupil in learning.pupils
    ]


def _cells(timing: Timing | None) -> list[str]:
    if timing is None:
        return ["", "", ""]
    return [duration(timing.first), duration(timing.warm), quartiles(timing)]


def quartiles(timing: Timing) -> str:
    """Return both quartiles, in the unit of the median."""
    unit = next((unit for unit in (1, 1e-3) if timing.warm >= 0.9995 * unit), 1e-6)
    low, high = timing.quartiles
    return f"{digits(low / unit)}-{digits(high / unit)}"
