"""Which tiles of an unfinished result are done, beside it on the disk.

The first line says what is computed, and every other is the number of a tile that is written. A
line that a kill has cut short counts for nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """The journal of a result: read where there is one, else begun.

    Parameters
    ----------
    path : Path
        Its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[dict[str, Any], set[int]] | None:
        """Return what is computed and which tiles are done, None where nothing was begun."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return None
        lines = text.split("\n")[:-1]
        try:
            about = json.loads(lines[0])
            return dict(about), {int(line) for line in lines[1:]}
        except (IndexError, ValueError, TypeError):
            return None

    def begin(self, about: dict[str, Any]) -> None:
        """Say what is computed."""
        with self.path.open("w", encoding="utf-8") as file:
            file.write(json.dumps(about) + "\n")
            _settle(file)

    def add(self, tiles: list[int]) -> None:
        """Note tiles that are written."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{tile}\n" for tile in tiles))
            _settle(file)

    def end(self) -> None:
        """Remove it: the result is whole."""
        self.path.unlink(missing_ok=True)


def _settle(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
