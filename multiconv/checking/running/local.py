"""Running a function in this process: where its source cannot be had for another one."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

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
        self.child.caller.seed = lambda: None  # type: ignore[method-assign]
        code = getattr(function, "__code__", None)
        if code is not None:
            self.child.files.add(code.co_filename)

    def call(self, case: Case) -> Reply:
        """Run the function on a case."""
        message = {"inputs": case.inputs, "of": case.gradient_of, "g": case.g}
        with _same_random_numbers():
            return reply.read(self.child.answer(message) | {"refused": None})


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Let every call draw the same numbers, and leave those of this process as they were."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
