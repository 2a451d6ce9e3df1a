"""The whole comparison: what was asked for, and everything that came out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import array_api_compat

import multiconv
from multiconv.core.progress import Progress
from multiconv.coursework import cases, environment, lesson, runs
from multiconv.coursework.cases import Case
from multiconv.coursework.common_bits import CommonBits, Window, in_common
from multiconv.coursework.differentiation import table as differentiate
from multiconv.coursework.environment import Machine
from multiconv.coursework.exact_mode import METHOD as EXACT
from multiconv.coursework.exact_mode import ExactMode, learned, of_runs
from multiconv.coursework.learning import Learning, learn
from multiconv.coursework.runs import Configuration, Run
from multiconv.faces import Face


@dataclass(frozen=True)
class Library:
    """One of the backends compared, and what its times depend on."""

    name: str
    version: str | None
    device: str
    threads: int | None
    compiler: str | None
    remark: str | None


@dataclass(frozen=True)
class Comparison:
    """Everything that a report shows.

    ``broken`` are the backends that are installed and cannot be used, with the reason; they have
    agreed with nobody. ``picture`` and ``kernel`` are the user's words for them, and ``asked`` the
    arguments that give the same again. ``exact_kernels`` are hashes of what each learned exactly.
    """

    machine: Machine
    libraries: list[Library]
    broken: dict[str, str]
    cases: list[Case]
    picture: str
    kernel: str
    asked: list[str]
    runs: list[Run]
    learning: Learning
    exact_kernels: dict[str, str]
    seconds: float
    version: str = multiconv.__version__

    @property
    def judged(self) -> list[Run]:
        """The runs that have something to agree with."""
        return [run for run in self.runs if run.status != "unavailable"]

    @property
    def dissenting(self) -> list[Run]:
        """The runs that do not agree, for whatever reason."""
        return [run for run in self.judged if run.status != "agrees"]

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """The reasons for what is missing, each with where it holds."""
        found = []
        for run in self.runs:
            where = f"{run.configuration.face.name} {run.configuration.method}"
            for stage, refusal in run.refusals.items():
                reason, _, _ = refusal.partition("; ")  # behind it stands what to call instead
                found.append((reason, where if stage == "forward" else f"{where} {stage}"))
        return found

    @property
    def common_bits(self) -> list[CommonBits]:
        """What the results of each method have in common, where there are several."""
        windows: dict[str, list[Window]] = {}
        for run in self.runs:
            if run.window is not None:
                windows.setdefault(run.configuration.method, []).append(run.window)
        several = [(method, found) for method, found in windows.items() if len(found) > 1]
        counted = [in_common(method, found) for method, found in several]
        return [common for common in counted if common is not None]

    @property
    def exact_mode(self) -> ExactMode | None:
        """What the exact mode has given, None where it was left out."""
        return of_runs(self.runs, self.exact_kernels, self.common_bits)

    @property
    def agrees(self) -> bool:
        """Whether every backend agrees with the exact result on everything."""
        return not self.dissenting and self.learning.agrees and not self.broken


def compare(
    faces: Sequence[Face],
    method_names: Sequence[str],
    picture: Case,
    *,
    image: str | None,
    kernel: str,
    jit: bool,
    broken: dict[str, str],
) -> Comparison:
    """Run everything; ``image`` and ``kernel`` are what the user has called them, if anything."""
    start = time.perf_counter()
    libraries = []
    with Progress("preparing", len(faces), coarse=True) as progress:
        for face in faces:
            progress.advance(face.name + (", and its compiler" if jit else ""))
            libraries.append(_library(face, jit=jit))
    everything = [*cases.textbook(), picture]
    chosen = [
        Configuration(face, method, jitted)
        for face, library in zip(faces, libraries, strict=True)
        for jitted in ((False, True) if library.compiler else (False,))
        for method in method_names
    ]
    return Comparison(
        Machine(),
        libraries,
        broken,
        everything,
        "the built-in photograph" if image is None else Path(image).name,
        kernel,
        [*([] if image is None else ["--image", image]), "--kernel", kernel],
        runs.run_all(everything, chosen),
        learn(faces, lesson.textbook(), repeat=True),
        learned(faces, lesson.textbook()) if EXACT in method_names else {},
        time.perf_counter() - start,
    )


def _library(face: Face, *, jit: bool) -> Library:
    how = differentiate.of(face.name)
    compiler = how.compiler() if jit else (None, None)
    version = environment.version_of(face.backend)
    device = str(array_api_compat.device(face.backend.asarray([0])))
    return Library(face.name, version, device, how.threads(), *compiler)
