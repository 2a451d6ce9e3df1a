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
_FILES = (
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link"),
    *("os.symlink", "os.truncate", "os.utime", "shutil.rmtree", "shutil.move"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LARGEST_FILE = 2**24


def forbid(folder: str, report: Callable[[str], None]) -> None:
    """From now on refuse all of this, files inside ``folder`` apart, and report what was tried."""
    inside, real, null = os.path.realpath(folder) + os.sep, os.path.realpath, os.devnull

    def refuse(what: str) -> None:
        report(what)
        raise PermissionError(f"a function that is checked may not {what}")

    def may_change(path: object) -> bool:
        if isinstance(path, int):  # an open file
            return True
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        return name == null or (real(name) + os.sep).startswith(inside)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and not may_change(path):
                refuse("write files")
        elif event in _FILES:
            if not may_change(arguments[0]):
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
