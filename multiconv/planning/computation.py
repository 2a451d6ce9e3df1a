"""What is asked for: the one of image, kernel and result that is wanted, of the other two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from multiconv.backends.base import Backend
from multiconv.core.geometry import Geometry
from multiconv.planning.operands import Layout, Operand, Role, result_dtype


class Computation(NamedTuple):
    """A correlation or one of its adjoints, and the method it is asked for by.

    ``flips`` turns the kernel around first.
    """

    given: Mapping[Role, Operand]
    wanted: Role
    layout: Layout
    geometry: Geometry
    method: str
    flips: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the result, as users know it."""
        return self.layout.whole(self.wanted, self.geometry.size_of(self.wanted))

    @property
    def filters(self) -> int:
        """Return how many channels the result has, and a bias numbers."""
        _, groups, each, *_ = self.layout.grouped(self.wanted, ())
        return groups * each

    def dtype(self, backend: Backend) -> str:
        """Return the dtype of the result."""
        first, second = self.given.values()
        return result_dtype(first, second, backend)
