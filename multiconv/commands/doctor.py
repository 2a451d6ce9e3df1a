"""The command ``multiconv doctor``."""

from __future__ import annotations

import argparse

from multiconv.commands.command import FINE, NOT_FINE, Command, Outcome, as_json

_DESCRIPTION = """\
Say what a bug report needs: versions, the machine, settings, and whether each
backend and library that is installed works. It is Markdown to paste; it changes
nothing, reads no environment variables but those that computations depend on,
and writes the home folder as ~."""

_MORE = """\
examples:
  multiconv doctor
  multiconv doctor --json > report.json

exit status: 0 when all that is installed works, 1 when not"""


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import doctor, doctor_report

    checkup = doctor.check_up()
    status = NOT_FINE if checkup.broken else FINE
    if arguments.json:
        return as_json({"doctor": doctor.without_home(checkup.document())}), status
    return doctor_report.lines(checkup), status


COMMAND = Command(
    name="doctor",
    summary="say what a bug report needs, and whether what is installed works",
    description=_DESCRIPTION,
    more=_MORE,
    run=_run,
)
