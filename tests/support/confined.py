"""Run a script that may write below one folder only, and has no network.

python confined.py FOLDER SCRIPT
"""

import os
import runpy
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What changes: of each event, where its paths are and where the open folders they are relative to.
_CHANGING = {
    "os.mkdir": [(0, 2)],
    "os.remove": [(0, 1)],
    "os.rmdir": [(0, 1)],
    "os.rename": [(0, 2), (1, 3)],
    "os.link": [(1, 3)],
    "os.symlink": [(1, 2)],
    "os.truncate": [(0, None)],
}
_NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}


def confine(folder):
    """From now on, refuse to write elsewhere and to connect."""
    inside = os.path.realpath(folder) + os.sep

    def watch(event, arguments):
        if event in _NETWORK:
            raise PermissionError(f"an example uses the network: {event}{arguments}")
        if event == "open" and arguments[2] & _WRITING:
            changed = [arguments[0]]
        else:  # an open folder has been looked at before: shutil.rmtree goes down that way
            changed = [
                arguments[path]
                for path, folder in _CHANGING.get(event, ())
                if folder is None or arguments[folder] == -1
            ]
        for path in changed:
            if isinstance(path, int) or os.fspath(path) in (os.devnull, os.fsencode(os.devnull)):
                continue
            if not (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(inside):
                raise PermissionError(f"an example writes outside its folder: {event} {path!r}")

    sys.addaudithook(watch)


if __name__ == "__main__":
    _, folder, script = sys.argv
    sys.argv = [script]
    confine(folder)
    runpy.run_path(script, run_name="__main__")
