"""What is shown of the speed of every framework: the method that ``auto`` chooses there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multiconv.coursework.compare import Comparison
from multiconv.coursework.reports.grid import Column
from multiconv.coursework.runs import Timing

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Speed:
    """The times on the picture of a framework in one mode, by one method."""

    column: Column
    method: str
    label: str  # the method, or "auto (direct)"
    forward: Timing
    gradients: Timing | None
    is_part: bool  # of the middle of the picture only


def speeds(comparison: Comparison, column: Column) -> list[Speed]:
    """Return the times of every method that ran in a column."""
    found = []
    for method in column.runs:
        forward, chosen = column.timing(method, "forward"), column.picture(method).chosen
        if forward is not None:
            label = method if chosen in (method, None) else f"{method} ({chosen})"
            gradients = column.timing(method, "gradients")
            is_part = column.is_part(method, comparison)
            found.append(Speed(column, method, label, forward, gradients, is_part))
    return found


def usual(comparison: Comparison, columns: Sequence[Column]) -> list[Speed]:
    """Return for every column ``auto``, or the fastest of what ran on the whole picture."""
    found = []
    for column in columns:
        whole = [speed for speed in speeds(comparison, column) if not speed.is_part]
        whole.sort(key=lambda speed: (speed.method != "auto", speed.forward.warm))
        found += whole[:1]
    return found


def bar(value: float, largest: float, width: int) -> str:
    """Return a bar as long as ``value`` is beside ``largest``, in eighths of a letter.

    What is larger is as long as fits, with a mark at its end.
    """
    if value > largest:
        return "█" * (width - 1) + "»"
    eighths = max(1, round(8 * width * value / largest)) if largest > 0 else 1
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
