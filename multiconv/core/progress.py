"""Progress of long work: on stderr, and only where somebody is looking."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_INTERVAL = 0.1  # seconds between two lines, and before the first one


class Progress:
    """A line on the terminal that says how far a loop is; nothing at all elsewhere.

    Parameters
    ----------
    what : str
        What is being done.
    total : int
        How many steps it takes.
    coarse : bool, optional
        Whether steps are few and long, so that each is shown as it begins.
    """

    def __init__(self, what: str, total: int, *, coarse: bool = False) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self._shown = False
        self._last = time.monotonic()
        self._interval = 0.0 if coarse else _INTERVAL
        self._watched = sys.stderr is not None and sys.stderr.isatty()

    def advance(self, detail: str = "") -> None:
        """Count one step."""
        self.done += 1
        now = time.monotonic()
        if self._watched and now - self._last >= self._interval:
            self._last, self._shown = now, True
            line = f"{self.what} {self.done}/{self.total} {detail}"
            import shutil

            line = line[: shutil.get_terminal_size().columns - 1]  # a second line would stay
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clear the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
