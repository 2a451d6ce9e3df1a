"""A result on its way: written beside its place, and begun again where it stopped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from multiconv.tiles import array_files
from multiconv.tiles.array_files import ArrayFile
from multiconv.tiles.journal import Journal


class OtherWorkError(ValueError):
    """A result that another command has begun, and not finished."""


class Unfinished:
    """The result of a command: a file with ``.unfinished`` behind its name, and its journal.

    Parameters
    ----------
    out : str
        Where the result will be.
    about : dict
        What is computed, as JSON has it: only the same is gone on with.
    anew : bool
        Whether what is there already is thrown away.
    """

    def __init__(self, out: str, about: dict[str, Any], *, anew: bool) -> None:
        self.out, self.kind = Path(out), Path(out).suffix.lower()
        self.part = Path(f"{out}.unfinished")
        self.journal = Journal(Path(f"{out}.unfinished.journal"))
        self.about, self.done, self.side = about, set[int](), 0
        known = None if anew or not self.part.exists() else self.journal.read()
        if known is None:
            return
        before, self.done = known
        self.side = int(before.pop("side", 0))
        if before != about:
            changed = sorted(n for n in about if about[n] != before.get(n))
            msg = (
                f"{str(self.part)!r} is of another command, with another {' and '.join(changed)}: "
                f"finish that, name another OUT, or throw it away by --force"
            )
            raise OtherWorkError(msg)

    def target(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], tile: tuple[int, ...], side: int
    ) -> ArrayFile:
        """Return the file that tiles are written to, which has room for all of them."""
        if self.side:
            return array_files.opened(str(self.part), self.kind)
        _remove(self.part)
        self.journal.end()
        try:
            file = array_files.created(self.part, self.kind, shape, dtype, tile)
        except OSError:
            _remove(self.part)  # there is not even room for it
            raise
        self.journal.begin(self.about | {"side": side})
        self.side = side
        return file

    def add(self, tiles: list[int]) -> None:
        """Note tiles that are written."""
        self.journal.add(tiles)
        self.done.update(tiles)

    def finish(self) -> None:
        """Give the result its name."""
        if self.out.is_dir():
            shutil.rmtree(self.out)
        os.replace(self.part, self.out)
        self.journal.end()

    def clear(self) -> None:
        """Throw away what holds no tile yet."""
        if not self.done:
            _remove(self.part)
            self.journal.end()

    def left(self, tiles: int) -> str:
        """Say what there is, after something went wrong."""
        self.clear()
        if not self.part.exists():
            return "nothing is left there"
        return (
            f"{str(self.part)!r} keeps {len(self.done)} of {tiles} tiles, and the same command "
            f"goes on from there"
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
