"""Sharing a loop among threads, for work that lets go of Python's lock."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from multiconv.core.machine import usable_cpus

# What users limit other libraries' threads with limits ours.
_LIMITS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
# Parts of the work for each thread: one that is held up leaves the rest to the others.
_PARTS = 4

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def thread_count() -> int:
    """Return how many threads this process may use, by its processors and its environment."""
    limits = [os.environ.get(name, "") for name in _LIMITS]
    return min([usable_cpus(), *[int(n) for n in limits if n.isdecimal() and int(n) > 0]])


def shared(function: Callable[[int, int], None], count: int, threads: int | None = None) -> None:
    """Call ``function(start, stop)`` for parts of ``range(count)``, on several threads."""
    threads = min(thread_count() if threads is None else threads, count)
    if threads < 2:
        function(0, count)
        return
    parts = min(_PARTS * threads, count)
    edges = [count * part // parts for part in range(parts + 1)]
    left = iter(list(itertools.pairwise(edges)))  # a list's is safe to share

    def work() -> None:
        for start, stop in left:
            function(start, stop)

    others: list[Future[None]] = []
    # Once the main thread has ended, Python starts no others: this one does it all.
    with contextlib.suppress(RuntimeError):
        # What is ignored of NumPy's warnings here is ignored there.
        others.extend(
            _pool(threads - 1).submit(contextvars.copy_context().run, work)
            for _ in range(threads - 1)
        )
    try:
        work()
    finally:
        for other in others:
            if not other.cancel():  # not begun, with nothing left to do
                other.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    """Return this process's own: a child has none of its parent's threads."""
    place = os.getpid(), threads
    pool = _pools.get(place)
    if pool is None:
        pool = _pools.setdefault(place, ThreadPoolExecutor(threads, "multiconv"))
    return pool
