"""The command ``multiconv check``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from multiconv.commands.command import FINE, NOT_FINE, Command, Outcome, as_json
from multiconv.coursework.arguments import MisuseError
from multiconv.coursework.terminal import Line, Segment

if TYPE_CHECKING:
    from multiconv.checking.report import Report

_DESCRIPTION = """\
Check a function that somebody wrote: run it on cases of growing difficulty, in
a process of its own, and say what is wrong with it. For students before they
hand in, and for teachers who grade. Each case is worth a point."""

_MORE = """\
examples:
  multiconv check --tasks
  multiconv check solution.py:corr2d
  multiconv check solution.py:my_conv --task convolve2d --framework torch
  multiconv check solution.py --hints
  multiconv check solution.py:Conv2D --gradescope results.json

The name of the function says which task is meant. Its arguments are passed by
name where the names are usual ones, else in the task's order. The imports that
it uses say which framework: gradients are checked in PyTorch and JAX.

A function may not start processes, use the network, or change files outside a
folder that is then removed. This stops accidents and pranks; it is no sandbox.

exit status: 0 when all is right, 1 when not, 2 when the command was misused"""


def _add(command: argparse.ArgumentParser) -> None:
    option, default = command.add_argument, "(default: %(default)s)"
    where = "the file and the function; the function that has a task's name if left out"
    option("function", nargs="?", metavar="FILE.py[:FUNCTION]", help=where)
    option("--tasks", action="store_true", help="list the tasks: what each takes and returns")
    option("--task", metavar="NAME", help="what it should do (default: its name says)")
    option("--hints", action="store_true", help="say where to look, and not what is wrong")
    framework = "numpy, torch or jax (default: what the file imports)"
    option("--framework", metavar="NAME", help=framework)
    option("--seconds", type=float, default=10.0, metavar="S", help=f"for one call {default}")
    memory = f"in MiB, beyond the framework's {default}"
    option("--memory", type=int, default=1024, metavar="M", help=memory)
    option("--seed", type=int, default=0, metavar="N", help=f"of what is drawn {default}")
    option("--gradescope", metavar="FILE", help="also write results.json for an autograder")


def _run(arguments: argparse.Namespace) -> Outcome:
    if arguments.tasks:
        return _tasks(arguments)
    report = _checked(arguments)
    status = FINE if report else NOT_FINE
    if arguments.gradescope is not None:
        _write(report, Path(arguments.gradescope))
    if arguments.json:
        return as_json({"check": report.as_dict()}), status
    return [[Segment(*piece) for piece in line] for line in report.lines()], status


def _checked(arguments: argparse.Namespace) -> Report:
    from dataclasses import replace

    from multiconv.checking import check

    if arguments.function is None:
        raise MisuseError("which function? write multiconv check FILE.py:FUNCTION")
    path, name = _split(arguments.function)
    try:
        limits = check.read_limits(arguments.seconds, arguments.memory)
        found = check.check_file(
            path, name, arguments.task, arguments.framework, limits, arguments.seed
        )
    except (ValueError, TypeError, ImportError, RuntimeError) as error:
        raise MisuseError(str(error)) from error
    except OSError as error:
        raise MisuseError(f"{path} cannot be read: {error.strerror}") from error
    return replace(found, hints=arguments.hints)


def _split(text: str) -> tuple[Path, str | None]:
    """Split FILE:FUNCTION at the last colon, unless that is a drive's."""
    file, colon, name = text.rpartition(":")
    if not colon or not name.replace(".", "").isidentifier():
        return Path(text), None
    return Path(file), name


def _write(report: Report, path: Path) -> None:
    from multiconv.core.whole_file import write_whole

    try:
        write_whole(path, json.dumps(report.as_gradescope(), indent=1).encode())
    except (OSError, ValueError) as error:
        raise MisuseError(f"--gradescope: {path} cannot be written: {error}") from error


def _tasks(arguments: argparse.Namespace) -> Outcome:
    from multiconv.checking.tasks.table import TASKS

    if arguments.json:
        found = [{"task": t.name, "call": t.call, "returns": t.returns} for t in TASKS.values()]
        return as_json({"tasks": found}), FINE
    lines: list[Line] = []
    for task in TASKS.values():
        lines += [[Segment(task.call, "heading")], [Segment(f"  {task.returns}")]]
    return lines, FINE


COMMAND = Command(
    name="check",
    summary="check a function that somebody wrote, and say what is wrong with it",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
