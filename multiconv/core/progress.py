"""Progress of long work: on stderr, and only where somebody is looking."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

_INTERVAL = 0.1  # seconds between two lines


class Progress:
    """A line on the terminal that says how far a loop is; nothing at all elsewhere.

    Inside another, the other's line stands before its own.

    Parameters
    ----------
    what : str
        What is being done.
    total : int
        How many steps it takes.
    coarse : bool, optional
        Whether steps are few and long, so that each is shown as it begins.
    """

    _around = ""  # of those that are open, the lines as they were last

    def __init__(self, what: str, total: int, *, coarse: bool = False) -> None:
        self.what, self.total, self.done = what, total, 0
        self._next, self._coarse = 0.0, coarse
        self._watched = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        """Show at once that the work has begun: its first step may take long."""
        self._before = Progress._around
        if not self._coarse:
            self._write(f"{self.what} 0/{self.total}")
        return self

    def advance(self, detail: str = "") -> None:
        """Count one step."""
        self.done += 1
        if self._watched and time.monotonic() >= self._next:
            self._write(f"{self.what} {self.done}/{self.total} {detail}")

    def _write(self, line: str) -> None:
        if self._watched:
            self._next = time.monotonic() + (0 if self._coarse else _INTERVAL)
            Progress._around = f"{self._before}{line}: " if line else self._before
            width = shutil.get_terminal_size().columns - 1  # what wraps would stay
            shown = f"{self._before}{line}" if line else self._before.removesuffix(": ")
            sys.stderr.write(f"\r\x1b[K{shown[:width]}")
            sys.stderr.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clear the line, after Ctrl-C too."""
        self._write("")
