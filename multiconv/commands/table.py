"""The commands, in the order in which ``multiconv --help`` lists them."""

from __future__ import annotations

from multiconv.commands import backends, bench, check, compare, learn, plan, tune
from multiconv.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    compare.COMMAND,
    learn.COMMAND,
    check.COMMAND,
    plan.COMMAND,
    bench.COMMAND,
    tune.COMMAND,
    backends.COMMAND,
)
