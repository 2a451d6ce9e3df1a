"""What checked code may not do: start processes, send signals, talk to others, change files.

Python asks audit hooks (PEP 578) before it does any of this, and no code can take a hook away
again. That stops accidents and pranks; it is no sandbox against code in C.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PROCESSES = (
    *("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system"),
    *("os.startfile", "subprocess.Popen", "pty.spawn"),
)
_SIGNALS = ("os.kill", "os.killpg", "signal.pthread_kill")
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
# Of each event, which arguments name what is changed, and which the folder that is relative to.
_FILES: dict[str, tuple[tuple[int, int | None], ...]] = {
    **dict.fromkeys(("os.remove", "os.rmdir", "os.unlink"), ((0, 1),)),
    **dict.fromkeys(("os.mkdir", "os.chmod"), ((0, 2),)),
    **dict.fromkeys(("os.chown", "os.utime"), ((0, 3),)),
    **dict.fromkeys(("os.rename", "os.link"), ((0, 2), (1, 3))),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "shutil.rmtree": ((0, None),),
    "shutil.move": ((0, None), (1, None)),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LARGEST_FILE = 2**24


def forbid(folder: str, report: Callable[[str], None]) -> None:
    """From now on refuse all of this, files inside ``folder`` apart, and report what was tried."""
    # Bound here: what the function does to these modules changes nothing.
    inside, null = os.path.realpath(folder) + os.sep, os.devnull
    real, readlink, is_absolute = os.path.realpath, os.readlink, os.path.isabs

    def refuse(what: str) -> None:
        report(what)
        raise PermissionError(f"a function that is checked may not {what}")

    def may_change(path: object, folder: object = None) -> bool:
        if isinstance(path, int):  # an open file
            return True
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if isinstance(folder, int) and folder >= 0 and not name.startswith(os.sep):
            try:
                name = os.sep.join([readlink(f"/proc/self/fd/{folder}"), name])
            except OSError:
                return False
        return name == null or (real(name) + os.sep).startswith(inside)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                # Of os.open, which alone has no mode, the folder is not told.
                is_told = mode is not None or isinstance(path, int) or is_absolute(path)
                if not (is_told and may_change(path)):
                    refuse("write files")
        elif event in _FILES:
            given = [
                arguments[i] if i is not None and i < len(arguments) else None
                for pair in _FILES[event]
                for i in pair
            ]
            if not all(map(may_change, given[::2], given[1::2])):
                refuse("change files")
        elif event in _PROCESSES:
            refuse("start processes")
        elif event in _SIGNALS:
            refuse("send signals")
        elif event in _NETWORK:
            refuse("use the network")

    sys.addaudithook(hook)


def limit(memory: int, seconds: float) -> None:
    """Limit what this process may use from now on, where the system can: ``memory`` in MiB."""
    try:
        import resource
    except ImportError:  # Windows
        return

    def at_most(name: str, value: float) -> None:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            value = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            resource.setrlimit(kind, (value, value))

    used = _address_space()
    if used is not None:  # what the framework has taken is not the function's
        at_most("RLIMIT_AS", used + memory * 2**20)
    at_most("RLIMIT_CPU", seconds)  # in case nobody is left to end this process
    at_most("RLIMIT_FSIZE", _LARGEST_FILE)
    at_most("RLIMIT_CORE", 0)


def _address_space() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
