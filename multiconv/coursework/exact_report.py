"""What ``multiconv exact`` prints: what the mode is, what a device does, and the hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import array_api_compat

from multiconv.backends.base import Array
from multiconv.coursework import environment
from multiconv.coursework.exact_digest import Digest
from multiconv.coursework.exact_problems import GROUPS
from multiconv.coursework.layout import wrapped
from multiconv.coursework.terminal import Line, Segment
from multiconv.exact.self_test import Finding
from multiconv.faces import Face

_WHAT = (
    'method="exact" gives the exact sum of all products, rounded once, forward and in every '
    "gradient. So the bits are the same with NumPy, PyTorch and JAX, eager and compiled, on any "
    "number of threads, and along a whole training run."
)


def place(face: Face, like: Array) -> str:
    """Return the library, its version and the device of an array."""
    version = environment.version_of(face.backend)
    named = " ".join(filter(None, [face.name, version]))
    return f"{named} on {array_api_compat.device(like)}"


def explained(where: str, findings: Sequence[Finding]) -> Iterator[Line]:
    """Yield what the mode is, and whether a device calculates as it assumes."""
    yield from wrapped(_WHAT, "")
    yield []
    yield [Segment(where, "heading")]
    for finding in findings:
        sign, style = ("✗", "bad") if finding.problem else ("✓", "good")
        yield [Segment(f"{sign} ", style), Segment(finding.assumption)]
        if finding.problem:
            yield from wrapped(f"    {finding.problem}", "    ")
    yield []
    if any(finding.problem for finding in findings):
        yield [Segment('method="exact" is refused here.', "bad")]
    else:
        yield [Segment("All as assumed. --digest hashes what comes out.", "good")]


def hashes(where: str, found: Digest) -> Iterator[Line]:
    """Yield the hash of every group, and of all."""
    yield [Segment(where, "heading")]
    yield [Segment("SHA-256 of exact results, the same on every machine, device and library")]
    yield []
    width = max(map(len, GROUPS))
    for name, value in found.groups.items():
        style = "bad" if name in found.differing else ""
        yield [Segment(f"{name:<{width}}  {value}", style)]
    yield [Segment(f"{'all':<{width}}  {found.whole}", "heading")]
    yield []
    if not found.differing:
        yield [Segment("✓ as it must be", "good")]
        return
    yield [Segment(f"✗ not as it must be: {', '.join(found.differing)}", "bad")]
    yield from wrapped("  multiconv exact tests what the mode assumes of a device.", "  ")
