"""The command ``multiconv tune``."""

from __future__ import annotations

import argparse
import json

from multiconv.commands.command import FINE, Command, Outcome, as_json, as_text
from multiconv.core.whole_file import write_whole
from multiconv.coursework import arguments as read

_DESCRIPTION = """\
Measure how long each method needs for what it does on this machine, in every
installed backend, and keep the result for this user. From then on `auto` chooses
by it. It takes a minute or two for each backend; let nothing else run."""

_MORE = """\
examples:
  multiconv tune
  multiconv tune --backends numpy,torch
  multiconv tune --dry-run --json > costs.json

The file is costs.json in the user's cache folder, or in the folder that
MULTICONV_CACHE names. Delete it to go back to what was shipped. It is ignored on
another machine, and where it is damaged.

exit status: 0, 2 when the command was misused or the file could not be written"""


def _add(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--backends", metavar="a,b", help="only these (default: all that are installed)"
    )
    command.add_argument("--dry-run", action="store_true", help="measure, and keep nothing")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.planning import constants
    from multiconv.tuning.tune import tuned

    faces, _ = read.backends(arguments.backends)
    found = tuned(face.name for face in faces)
    path = constants.user_file()
    text = constants.document(constants.users_seconds() | found)
    if not arguments.dry_run:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())
        except (OSError, ValueError) as error:
            msg = f"{path} cannot be written: {error}; {constants.FOLDER_VARIABLE} names another"
            raise read.MisuseError(f"{msg} folder") from error
        constants.forget()
    if arguments.json:
        return as_json({"tune": json.loads(text)}), FINE
    where = "kept nowhere: --dry-run" if arguments.dry_run else f"kept in {path}"
    rows = [
        f"{key:<20} {method:<8} {', '.join(f'{u} {s * 1e9:.3g} ns' for u, s in units.items())}"
        for key, methods in found.items()
        for method, units in methods.items()
    ]
    return as_text("\n".join([*rows, "", where])), FINE


COMMAND = Command(
    name="tune",
    summary="measure this machine, so that auto chooses by what is fast here",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
