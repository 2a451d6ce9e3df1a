"""Going through the grid: agreement first, then time, cell by cell."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from multiconv.benchmarking import candidates, first_calls, header, libraries, reference
from multiconv.benchmarking.agreement import judge
from multiconv.benchmarking.candidates import Absent, Candidate
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Library
from multiconv.benchmarking.reference import Operands
from multiconv.benchmarking.results import Left, Measurement, Results
from multiconv.core import timing
from multiconv.core.progress import Progress
from multiconv.core.quiet import until_quiet
from multiconv.core.timing import Timed
from multiconv.faces import Face
from multiconv.methods.base import MethodRefusal

# Times the fastest of its backend: what takes so much longer is timed once.
_FAR_BEHIND = 8
# How many times longer than a repeated call a first one may take, with its compilation.
_AT_FIRST = 8
# Multiply-adds of a cell in which such a method is not asked again.
_COSTS_MUCH = 10**8
# What does not grow with the work.
_SECONDS_OF_ANY_CALL = 1e-4


@dataclass(frozen=True)
class Request:
    """What is to be measured, and for how long.

    ``seconds`` is for the whole grid, and ``slowest`` the most that a call may take to be repeated:
    one that takes longer is timed once, and not asked at all where a smaller cell foretells it.
    """

    cells: Sequence[Cell]
    faces: Sequence[Face]
    methods: Sequence[str]
    seconds: float
    slowest: float
    dtype: str = "float32"
    device: str | None = None
    beside: Sequence[Library] = field(default_factory=libraries.beside_numpy)
    broken: dict[str, str] = field(default_factory=dict)


def measure(request: Request) -> Results:
    """Go through the grid; Ctrl-C ends it, and what is measured so far comes back."""
    faces, broken = [], dict(request.broken)
    for face in request.faces:
        found = face.backend.canonical(request.dtype)
        if found == request.dtype:
            faces.append(face)
        else:
            broken[face.name] = f"it has no {request.dtype} as it is set up, only {found}"
    results = Results(header.of(faces, request.dtype, request.device), broken=broken)
    run = _Run(request, faces, results)
    start, left = time.perf_counter(), list(request.cells)
    try:
        with Progress("measuring", len(left), coarse=True) as progress:
            for face in faces:
                first_calls.pay(face, request.dtype, request.device)
            start = time.perf_counter()
            while left:
                spent = time.perf_counter() - start
                if spent > request.seconds:
                    break
                ahead = _minutes(request.seconds - spent)
                progress.advance(f"{left[0].group} {left[0].label}, at most {ahead} left")
                share = _weight(left[0]) / sum(map(_weight, left))
                run.cell(left[0], (request.seconds - spent) * share)
                del left[0]
    except KeyboardInterrupt:
        results.is_interrupted = True
    whole = {m.cell for m in results.measured if m.role == "auto"}
    results.unmeasured = [cell for cell in left if cell not in whole]
    results.seconds = time.perf_counter() - start
    return results


def _weight(cell: Cell) -> float:
    """Return how much of the time a cell is worth: large ones take longer to warm up."""
    return max(1.0, math.log10(cell.multiply_adds) - 5)


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


class _Run:
    """A run, and what it has learned about how long things take."""

    def __init__(self, request: Request, faces: Sequence[Face], results: Results) -> None:
        self.request, self.faces, self.results = request, faces, results
        # What every candidate took in the cells so far.
        self.known: dict[tuple[str, str], list[tuple[Cell, Timed]]] = {}

    def cell(self, cell: Cell, seconds: float) -> None:
        """Measure a cell, in about so many seconds, warming up included."""
        start = time.perf_counter()
        operands = reference.operands(cell, self.request.dtype)
        racing: list[tuple[Candidate, Timed, bool]] = []
        try:
            for candidate in self._candidates(cell, operands):
                checked = self._checked(cell, candidate, operands)
                if checked is not None:
                    racing.append((candidate, *checked))
            repeated = self._repeated(racing)
            for _, timed, _ in racing:
                if timed not in repeated:
                    timed.samples.append(timed.warm)
            timing.interleave(repeated, max(seconds - (time.perf_counter() - start), 0.0))
        finally:
            for candidate, timed, is_equal in racing:
                if timed.samples:
                    self._keep(cell, candidate, timed, is_equal)

    def _repeated(self, racing: Sequence[tuple[Candidate, Timed, bool]]) -> list[Timed]:
        """Return those that are worth more than one look: neither slow nor far behind."""
        fastest: dict[str, float] = {}
        for candidate, timed, _ in racing:
            before = fastest.get(candidate.backend, timed.warm)
            fastest[candidate.backend] = min(before, timed.warm)
        most = {name: _FAR_BEHIND * seconds for name, seconds in fastest.items()}
        return [
            timed
            for candidate, timed, _ in racing
            if timed.warm <= self.request.slowest
            and (candidate.role not in ("method", "peer") or timed.warm <= most[candidate.backend])
        ]

    def _candidates(self, cell: Cell, operands: Operands) -> Iterator[Candidate]:
        for found in self._invited(cell, operands):
            if isinstance(found, Absent):
                self.results.absent.append(Left(cell, found.backend, found.name, found.reason))
            else:
                yield found

    def _invited(self, cell: Cell, operands: Operands) -> Iterator[Candidate | Absent]:
        asked = self.request
        for face in self.faces:
            yield from candidates.of_backend(
                face, cell, operands, asked.dtype, asked.methods, asked.device
            )
        if any(face.name == "numpy" for face in self.faces):
            yield from candidates.beside_numpy(cell, operands, asked.dtype, asked.beside)

    def _checked(
        self, cell: Cell, candidate: Candidate, operands: Operands
    ) -> tuple[Timed, bool] | None:
        """Return a candidate that gives the right result and has warmed up, and how right it is."""
        cold, warm = self._foretold(cell, candidate)
        if candidate.role in ("method", "peer") and (
            warm > self.request.slowest or cold > _AT_FIRST * self.request.slowest
        ):
            expected = max(cold, warm)
            reason = f"it would take some {expected:.2g} s, by what a smaller one took"
            self._leave(self.results.absent, cell, candidate, reason)
            return None
        behind = self._behind(cell, candidate)
        if behind > _FAR_BEHIND:
            reason = f"it took {behind:.0f} times as long as the best in a cell of the same kernel"
            self._leave(self.results.absent, cell, candidate, reason)
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # libraries, about themselves
                until_quiet()
                start = time.perf_counter()
                call = candidate.build()
                result = call()
                timed = Timed(call, time.perf_counter() - start)
                is_equal = True
                if candidate.role != "yardstick":
                    found = _named(result, cell, candidate)
                    verdict = judge(
                        found,
                        operands,
                        self.request.dtype,
                        in_norm=candidate.in_norm,
                        is_rounded_once=candidate.role == "exact",
                    )
                    if verdict.problem:
                        self._leave(self.results.wrong, cell, candidate, verdict.problem)
                        return None
                    is_equal = verdict.is_equal
                library = libraries.of(candidate.backend)
                compiles = library is None or library.compiles or candidate.role == "exact"
                # A first large call pays for threads and memory, too: what is judged has another.
                compiles |= candidate.role in ("auto", "own") and (
                    timed.cold <= _AT_FIRST * self.request.slowest
                )
                if timed.cold > self.request.slowest and not compiles:
                    timed.warm = timed.cold
                else:
                    timing.warm_up(timed)
        except MethodRefusal as refusal:
            self._leave(self.results.absent, cell, candidate, refusal.reason)
            return None
        except Exception as error:  # whatever a library raises where it does not work
            message = str(error).strip().partition("\n")[0]
            self._leave(self.results.wrong, cell, candidate, f"{type(error).__name__}: {message}")
            return None
        self.known.setdefault((candidate.backend, candidate.name), []).append((cell, timed))
        return timed, is_equal

    def _foretold(self, cell: Cell, candidate: Candidate) -> tuple[float, float]:
        """Return what the first and a later call will take, 0 where no smaller cell tells.

        The time of a call grows with the work, and that of a compilation with the taps.
        """
        smaller = [
            (before, timed)
            for before, timed in self.known.get((candidate.backend, candidate.name), ())
            if _is_smaller(before, cell)
        ]
        if not smaller:
            return 0.0, 0.0
        before, timed = max(smaller, key=lambda known: known[0].multiply_adds)
        growth = cell.multiply_adds / before.multiply_adds
        warm = max(timed.warm - _SECONDS_OF_ANY_CALL, 0.0) * growth
        return max(timed.cold - timed.warm, 0.0) * cell.taps / before.taps + warm, warm

    def _behind(self, cell: Cell, candidate: Candidate) -> float:
        """Return how many times slower than the best a method was, where a cell costs much."""
        if candidate.role != "method" or cell.multiply_adds < _COSTS_MUCH:
            return 0.0
        ratios = [
            found.seconds / best.seconds
            for found in self.results.measured
            if (found.backend, found.name) == (candidate.backend, candidate.name)
            and (found.cell.group, found.cell.kernel) == (cell.group, cell.kernel)
            and (best := self.results.fastest(found.cell, found.backend))
        ]
        return min(ratios, default=0.0)

    @staticmethod
    def _leave(where: list[Left], cell: Cell, candidate: Candidate, reason: str) -> None:
        where.append(Left(cell, candidate.backend, candidate.name, reason))

    def _keep(self, cell: Cell, candidate: Candidate, timed: Timed, is_equal: bool) -> None:
        self.results.measured.append(
            Measurement(
                cell,
                candidate.backend,
                candidate.name,
                candidate.role,
                candidate.method,
                timed.cold,
                timing.spread(timed.samples),
                len(timed.samples),
                is_equal,
                candidate.in_norm,
                tuple(timed.turns),
            )
        )


def _is_smaller(one: Cell, other: Cell) -> bool:
    """Tell whether a cell is of the same kind as another and nowhere larger."""
    pairs = zip((*one.x, *one.weight), (*other.x, *other.weight), strict=False)
    kinds = [(c.group, c.stage, len(c.x), len(c.weight)) for c in (one, other)]
    return kinds[0] == kinds[1] and all(n <= m for n, m in pairs)


def _named(result: Any, cell: Cell, candidate: Candidate) -> dict[str, Any]:
    if cell.stage == "backward":
        return {n: candidate.to_numpy(r) for n, r in zip(("dx", "dw"), result, strict=True)}
    return {"y": candidate.to_numpy(result)}
