"""Running a function in this process: where its source cannot be had for another one."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from multiconv.checking.running import reply
from multiconv.checking.running.child import Child, caller_of
from multiconv.checking.running.reply import Reply
from multiconv.checking.task import Case, Task


class LocalRunner:
    """Calls a function as the other process would, without its protection."""

    def __init__(self, function: Callable[..., Any], task: Task, framework: str) -> None:
        self.child = Child(io.BytesIO(), io.BytesIO())
        self.child.caller = caller_of(framework, task.form, task.aliases)
        self.child.caller.target = function
        self.child.caller.seed = _draw_as_you_like  # type: ignore[method-assign]
        code = getattr(function, "__code__", None)
        if code is not None:
            self.child.files.add(code.co_filename)

    def call(self, case: Case) -> Reply:
        """Run the function on a case."""
        message = {"inputs": case.inputs, "of": case.gradient_of, "g": case.g}
        return reply.read(self.child.answer(message) | {"refused": None})


def _draw_as_you_like() -> None:
    """Leave the random numbers of this process alone."""
