"""The command ``multiconv exact``."""

from __future__ import annotations

import argparse

from multiconv.commands.command import FINE, NOT_FINE, Command, Outcome, as_json
from multiconv.coursework import arguments as read

_DESCRIPTION = """\
Say what method="exact" is and whether a device calculates as it assumes; with
--digest, solve a fixed set of problems and print the SHA-256 of the results,
which is the same on every machine, device and library."""

_MORE = """\
examples:
  multiconv exact
  multiconv exact --digest --backend jax
  multiconv exact --digest --backend torch --device cuda

exit status: 0 when all is as it must be, 1 when not, 2 when the command was
misused"""


def _add(command: argparse.ArgumentParser) -> None:
    option = command.add_argument
    option("--digest", action="store_true", help="solve the problems and print the hashes")
    option("--backend", metavar="NAME", help="whose arrays (default: the default backend's)")
    option("--device", metavar="NAME", help="of PyTorch's and JAX's arrays, such as cuda or gpu:0")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import exact_digest, exact_report
    from multiconv.coursework.differentiation import table as differentiation
    from multiconv.exact import self_test
    from multiconv.faces import get_backend

    with read.blaming("--backend"):
        face = get_backend(arguments.backend)
    with read.blaming("--device"):
        like = differentiation.of(face.name).place(face, arguments.device)
    where = exact_report.place(face, like)
    if not arguments.digest:
        findings = self_test.findings(face.backend, like)
        status = NOT_FINE if any(finding.problem for finding in findings) else FINE
        if arguments.json:
            tests = [finding._asdict() for finding in findings]
            return as_json({"exact": {"where": where, "self_test": tests}}), status
        return exact_report.explained(where, findings), status
    found = exact_digest.digest(face, like)
    status = NOT_FINE if found.differing else FINE
    if arguments.json:
        details = {"where": where, "sha256": found.whole, "groups": found.groups}
        return as_json({"exact": details | {"as_expected": not found.differing}}), status
    return exact_report.hashes(where, found), status


COMMAND = Command(
    name="exact",
    summary="test a device for method='exact', and hash what it gives",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
