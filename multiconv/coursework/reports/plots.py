"""The plots of a report, drawn by matplotlib: times with their spread, and losses."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from multiconv.coursework.compare import Comparison
from multiconv.coursework.learning import Learning
from multiconv.coursework.reports.grid import Column, methods
from multiconv.coursework.reports.speed import speeds, usual
from multiconv.coursework.runs import Timing

_MARKERS = "os^Dv<>PX*"
_STYLES = ("-", "--", ":", "-.")


def times_by_framework(comparison: Comparison, found: Sequence[Column]) -> bytes:
    """Draw the usual method of every framework: warm with quartiles, and the first call.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    shown = usual(comparison, found)
    figure, axes = _figure(1, 2, height=1.4 + 0.5 * len(shown))
    warm, first = axes[0]
    for offset, stage, word, colour in (
        (-0.2, "forward", "y", "C0"),
        (0.2, "gradients", "with gradients", "C1"),
    ):
        timings = [(i, t) for i, s in enumerate(shown) if (t := getattr(s, stage)) is not None]
        places = [i + offset for i, _ in timings]
        style = {"height": 0.36, "color": colour, "label": word}
        warm.barh(places, [1e3 * t.warm for _, t in timings], xerr=_whiskers(timings), **style)
        first.barh(places, [1e3 * t.first for _, t in timings], **style)
    for axis, title in ((warm, "later calls: median and quartiles"), (first, "first call")):
        axis.set(title=title, xlabel="milliseconds", yticks=range(len(shown)))
        axis.set_yticklabels([f"{s.column}\n{s.label}" for s in shown])
        axis.invert_yaxis()
    first.set(xscale="log", yticklabels=[])
    warm.legend()
    return _svg(figure)


def times_by_method(comparison: Comparison, found: Sequence[Column]) -> bytes:
    """Draw every method on every framework, warm and without gradients, on a logarithmic axis."""
    names = methods(comparison)
    figure, axes = _figure(1, 1, height=1.5 + 0.42 * len(names))
    axis = axes[0][0]
    for i, column in enumerate(found):
        shown = speeds(comparison, column)
        offset = 0.7 * ((i + 0.5) / len(found) - 0.5)
        places = [names.index(speed.method) + offset for speed in shown]
        axis.errorbar(
            [1e3 * speed.forward.warm for speed in shown],
            places,
            xerr=_whiskers([(0, speed.forward) for speed in shown]),
            fmt=_MARKERS[i % len(_MARKERS)],
            color=f"C{i % 10}",
            markersize=5,
            capsize=2,
            label=str(column),
        )
    axis.set(xscale="log", xlabel="milliseconds, y = corr2d(x, k)", yticks=range(len(names)))
    axis.set_yticklabels([_with_part(name, comparison, found) for name in names])
    axis.invert_yaxis()
    axis.grid(axis="x", which="both", alpha=0.25)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return _svg(figure)


def losses(learning: Learning) -> bytes:
    """Draw the loss before each step, a curve for each framework."""
    figure, axes = _figure(1, 1, height=2.8)
    axis = axes[0][0]
    for i, pupil in enumerate(learning.pupils):
        axis.plot(
            np.arange(1, len(pupil.losses) + 1),
            pupil.losses,
            _STYLES[i % len(_STYLES)],
            marker=_MARKERS[i % len(_MARKERS)],
            markersize=9 - 2 * min(i, 3),  # those below show at the edges
            label=pupil.name,
        )
    axis.set(xlabel="step", ylabel="loss: sum of squared errors", yscale="log")
    axis.grid(alpha=0.25)
    axis.legend()
    return _svg(figure)


def _with_part(method: str, comparison: Comparison, found: Sequence[Column]) -> str:
    return method + "*" * any(column.is_part(method, comparison) for column in found)


def _whiskers(timings: Sequence[tuple[int, Timing]]) -> list[list[float]]:
    """Return how far the quartiles are below and above the median, in milliseconds."""
    return [
        [1e3 * (t.warm - t.quartiles[0]) for _, t in timings],
        [1e3 * (t.quartiles[1] - t.warm) for _, t in timings],
    ]


def _figure(rows: int, columns: int, *, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, height), layout="constrained")  # no concern of pyplot's
    return figure, figure.subplots(rows, columns, squeeze=False)


def _svg(figure: Any) -> bytes:
    import matplotlib

    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "multiconv"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()
