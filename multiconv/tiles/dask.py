"""Running many calls through Dask: on this machine's threads, or on a cluster's workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from multiconv.core.installation import install_line
from multiconv.core.machine import usable_cpus

#: Calls for each worker in a round: while one is held up, others go on.
_AT_ONCE = 4


def rounds(calls: Iterable[Callable[[], int]], cluster: str | None) -> Iterator[list[int]]:
    """Yield what calls return, as they are done."""
    return _here(iter(calls)) if cluster is None else _there(iter(calls), cluster)


def _here(calls: Iterator[Callable[[], int]]) -> Iterator[list[int]]:
    import dask

    workers = usable_cpus()
    while together := list(islice(calls, _AT_ONCE * workers)):
        tasks = [dask.delayed(call, traverse=False, pure=False)() for call in together]
        yield list(dask.compute(*tasks, scheduler="threads", num_workers=workers))


def _there(calls: Iterator[Callable[[], int]], address: str) -> Iterator[list[int]]:
    try:
        from dask.distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(f"this needs distributed: {install_line('files')}") from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {address!r}: {error}") from error
    with client:
        workers = max(sum(client.nthreads().values()), 1)
        first = [client.submit(call, pure=False) for call in islice(calls, _AT_ONCE * workers)]
        running = as_completed(first, loop=client.loop)
        for future in running:
            yield [future.result()]
            for call in islice(calls, 1):
                running.add(client.submit(call, pure=False))
