"""One picture: time against pixels and against kernel area, a line for each candidate."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from multiconv.benchmarking.cells import Cell, Shape
from multiconv.benchmarking.results import Measurement, Results

# A title, what grows, the cells, and how much a cell has of that.
Panel: TypeAlias = tuple[str, str, Sequence[Cell], Callable[[Cell], int]]

# matplotlib's, without the red and the grey that others have.
_COLOURS = (0, 1, 2, 4, 5, 6, 8, 9)

# What is drawn beside every backend, since all of them compete with it.
_BESIDE = ("cv2", "scipy")
_STYLES: dict[str, dict[str, Any]] = {
    "auto": {"color": "black", "linewidth": 2.4, "marker": "o", "zorder": 4},
    "own": {"color": "tab:red", "linewidth": 1.8, "marker": "s", "zorder": 3},
    "peer": {"linewidth": 1.2, "linestyle": ":", "marker": "v"},
    "yardstick": {"color": "tab:gray", "linewidth": 1.2, "linestyle": ":", "marker": "^"},
    "method": {"linewidth": 1.2, "marker": "."},
    "way": {"linewidth": 1.0, "linestyle": "--", "marker": "."},
}


def as_png(results: Results) -> bytes:
    """Draw a row for each backend: left the pixels grow, right the kernel does.

    Of images, with the kernel and at the size that most cells have: the middle one of those kernels
    and the largest of those sizes. Without images time is drawn against the work of all cells.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    backends = results.backends or [""]
    panels = _panels(results)
    figure = Figure(figsize=(6.5 * len(panels) + 2.5, 4 * len(backends)), layout="constrained")
    FigureCanvasAgg(figure)  # and no window's: this figure is no concern of the user's pyplot
    rows = figure.subplots(len(backends), len(panels), squeeze=False, sharey="row")
    for backend, row in zip(backends, rows, strict=True):
        lines: dict[str, Any] = {}
        for axes, (title, label, cells, position) in zip(row, panels, strict=True):
            lines |= _draw(axes, results, backend, cells, position)
            axes.set(xscale="log", yscale="log", xlabel=label, title=f"{backend}, {title}")
            axes.grid(visible=True, which="both", alpha=0.2)
        row[0].set_ylabel("seconds")
        if lines:
            row[-1].legend(
                lines.values(), lines.keys(), loc="center left", bbox_to_anchor=(1.01, 0.5)
            )
    figure.suptitle(_shortened(results))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _panels(results: Results) -> list[Panel]:
    images = [cell for cell in results.cells if cell.group == "images"]
    if not images:
        return [("all cells", "multiply-adds", results.cells, lambda cell: cell.multiply_adds)]
    kernels = _most_common([cell.weight for cell in images])
    kernel = kernels[len(kernels) // 2]
    size = _most_common([cell.x for cell in images])[-1]
    return [
        (
            f"kernel {kernel[0]}x{kernel[1]}",
            "pixels",
            [cell for cell in images if cell.weight == kernel],
            lambda cell: cell.pixels,
        ),
        (
            f"image {size[0]}x{size[1]}",
            "taps of the kernel",
            [cell for cell in images if cell.x == size],
            lambda cell: cell.taps,
        ),
    ]


def _most_common(shapes: Sequence[Shape]) -> list[Shape]:
    """Return the shapes that most cells have, from the smallest to the largest."""
    counts = Counter(shapes)
    most = max(counts.values())
    return sorted(shape for shape, count in counts.items() if count == most)


def _draw(
    axes: Any,
    results: Results,
    backend: str,
    cells: Sequence[Cell],
    position: Callable[[Cell], int],
) -> dict[str, Any]:
    """Draw a line through the cells for every candidate, and return the lines by their names."""
    points: dict[str, list[tuple[int, Measurement]]] = {}
    for cell in cells:
        for measured in results.of(cell):
            if measured.backend in (backend, *_BESIDE):
                points.setdefault(str(measured), []).append((position(cell), measured))
    lines = {}
    colours = _colours(results)
    for name, found in points.items():
        found.sort(key=lambda point: point[0])
        role = found[0][1].role
        style = dict(_STYLES[role])
        style.setdefault("color", colours.get(found[0][1].name))
        places, times = zip(*((place, m.time) for place, m in found), strict=True)
        medians = [time.median for time in times]
        (lines[name],) = axes.plot(places, medians, label=name, **style)
        lows, highs = [time.low for time in times], [time.high for time in times]
        axes.fill_between(places, lows, highs, color=style["color"], alpha=0.15, linewidth=0)
    return lines


def _colours(results: Results) -> dict[str, str]:
    """Give every candidate a colour, a method the same on every backend."""
    kinds = {"peer": "peer", "method": "method", "way": "method"}
    names = [
        m.name for kind in ("method", "peer") for m in results.measured if kinds.get(m.role) == kind
    ]
    return {name: f"C{_COLOURS[i % len(_COLOURS)]}" for i, name in enumerate(dict.fromkeys(names))}


def _shortened(results: Results) -> str:
    header = results.header
    versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    return f"{header.machine.cpu}, {header.machine.cpus} CPUs, {header.dtype}\n{versions}"
