"""What the exact mode gives with every framework, beside what their own convolutions share.

The first is one hash, the second a number of bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multiconv.backends import transfer
from multiconv.coursework.common_bits import CommonBits
from multiconv.coursework.layout import grouped
from multiconv.coursework.lesson import DTYPE, Lesson
from multiconv.coursework.runs import Run
from multiconv.faces import Face

METHOD = "exact"

#: The results that are hashed, and what they are called.
RESULTS = {"y": "y", "dx": "dx", "dk": "dk", "kernel": "a learned kernel"}

_OF_EVERY_MODE = ("y", "dx", "dk")

#: Whose common bits stand beside it: the framework's own, or the first that several have.
_OTHERS = ("native", "im2col", "direct")


@dataclass(frozen=True)
class ExactHashes:
    """The SHA-256 of the results on the picture, of a framework in a mode."""

    framework: str
    mode: str
    sha256: dict[str, str]

    @property
    def whole(self) -> str:
        """One hash of y, dx and dk, which every mode has."""
        return hashlib.sha256(
            "".join(self.sha256[n] for n in ("y", "dx", "dk")).encode()
        ).hexdigest()

    def __str__(self) -> str:
        return f"{self.framework} {'compiled' if self.mode == 'jit' else self.mode}"


@dataclass(frozen=True)
class ExactMode:
    """The hashes of all frameworks, and the common bits of their own convolutions."""

    hashes: list[ExactHashes]
    other: CommonBits | None

    @property
    def is_one(self) -> bool:
        """Whether all have the same bits."""
        kernels = {h.sha256["kernel"] for h in self.hashes if "kernel" in h.sha256}
        return len({h.whole for h in self.hashes}) == 1 and len(kernels) <= 1

    @property
    def sentence(self) -> str:
        """Return the contrast in one sentence, without its full stop."""
        by_hash = grouped((h.whole[:12], str(h)) for h in self.hashes)
        found = "; ".join(f"{value} in {', '.join(places)}" for value, places in by_hash.items())
        count = "one" if self.is_one else "not one"
        text = f"exact: {count} SHA-256 of y, both gradients and a learned kernel, {found}"
        if self.other is None:
            return text
        share = f"all {self.other.bits} bits in {100 * self.other.equal:.0f} % of the pixels"
        return f"{text}; {self.other.method}: {share}, {self.other.minimum} at the worst"


def learned(faces: Sequence[Face], lesson: Lesson) -> dict[str, str]:
    """Let every framework learn a lesson exactly; return the hash of each kernel, by framework."""
    return {face.name: _learned(face, lesson) for face in faces}


def _learned(face: Face, lesson: Lesson) -> str:
    x, y, start = (
        transfer.made(np.asarray(a), DTYPE, face.backend)
        for a in (lesson.x, lesson.y, lesson.start.reshape(lesson.size))
    )
    found = face.learn_kernel(
        x, y, lesson.size, init=start, steps=lesson.steps, lr=lesson.lr, method=METHOD
    )
    numbers = face.backend.to_numpy(found.weight).astype("<f4")
    return hashlib.sha256(numbers.tobytes()).hexdigest()


def of_runs(
    runs: Sequence[Run], kernels: dict[str, str], common: Sequence[CommonBits]
) -> ExactMode | None:
    """Return what the runs on the picture have found; None where nothing ran exactly."""
    hashes = []
    for run in runs:
        configuration = run.configuration
        if configuration.method != METHOD or run.case.name != "picture":
            continue
        sha256 = {name: a.digest for name, a in run.agreements.items() if a.digest is not None}
        if not set(_OF_EVERY_MODE) <= set(sha256):
            continue
        if configuration.face.name in kernels and not configuration.jitted:
            sha256["kernel"] = kernels[configuration.face.name]
        hashes.append(ExactHashes(configuration.face.name, configuration.mode, sha256))
    if not hashes:
        return None
    by_method = {bits.method: bits for bits in common}
    other = next((by_method[name] for name in _OTHERS if name in by_method), None)
    return ExactMode(hashes, other)
