"""Errors as another library raises them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from multiconv.core.calls import takes

P = ParamSpec("P")
R = TypeVar("R")


def raising(
    complaint: Callable[[str], Exception], *arrays: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function raise ``complaint(message)`` for a `ValueError`, and take those arrays."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        checked = takes(*arrays)(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return checked(*args, **kwargs)
            except ValueError as wrong:
                raise complaint(str(wrong)) from None

        return call

    return decorate
