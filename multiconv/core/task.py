"""What a compiler asks of a computation whose arrays it divides over a mesh."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, Protocol

from multiconv.core.shards import Parts, Placement


class Fold(Protocol):
    """How arrays of many computations become those of one."""

    def into(self, role: Any, array: Any, *, is_mapped: bool) -> Any:
        """Return an array in its place; ``is_mapped`` says that the first axis is that of all."""

    def out(self, role: Any, array: Any) -> Any:
        """Return a result with the axis of all in front."""


class Task(Protocol):
    """A function of two arrays, linear in the second, and in the first but for a border."""

    @property
    def given(self) -> tuple[Any, Any]:
        """The roles of the two arrays."""

    @property
    def wanted(self) -> Any:
        """The role of the result."""

    @property
    def given_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the two arrays."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""

    @property
    def dtype(self) -> str:
        """The dtype of the arrays and of the result."""

    @property
    def axes(self) -> Sequence[Sequence[Hashable]]:
        """Names for the axes of the arrays and of the result, the same for what goes together."""

    @property
    def description(self) -> str:
        """What tells it from every other."""

    @property
    def without_border(self) -> Task:
        """What is linear in the first array, too."""

    @property
    def by_sums(self) -> Task:
        """What a compiler divides on its own: sums over the taps of the kernel."""

    def __hash__(self) -> int:
        """Return the same number for tasks that are equal."""

    def __call__(self, *arrays: Any) -> Any:
        """Compute it of whole arrays."""

    def parts(self, placements: Sequence[Placement]) -> tuple[Parts, Callable[..., Any]] | None:
        """Return what each shard does, of arrays that lie so; None where it has all of them."""

    def adjoint(self, place: int) -> Task:
        """Return what gives the array at a place, of the other one and what the result was."""

    def mapped(self, size: int, mapped: Collection[Any]) -> tuple[Task, Fold]:
        """Return what computes it for ``size`` arrays at once, where those have an axis more."""
