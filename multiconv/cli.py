"""The command ``multiconv``: reading the command line, and writing what a command says."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence

import multiconv
from multiconv.commands.command import INTERRUPTED, MISUSED, Outcome, as_text, complain, to_stderr
from multiconv.commands.table import COMMANDS
from multiconv.coursework import terminal
from multiconv.coursework.arguments import MisuseError
from multiconv.coursework.terminal import Line

_PIPE_CLOSED = 141  # what shells report for a program that SIGPIPE ended

_DESCRIPTION = "One convolution for every array library, with the same answer."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process, if left out.

    Returns
    -------
    int
        The exit status: 0 for success, 1 if something disagrees or was not learned, 2 for misuse
        and for output that cannot be written, 130 after an interruption from the keyboard.
    """
    if sys.stdout is None:
        return complain("error: stdout is closed: there is nowhere to write to", MISUSED)
    said, complained = io.StringIO(), io.StringIO()
    try:
        # argparse ignores that it cannot write.
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], Outcome] = arguments.run
        lines, status = run(arguments)
        return _write(lines) or status
    except SystemExit as leave:
        to_stderr(complained.getvalue())
        return _write(as_text(said.getvalue())) or int(leave.code or 0)
    except MisuseError as error:
        return complain(f"error: {error}", MISUSED)
    except KeyboardInterrupt as stop:
        return complain(f"interrupted: {stop}" if stop.args else "interrupted", INTERRUPTED)


def _write(lines: Iterable[Line]) -> int:
    """Print lines, and return the exit status if that fails."""
    try:
        terminal.show(lines, sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer cannot be written either when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            return _PIPE_CLOSED
        return complain(f"error: stdout cannot be written to: {error.strerror}", MISUSED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="multiconv", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"multiconv {multiconv.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        options = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            epilog=command.more,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        options.add_argument("--json", action="store_true", help="print one JSON document instead")
        options.set_defaults(run=command.run)
        command.add(options)
    return parser
