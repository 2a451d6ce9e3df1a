"""What a public function takes: which of its arguments are arrays, and how its call is written.

Python says of ``conv2d(x, w, strides=2)`` that the keyword is unexpected, and nothing more. `takes`
names the argument that was meant and writes the call out.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from multiconv.core.arguments import PADDING_MODES, PADDING_NAMES
from multiconv.core.suggestions import closest

P = ParamSpec("P")
R = TypeVar("R")

# What SciPy, Keras, JAX, OpenCV and ONNX call these.
_ALIASES = {
    "strides": "stride",
    "window_strides": "stride",
    "subsample": "stride",
    "pad": "padding",
    "pads": "padding",
    "mode": "padding_mode",
    "boundary": "padding_mode",
    "border": "padding_mode",
    "border_mode": "padding_mode",
    "bordertype": "padding_mode",
    "cval": "padding_value",
    "fillvalue": "padding_value",
    "fill_value": "padding_value",
    "constant_values": "padding_value",
    "axis": "axes",
    "data_format": "channels_last",
    "dimension_numbers": "channels_last",
    "weight_format": "weight_order",
    "weight_layout": "weight_order",
    "kernel_format": "weight_order",
    "kernel_layout": "weight_order",
    "kernel_order": "weight_order",
    "kernel_init": "weight_init",
    "kernel_initializer": "weight_init",
    "dilations": "dilation",
    "dilation_rate": "dilation",
    "rhs_dilation": "dilation",
    "kernel_dilation": "dilation",
    "group": "groups",
    "feature_group_count": "groups",
    "kernel_shape": "kernel_size",
    "ksize": "kernel_size",
    "filters": "out_channels",
    "use_bias": "bias",
    "learning_rate": "lr",
    "epochs": "steps",
    "num_steps": "steps",
    "algorithm": "method",
}
# The same for arrays, of which a function has one name or another.
_ARRAYS = (
    ("input", "image", "img", "in1", "lhs", "a"),
    ("kernel", "filter", "weights", "in2", "rhs"),
)


def takes(*arrays: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Say which arguments of a function are arrays, and explain calls that do not fit it."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                # Of one frame alone: it was raised by the call itself, and not inside.
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise
                advice = _advice(function, arrays, args, kwargs)
                raise TypeError(advice or str(error)) from None

        call.array_arguments = arrays  # type: ignore[attr-defined]
        return call

    return decorate


def array_arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a public function's arguments that are arrays."""
    names: tuple[str, ...] = getattr(function, "array_arguments", ())
    return names


def _advice(
    function: Callable[..., Any],
    arrays: tuple[str, ...],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> str | None:
    """Return what is wrong with a call, and how it is written; None where nothing is."""
    # Of a constructor, the class that was called, which may have inherited it.
    constructs = function.__name__ == "__init__"
    name = type(args[0]).__name__ if constructs else function.__qualname__
    signature = inspect.signature(function)
    parameters = {n: p for n, p in signature.parameters.items() if n not in ("self", "cls")}
    args = args[len(signature.parameters) - len(parameters) :]
    unknown = [n for n in kwargs if n not in parameters]
    if unknown:
        pairs = zip(arrays, _ARRAYS, strict=False)
        others = {other: array for array, names in pairs for other in names}
        meant = _by_value(kwargs[unknown[0]], parameters)
        meant = meant or closest(unknown[0], parameters, _ALIASES | others)
        hint = f"; did you mean {meant}?" if meant else f"; it takes {', '.join(parameters)}"
        return f"{name} has no argument {unknown[0]!r}{hint}"
    positional = [n for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY]
    given = positional[: len(args)]
    shown = [_shown(v) if _shown(v) != "..." else n for n, v in zip(given, args, strict=False)]
    surplus = args[len(positional) :]
    if surplus:
        free = [n for n in parameters if n not in positional and n not in kwargs]
        named = {_by_value(v, free) or n: v for n, v in zip(free, surplus, strict=False)}
        call = ", ".join([*shown, *(f"{n}={_fitting(v, parameters[n])}" for n, v in named.items())])
        first = f"{', '.join(positional)} by position, and the other" if positional else "all"
        return f"{name} takes {first} arguments by keyword: {name}({call})"
    needed = [n for n, p in parameters.items() if p.default is p.empty and n not in given]
    missing = [n for n in needed if n not in kwargs]
    if missing:
        call = ", ".join([*shown, *(n if n in positional else f"{n}={n}" for n in needed)])
        return f"{name} needs {' and '.join(missing)}: {name}({call})"
    return None


def _by_value(value: Any, free: Iterable[str]) -> str | None:
    """Return the argument that takes a name such as "same" or "reflect"; SciPy's mode is both."""
    names = {"padding": PADDING_NAMES, "padding_mode": PADDING_MODES}
    known = (argument for argument in names if isinstance(value, str) and value in names[argument])
    return next((argument for argument in known if argument in free), None)


def _fitting(value: Any, parameter: inspect.Parameter) -> str:
    """Show a value for a parameter, unless only one of it and the default is a flag."""
    misfits = isinstance(value, bool) != isinstance(parameter.default, bool)
    return "..." if misfits else _shown(value)


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (int, float, str, tuple, bool)) else "..."
