"""The loops of gradient descent: what they are given, and which framework has one of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from multiconv.backends.base import Array
from multiconv.learning.problem import Problem

#: What a callback is given: step, loss before the step, and the parameters that gave it.
Callback: TypeAlias = Callable[[int, float, Array, Array | None], None]


@dataclass(frozen=True)
class Task:
    """A kernel to be learned; a loop calls ``report`` for every step, as a callback is called.

    Unless the task is ``watched`` the parameters that are reported may be those of another step.
    The ``optimizer`` is the framework's own, None for gradient descent.
    """

    problem: Problem
    weight: Array
    bias: Array | None
    steps: int
    lr: float
    momentum: float
    mean: bool
    optimizer: Any
    report: Callback
    watched: bool


_MODULES = {"torch": "multiconv.learning.torch", "jax": "multiconv.learning.jax"}


def descend(task: Task) -> tuple[Array, Array | None]:
    """Run the loop of the task's framework; return weight and bias."""
    module = _MODULES.get(task.problem.backend.name, "multiconv.learning.by_adjoint")
    if task.problem.layer.method == "exact":
        module = "multiconv.learning.exactly"
    end: tuple[Array, Array | None] = importlib.import_module(module).descend(task)
    return end
