"""What the times depend on: the processor, threads, versions, the dtype and the day."""

from __future__ import annotations

import datetime
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import multiconv
from multiconv.benchmarking import libraries
from multiconv.coursework.environment import Machine, version_of
from multiconv.faces import Face

# What the times of NumPy's arrays depend on; OpenCV comes under several names.
_PACKAGES = ("scipy", "numba", "opencv-python-headless", "opencv-python")


@dataclass(frozen=True)
class Header:
    """Neither names of hosts nor paths are in it: it may be published."""

    dtype: str
    versions: dict[str, str]
    threads: dict[str, int]
    device: str | None = None
    machine: Machine = field(default_factory=Machine)
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())

    def lines(self) -> Iterator[str]:
        """Yield it as text."""
        machine = self.machine
        yield f"multiconv {multiconv.__version__}, {self.date}, {self.dtype}" + (
            f", on {self.device}" if self.device else ""
        )
        settings = "".join(f", {name}={value}" for name, value in machine.settings.items())
        threads = "".join(f", {n} on {name}'s" for name, n in self.threads.items())
        yield f"{machine.cpu}, {machine.cpus} CPUs usable{settings}" + (
            f"; threads: {threads[2:]}" if threads else ""
        )
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        yield f"Python {machine.python}, {versions}; {machine.system}"


def of(faces: Sequence[Face], dtype: str, device: str | None) -> Header:
    """Describe the backends and what else is installed."""
    versions, threads = {}, {}
    for face in faces:
        versions[face.name] = version_of(face.backend) or "of unknown version"
        library = libraries.of(face.name)
        count = library.threads() if library else None
        if count:
            threads[face.name] = count
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return Header(dtype, versions, threads, device)
