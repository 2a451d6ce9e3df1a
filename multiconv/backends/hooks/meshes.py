"""What is asked of a backend whose arrays may lie on a mesh of devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from multiconv.backends.hooks.arrays import Array, ArrayHooks
from multiconv.core.shards import Piece, Placement
from multiconv.core.task import Task


class MeshHooks(ArrayHooks):
    """Where arrays lie, and functions of the parts that shards have."""

    def is_spread(self, signature: tuple[Any, ...]) -> bool:
        """Tell whether an array lies on many devices, and a compiler alone knows how."""
        return False

    def placement(self, signature: tuple[Any, ...]) -> Placement | None:
        """Return where an array lies on a mesh of devices, None where it is in one piece."""
        return None

    def on_shards(
        self,
        body: Callable[..., Array],
        placement: Placement,
        given: Sequence[Piece],
        result: Piece,
    ) -> Callable[..., Array]:
        """Return a function of whole arrays that runs ``body`` on the parts that every shard has.

        ``body(shards, *arrays)`` finds in ``shards(names)`` the ``Shard`` among those of some axes
        of the mesh. What it returns is part of the result.
        """
        raise NotImplementedError(f"the backend {self.name!r} places arrays on meshes it lacks")

    def where_they_lie(self, task: Task) -> Callable[[Array, Array], Array | None] | None:
        """Return a task over arrays that a compiler alone knows the places of, in parts there.

        The function returns None where the compiler is not alone in knowing; there is none where no
        compiler asks.
        """
        return None

    #: Whether a function of whole arrays can be given arrays on a mesh: the framework moves them.
    gathers_shards: bool = False

    def placed(self, name: str, placement: Placement, beside: str = "") -> str:
        """Return the expression that places ``name`` so on its mesh, or on that of ``beside``."""
        raise NotImplementedError(f"the backend {self.name!r} places arrays on meshes it lacks")
