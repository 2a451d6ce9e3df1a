"""Many computations as one: where the axis goes that they have more than one has.

What the kernel has no part in is a batch. Where image or result is the same for all, the others are
channels or filters of one computation; else they are groups.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from multiconv.backends.base import Array, Backend
from multiconv.planning.operands import Layout, Role

_BOTH = frozenset({"x", "weight", "y"})


class Folding(NamedTuple):
    """The layout of all at once, and how arrays come into it and out of it.

    ``kind`` is the size of the layout that is ``size`` times as large.
    """

    kind: str
    size: int
    layout: Layout
    one: Layout
    axes: int
    backend: Backend

    def into(self, role: Role, array: Array, *, is_mapped: bool) -> Array:
        """Return an array in its new place; ``is_mapped`` says that the first axis is that of all.

        Where it is not, all have the same array.
        """
        xp, kind = self.backend.xp, self.kind
        if kind == "lead":
            return array
        if kind == "groups" and not is_mapped:
            array, is_mapped = xp.broadcast_to(array, (self.size, *array.shape)), True
        lead = (self.size,) if is_mapped else ()
        array = xp.reshape(array, (*lead, *self._one(role, array.shape[-self.axes :])))
        if not is_mapped:
            return array
        array = xp.moveaxis(array, 0, self._place(role))
        return xp.reshape(array, self.layout.whole(role, array.shape[-self.axes :]))

    def out(self, role: Role, array: Array) -> Array:
        """Return a result with the axis of all in front."""
        if self.kind == "lead":
            return array
        xp, place = self.backend.xp, self._place(role)
        size = array.shape[-self.axes :]
        shape = list(self._one(role, size))
        shape.insert(place, self.size)
        array = xp.moveaxis(xp.reshape(array, tuple(shape)), place, 0)
        return xp.reshape(array, (self.size, *self.one.whole(role, size)))

    def _one(self, role: Role, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one of them, with channels."""
        return self.one._replace(is_image=False).whole(role, size)

    def _place(self, role: Role) -> int:
        if role == "weight":
            return 1 if self.kind == "channels" else 0
        return len(self.one.lead)


def folding(
    layout: Layout, axes: int, size: int, mapped: Collection[Role], backend: Backend
) -> Folding:
    """Return where the axis goes, of which those roles have an axis of ``size`` more."""
    same = _BOTH.difference(mapped)
    if "weight" in same:
        layout_of_all = layout._replace(lead=(size, *layout.lead))
        return Folding("lead", size, layout_of_all, layout, axes, backend)
    if layout.groups > 1 or not same:
        kind, own = "groups", layout._replace(groups=layout.groups * size)
    elif "x" in same:
        kind, own = "filters", layout._replace(filters=layout.filters * size)
    else:
        kind, own = "channels", layout._replace(channels=layout.channels * size)
    return Folding(kind, size, own._replace(is_image=False), layout, axes, backend)
