"""Checking a function of one's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from multiconv.backends import registry
from multiconv.checking import source
from multiconv.checking.grading import grade
from multiconv.checking.report import Report
from multiconv.checking.running.local import LocalRunner
from multiconv.checking.running.runner import Limits, Runner
from multiconv.checking.source import FRAMEWORKS, NoSourceError, Source
from multiconv.checking.task import Task
from multiconv.checking.tasks import table
from multiconv.core import arguments
from multiconv.core.calls import takes

_INSIDE = "MULTICONV_CHECKING"  # set where checked code runs


@takes()
def check(
    function: Any,
    task: str | None = None,
    *,
    framework: str | None = None,
    seconds: float = 10.0,
    memory: int = 1024,
    seed: int = 0,
    hints: bool = False,
) -> Report:
    r"""Check a function of your own, and say what is wrong with it.

    It is run on drawn cases of growing difficulty, in a process of its own. Whole numbers must come
    out exactly, others within the bound :math:`\gamma_{n+1} \sum |x_i| |k_i|` of a sum of n
    products in any order. Where something is wrong, the usual mistakes are tried out: the one that
    gives what came back, right results among it, is told. ``multiconv check FILE.py:FUNCTION`` does
    the same on the command line, and lists the tasks with ``--tasks``.

    Parameters
    ----------
    function : callable
        The function, or for the task ``"Conv2D"`` the class of the layer.
    task : str, optional
        What it should do: ``"corr2d"``, ``"convolve2d"``, ``"im2col"``, ``"conv_backward"``,
        ``"Conv2D"`` or ``"learn"``. Left out, its name says.
    framework : {"numpy", "torch", "jax"}, optional
        Whose arrays it gets; left out, that of the imports it uses. In ``"torch"`` and ``"jax"``
        gradients through it are checked, too.
    seconds : float, optional
        How long one call may take, imports apart.
    memory : int, optional
        How many MiB it may use, beyond what the framework does; on Linux.
    seed : int, optional
        Of the numbers that are drawn.
    hints : bool, optional
        Whether to say where to look only, and not what is wrong or what would be right.

    Returns
    -------
    Report
        True where all is right. Its ``str`` is the report; a notebook shows a table. It has
        ``points``, ``max_points`` and ``mistake``, with ``key``, ``says`` and ``hint``.

    Raises
    ------
    TypeError
        If ``function`` cannot be called.
    ValueError
        If no task is given and none has the function's name, or an argument is out of range.
    ImportError
        If the framework is not installed.

    Notes
    -----
    Arguments are passed by name where all their names are usual ones (``X``, ``image``, ``kernel``,
    ``weight``), else in the order of the task.

    In its own process the function may not start processes, send signals, use the network, or
    change files outside a folder that is removed afterwards. That is protection from accidents and
    pranks, and no sandbox. A function whose source cannot be had (a lambda, a closure, one that
    uses arrays of the notebook) runs in this process, without any limits; the report says so.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> def corr2d(x, k):
    ...     h, w = k.shape
    ...     rows = [
    ...         [(x[i : i + h, j : j + w] * k).mean() for j in range(x.shape[1] - w + 1)]
    ...         for i in range(x.shape[0] - h + 1)
    ...     ]
    ...     return np.array(rows)
    >>> report = mc.check(corr2d)
    >>> bool(report)
    False
    >>> print(report.mistake.says)
    The products are averaged, not added up: the result is a mean.
    """
    if not callable(function):
        msg = f"function must be a function or a class, got {function!r}; a file is checked by "
        raise TypeError(f"{msg}`multiconv check FILE.py:FUNCTION`")
    chosen = table.task_of(getattr(function, "__name__", ""), task)
    limits = read_limits(seconds, memory)
    seed = arguments.integer("seed", seed, minimum=0)
    read_framework(framework)
    try:
        if _INSIDE in os.environ:  # a file that is checked calls this itself
            raise NoSourceError("it is in the process of another check")
        where = source.of_function(function, framework)
    except NoSourceError as error:
        name = getattr(function, "__name__", type(function).__name__)
        where = Source(name, name, framework or source.framework_of(function))
        registry.require(where.framework)
        why = f"It ran in this process, without limits of time or memory: {error}."
        local = LocalRunner(function, chosen, where.framework)
        return replace(grade(where, chosen, local, seed, why), hints=hints)
    return replace(_in_a_process(where, chosen, limits, seed), hints=hints)


def check_file(
    path: Path,
    name: str | None,
    task: str | None,
    framework: str | None,
    limits: Limits,
    seed: int,
) -> Report:
    """Check a function of a file; without its name, the one that has the name of a task."""
    read_framework(framework)
    if task is not None:
        arguments.choice("task", task, tuple(table.TASKS))
    known = table.TASKS.values() if task is None else [table.TASKS[task]]
    names = [name for one in known for name in one.known_as]
    where = source.of_file(path, name, names, framework)
    chosen = table.task_of(where.name.rpartition(".")[2], task)
    return _in_a_process(where, chosen, limits, seed)


def read_limits(seconds: float, memory: int) -> Limits:
    """Read the limits of one call."""
    if not 0 < seconds < 1e6:
        msg = f"seconds must be positive, and at most a million, got {seconds}"
        raise ValueError(msg)
    return Limits(seconds, arguments.integer("memory", memory, minimum=1), 60 + seconds)


def read_framework(name: str | None) -> None:
    """Read the name of a framework."""
    if name is not None:
        arguments.choice("framework", name, FRAMEWORKS, aliases={"pytorch": "torch"})


def _in_a_process(where: Source, task: Task, limits: Limits, seed: int) -> Report:
    registry.require(where.framework)
    with Runner(where, task, limits) as runner:
        return grade(where, task, runner, seed, "")
