"""The tasks, in the order in which they are taught."""

from __future__ import annotations

from multiconv.checking.task import Task
from multiconv.checking.tasks import conv2d, conv_backward, convolve2d, corr2d, im2col, learn
from multiconv.core import arguments

TASKS = {
    task.name: task
    for task in (
        corr2d.TASK,
        convolve2d.TASK,
        im2col.TASK,
        conv_backward.TASK,
        conv2d.TASK,
        learn.TASK,
    )
}


def task_of(function: str, name: str | None) -> Task:
    """Return the task of this name, or the one that a function of that name probably does."""
    if name is not None:
        return TASKS[arguments.choice("task", name, tuple(TASKS))]
    for task in TASKS.values():
        if function in task.known_as:
            return task
    known = ", ".join(TASKS)
    msg = (
        f"{function!r} is the name of no task: say which is meant, by task='corr2d' (in a shell "
        f"--task corr2d), or another of {known}"
    )
    raise ValueError(msg)
