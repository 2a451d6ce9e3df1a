"""Sharing a loop among threads, for work that lets go of Python's lock."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from multiconv.core.machine import usable_cpus

# What users limit other libraries' threads with limits ours.
_LIMITS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def thread_count() -> int:
    """Return how many threads this process may use, by its processors and its environment."""
    limits = [os.environ.get(name, "") for name in _LIMITS]
    return min([usable_cpus(), *[int(n) for n in limits if n.isdecimal() and int(n) > 0]])


def shared(function: Callable[[int, int], None], count: int) -> None:
    """Call ``function(start, stop)`` for parts of ``range(count)``, one for each thread."""
    threads = min(thread_count(), count)
    if threads < 2:
        function(0, count)
        return
    # A child process has none of its parent's threads.
    place = os.getpid(), threads
    pool = _pools.get(place)
    if pool is None:
        pool = _pools.setdefault(place, ThreadPoolExecutor(threads - 1, "multiconv"))
    edges = [count * part // threads for part in range(threads + 1)]
    parts = itertools.pairwise(edges[1:])
    others = [pool.submit(function, start, stop) for start, stop in parts]
    try:
        function(edges[0], edges[1])
    finally:
        for other in others:
            other.result()
