"""What is told of every step of a descent."""

from __future__ import annotations

from types import TracebackType

import numpy as np

from multiconv.backends.base import Array
from multiconv.core.progress import Progress
from multiconv.learning.normal_form import FloatArray
from multiconv.learning.table import Callback

_FEWEST = 10  # steps of a descent of which every second is printed, as in the textbook


class Report:
    """Keeps the losses, and tells them to a callback, to stdout or to a terminal.

    ``losses`` is as long as the descent, and filled as it goes.
    """

    def __init__(self, steps: int, callback: Callback | None, *, verbose: bool) -> None:
        self.losses = _room_for(steps)
        self.callback = callback
        self._every = max(2, steps // _FEWEST) if verbose else 0
        # The printed lines are the progress: a line that is written over would break them.
        self._progress = None if verbose else Progress("learning", steps)

    def __enter__(self) -> Report:
        """Show at once that it has begun."""
        if self._progress:
            self._progress.__enter__()
        return self

    def __call__(self, step: int, loss: float, weight: Array, bias: Array | None) -> None:
        """Take the loss before a step and the parameters that gave it."""
        self.losses[step] = loss
        if self.callback is not None:
            self.callback(step, loss, weight, bias)
        if self._progress:
            self._progress.advance(f"loss {loss:.3g}")
        elif (step + 1) % self._every == 0 or step + 1 == len(self.losses):
            print(f"step {step + 1}, loss {loss:.3g}", flush=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clear the line on the terminal, after Ctrl-C too."""
        if self._progress:
            self._progress.__exit__(kind, error, traceback)


def _room_for(steps: int) -> FloatArray:
    try:
        return np.empty(steps)
    except (MemoryError, OverflowError, ValueError) as error:
        msg = f"steps={steps} is too many: the losses alone would take {8 * steps} bytes"
        raise ValueError(msg) from error
