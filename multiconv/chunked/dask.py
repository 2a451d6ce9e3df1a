"""What is asked of Dask itself: arrays of chunks, names of tasks, graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multiconv.backends.base import Array


def in_chunks(array: Array, name: str) -> Array:
    """Return an array as Dask's, another library's in one chunk."""
    import dask.array

    if isinstance(array, dask.array.Array):
        return array
    return dask.array.from_array(array, chunks=array.shape, name=name, asarray=False)


def token(*parts: Any) -> str:
    """Return a name for what is made of these parts, the same for the same."""
    from dask.base import tokenize

    name: str = tokenize(*parts)
    return name


def array_of(
    name: str,
    tasks: Mapping[Any, Any],
    sources: Sequence[Array],
    chunks: Sequence[Sequence[int]],
    meta: Array,
) -> Array:
    """Return the lazy array of the tasks that are called by its name."""
    import dask.array
    from dask.highlevelgraph import HighLevelGraph

    graph = HighLevelGraph.from_collections(name, tasks, dependencies=sources)
    return dask.array.Array(graph, name, tuple(map(tuple, chunks)), meta=meta)


def computed(name: str, tasks: Mapping[Any, Any], sources: Sequence[Array]) -> Any:
    """Compute the task of that name, by whatever scheduler is set."""
    from dask.delayed import Delayed
    from dask.highlevelgraph import HighLevelGraph

    graph = HighLevelGraph.from_collections(name, tasks, dependencies=sources)
    return Delayed(name, graph).compute()
