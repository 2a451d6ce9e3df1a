"""The results for other programs: CSV, a row for each time, and one JSON document."""

from __future__ import annotations

import csv
import io
from typing import Any

import multiconv
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.results import Left, Measurement, Results
from multiconv.benchmarking.summary import Finding, summarise
from multiconv.coursework.document import in_json


def as_csv(results: Results) -> str:
    """Return a table of every time, in seconds; ``exact`` is 1 for the exact numbers."""
    text = io.StringIO()
    records = [_measurement(results, m) for m in results.measured]
    names = list(records[0]) if records else _COLUMNS
    rows = csv.DictWriter(text, names, lineterminator="\n")
    rows.writeheader()
    for record in records:
        rows.writerow({name: _cell_of_csv(value) for name, value in record.items()})
    return text.getvalue()


def as_json(results: Results) -> dict[str, Any]:
    """Return everything in JSON's types: times in seconds, ratios above 1 where ours is faster."""
    header = results.header
    found: dict[str, Any] = in_json(
        {
            "multiconv": multiconv.__version__,
            "date": header.date,
            "dtype": header.dtype,
            "device": header.device,
            "machine": header.machine,
            "versions": header.versions,
            "threads": header.threads,
            "measured": [_measurement(results, m) for m in results.measured],
            "absent": [_left(left) for left in results.absent],
            "wrong": [_left(left) for left in results.wrong],
            "broken": results.broken,
            "unmeasured": [_cell(cell) for cell in results.unmeasured],
            "summary": [_finding(finding) for finding in summarise(results)],
            "seconds": results.seconds,
            "interrupted": results.is_interrupted,
        }
    )
    return found


_COLUMNS = ["group", "x", "weight", "backend", "candidate", "median"]


def _cell(cell: Cell) -> dict[str, Any]:
    names = ("group", "x", "weight", "stride", "padding", "groups", "transposed", "stage")
    return {name: getattr(cell, name) for name in names} | {
        "layer": cell.is_layer,
        "multiply_adds": cell.multiply_adds,
    }


def _measurement(results: Results, found: Measurement) -> dict[str, Any]:
    def times(other: Measurement | None) -> float | None:
        return found.times(other) if other else None

    return _cell(found.cell) | {
        "backend": found.backend,
        "candidate": found.name,
        "role": found.role,
        "method": found.method,
        "median": found.seconds,
        "lower_quartile": found.time.low,
        "upper_quartile": found.time.high,
        "turns": found.turns,
        "first": found.cold,
        "exact": found.is_equal,
        "times_own": times(results.one(found.cell, found.backend, role="own")),
        "times_best": times(results.best(found.cell, found.backend)),
    }


def _left(left: Left) -> dict[str, Any]:
    return _cell(left.cell) | {
        "backend": left.backend,
        "candidate": left.name,
        "reason": left.reason,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return vars(finding) | {"met": finding.is_met}


def _cell_of_csv(value: Any) -> Any:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, bool):
        return int(value)
    return f"{value:.6g}" if isinstance(value, float) else value
