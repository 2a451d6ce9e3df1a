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
    """The times of a framework in one mode, of the method that a user would get there."""

    column: Column
    method: str
    label: str  # "auto (direct)"
    forward: Timing
    gradients: Timing | None


def speeds(comparison: Comparison, columns: Sequence[Column]) -> list[Speed]:
    """Return for every column ``auto``, or the fastest of what ran on the whole picture."""
    found = []
    for column in columns:
        whole = {
            method: timing
            for method in column.runs
            if (timing := column.timing(method, "forward"))
            and not column.is_part(method, comparison)
        }
        if not whole:
            continue
        method = "auto" if "auto" in whole else min(whole, key=lambda m: whole[m].warm)
        chosen = column.picture(method).chosen
        label = f"{method} ({chosen})" if chosen != method else method
        gradients = column.timing(method, "gradients")
        found.append(Speed(column, method, label, whole[method], gradients))
    return found


def bar(value: float, largest: float, width: int) -> str:
    """Return a bar as long as ``value`` is beside ``largest``, in eighths of a letter."""
    eighths = max(1, round(8 * width * value / largest)) if largest > 0 else 1
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
