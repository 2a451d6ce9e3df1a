"""The commands, in the order in which ``multiconv --help`` lists them."""

from __future__ import annotations

from multiconv.commands import (
    apply,
    backends,
    bench,
    check,
    compare,
    doctor,
    exact,
    explain,
    learn,
    plan,
    shape,
    tune,
)
from multiconv.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    explain.COMMAND,
    compare.COMMAND,
    learn.COMMAND,
    check.COMMAND,
    apply.COMMAND,
    shape.COMMAND,
    plan.COMMAND,
    exact.COMMAND,
    bench.COMMAND,
    tune.COMMAND,
    backends.COMMAND,
    doctor.COMMAND,
)
