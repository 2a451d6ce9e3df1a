"""Make the page of the command line of what ``multiconv COMMAND --help`` prints."""

import contextlib
import io
import os
from pathlib import Path
from unittest import mock

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from examples import write_if_changed
from multiconv.cli import main
from multiconv.commands.table import COMMANDS

START = """# The command line

`multiconv COMMAND`, or `python -m multiconv COMMAND`. What a command prints it prints to standard
output, and with `--json` as one JSON document; progress goes to standard error, and only where that
is a terminal. The variable `NO_COLOR` turns colours off.
"""


def help_of(*arguments: str) -> str:
    """Return what a command prints with ``--help`` in a terminal of 80 columns."""
    as_elsewhere = {"COLUMNS": "80", "NO_COLOR": "1"}
    with mock.patch.dict(os.environ, as_elsewhere), contextlib.redirect_stdout(io.StringIO()) as on:
        main([*arguments, "--help"])
    return on.getvalue().rstrip()


def page() -> str:
    """Return the page, as Markdown."""
    parts = [START, block(help_of())]
    for command in COMMANDS:
        parts += [f"## {command.name}", block(help_of(command.name))]
    return "\n\n".join(parts) + "\n"


def block(text: str) -> str:
    """Return a text as a block that is shown as it is."""
    return f"```text\n{text}\n```"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the page before Sphinx looks for it."""
    app.connect(
        "builder-inited", lambda app: write_if_changed(Path(app.srcdir) / "commands.md", page())
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
