"""What two processes say to each other: a line of JSON for each message, arrays in base 64.

Nothing that is read is ever executed, as a pickle would be: the other side runs code of strangers.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 2**24  # bytes of a message

_DTYPE = re.compile(r"[<>|=]?[biufc]\d{1,2}")


def dumps(message: dict[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, default=_encoded).encode() + b"\n"


def loads(line: bytes) -> dict[str, Any]:
    """Read a message; a ValueError for what is none."""
    message = json.loads(line, object_hook=_decoded)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def _encoded(value: object) -> Any:
    if isinstance(value, np.ndarray):
        data = base64.b64encode(value.tobytes()).decode()
        return {"array": data, "dtype": value.dtype.str, "shape": value.shape}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _decoded(found: dict[str, Any]) -> Any:
    if set(found) != {"array", "dtype", "shape"}:
        return found
    if not _DTYPE.fullmatch(str(found["dtype"])):
        raise ValueError(f"arrays of {found['dtype']} are not sent")
    values: NDArray[Any] = np.frombuffer(base64.b64decode(found["array"]), found["dtype"])
    return values.reshape([int(size) for size in found["shape"]])
