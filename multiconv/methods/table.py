"""The methods, by name: what choice, reports, tests and benchmarks go through."""

from __future__ import annotations

from multiconv.core import arguments
from multiconv.methods import direct, exact, fft, folded, im2col, loop, native, toeplitz
from multiconv.methods.base import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        loop.METHOD,
        direct.METHOD,
        im2col.METHOD,
        toeplitz.METHOD,
        folded.METHOD,
        fft.METHOD,
        native.METHOD,
        exact.METHOD,
    )
}
NAMES = (*METHODS, "auto")
FORCED = "!"  # method="loop!" does what "loop" would refuse for its size

_FORCEABLE = frozenset(name + FORCED for name, method in METHODS.items() if method.limit)
_ALIASES = {"naive": "loop", "matmul": "im2col"}


def parse(method: object) -> str:
    """Read the argument ``method``."""
    if isinstance(method, str) and method in _FORCEABLE:
        return method
    return arguments.choice("method", method, NAMES, aliases=_ALIASES)
