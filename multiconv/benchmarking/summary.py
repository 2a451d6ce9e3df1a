"""The questions that the benchmark is for, answered in a few numbers each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.results import Measurement, Results

_IMAGES_FROM = 256  # pixels a side: below, a call's cost is what is seen
_KERNELS_TO = 31
_WITH_CHANNELS = ("layers", "pointwise", "depthwise", "grouped", "transposed", "audio", "volumes")
_SLOW_IN_LAX = ("pointwise", "depthwise", "transposed")


@dataclass(frozen=True)
class Finding:
    """An answer.

    Attributes
    ----------
    backend, question : str
        Of which backend's `auto`, and what is asked.
    unit : {"x", "us", "jump", "cost"}
        Times faster than another; microseconds more than another; by how much more than the work
        the time grew; or times as long as another.
    mean, worst : float
        The geometric mean over the cells, and the worst of them; of microseconds, the median cell.
    where : str
        The worst cell.
    count : int
        How many cells.
    wanted_mean, wanted_worst : float, optional
        What the mean and the worst should be: at least that many times, at most that much else.
    """

    backend: str
    question: str
    unit: str
    mean: float
    worst: float
    where: str
    count: int
    wanted_mean: float | None = None
    wanted_worst: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether it is as it should be; None where nothing was asked for."""
        pairs = [(self.mean, self.wanted_mean), (self.worst, self.wanted_worst)]
        asked = [(found, wanted) for found, wanted in pairs if wanted is not None]
        if not asked:
            return None
        sign = 1 if self.unit == "x" else -1
        return all(sign * found >= sign * wanted for found, wanted in asked)


def summarise(results: Results) -> list[Finding]:
    """Answer what the cells that were measured can answer."""
    return [finding for backend in results.backends for finding in _of(results, backend)]


def _of(results: Results, backend: str) -> Iterator[Finding]:
    is_numpy, is_framework = backend == "numpy", backend in ("torch", "jax")
    images = [cell for cell in results.cells if cell.group == "images"]
    large = [
        cell for cell in images if min(cell.x) >= _IMAGES_FROM and max(cell.kernel) <= _KERNELS_TO
    ]
    ask = _Asking(results, backend)
    yield from ask.faster(
        f"images from {_IMAGES_FROM}, kernels to {_KERNELS_TO}: than the framework's own",
        large,
        lambda cell: results.one(cell, backend, role="own"),
        wanted_mean=10,
    )
    yield from ask.faster(
        f"images from {_IMAGES_FROM}, kernels to {_KERNELS_TO}: than cv2.filter2D",
        large,
        lambda cell: results.one(cell, "cv2"),
        wanted_mean=1,
        wanted_worst=0.5 if is_numpy else None,
    )
    if is_numpy:
        yield from ask.faster(
            "all images: than the fastest of SciPy",
            images,
            lambda cell: results.one(cell, "scipy"),
            wanted_worst=1,
        )
    yield from ask.faster(
        "all images: than the best of this backend",
        images,
        lambda cell: results.best(cell, backend),
        wanted_worst=0.95 if is_framework else None,
    )
    for group in _WITH_CHANNELS:
        for stage in ("forward", "backward"):
            cells = [c for c in results.cells if (c.group, c.stage) == (group, stage)]
            yield from _of_channels(ask, f"{group} {stage}", cells)
    yield from _of_exact(ask)
    yield from _of_small_calls(ask)
    for axis, fixed, grows in (
        ("pixels", _kernel, _size),
        ("kernel area", _size, _kernel),
    ):
        yield from ask.cliffs(axis, images, fixed, grows)


def _of_channels(ask: _Asking, what: str, cells: list[Cell]) -> Iterator[Finding]:
    results, backend = ask.results, ask.backend
    is_slow = backend == "jax" and what.split(maxsplit=1)[0] in _SLOW_IN_LAX
    yield from ask.faster(
        f"{what}: than the framework's own",
        cells,
        lambda cell: results.one(cell, backend, role="own"),
        wanted_mean=3 if is_slow else None,
        wanted_worst=0.95,
    )
    yield from ask.faster(
        f"{what}: than np.matmul, the same product",
        cells,
        lambda cell: results.one(cell, backend, role="yardstick"),
        wanted_worst=0.8,
    )
    yield from ask.faster(
        f"{what}: than the best of this backend",
        cells,
        lambda cell: results.best(cell, backend),
    )


def _of_exact(ask: _Asking) -> Iterator[Finding]:
    results, backend = ask.results, ask.backend
    cells = [cell for cell in results.cells if cell.group == "exact"]
    images = [cell for cell in cells if cell.is_image]
    yield from ask.cost(
        "exact images: time over that of direct",
        images,
        lambda cell: results.one(cell, backend, name="direct"),
        6,
    )
    for stage in ("forward", "backward"):
        layers = [c for c in cells if not c.is_image and c.stage == stage]
        yield from ask.cost(
            f"exact layers {stage}: time over that of im2col",
            layers,
            lambda cell: results.one(cell, backend, name="im2col"),
            3 if (backend, stage) == ("numpy", "forward") else None,
        )
        yield from ask.cost(
            f"exact layers {stage}: time over the framework's own",
            layers,
            lambda cell: results.one(cell, backend, role="own"),
            8 if (backend, stage) == ("jax", "forward") else None,
        )


def _of_small_calls(ask: _Asking) -> Iterator[Finding]:
    results, backend = ask.results, ask.backend
    small = [cell for cell in results.cells if cell.group == "small"]
    calls, layers = ([c for c in small if c.is_layer == is_layer] for is_layer in (False, True))
    own: Callable[[Cell], Measurement | None] = lambda cell: results.one(  # noqa: E731
        cell, backend, role="own"
    )
    yield from ask.slower("small calls: than the framework's own", calls, own, 10)
    yield from ask.slower("a layer's call: than the framework's own", layers, own, 10)
    if backend == "numpy":
        yield from ask.slower("the textbook's call: in all", calls[:1], lambda cell: None, 12)
    yield from ask.slower(
        "small calls under jit: than the framework's own", calls, own, 5, "auto, jit"
    )


class _Asking:
    """Questions about the `auto` of one backend."""

    def __init__(self, results: Results, backend: str) -> None:
        self.results, self.backend = results, backend

    def faster(
        self,
        question: str,
        cells: Iterable[Cell],
        other: Callable[[Cell], Measurement | None],
        *,
        wanted_mean: float | None = None,
        wanted_worst: float | None = None,
    ) -> Iterator[Finding]:
        """Ask how many times faster than another it is, where both were measured."""
        ratios = {}
        for cell in cells:
            auto, slower = self._auto(cell), other(cell)
            if auto and slower:
                ratios[f"{cell.label}, {slower}"] = auto.times(slower)
        if ratios:
            where = min(ratios, key=lambda cell: ratios[cell])
            yield Finding(
                self.backend,
                question,
                "x",
                geometric_mean(ratios.values()),
                ratios[where],
                where,
                len(ratios),
                wanted_mean,
                wanted_worst,
            )

    def slower(
        self,
        question: str,
        cells: Iterable[Cell],
        other: Callable[[Cell], Measurement | None],
        wanted: float,
        name: str = "auto",
    ) -> Iterator[Finding]:
        """Ask how many microseconds more than another it takes, or in all."""
        more = {}
        for cell in cells:
            ours, less = self.results.one(cell, self.backend, name=name), other(cell)
            if ours and (less or "in all" in question):
                more[cell.label] = (ours.more(less) if less else ours.seconds) * 1e6
        if more:
            where = max(more, key=lambda cell: more[cell])
            middle = sorted(more.values())[len(more) // 2]
            yield Finding(
                self.backend,
                question,
                "us",
                middle,
                more[where],
                where,
                len(more),
                wanted_worst=wanted,
            )

    def cost(
        self,
        question: str,
        cells: Iterable[Cell],
        other: Callable[[Cell], Measurement | None],
        wanted: float | None,
    ) -> Iterator[Finding]:
        """Ask how many times as long as another the exact mode takes."""
        ratios = {}
        for cell in cells:
            ours, less = self.results.one(cell, self.backend, role="exact"), other(cell)
            if ours and less:
                ratios[f"{cell.label}, {less}"] = less.times(ours)
        if ratios:
            where = max(ratios, key=lambda cell: ratios[cell])
            mean = geometric_mean(ratios.values())
            yield Finding(
                self.backend,
                question,
                "cost",
                mean,
                ratios[where],
                where,
                len(ratios),
                wanted_worst=wanted,
            )

    def cliffs(
        self,
        axis: str,
        cells: Iterable[Cell],
        fixed: Callable[[Cell], object],
        grows: Callable[[Cell], int],
    ) -> Iterator[Finding]:
        """Ask by how much more than the work the time grows, from one cell to the next."""
        rows: dict[object, list[Cell]] = {}
        for cell in sorted(cells, key=grows):
            rows.setdefault(fixed(cell), []).append(cell)
        jumps = {}
        for row in rows.values():
            for before, after in pairwise(row):
                first, second = self._auto(before), self._auto(after)
                if first and second:
                    work = after.multiply_adds / before.multiply_adds
                    place = f"{before.label} to {after.label}"
                    jumps[place] = second.seconds / first.seconds / work
        if jumps:
            where = max(jumps, key=lambda place: jumps[place])
            yield Finding(
                self.backend,
                f"cliffs along the {axis}: time's growth over the work's",
                "jump",
                geometric_mean(jumps.values()),
                jumps[where],
                where,
                len(jumps),
                wanted_worst=2,
            )

    def _auto(self, cell: Cell) -> Measurement | None:
        return self.results.one(cell, self.backend, role="auto")


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the mean that does not depend on which of the two is divided by the other."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(math.fsum(logarithms) / len(logarithms))


def _size(cell: Cell) -> int:
    return cell.pixels


def _kernel(cell: Cell) -> int:
    return cell.taps
