"""How many bytes arrays have, and whether a device can hold them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from multiconv.backends.base import Backend
from multiconv.core import dtypes


def check_memory(elements: Iterable[Any], dtype: str, device: Hashable, backend: Backend) -> None:
    """Refuse arrays that no memory holds, before a framework aborts the process over them."""
    capacity = backend.capacity(device)
    # An open size, of a range, is no int, and comparing it would narrow it.
    largest = max((count for count in elements if isinstance(count, int)), default=0)
    needed = largest * dtypes.itemsize(dtype)
    if needed > capacity:
        msg = (
            f"this needs an array of {float(largest):.3g} {dtype} numbers, "
            f"{bytes_as_said(needed)}, and there are {bytes_as_said(capacity)}: use smaller sizes, "
            f"or less padding"
        )
        raise ValueError(msg)


def bytes_as_said(count: int) -> str:
    """Return a number of bytes as people say it."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = min(max(count.bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{count / 1024**power:.3g} {units[power]}"
