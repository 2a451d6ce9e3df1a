"""What a machine needs for each thing that methods count: shipped, or measured by ``tune``.

Both are JSON of one form, seconds by backend and kind of device, method and unit::

    {
        "format": 3,
        "cpu": "the processor's name",
        "cpus": 2,
        "seconds": {"numpy cpu": {"direct": {"call": 2e-06, "multiply_add": 3e-11}}},
    }

What the user's own file has goes before what is shipped. A file that is damaged, or was measured
on another machine, is left alone and out, with a warning that says so.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import math
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from multiconv.core.machine import cpu_model, usable_cpus

FORMAT = 3
#: Names the folder that measured costs are kept in, instead of the user's cache folder.
FOLDER_VARIABLE = "MULTICONV_CACHE"

#: Seconds by method and unit.
Constants: TypeAlias = Mapping[str, Mapping[str, float]]


def user_file() -> Path:
    """Return the file that this user's measured costs are kept in, which need not exist."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen) / "costs.json"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "multiconv" / "costs.json"


def constants_for(backend: str, device: str) -> Constants | None:
    """Return what is known of a backend on a kind of device, None where nothing is."""
    key = f"{backend} {device}"
    found = _users().get(key)
    return found if found is not None else _shipped().get(key)


def document(seconds: Mapping[str, Constants]) -> str:
    """Return the text of a file of costs measured on this machine."""
    content = {
        "format": FORMAT,
        "cpu": cpu_model(),
        "cpus": usable_cpus(),
        "seconds": {
            key: {
                method: {unit: float(f"{value:.3g}") for unit, value in units.items()}
                for method, units in methods.items()
            }
            for key, methods in seconds.items()
        },
    }
    return json.dumps(content, indent=1) + "\n"


def users_seconds() -> dict[str, Constants]:
    """Return what this user has measured, by backend and kind of device."""
    return dict(_users())


def forget() -> None:
    """Read the user's file anew when it is next needed."""
    _users.cache_clear()


@functools.cache
def _shipped() -> dict[str, Constants]:
    text = importlib.resources.files("multiconv").joinpath("data/costs.json").read_text("utf-8")
    return _seconds(json.loads(text))


@functools.cache
def _users() -> dict[str, Constants]:
    try:
        path = user_file()
        text = path.read_bytes()
    except (OSError, RuntimeError):  # none, or no home
        return {}
    again = "`multiconv tune` measures this machine anew"
    try:
        content = json.loads(text.decode())
        seconds = _seconds(content)
        where = content.get("cpu"), content.get("cpus")
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        msg = f"{path} is damaged, or of another version, and ignored: {again}"
        warnings.warn(msg, RuntimeWarning, stacklevel=2)
        return {}
    if where != (cpu_model(), usable_cpus()):
        msg = f"{path} was measured on another machine ({where[0]}, {where[1]} processors)"
        warnings.warn(f"{msg}, and is ignored: {again}", RuntimeWarning, stacklevel=2)
        return {}
    return seconds


def _seconds(content: Any) -> dict[str, Constants]:
    """Check a file's content, and return what it is about."""
    if content["format"] != FORMAT:
        raise ValueError(content["format"])
    seconds: dict[str, Constants] = content["seconds"]
    for methods in seconds.values():
        for units in methods.values():
            for value in units.values():
                if not (0 <= value < math.inf):
                    raise ValueError(value)
    return seconds
