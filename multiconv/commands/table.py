"""The commands, in the order in which ``multiconv --help`` lists them."""

from __future__ import annotations

from multiconv.commands import backends, bench, compare, explain, learn, plan, tune
from multiconv.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    explain.COMMAND,
    compare.COMMAND,
    learn.COMMAND,
    plan.COMMAND,
    bench.COMMAND,
    tune.COMMAND,
    backends.COMMAND,
)
