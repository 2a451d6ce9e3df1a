"""One hash for a set of exact results: the same on every machine, device and library.

Hashed are, for every problem, the name of the function, dtype, shape and the numbers in C order and
little endian.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from multiconv.backends.base import Array, NumPyArray
from multiconv.core.progress import Progress
from multiconv.coursework import exact_problems
from multiconv.coursework.exact_problems import GROUPS, Problem, numbers
from multiconv.faces import Face

#: What every machine must find, of each group and of all together.
EXPECTED = {
    "forward": "257ed035a84d3a6cde131454ce8a4b2912cbc8855283047641ecf9187c0c85b6",
    "gradients": "dbf2aaee11d76752f1402ac56df4e0c9cb604928a04cf179d9b82a316ec9a313",
    "transposed": "b2e4ddffcee0c6bf4206417ae3d225a39582519c7152bbb467534c9997b6b336",
    "borders": "48fc920901544a3412be3f6d10103655aae55b51d2e1855dc1fbccc42e96e0bb",
    "dtypes": "1d6e202f4195250d635b3aa77b0272928c1c31910505cf04e793117d31a246c2",
    "cancellation": "8df5162f959229c83955034a90cb71a7467fe6c2d0e0b64d0c84225e73775480",
    "limits": "70c26b7efaecebd90057ae69be79c37df8b36bf266ddfebc9359f4eeb4280ae5",
    "training": "b05c7c4aef48be18df68ba0c6550f4b6dfdec10b3224146d72958e06f4c56f7b",
}
EXPECTED_WHOLE = "ed5afe133ab2950dc03d6505daf22e6fe3dcd10d55997f0c94b5888f2d8b5914"

METHOD = "exact"
_LESSONS = (
    {"lr": 0.001, "bias": True},
    {"lr": 0.02, "loss": "mean", "momentum": 0.5},
)


@dataclass(frozen=True)
class Digest:
    """The hash of all groups together, and of each."""

    whole: str
    groups: dict[str, str]

    @property
    def differing(self) -> list[str]:
        """The groups that are not as they must be."""
        return [name for name, found in self.groups.items() if found != EXPECTED.get(name)]


def digest(face: Face, like: Array) -> Digest:
    """Solve every problem with a backend, on the device of an array."""
    hashes = {name: hashlib.sha256() for name in GROUPS}
    with Progress("solving", len(GROUPS), coarse=True) as progress, face.backend.wide():
        at = ""
        for group, name, values in _results(face, like):
            if group != at:
                progress.advance(group)
                at = group
            hashes[group].update(_bytes(name, values))
    groups = {name: found.hexdigest() for name, found in hashes.items()}
    whole = hashlib.sha256("".join(groups.values()).encode()).hexdigest()
    return Digest(whole, groups)


def _results(face: Face, like: Array) -> Iterator[tuple[str, str, NumPyArray]]:
    for problem in exact_problems.problems():
        yield problem.group, problem.function, _solved(problem, face, like)
    for options in _LESSONS:
        x, y = (
            face.backend.from_numpy(numbers((2, 2, *size), key), "float32", like)
            for key, size in ((100, (9, 9)), (101, (7, 7)))
        )
        learned = face.learn_kernel(x, y, (2, 2, 3, 3), seed=0, method=METHOD, **options)
        for name in ("weight", "bias", "losses"):
            found = getattr(learned, name)
            if found is not None:
                yield "training", name, face.backend.to_numpy(found)


def _solved(problem: Problem, face: Face, like: Array) -> NumPyArray:
    backend = face.backend
    arrays = [backend.from_numpy(a, problem.dtype, like) for a in problem.arrays]
    function = getattr(face, problem.function)
    size = () if problem.size is None else (problem.size,)

    def solve(*arrays: Array) -> Array:
        return function(*arrays, *size, method=METHOD, **problem.options)

    # The work of the library itself, which its eager calls may leave to NumPy.
    return backend.to_numpy(backend.compile(solve, operations=1)(*arrays))


def _bytes(name: str, values: NumPyArray) -> bytes:
    """Return what is hashed of a result."""
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"))
    return f"{name} {values.dtype.name} {values.shape}".encode() + little.tobytes()
