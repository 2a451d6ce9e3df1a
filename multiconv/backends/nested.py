"""Nested lists, and what an array is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.arguments import MAXIMUM_DEPTH


def array_of(
    name: str,
    nested: Any,
    backend: Backend,
    like: Array | None,
    check_entry: Callable[[str, Any], None],
) -> Array:
    """Make an array of a nested list, in the precision of ``like`` where there is one.

    Lists have no precision of their own, just as Python's numbers have none: beside an array of
    floats, integers become floats too. ``check_entry`` is shown the arrays that the list holds.
    """
    if not backend.is_tracing():
        _inspect(name, nested, check_entry, (), set())
    try:
        array = backend.asarray(nested, like=like)
    except Exception as error:  # every framework has its own for ragged lists, strings...
        msg = f"{name} is a nested list that is no array of numbers: {error}"
        raise ValueError(msg) from error
    current = backend.dtype_name(array.dtype)
    if current not in dtypes.SUPPORTED:
        msg = f"{name} is a nested list that is no array of numbers: its dtype is {array.dtype}"
        raise ValueError(msg)
    if like is None:
        return array
    wanted = dtypes.with_precision(current, backend.dtype_name(like.dtype))
    return backend.astype(array, wanted) if wanted != current else array


def _inspect(
    place: str,
    nested: Any,
    check_entry: Callable[[str, Any], None],
    above: tuple[int, ...],
    done: set[int],
) -> None:
    """Look for a list that holds itself, and show every array in a list to ``check_entry``.

    ``above`` has the lists that hold this one, and ``done`` those that need no second look.
    """
    # The types of a long row of numbers are soon seen; its entries need no look.
    if id(nested) in done or set(map(type, nested)) <= {int, float, bool, complex}:
        return
    above = (*above, id(nested))
    if len(above) > MAXIMUM_DEPTH:
        name = place.partition("[")[0]
        msg = f"{name} is nested too deep: arrays have at most {MAXIMUM_DEPTH} axes"
        raise ValueError(msg)
    for i, entry in enumerate(nested):
        if isinstance(entry, (list, tuple)):
            if id(entry) in above:
                msg = f"{place}[{i}] is a list that holds it: a nested list must not hold itself"
                raise ValueError(msg)
            _inspect(f"{place}[{i}]", entry, check_entry, above, done)
        elif hasattr(entry, "dtype") and not isinstance(entry, np.generic):
            check_entry(f"{place}[{i}]", entry)
    done.add(id(nested))
