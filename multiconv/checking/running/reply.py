"""What became of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Kind: TypeAlias = Literal["returned", "raised", "parameters", "hung", "died", "not run"]


@dataclass(frozen=True)
class Result:
    """One array that came back; ``values`` is None for what is no array of the framework."""

    type: str
    values: NDArray[Any] | None
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class Place:
    """A line of the function's source; no line, where it cannot be told."""

    file: str | None
    line: int | None


@dataclass(frozen=True)
class Reply:
    """What became of a call."""

    kind: Kind
    results: tuple[Result, ...] = ()
    several: bool = False  # whether a tuple or a list came back
    message: str = ""
    error: str = ""  # the name of the exception
    place: Place | None = None
    modified: tuple[str, ...] = ()
    cut: tuple[Place, str] | None = None
    refused: str | None = None
    is_memory: bool = False


def read(message: Mapping[str, Any]) -> Reply:
    """Read what the other process sent; an error for anything else."""
    kind, refused = str(message["is"]), message.get("refused")
    refused = None if refused is None else printable(refused)
    if kind == "returned":
        cut = message["cut"]
        return Reply(
            "returned",
            tuple(_result(found) for found in message["results"]),
            bool(message["several"]),
            modified=tuple(map(str, message["modified"])),
            cut=None if cut is None else (Place(None, _line(cut)), printable(cut["what"])),
            refused=refused,
        )
    if kind == "raised":
        at = message["place"]
        return Reply(
            "raised",
            message=printable(message["message"]),
            error=printable(message["type"]),
            place=None if at is None else Place(str(at["file"]), _line(at)),
            refused=refused,
            is_memory=bool(message["is_memory"]),
        )
    if kind == "parameters":
        return Reply("parameters", message=printable(message["message"]), refused=refused)
    raise ValueError(f"{kind!r} is no reply")


def printable(text: object) -> str:
    """Return text without what would move or colour a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def _result(found: Mapping[str, Any]) -> Result:
    values, shape = found["values"], found["shape"]
    if values is not None and not isinstance(values, np.ndarray):
        raise TypeError("values are an array")
    if values is not None:
        shape = values.shape  # whatever is said of it
    shape = None if shape is None else tuple(int(size) for size in shape)
    return Result(printable(found["type"]), values, shape)


def _line(found: Mapping[str, Any]) -> int | None:
    return None if found["line"] is None else int(found["line"])
