"""The command ``multiconv backends``."""

from __future__ import annotations

import argparse

from multiconv.commands.command import FINE, Command, Outcome, as_json


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import environment, report

    states = environment.backends()
    return as_json({"backends": states}) if arguments.json else report.states(states), FINE


COMMAND = Command(
    name="backends",
    summary="list the backends: versions, devices, and how to install what is missing",
    description="List the backends: versions, devices, and how to install what is missing.",
    run=_run,
)
