"""Writing a file whole or not at all, and clearing up after those who were killed over it."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
except ImportError:  # not POSIX: there is nothing to tell the dead from the living by
    LOCKS = False
else:
    LOCKS = True

_PATTERN = ".multiconv-{}.tmp"


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the place, then move: a move within one folder happens or does not."""
    place, old = _checked(path)
    _clear(place.parent)
    beside = place.parent / _PATTERN.format(secrets.token_hex(8))
    try:
        with beside.open("xb") as file, _claimed(beside):
            if not beside.exists():  # taken for a dead one's, before the lock was held
                return write_whole(path, content)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            file.close()  # where an open file cannot be moved
            if old is not None:
                beside.chmod(stat.S_IMODE(old))
            beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def check_place(path: Path) -> None:
    """Raise what `write_whole` would raise for a place where no file can be, before long work."""
    place, _ = _checked(path)
    if not os.access(place.parent, os.W_OK):
        msg = f"the folder {str(place.parent)!r} may not be written to"
        raise PermissionError(msg)


def _checked(path: Path) -> tuple[Path, int | None]:
    """Return the place, and the mode of the file that is there."""
    place = Path(os.path.realpath(path))  # a link keeps pointing at its file
    if not place.parent.is_dir():
        msg = f"the folder {str(place.parent)!r} does not exist: create it, or save elsewhere"
        raise FileNotFoundError(msg)
    old = place.stat().st_mode if place.exists() else None
    if old is not None and not stat.S_ISREG(old):
        msg = f"{str(path)!r} is there and is no file, so it is not replaced: save elsewhere"
        raise ValueError(msg)
    if old is not None and not os.access(place, os.W_OK):
        msg = f"{str(path)!r} is there and may not be written to"
        raise PermissionError(msg)
    return place, old


def _clear(folder: Path) -> None:
    """Remove what killed processes have left: files that nobody holds a lock on any more."""
    for path in folder.glob(_PATTERN.format("*")) if LOCKS else ():
        # An error: it is held, gone, or another user's.
        with contextlib.suppress(OSError), path.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            path.unlink()


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Hold a lock on a file, which ends with the process however that ends."""
    if not LOCKS:
        yield
        return
    with path.open("rb") as file:
        with contextlib.suppress(OSError):  # a file system without locks
            flock(file, LOCK_SH)
        yield
