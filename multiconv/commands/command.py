"""What a command is: its options, what it returns, and how that is written."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import multiconv
from multiconv.coursework.terminal import Line, Segment

# What a command returns: the lines to print, and the exit status.
Outcome: TypeAlias = tuple[Iterable[Line], int]

FINE, NOT_FINE, MISUSED, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Command:
    """A command: its name, its help, the options it adds to its parser, and what it does.

    Every command takes ``--json`` as well. `run` imports what it needs itself, so that the help of
    one command does not wait for the libraries of another.
    """

    name: str
    summary: str
    description: str
    run: Callable[[argparse.Namespace], Outcome]
    add: Callable[[argparse.ArgumentParser], None] = lambda command: None
    more: str = ""


def as_text(text: str) -> list[Line]:
    """Return the lines of a text."""
    return [[Segment(line)] for line in text.splitlines()]


def as_json(found: dict[str, Any]) -> list[Line]:
    """Return the lines of a JSON document that also says which version wrote it."""
    from multiconv.coursework import document

    whole = document.in_json({"multiconv": multiconv.__version__} | found)
    return as_text(json.dumps(whole, indent=1, allow_nan=False))


def to_stderr(text: str) -> None:
    """Write text to stderr, if there is one."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def complain(message: str, status: int) -> int:
    """Write one line about what went wrong to stderr, and return the exit status."""
    to_stderr(f"multiconv: {message}\n")
    return status
