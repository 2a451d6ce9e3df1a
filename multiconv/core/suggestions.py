"""Which name was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def closest(wrong: str, known: Iterable[str], aliases: Mapping[str, str]) -> str | None:
    """Return the known name of the same letters, of the alias, or of the greatest likeness."""
    known = list(known)
    lowered = wrong.lower()
    same = [name for name in known if name.lower() == lowered]
    if same:
        return min(same, key=lambda name: name[0] != wrong[0])  # conv2d and Conv2D
    if aliases.get(lowered) in known:
        return aliases[lowered]
    near = [*difflib.get_close_matches(wrong, known), *difflib.get_close_matches(lowered, known)]
    return near[0] if near else None
