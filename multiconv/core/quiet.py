"""Waiting until a library's threads have stopped."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

_TASKS = Path("/proc/self/task")  # where Linux lists the threads of this process
_SECONDS_OF_A_LOOK, _MOST_SECONDS = 0.002, 0.3
# Elsewhere the time of all threads tells, which some systems count in such steps.
_SECONDS_OF_A_STEP, _BUSY = 0.016, 0.25


def until_quiet() -> None:
    """Wait until no other thread of this process works, a third of a second at most.

    The threads of a library go on waiting for work at full speed after a call, those of OpenBLAS
    for a tenth of a second, and would take the time of the next library's.
    """
    look = _is_any_running if _TASKS.is_dir() else _is_time_spent
    start = time.perf_counter()
    while look() and time.perf_counter() - start < _MOST_SECONDS:
        time.sleep(_SECONDS_OF_A_LOOK)


def _is_any_running() -> bool:
    mine = str(threading.get_native_id())
    for task in _TASKS.iterdir():
        with contextlib.suppress(OSError):  # it has ended in the meantime
            # The state comes after the name, which may hold anything and ends with a bracket.
            state = (task / "stat").read_text().rpartition(")")[2].split(maxsplit=1)[0]
            if state == "R" and task.name != mine:
                return True
    return False


def _is_time_spent() -> bool:
    worked, passed = time.process_time(), time.perf_counter()
    time.sleep(_SECONDS_OF_A_STEP)
    return time.process_time() - worked > _BUSY * (time.perf_counter() - passed)
